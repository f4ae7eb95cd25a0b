#include "data/cloze/question_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "data/cloze/cloze_file.h"

namespace normlab::data {
namespace {

// The parts up to the answer, each a line with an empty one behind it.
constexpr const char* kParts[] = {"a URL", "a passage", "a question", "an answer"};
constexpr std::size_t kPassage = 1, kQuestion = 2, kAnswer = 3;

std::vector<std::string_view> Tokens(std::string_view line) {
  std::vector<std::string_view> tokens;
  while (!line.empty()) {
    if (const std::string_view token = TakeToken(line); !token.empty()) {
      tokens.push_back(token);
    }
  }
  return tokens;
}

bool Has(const std::vector<std::string_view>& tokens, std::string_view token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

}  // namespace

absl::StatusOr<QuestionFile> ParseQuestionFile(std::string_view content, std::string_view source) {
  const auto error = [&](std::size_t at, const std::string& expected) {
    return absl::DataLossError(fmt::format("{}: byte {}: expected {}", source, at, expected));
  };
  if (const auto bad = FirstBadUtf8(content); bad.has_value()) {
    return error(*bad, "UTF-8");
  }
  std::string_view lines[std::size(kParts)];
  std::size_t begins[std::size(kParts)] = {}, at = 0;
  for (std::size_t part = 0; part < std::size(kParts); ++part) {
    std::size_t end = std::min(content.find('\n', at), content.size());
    lines[part] = content.substr(at, end - at);
    begins[part] = at;
    if (lines[part].ends_with('\r')) {
      lines[part].remove_suffix(1);
    }
    if (lines[part].empty()) {
      return error(at, kParts[part]);
    }
    at = std::min(end + 1, content.size());
    end = std::min(content.find('\n', at), content.size());
    if (const std::string_view between = content.substr(at, end - at); !between.empty() && between != "\r") {
      return error(at, fmt::format("an empty line behind {}", kParts[part]));
    }
    at = std::min(end + 1, content.size());
  }
  const QuestionFile file{
      .passage = Tokens(lines[kPassage]), .question = Tokens(lines[kQuestion]), .answer = lines[kAnswer]};
  if (!Has(file.question, kPlaceholder)) {
    return error(begins[kQuestion], fmt::format("a question with {}", kPlaceholder));
  }
  if (!IsClozeName(file.answer)) {
    return error(begins[kAnswer], "an answer of @entity and a number");
  }
  if (!Has(file.passage, file.answer)) {
    return error(begins[kAnswer], fmt::format("an answer that is in the passage, not {}", file.answer));
  }
  return file;
}

}  // namespace normlab::data
