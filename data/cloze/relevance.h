// relevance.h - the sentences of a passage that have most to do with its question, by words they share: normlab's own way to the
// four sentences ("top4") that the paper's reader is trained on, whose authors published theirs as data alone.
//
// A sentence scores, for each different word that it shares with the question but @placeholder, log(S / s): S sentences in
// the passage, s of them with this word. So a word of all sentences counts nothing, and one of a single sentence most.
//
// Thread safety: free functions, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace normlab::data {

using TokenSpan = std::span<const std::string_view>;

// A sentence ends with ".", "?" or "!" and the closing quotation marks behind it; what follows the last one is one too.
std::vector<TokenSpan> SplitPassage(TokenSpan passage);

// The numbers of the `count` best sentences in the order of the text, or of all if there are fewer; of equal ones the first.
std::vector<std::size_t> MostRelevant(const std::vector<TokenSpan>& sentences, TokenSpan question, std::size_t count);

}  // namespace normlab::data
