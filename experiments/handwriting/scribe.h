// scribe.h - a trained network as a program sees it that only wants to write: made from a job's configuration, filled
// with its weights, asked for a text.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/experiment.h"

namespace normlab {

struct ScribeOptions {
  double bias = 0.0;       // 0: as likely as in the data; larger: neater
  std::uint64_t seed = 1;  // the same seed writes the same line
};

class Scribe {
 public:
  explicit Scribe(const v1::HandwritingConfig& config);
  ~Scribe();

  // To be overwritten with those of weights.safetensors before the first text.
  std::vector<NamedTensor> Weights();

  // Reads training line number `line` (from 1) of the job's data set before each text, so that its hand is imitated.
  // kNotFound: the data is not there. kOutOfRange: it has fewer lines. kFailedPrecondition: it is not what the job was
  // fed, which has the hash `data_sha256` (empty: not known), so its lines are other ones.
  absl::Status Imitate(std::int64_t line, const std::vector<std::string>& data_directories,
                       std::string_view data_sha256);

  // The line as a self-contained SVG, the window's way over the text under it. kInvalidArgument for a text that is
  // empty, longer than 200 characters, or not printable ASCII.
  absl::StatusOr<std::string> Write(const std::string& text, const ScribeOptions& options);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace normlab
