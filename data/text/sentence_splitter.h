// sentence_splitter.h - where sentences end, by the rules of Punkt (Kiss and Strunk 2006) as NLTK applies them, with a fixed
// list of abbreviations in place of learned ones.
//
//   1. '?', '!' and '.' end a sentence where white space follows, or closing quotes and brackets and then white space: these
//      belong to the sentence that ends.
//   2. A period does not end one after a title ("Mr.").
//   3. After an initial ("J.") or another abbreviation ("etc.", "U.S.") it does if the next word is a capitalised one that
//      often begins sentences.
//   4. After an ellipsis or a number ("5l.") it does unless the next word begins in lower case.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string_view>
#include <vector>

namespace normlab::data {

// The sentences of one paragraph in order, without white space around them, as parts of `paragraph` (typewriter form, see
// unicode.h). None for a paragraph of white space.
std::vector<std::string_view> SplitSentences(std::string_view paragraph);

}  // namespace normlab::data
