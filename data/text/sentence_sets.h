// sentence_sets.h - sentences with a label: MR, CR, SUBJ and MPQA, on which sentence vectors are judged.
//
// The imported form is a text file of lines "label<TAB>sentence", NFC, in the order of the official file: label 0 is
// negative (objective), 1 positive (subjective).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/registry.h"
#include "data/skipped.h"

namespace normlab::data {

struct LabelledSentence {
  int label = 0;
  std::string text;
  bool operator==(const LabelledSentence&) const = default;
};

struct SentenceSet {
  std::vector<LabelledSentence> sentences;
  std::string sha256;  // of the imported file
};

// `dataset` is one of mr, cr, subj, mpqa. kNotFound: not on this machine, the message says how to get it. kDataLoss: a bad
// file.
absl::StatusOr<SentenceSet> LoadSentenceSet(const DatasetInfo& dataset, const std::vector<std::string>& directories);

// The imported form. Errors name file and byte.
absl::StatusOr<std::vector<LabelledSentence>> ParseSentenceSet(std::string_view content, std::string_view source);
std::string FormatSentenceSet(const std::vector<LabelledSentence>& sentences);

// Official files: one sentence a line, behind its label and a blank ("rt-polarity.all"), or all of one label
// ("rt-polarity.pos"). UTF-8, else Windows-1252.
struct OfficialSentences {
  std::vector<LabelledSentence> sentences;
  Skipped empty;  // lines without a sentence: the official files of CR and MPQA have a few
};
absl::StatusOr<OfficialSentences> ParseLabelledLines(std::string_view bytes, std::string_view source);
absl::StatusOr<OfficialSentences> ParseLinesOfLabel(std::string_view bytes, std::string_view source, int label);

}  // namespace normlab::data
