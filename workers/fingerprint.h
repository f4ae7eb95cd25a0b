// fingerprint.h - one hash over all a run produced: equal fingerprints mean equal bits, whatever happened on the way.
//
// The curve is hashed as it grows, one chain per series: digest' = SHA-256(digest | step | bits of the value), the
// first link over the series' name. A chain is 32 bytes of state, so it travels in the checkpoint and a resumed run
// ends with the fingerprint of an uninterrupted one without reading its old points back.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/experiment.h"

namespace normlab::workers {

// What is remembered of one series.
struct SeriesChain {
  std::uint64_t points = 0;
  std::uint64_t last_step = 0;
  std::string digest;  // 64 hexadecimal digits

  bool operator==(const SeriesChain&) const = default;
};

// The chains of a run. Value type; not thread-safe.
class CurveChains {
 public:
  CurveChains() = default;
  explicit CurveChains(std::map<std::string, SeriesChain, std::less<>> series) : series_(std::move(series)) {}

  // Appends a point. Throws std::logic_error when `step` does not rise within its series: the store keys points by
  // step.
  void Add(std::string_view series, std::uint64_t step, double value);

  const std::map<std::string, SeriesChain, std::less<>>& series() const { return series_; }

 private:
  std::map<std::string, SeriesChain, std::less<>> series_;
};

// Hex SHA-256 over every weight (name, shape, bits, in the order given) and every chain (by series name).
std::string Fingerprint(const std::vector<NamedTensor>& weights, const CurveChains& curve);

}  // namespace normlab::workers
