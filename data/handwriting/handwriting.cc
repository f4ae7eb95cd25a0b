#include "data/handwriting/handwriting.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rng.h"
#include "base/sha256.h"
#include "data/handwriting/pen_file.h"
#include "data/handwriting/synthetic_pen.h"
#include "data/locate.h"

namespace normlab::data {
namespace {

constexpr std::int64_t kSyntheticLines = 1280;
constexpr std::uint64_t kSyntheticSeed = 1;
constexpr std::uint64_t kSplitSeed = 1;  // of the data set, not of a job: every job is judged on the same writers
constexpr std::size_t kWritersPerTestWriter = 8;

std::set<std::string> TestWriters(const std::vector<PenLine>& lines) {
  std::map<std::string, std::set<std::string>> writers_of_part;
  for (const PenLine& line : lines) {
    writers_of_part[line.part].insert(line.writer);
  }
  std::set<std::string> chosen;
  for (const auto& [part, in_part] : writers_of_part) {
    const std::vector<std::string> writers(in_part.begin(), in_part.end());
    const std::size_t held_out = (writers.size() + kWritersPerTestWriter / 2) / kWritersPerTestWriter;
    const auto order = Rng(kSplitSeed, "writers/" + part).Permutation(static_cast<std::uint32_t>(writers.size()));
    for (std::size_t i = 0; i < held_out; ++i) {
      chosen.insert(writers[order[i]]);
    }
  }
  return chosen;
}

std::int64_t CountWriters(const std::vector<PenLine>& lines) {
  std::set<std::string> writers;
  for (const PenLine& line : lines) {
    writers.insert(line.writer);
  }
  return static_cast<std::int64_t>(writers.size());
}

// In a shuffled order that never changes, so that the first few are of many writers.
std::vector<PenSequence> ToSequences(std::vector<PenLine> lines, const HandwritingOptions& options, std::int64_t most) {
  std::vector<PenSequence> sequences;
  const auto order = Rng(kSplitSeed, "lines").Permutation(static_cast<std::uint32_t>(lines.size()));
  for (const std::uint32_t index : order) {
    PenLine& line = lines[index];
    if (most > 0 && static_cast<std::int64_t>(sequences.size()) == most) {
      break;
    }
    PenSequence sequence = ToSequence(std::move(line), options.sequence);
    if (static_cast<std::int64_t>(sequence.steps.size()) >= options.min_steps && !sequence.text.empty()) {
      sequences.push_back(std::move(sequence));
    }
  }
  return sequences;
}

}  // namespace

absl::StatusOr<LoadedLines> LoadPenLines(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  if (dataset.files.empty()) {
    return LoadedLines{DrawSyntheticLines(kSyntheticSeed, kSyntheticLines), DatasetSha256(dataset)};
  }
  const DataFile& file = dataset.files.front();
  NORMLAB_ASSIGN_OR_RETURN(const std::string content, LocateAndRead(dataset, file, directories));
  NORMLAB_ASSIGN_OR_RETURN(std::vector<PenLine> lines, ParsePenFile(content, dataset.name + "/" + file.name));
  return LoadedLines{std::move(lines), Sha256Hex(content)};
}

SplitLines SplitByWriter(std::vector<PenLine> lines) {
  const bool official = std::any_of(lines.begin(), lines.end(), [](auto& line) { return line.part == "testset_v"; });
  const std::set<std::string> test_writers = official ? std::set<std::string>() : TestWriters(lines);
  SplitLines split;
  std::set<std::string> test_texts;
  std::vector<PenLine> others;
  for (PenLine& line : lines) {
    if (official ? line.part == "testset_v" : test_writers.contains(line.writer)) {
      test_texts.insert(line.text);
      split.test.push_back(std::move(line));
    } else {
      others.push_back(std::move(line));
    }
  }
  for (PenLine& line : others) {
    if (official || !test_texts.contains(line.text)) {
      split.train.push_back(std::move(line));
    }
  }
  return split;
}

absl::StatusOr<HandwritingData> LoadHandwriting(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                                const HandwritingOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(LoadedLines loaded, LoadPenLines(dataset, directories));
  SplitLines split = SplitByWriter(std::move(loaded.lines));
  HandwritingData data;
  data.train_writers = CountWriters(split.train);
  data.test_writers = CountWriters(split.test);
  data.train = ToSequences(std::move(split.train), options, options.train_lines);
  data.test = ToSequences(std::move(split.test), options, options.test_lines);
  if (data.train.empty() || data.test.empty()) {
    return absl::FailedPreconditionError(
        fmt::format("{}: {} training and {} test lines of at least {} steps; expected some of both", dataset.name,
                    data.train.size(), data.test.size(), options.min_steps));
  }
  data.statistics = MeasureOffsets(data.train);
  Standardize(data.statistics, data.train);
  Standardize(data.statistics, data.test);
  data.sha256 = std::move(loaded.sha256);
  return data;
}

}  // namespace normlab::data
