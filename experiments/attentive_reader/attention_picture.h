// attention_picture.h - what a reader looked at: questions with their passages, each word as dark as the attention on it.
#pragma once

#include <string>
#include <vector>

namespace normlab {

struct ReadPassage {
  std::vector<std::string> words;  // of the passage
  std::vector<float> attention;    // on each of them
  std::string question;
  std::string answer, prediction;
  double probability = 0.0;  // that the reader gave the answer
};

// A self-contained SVG, one passage under the other. The answer is underlined wherever it stands in its passage; the
// prediction is framed. The same passages give the same bytes.
std::string AttentionSvg(const std::vector<ReadPassage>& passages);

}  // namespace normlab
