// cloze_file.h - the cached form of cloze questions, a text file that `normlab data import cnn` writes:
//
//   CLOZE training|validation|test
//   PASSAGE <tokens, a blank between two>
//   QUESTION <tokens, @placeholder among them>
//   ANSWER @entity<number>
//
// and so on. Input may be hostile: every line is checked, and each error is kDataLoss with file and byte offset.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::data {

inline constexpr std::string_view kPlaceholder = "@placeholder";

// Whether a token is "@entity" and a number of at most six digits.
bool IsClozeName(std::string_view token);

enum class ClozePart { kTraining, kValidation, kTest };
inline constexpr std::string_view kClozePartNames[] = {"training", "validation", "test"};

struct ClozeRecord {
  ClozePart part = ClozePart::kTraining;
  std::string_view passage, question, answer;  // tokens with a blank between two; parts of the content
};

// Takes the uncompressed file.
absl::StatusOr<std::vector<ClozeRecord>> ParseClozeFile(std::string_view content, std::string_view source);

// Adds what ParseClozeFile reads back.
void AppendClozeRecord(const ClozeRecord& record, std::string& content);

// The next token of `text`, which loses it and the blank behind it. `text` is not empty.
std::string_view TakeToken(std::string_view& text);

}  // namespace normlab::data
