// sick.h - SICK (Marelli et al. 2014): pairs of sentences with how related people found them, from 1 to 5.
//
// The imported form is one tab-separated text file: part, pair_ID, sentence_A, sentence_B, relatedness_score,
// entailment_judgment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/registry.h"

namespace normlab::data {

enum class Entailment { kNeutral, kEntailment, kContradiction };

struct SickPair {
  std::int64_t id = 0;
  std::string a, b;
  double relatedness = 0;  // 1 to 5
  Entailment entailment = Entailment::kNeutral;
  bool operator==(const SickPair&) const = default;
};

struct SickData {
  std::vector<SickPair> train, trial, test;  // 4,500, 500 and 4,927 if whole
  std::string sha256;                        // of the imported file
};

// `dataset` is sick. kNotFound: not on this machine, the message says how to get it. kDataLoss: a bad file.
absl::StatusOr<SickData> LoadSick(const DatasetInfo& dataset, const std::vector<std::string>& directories);

// The imported form; sha256 is left empty. Errors name file and byte.
absl::StatusOr<SickData> ParseSick(std::string_view content, std::string_view source);
std::string FormatSick(const SickData& data);

// One official file, SICK_train.txt and the like, with its header line.
absl::StatusOr<std::vector<SickPair>> ParseSickFile(std::string_view bytes, std::string_view source);

}  // namespace normlab::data
