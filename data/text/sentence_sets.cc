#include "data/text/sentence_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/sha256.h"
#include "base/text.h"
#include "data/handwriting/text_cursor.h"
#include "data/locate.h"
#include "data/text/text_lines.h"

namespace normlab::data {
namespace {

// The label of a line that begins with one and `separator`; the rest becomes `text`.
std::optional<int> TakeLabel(std::string_view line, char separator, std::string_view& text) {
  if (line.size() < 2 || (line[0] != '0' && line[0] != '1') || line[1] != separator) {
    return std::nullopt;
  }
  text = Trim(line.substr(2));
  return line[0] - '0';
}

void AddSentence(OfficialSentences& official, int label, std::string_view line, std::size_t at,
                 std::string_view source) {
  std::string text(Trim(line));
  std::replace_if(text.begin(), text.end(), IsBlank, ' ');
  if (!text.empty()) {
    official.sentences.push_back({label, std::move(text)});
  } else if (official.empty.count++ == 0) {
    official.empty.example = fmt::format("{}: byte {}", source, at);
  }
}

}  // namespace

absl::StatusOr<OfficialSentences> ParseLabelledLines(std::string_view bytes, std::string_view source) {
  OfficialSentences official;
  NORMLAB_RETURN_IF_ERROR(VisitLines(bytes, source, [&](std::size_t at, std::string_view line) {
    std::string_view text;
    const std::optional<int> label = Trim(line).empty() ? std::optional(0) : TakeLabel(line, ' ', text);
    if (!label.has_value()) {
      return BadInput(source, at, fmt::format("{}; expected 0 or 1, a blank and a sentence", Quoted(line)));
    }
    AddSentence(official, *label, text, at, source);
    return absl::OkStatus();
  }));
  return official;
}

absl::StatusOr<OfficialSentences> ParseLinesOfLabel(std::string_view bytes, std::string_view source, int label) {
  OfficialSentences official;
  NORMLAB_RETURN_IF_ERROR(VisitLines(bytes, source, [&](std::size_t at, std::string_view line) {
    AddSentence(official, label, line, at, source);
    return absl::OkStatus();
  }));
  return official;
}

absl::StatusOr<std::vector<LabelledSentence>> ParseSentenceSet(std::string_view content, std::string_view source) {
  if (const auto bad = FirstBadUtf8(content)) {
    return BadInput(source, *bad, "not UTF-8");
  }
  std::vector<LabelledSentence> sentences;
  TextCursor cursor(content, source);
  while (!cursor.AtEnd()) {
    const std::size_t at = cursor.offset();
    const std::string_view line = cursor.Line();
    std::string_view text;
    const std::optional<int> label = TakeLabel(line, '\t', text);
    if (!label.has_value() || text.empty()) {
      return cursor.At(at, fmt::format("{}; expected 0 or 1, a tab and a sentence", Quoted(line)));
    }
    sentences.push_back({*label, std::string(text)});
  }
  if (sentences.empty()) {
    return BadInput(source, 0, "holds no sentence");
  }
  return sentences;
}

std::string FormatSentenceSet(const std::vector<LabelledSentence>& sentences) {
  std::string content;
  for (const LabelledSentence& sentence : sentences) {
    content += fmt::format("{}\t{}\n", sentence.label, sentence.text);
  }
  return content;
}

absl::StatusOr<SentenceSet> LoadSentenceSet(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  const DataFile& file = dataset.files.front();
  NORMLAB_ASSIGN_OR_RETURN(const std::string content, LocateAndRead(dataset, file, directories));
  NORMLAB_ASSIGN_OR_RETURN(auto sentences, ParseSentenceSet(content, dataset.name + "/" + file.name));
  return SentenceSet{std::move(sentences), Sha256Hex(content)};
}

}  // namespace normlab::data
