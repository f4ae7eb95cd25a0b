#include "results/judging/power.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/judging/judge.h"
#include "results/judging/simulated_runs.h"
#include "results/stats/paired.h"

namespace normlab::judging {
namespace {

constexpr int kRepetitions = 200;

bool Decided(Verdict verdict) { return verdict != Verdict::kInconclusive && verdict != Verdict::kNotRun; }

struct Counted {
  std::vector<int> decided;     // by claim: in how many repetitions
  std::vector<Judgement> last;  // of the last repetition
};

absl::StatusOr<Counted> CountDecided(const Item& item, const Budget& budget, std::uint64_t repetitions,
                                     const std::function<bool()>& cancelled) {
  const World as_printed;
  Counted counted{std::vector<int>(item.claims.size()), {}};
  for (std::uint64_t repetition = 0; repetition < repetitions; ++repetition) {
    if (cancelled()) {
      return absl::CancelledError("nobody waits for the power of claims any more");
    }
    SimulatedRuns runs(item, budget, as_printed, repetition);
    NORMLAB_ASSIGN_OR_RETURN(const Measured measured, Measure(item, budget, runs));
    counted.last = Judge(measured);
    for (std::size_t c = 0; c < counted.last.size(); ++c) {
      counted.decided[c] += Decided(counted.last[c].verdict) ? 1 : 0;
    }
  }
  return counted;
}

bool IsKnown(const Item& item, const Budget& budget, int arm, int metric) {
  const std::optional<Noise>& noise = budget.noise ? budget.noise : item.noise;
  return noise && noise->of.contains(metric) && IsPrinted(item, arm, metric);
}

// Why a claim's power cannot be worked out; empty: it can.
std::string WhyUnknown(const Item& item, const Budget& budget, const Claim& claim) {
  if (claim.is_fact()) {
    return "a fact, which one seed shows";
  }
  if (claim.axis != 0 || item.metrics[static_cast<std::size_t>(claim.metric)].is_time()) {
    return "of times, which are not simulated";
  }
  if (!budget.noise && !item.noise) {
    return "the manifest does not say how runs differ from seed to seed (noise)";
  }
  if (!IsKnown(item, budget, claim.arm, claim.metric) ||
      (claim.compares_arms() && !IsKnown(item, budget, claim.than, claim.metric))) {
    return "the paper prints no number of it, or the manifest no noise";
  }
  return "";
}

}  // namespace

absl::StatusOr<std::vector<ClaimPower>> WorkOutPower(const Item& item, const Budget& budget,
                                                     const std::function<bool()>& cancelled) {
  std::vector<ClaimPower> powers(item.claims.size());
  for (std::size_t c = 0; c < powers.size(); ++c) {
    powers[c].claim = &item.claims[c];
    powers[c].unknown = WhyUnknown(item, budget, item.claims[c]);
  }
  const auto known = [](const ClaimPower& power) { return power.unknown.empty(); };
  const bool any = std::any_of(powers.begin(), powers.end(), known);
  NORMLAB_ASSIGN_OR_RETURN(const Counted now, CountDecided(item, budget, any ? kRepetitions : 1, cancelled));
  for (std::size_t c = 0; c < powers.size(); ++c) {
    powers[c].seeds = now.last[c].planned;
    powers[c].decides = static_cast<double>(now.decided[c]) / kRepetitions;
    if (known(powers[c]) && now.last[c].verdict == Verdict::kNotRun) {
      powers[c].unknown = now.last[c].reason;
    }
  }
  const auto missing = [&](const ClaimPower& power) { return known(power) && !power.least; };
  for (int seeds = kMinSeeds; seeds <= stats::kMaxFlipPairs && std::any_of(powers.begin(), powers.end(), missing);
       ++seeds) {
    Budget other = budget;
    for (Extent& extent : other.extents) {
      extent.seeds = seeds;
    }
    NORMLAB_ASSIGN_OR_RETURN(const Counted then, CountDecided(item, other, kRepetitions, cancelled));
    for (std::size_t c = 0; c < powers.size(); ++c) {
      if (missing(powers[c]) && then.decided[c] >= kWantedPower * kRepetitions) {
        powers[c].least = seeds;
      }
    }
  }
  return powers;
}

}  // namespace normlab::judging
