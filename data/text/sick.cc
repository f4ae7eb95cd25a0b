#include "data/text/sick.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/sha256.h"
#include "data/handwriting/text_cursor.h"
#include "data/locate.h"
#include "data/text/text_lines.h"
#include "data/text/unicode.h"

namespace normlab::data {
namespace {

constexpr std::string_view kHeader = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment";
constexpr std::string_view kJudgments[] = {"NEUTRAL", "ENTAILMENT", "CONTRADICTION"};  // as enum Entailment
constexpr std::string_view kColumns = "pair_ID, sentence_A, sentence_B, relatedness_score and entailment_judgment";

// The five columns of a pair.
absl::StatusOr<SickPair> ParsePair(std::string_view line, std::size_t at, std::string_view source) {
  std::array<std::string_view, 5> columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t tab = i + 1 < columns.size() ? line.find('\t') : line.size();
    if (tab == std::string_view::npos) {
      return BadInput(source, at, fmt::format("{} columns; expected {}, with tabs between", i + 1, columns.size()));
    }
    columns[i] = Trim(line.substr(0, tab));
    line.remove_prefix(std::min(tab + 1, line.size()));
  }
  const auto id = ParseNumber<std::int64_t>(columns[0]);
  const auto score = ParseNumber<double>(columns[3]);
  const auto judgment = std::find(std::begin(kJudgments), std::end(kJudgments), columns[4]);
  if (!id.has_value()) {
    return BadInput(source, at, fmt::format("pair_ID {}; expected a whole number", Quoted(columns[0])));
  }
  if (columns[1].empty() || columns[2].empty()) {
    return BadInput(source, at, fmt::format("pair {} lacks a sentence", *id));
  }
  if (!score.has_value() || *score < 1 || *score > 5) {
    return BadInput(source, at, fmt::format("relatedness_score {}; expected 1 to 5", Quoted(columns[3])));
  }
  if (judgment == std::end(kJudgments)) {
    return BadInput(
        source, at,
        fmt::format("entailment_judgment {}; expected NEUTRAL, ENTAILMENT or CONTRADICTION", Quoted(columns[4])));
  }
  return SickPair{*id, std::string(columns[1]), std::string(columns[2]), *score,
                  static_cast<Entailment>(judgment - std::begin(kJudgments))};
}

std::string FormatPair(const SickPair& pair) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\n", pair.id, pair.a, pair.b, pair.relatedness,
                     kJudgments[static_cast<std::size_t>(pair.entailment)]);
}

struct Part {
  std::string_view name;
  std::vector<SickPair> SickData::*pairs;
};
constexpr Part kParts[] = {{"train", &SickData::train}, {"trial", &SickData::trial}, {"test", &SickData::test}};

}  // namespace

absl::StatusOr<std::vector<SickPair>> ParseSickFile(std::string_view bytes, std::string_view source) {
  std::vector<SickPair> pairs;
  bool in_header = true;
  NORMLAB_RETURN_IF_ERROR(VisitLines(bytes, source, [&](std::size_t at, std::string_view line) -> absl::Status {
    if (in_header) {
      in_header = false;
      return Trim(line) == kHeader
                 ? absl::OkStatus()
                 : BadInput(source, at, fmt::format("{}; expected the columns {}", Quoted(line), kColumns));
    }
    if (Trim(line).empty()) {
      return absl::OkStatus();
    }
    NORMLAB_ASSIGN_OR_RETURN(SickPair pair, ParsePair(line, at, source));
    pairs.push_back(std::move(pair));
    return absl::OkStatus();
  }));
  if (pairs.empty()) {
    return BadInput(source, bytes.size(), "ends without a pair");
  }
  return pairs;
}

absl::StatusOr<SickData> ParseSick(std::string_view content, std::string_view source) {
  NORMLAB_RETURN_IF_ERROR(ToNfc(content, source).status());
  SickData data;
  TextCursor cursor(content, source);
  while (!cursor.AtEnd()) {
    const std::size_t at = cursor.offset();
    const std::string_view line = cursor.Line();
    const std::size_t tab = std::min(line.find('\t'), line.size());
    const auto part = std::find_if(std::begin(kParts), std::end(kParts),
                                   [&](const Part& p) { return p.name == line.substr(0, tab); });
    if (part == std::end(kParts) || tab == line.size()) {
      return cursor.At(at, fmt::format("{}; expected train, trial or test and a tab", Quoted(line)));
    }
    NORMLAB_ASSIGN_OR_RETURN(SickPair pair, ParsePair(line.substr(tab + 1), at + tab + 1, source));
    (data.*part->pairs).push_back(std::move(pair));
  }
  for (const Part& part : kParts) {
    if ((data.*part.pairs).empty()) {
      return BadInput(source, content.size(), fmt::format("ends without a pair of the part {}", part.name));
    }
  }
  return data;
}

std::string FormatSick(const SickData& data) {
  std::string content;
  for (const Part& part : kParts) {
    for (const SickPair& pair : data.*part.pairs) {
      content += fmt::format("{}\t{}", part.name, FormatPair(pair));
    }
  }
  return content;
}

absl::StatusOr<SickData> LoadSick(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  const DataFile& file = dataset.files.front();
  NORMLAB_ASSIGN_OR_RETURN(const std::string content, LocateAndRead(dataset, file, directories));
  NORMLAB_ASSIGN_OR_RETURN(SickData data, ParseSick(content, dataset.name + "/" + file.name));
  data.sha256 = Sha256Hex(content);
  return data;
}

}  // namespace normlab::data
