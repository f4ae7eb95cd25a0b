// power.h - how many seeds decide an item's claims, before anything is trained: its runs simulated as the paper printed
// them, with the noise that its manifest says runs have, and judged like real ones.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "results/judging/manifest.h"

namespace normlab::judging {

inline constexpr double kWantedPower = 0.8;

struct ClaimPower {
  const Claim* claim = nullptr;
  std::string unknown;       // why it is not known; what follows means nothing then
  int seeds = 0;             // of each arm
  double decides = 0;        // the probability that the claim is confirmed, if the paper is right
  std::optional<int> least;  // seeds of every arm for kWantedPower; absent: more than can be asked for
};

// By claim of an item that can be run. The same item and budget give the same numbers; `item` is borrowed. About a second of a core
// for Figure 6. kCancelled once `cancelled` says so.
absl::StatusOr<std::vector<ClaimPower>> WorkOutPower(const Item& item, const Budget& budget,
                                                     const std::function<bool()>& cancelled);

}  // namespace normlab::judging
