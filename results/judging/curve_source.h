// curve_source.h - how tables and figures read runs, without knowing stores or servers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace normlab::judging {

// The state of one planned run of a table.
struct RunStatus {
  std::string job;  // "j17"; empty: never submitted
  bool succeeded = false;
  bool diverged = false;  // a result: counted as such, never dropped
  std::string dataset;    // "mnist": named beside the table
  std::string fingerprint;
  std::string computed_by;            // see computed_by.h; empty: not told
  std::string machine;                // what it ran on and which build it ran; empty: not told
  double cpu_seconds_per_update = 0;  // 0: not told
};

// Something a run drew.
struct RunPicture {
  std::string name;        // "samples.png"
  std::string media_type;  // "image/png"
  std::uint64_t step = 0;  // updates done
  std::string bytes;
};

struct Samples {
  std::vector<std::uint64_t> steps;
  std::vector<double> values;
};

// Which planned run is meant. Items may have arms of the same name.
struct RunName {
  std::string_view item;  // "mnist"
  std::string_view arm;   // "layer_128"
  std::uint64_t seed = 0;
  int part = 0;  // point of the arm's grid times repetitions, plus repetition
};

// Finds planned runs and reads their series. Implemented by the server over the store and by tests over literals.
class CurveSource {
 public:
  virtual ~CurveSource() = default;
  // Why runs of an experiment cannot be there: a manifest may name one that is not written yet. Empty: they can.
  virtual std::string WhyNotRun(std::string_view) { return ""; }
  virtual absl::StatusOr<RunStatus> Find(const RunName& run) = 0;
  // Empty samples if the run has no such series yet.
  virtual absl::StatusOr<Samples> Read(const RunName& run, std::string_view series) = 0;
  // The pictures a run has left, by name.
  virtual absl::StatusOr<std::vector<RunPicture>> Pictures(const RunName&) { return std::vector<RunPicture>(); }
};

}  // namespace normlab::judging
