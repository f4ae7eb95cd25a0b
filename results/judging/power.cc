#include "results/judging/power.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "results/judging/judge.h"
#include "results/judging/simulated_runs.h"
#include "results/stats/paired.h"

namespace normlab::judging {
namespace {

constexpr int kRepetitions = 200;
constexpr double kMostEvaluations = 300'000;  // of all runs of a repetition, metrics apart: some ten milliseconds

// What the paper says was found, in the best word that the protocol allows.
bool Confirmed(const Judgement& judgement) {
  return judgement.verdict == Verdict::kReproduced ||
         (judgement.verdict == Verdict::kDirectionOnly && judgement.tier != Tier::kExact);
}

class PowerStudy {
 public:
  PowerStudy(const Item& item, const Budget& budget, const std::function<bool()>& cancelled)
      : item_(item), budget_(budget), cancelled_(cancelled), noise_(NoiseOf(item, budget)) {}

  absl::StatusOr<std::vector<ClaimPower>> Run() {
    std::vector<ClaimPower> powers(item_.claims.size());
    for (std::size_t c = 0; c < powers.size(); ++c) {
      const Claim& claim = item_.claims[c];
      powers[c].claim = &claim;
      powers[c].seeds = std::min(Seeds(claim.arm), Seeds(claim.compares_arms() ? claim.than : claim.arm));
      powers[c].unknown = WhyUnknown(claim);
      if (!powers[c].unknown.empty()) {
        unknown_.insert(c);
      }
    }
    if (unknown_.size() == powers.size()) {
      return powers;
    }
    NORMLAB_ASSIGN_OR_RETURN(const Counted now, Count(budget_));
    for (std::size_t c = 0; c < powers.size(); ++c) {
      powers[c].decides = static_cast<double>(now.confirmed[c]) / kRepetitions;
      // Stops short of it, or has no value where it looks.
      if (powers[c].unknown.empty() && now.last[c].evidence.n == 0) {
        powers[c].unknown = now.last[c].reason;
      }
      if (powers[c].unknown.empty()) {
        NORMLAB_ASSIGN_OR_RETURN(powers[c].least, LeastSeeds(c));
      }
    }
    return powers;
  }

 private:
  struct Counted {
    std::vector<int> confirmed;   // by claim: in how many repetitions
    std::vector<Judgement> last;  // of the last repetition
  };

  absl::StatusOr<Counted> Count(const Budget& budget) const {
    const World as_printed;
    Counted counted{std::vector<int>(item_.claims.size()), {}};
    for (std::uint64_t repetition = 0; repetition < kRepetitions; ++repetition) {
      if (cancelled_()) {
        return absl::CancelledError("nobody waits for the power of claims any more");
      }
      SimulatedRuns runs(item_, budget, as_printed, repetition);
      NORMLAB_ASSIGN_OR_RETURN(const Measured measured, Measure(item_, budget, runs));
      counted.last = Judge(measured, unknown_);
      for (std::size_t c = 0; c < counted.last.size(); ++c) {
        counted.confirmed[c] += Confirmed(counted.last[c]) ? 1 : 0;
      }
    }
    return counted;
  }

  // With so many seeds of every arm; each number is worked out once for all claims.
  absl::StatusOr<bool> IsEnough(std::size_t claim, int seeds) {
    auto found = by_seeds_.find(seeds);
    if (found == by_seeds_.end()) {
      Budget budget = budget_;
      for (Extent& extent : budget.extents) {
        extent.seeds = seeds;
      }
      NORMLAB_ASSIGN_OR_RETURN(Counted counted, Count(budget));
      found = by_seeds_.emplace(seeds, std::move(counted.confirmed)).first;
    }
    return found->second[claim] >= kWantedPower * kRepetitions;
  }

  // Few seeds are cheap to look at: doubled until they are enough, then halved between.
  absl::StatusOr<std::optional<int>> LeastSeeds(std::size_t claim) {
    int few = kMinSeeds - 1, enough = kMinSeeds;
    for (;; few = enough, enough = std::min(2 * enough, stats::kMaxFlipPairs)) {
      NORMLAB_ASSIGN_OR_RETURN(const bool is_enough, IsEnough(claim, enough));
      if (is_enough) {
        break;
      }
      if (enough == stats::kMaxFlipPairs) {
        return std::nullopt;
      }
    }
    while (enough - few > 1) {
      const int middle = (few + enough) / 2;
      NORMLAB_ASSIGN_OR_RETURN(const bool is_enough, IsEnough(claim, middle));
      (is_enough ? enough : few) = middle;
    }
    return std::optional(enough);
  }

  int Seeds(int arm) const { return budget_.extent(item_.arms[static_cast<std::size_t>(arm)]).seeds; }

  // With the most seeds that are tried.
  double Evaluations() const {
    double evaluations = 0;
    for (std::size_t a = 0; a < item_.arms.size(); ++a) {
      evaluations += static_cast<double>(stats::kMaxFlipPairs * item_.arms[a].points() * item_.repeat.count()) *
                     EvaluationsOf(item_, budget_, *noise_, static_cast<int>(a));
    }
    return evaluations * static_cast<double>(item_.metrics.size());
  }

  bool IsKnown(int arm, int metric) const {
    const Select& select = item_.metrics[static_cast<std::size_t>(metric)].select;
    return IsSimulated(item_, *noise_, arm, metric) &&
           (select.kind != Select::Kind::kAtBestOf || IsSimulated(item_, *noise_, arm, select.metric));
  }

  std::string WhyUnknown(const Claim& claim) const {
    if (claim.is_fact()) {
      return "a fact, which one seed shows";
    }
    if (claim.axis != 0 || item_.metrics[static_cast<std::size_t>(claim.metric)].is_time()) {
      return "of a time that is not simulated";
    }
    if (noise_ == nullptr) {
      return "the manifest does not say how runs differ from seed to seed (noise)";
    }
    if (Evaluations() > kMostEvaluations) {
      return fmt::format("{:.0f} evaluations are too many to simulate; expected at most {:.0f}", Evaluations(),
                         kMostEvaluations);
    }
    if (!IsKnown(claim.arm, claim.metric) || (claim.compares_arms() && !IsKnown(claim.than, claim.metric))) {
      return "the paper prints no number of it, or the manifest no noise";
    }
    return "";
  }

  const Item& item_;
  const Budget& budget_;
  const std::function<bool()>& cancelled_;
  const Noise* const noise_;       // nullptr: none is told
  std::set<std::size_t> unknown_;  // claims
  std::map<int, std::vector<int>> by_seeds_;
};

}  // namespace

absl::StatusOr<std::vector<ClaimPower>> WorkOutPower(const Item& item, const Budget& budget,
                                                     const std::function<bool()>& cancelled) {
  return PowerStudy(item, budget, cancelled).Run();
}

}  // namespace normlab::judging
