// handwriting.h - a handwriting data set ready for training: sequences of the training and the held-out writers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/handwriting/sequence.h"
#include "data/registry.h"

namespace normlab::data {

struct HandwritingOptions {
  SequenceOptions sequence;
  std::int64_t min_steps = 20;  // shorter sequences are left out
  std::int64_t train_lines =
      0;  // use so many training lines, of many writers, a larger number includes a smaller; 0: all
  std::int64_t test_lines = 0;  // the same of the test lines
};

struct HandwritingData {
  std::vector<PenSequence> train, test;  // standardized
  OffsetStatistics statistics;           // of the training sequences
  std::int64_t train_writers = 0, test_writers = 0;
  std::string sha256;  // of what was loaded
};

// The lines of a data set in the order of its file, and their hash. `dataset` is one of unipen, unipen_original,
// iam_ondb, synthetic_pen. kNotFound: not on this machine, the message says how to get it. kDataLoss: a bad file.
struct LoadedLines {
  std::vector<PenLine> lines;
  std::string sha256;
};
absl::StatusOr<LoadedLines> LoadPenLines(const DatasetInfo& dataset, const std::vector<std::string>& directories);

// Test and training lines share no writer, and no text either. IAM-OnDB's own split decides where there is one: its
// smaller validation part (testset_v) is the test set, all else training, as Graves had it. Else one writer in eight
// of each part is held out, always the same ones, and training lines that say what a test line says are left out.
struct SplitLines {
  std::vector<PenLine> train, test;
};
SplitLines SplitByWriter(std::vector<PenLine> lines);

absl::StatusOr<HandwritingData> LoadHandwriting(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                                const HandwritingOptions& options);

}  // namespace normlab::data
