// question_file.h - one question of the CNN corpus as distributed (Hermann et al. 2015), a file NAME.question:
//
//   <URL>
//                                  (each of the five parts is followed by an empty line)
//   <passage: tokens, names as @entity0, @entity1, ...>
//
//   <question: tokens, @placeholder for the name asked for>
//
//   <answer: @entityN>
//
//   @entity0:<name>                what the names stand for, which nobody reads
//
// Input may be hostile: errors are kDataLoss with file and byte offset.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::data {

struct QuestionFile {
  std::vector<std::string_view> passage, question;  // tokens; parts of the content
  std::string_view answer;
};

absl::StatusOr<QuestionFile> ParseQuestionFile(std::string_view content, std::string_view source);

}  // namespace normlab::data
