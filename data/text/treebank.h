// treebank.h - the tokens of a sentence, by the rules of the Penn Treebank as NLTK 3.0 has them: what the released
// skip-thoughts code calls.
//
//   "Don't," he said, "it's 3,000."   ->   `` Do n't , '' he said , `` it 's 3,000 . ''
//
// Capitals stay; ToLower() (unicode.h) is a step of its own.
//
// Thread safety: one Treebank a thread; it keeps its buffers from call to call.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normlab::data {

class Treebank {
 public:
  // The tokens of one sentence (typewriter form, see unicode.h). Valid until the next call.
  const std::vector<std::string_view>& Split(std::string_view sentence);

 private:
  std::string text_, next_;
  std::vector<std::string_view> tokens_;
};

// The tokens of any text: its sentences (sentence_splitter.h) one after the other, as the released encoder feeds what it is
// asked to encode. `text` is NFC, of any form.
std::vector<std::string> Tokenize(std::string_view text);

}  // namespace normlab::data
