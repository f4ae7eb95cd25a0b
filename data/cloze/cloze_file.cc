#include "data/cloze/cloze_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace normlab::data {
namespace {

constexpr std::size_t kMostQuoted = 40;

class Reader {
 public:
  Reader(std::string_view content, std::string_view source) : content_(content), source_(source) {}

  bool AtEnd() const { return at_ == content_.size(); }

  // What follows `tag` and a blank on the next line.
  absl::StatusOr<std::string_view> Line(std::string_view tag) {
    const std::size_t end = content_.find('\n', at_);
    const std::string_view line = content_.substr(at_, end == std::string_view::npos ? end : end - at_);
    if (!line.starts_with(tag) || line.size() <= tag.size() + 1 || line[tag.size()] != ' ') {
      return Error(fmt::format("a line that begins with \"{} \", not \"{}\"", tag, OneLine(line, kMostQuoted)));
    }
    if (end == std::string_view::npos) {
      return Error("a line that ends; the file is cut off");
    }
    value_at_ = at_ + tag.size() + 1;
    at_ = end + 1;
    return line.substr(tag.size() + 1);
  }

  // The same of tokens.
  absl::StatusOr<std::string_view> Tokens(std::string_view tag) {
    NORMLAB_ASSIGN_OR_RETURN(const std::string_view text, Line(tag));
    if (text.front() == ' ' || text.back() == ' ' || text.find("  ") != std::string_view::npos) {
      at_ = value_at_;
      return Error("tokens with a blank between two");
    }
    return text;
  }

  absl::Status Error(const std::string& expected) const {
    return absl::DataLossError(fmt::format("{}: byte {}: expected {}", source_, at_, expected));
  }
  // At the value that Line() gave last.
  absl::Status ErrorAtValue(const std::string& expected) {
    at_ = value_at_;
    return Error(expected);
  }

 private:
  std::string_view content_, source_;
  std::size_t at_ = 0, value_at_ = 0;
};

std::optional<ClozePart> PartNamed(std::string_view name) {
  const auto* const found = std::find(std::begin(kClozePartNames), std::end(kClozePartNames), name);
  return found == std::end(kClozePartNames)
             ? std::nullopt
             : std::optional(static_cast<ClozePart>(found - std::begin(kClozePartNames)));
}

bool HasToken(std::string_view text, std::string_view token) {
  while (!text.empty()) {
    if (TakeToken(text) == token) {
      return true;
    }
  }
  return false;
}

absl::StatusOr<ClozeRecord> ReadRecord(Reader& reader) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string_view name, reader.Line("CLOZE"));
  const std::optional<ClozePart> part = PartNamed(name);
  if (!part.has_value()) {
    return reader.ErrorAtValue("training, validation or test");
  }
  ClozeRecord record{.part = *part, .passage = {}, .question = {}, .answer = {}};
  NORMLAB_ASSIGN_OR_RETURN(record.passage, reader.Tokens("PASSAGE"));
  NORMLAB_ASSIGN_OR_RETURN(record.question, reader.Tokens("QUESTION"));
  if (!HasToken(record.question, kPlaceholder)) {
    return reader.ErrorAtValue(fmt::format("a question with {}", kPlaceholder));
  }
  NORMLAB_ASSIGN_OR_RETURN(record.answer, reader.Tokens("ANSWER"));
  if (!IsClozeName(record.answer)) {
    return reader.ErrorAtValue("a name, @entity and a number");
  }
  return record;
}

}  // namespace

bool IsClozeName(std::string_view token) {
  constexpr std::string_view kPrefix = "@entity";
  constexpr std::size_t kMostDigits = 6;
  const std::string_view number = token.substr(std::min(kPrefix.size(), token.size()));
  return token.starts_with(kPrefix) && !number.empty() && number.size() <= kMostDigits &&
         std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view TakeToken(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view token = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return token;
}

absl::StatusOr<std::vector<ClozeRecord>> ParseClozeFile(std::string_view content, std::string_view source) {
  if (const auto bad = FirstBadUtf8(content); bad.has_value()) {
    return absl::DataLossError(fmt::format("{}: byte {}: not UTF-8", source, *bad));
  }
  std::vector<ClozeRecord> records;
  for (Reader reader(content, source); !reader.AtEnd();) {
    NORMLAB_ASSIGN_OR_RETURN(const ClozeRecord record, ReadRecord(reader));
    records.push_back(record);
  }
  return records;
}

void AppendClozeRecord(const ClozeRecord& record, std::string& content) {
  fmt::format_to(std::back_inserter(content), "CLOZE {}\nPASSAGE {}\nQUESTION {}\nANSWER {}\n",
                 kClozePartNames[static_cast<std::size_t>(record.part)], record.passage, record.question,
                 record.answer);
}

}  // namespace normlab::data
