// triplets.h - three sentences in a row, known by the middle one: skip-thoughts reads it and writes its neighbours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/text/text_corpus.h"

namespace normlab::data {

// The sentences i, in order, for which i - 1, i and i + 1 are of one chapter and have at most `most_words` tokens each; of
// chapters for which `of_held_out` is what `held_out` says.
std::vector<std::uint32_t> MakeTriplets(const TextCorpus& corpus, const std::vector<bool>& held_out, bool of_held_out,
                                        std::size_t most_words);

}  // namespace normlab::data
