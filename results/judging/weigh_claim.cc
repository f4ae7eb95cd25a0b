#include "results/judging/weigh_claim.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "results/judging/format_value.h"
#include "results/judging/selection.h"

namespace normlab::judging {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Weigher {
 public:
  Weigher(const Measured& measured, const Claim& claim)
      : measured_(measured),
        item_(*measured.item),
        claim_(claim),
        metric_(item_.metrics[static_cast<std::size_t>(claim.metric)]) {
    j_.claim = &claim;
    j_.ratio = claim.is_time() || (claim.compares_arms() && metric_.as_ratios());
    j_.confidence = claim.is_size() ? kSizeConfidence : kConfidence;
  }

  Weighed Weigh() {
    SetStretch();
    SetProtocol();
    SetSize();
    j_.question = Question();
    if (!Missing()) {
      claim_.is_fact() ? WeighFact() : WeighOutcomes();
    }
    weighed_.judgement = std::move(j_);
    return std::move(weighed_);
  }

 private:
  std::vector<int> Arms() const {
    return claim_.compares_arms() ? std::vector<int>{claim_.arm, claim_.than} : std::vector<int>{claim_.arm};
  }
  const std::vector<Run>& Runs(int arm) const { return measured_.runs[static_cast<std::size_t>(arm)]; }

  // Where the claim is judged: what it asks for, as far as every arm goes.
  void SetStretch() {
    end_ = kInfinity;
    j_.planned = std::numeric_limits<int>::max();
    for (const int arm : Arms()) {
      end_ = std::min(end_, measured_.extent(arm).end);
      j_.planned = std::min(j_.planned, measured_.extent(arm).seeds);
    }
    if (claim_.is_time() || claim_.is_fact()) {
      j_.to = end_;
    } else if (claim_.at_end()) {
      const Stretch stretch = StretchOf(metric_.select, end_);
      j_.from = stretch.from;
      j_.to = stretch.to;
    } else {
      j_.from = claim_.from;
      j_.to = std::max(claim_.from, std::min(claim_.to, end_));
    }
  }

  // A stretch that the budget cuts is said, and is no longer what the paper speaks of.
  void SetProtocol() {
    j_.tier = measured_.protocol.tier;
    j_.deviations = measured_.protocol.deviations;
    if (!claim_.at_end() && j_.to < claim_.to) {
      j_.tier = std::max(j_.tier, Tier::kReduced);
      j_.deviations.push_back(fmt::format("judged over {} of {}", XRangeText(item_.x, j_.from, j_.to),
                                          XRangeText(item_.x, claim_.from, claim_.to)));
    }
  }

  void SetSize() {
    if (claim_.is_size()) {
      const double v = claim_.value, w = claim_.within;
      const bool factor = j_.ratio || metric_.as_ratios();
      j_.paper = v;
      j_.margin = factor ? stats::Interval{v / w, v * w} : stats::Interval{v - w, v + w};
    }
  }

  std::string Question() const {
    if (claim_.is_fact()) {
      return fmt::format("every {} of every run, over {}", metric_.label, XRangeText(item_.x, 1, j_.to));
    }
    std::string of;
    const std::string& unit = item_.axis(claim_.axis).unit;
    if (claim_.target) {
      of = fmt::format("first {} at which {} is at {} {} or {}, as seen to {}", unit, metric_.label,
                       ValueText(metric_, *claim_.target), metric_.unit, metric_.higher_is_better ? "above" : "below",
                       XRangeText(item_.x, j_.to, j_.to));
    } else if (claim_.best_of_other) {
      of = fmt::format(
          "first {} at which {} is as good as the best of {} of the same seed, or as its own best where that is worse, "
          "as "
          "seen to {}",
          unit, metric_.label, ArmText(item_, claim_.than), XRangeText(item_.x, j_.to, j_.to));
    } else if (claim_.at_end()) {
      of = fmt::format("{}, {}", metric_.label, SelectText(item_, claim_.metric, end_));
    } else {
      of = fmt::format("{}, mean of {}", metric_.label, XRangeText(item_.x, j_.from, j_.to));
    }
    if (claim_.against_bound) {
      return fmt::format("{}, against {} {}", of, ValueText(metric_, claim_.bound), metric_.unit);
    }
    if (!claim_.compares_arms()) {
      return of;
    }
    return fmt::format("{}: {} of runs paired by seed", of, j_.ratio ? "ratio" : "difference");
  }

  // Decides claims whose runs are not there. True if it did.
  bool Missing() {
    if (!measured_.not_run.empty()) {
      return Decide(Verdict::kNotRun, measured_.not_run);
    }
    const double needs = std::max({claim_.needs, j_.from, claim_.at_end() ? 0.0 : claim_.from});
    if (end_ < needs) {
      return Decide(Verdict::kNotRun, fmt::format("Needs {}; budget {} stops at {}", XText(item_.x, needs),
                                                  measured_.budget->id, XText(item_.x, end_)));
    }
    int planned = 0, finished = 0, submitted = 0;
    double shortest = end_;
    std::set<std::string> datasets, departures;
    for (const int arm : Arms()) {
      for (const Run& run : Runs(arm)) {
        ++planned;
        finished += run.finished() ? 1 : 0;
        submitted += run.submitted() ? 1 : 0;
        if (run.status.succeeded && run.reached() > 0 && !claim_.is_fact() && !claim_.is_time() &&
            !metric_.is_time()) {  // what ended before it came there is censored
          shortest = std::min(shortest, run.reached());
        }
        // Arms of two data sets may be compared where the paper does it: what counts is who departs from it.
        const std::string& paper = item_.dataset_of(item_.arms[static_cast<std::size_t>(arm)].group);
        datasets.insert(run.status.dataset);
        departures.insert(run.status.dataset == paper ? "" : run.status.dataset);
      }
    }
    if (submitted == 0) {
      return Decide(Verdict::kNotRun, "No run of it has been submitted");
    }
    for (const int arm : Arms()) {
      if (const Tuned& tuned = measured_.tuned[static_cast<std::size_t>(arm)]; !tuned.decided) {
        return Decide(Verdict::kInconclusive, tuned.text);
      }
    }
    if (finished < planned) {
      return Decide(Verdict::kInconclusive, fmt::format("{} of {} runs have finished", finished, planned));
    }
    if (shortest < end_ - kSameX) {
      return Decide(Verdict::kInconclusive,
                    fmt::format("A run ended at {}, before {}", XRangeText(item_.x, shortest, shortest),
                                XRangeText(item_.x, end_, end_)));
    }
    if (departures.size() > 1) {
      return Decide(Verdict::kInconclusive,
                    fmt::format("Its runs used different data sets: {}", fmt::join(datasets, ", ")));
    }
    return false;
  }

  bool Decide(Verdict verdict, std::string reason) {
    j_.verdict = verdict;
    j_.reason = std::move(reason);
    weighed_.decided = true;
    return true;
  }

  // Where lower is not better the scale is turned round.
  double sign() const { return metric_.more_is_better() && !claim_.is_time() ? -1 : 1; }
  bool logarithms() const { return claim_.is_time() || metric_.as_ratios(); }
  double OnScale(double v) const { return sign() * (logarithms() ? std::log(v) : v); }

  // What the r-th runs of both arms come to: the worse of what each has best, so that whoever is better must come to the
  // other's best and neither is asked for more than it ever had. With the other's best alone a run that is no worse but
  // for its luck never arrives, where the other always has: arms that are alike would not be treated alike. Of what
  // diverged nothing is asked.
  std::optional<double> LevelOfPair(std::size_t r) const {
    std::optional<double> level;
    for (const int arm : Arms()) {
      const Run& run = Runs(arm)[r];
      const auto best = run.diverged(claim_.metric) ? std::nullopt : BestOf(item_, run, claim_.metric, end_);
      if (best && (!level || metric_.IsBetter(*level, *best))) {
        level = best;
      }
    }
    return level;
  }

  // The arm's r-th run's number on the claim's own terms; infinite: it diverged. Absent: it recorded nothing there.
  std::optional<stats::Outcome> NumberOf(int arm, std::size_t r) const {
    const Run& run = Runs(arm)[r];
    if (run.diverged(claim_.metric)) {
      return stats::Outcome{kInfinity, false};
    }
    if (claim_.is_time()) {
      const auto level = claim_.best_of_other ? LevelOfPair(r) : claim_.target;
      return level ? TimeTo(item_, run, claim_.metric, claim_.axis, *level) : std::nullopt;
    }
    if (claim_.at_end()) {
      return SelectValue(item_, run, claim_.metric, end_);
    }
    const auto mean = MeanOver(run.curve(claim_.metric), metric_, j_.from, j_.to);
    return mean ? std::optional(stats::Outcome{*mean, false}) : std::nullopt;
  }

  // One outcome a seed, on the scale of the evidence; empty, and decided, if a run recorded nothing.
  std::vector<stats::Outcome> Outcomes(int arm) {
    std::vector<stats::Outcome> outcomes;
    const auto repetitions = static_cast<std::size_t>(item_.repeat.count());
    for (std::size_t s = 0; s < static_cast<std::size_t>(j_.planned); ++s) {
      std::vector<std::optional<stats::Outcome>> numbers;
      for (std::size_t r = s * repetitions; r < (s + 1) * repetitions; ++r) {
        numbers.push_back(NumberOf(arm, r));
      }
      const auto number = MeanOfRepetitions(numbers, logarithms());
      if (!number) {
        Decide(Verdict::kInconclusive, fmt::format("A run recorded no {} there", metric_.series));
        return {};
      }
      outcomes.push_back({std::isinf(number->value) ? kInfinity : OnScale(number->value), number->later});
    }
    return outcomes;
  }

  void WeighOutcomes() {
    const std::vector<stats::Outcome> arm = Outcomes(claim_.arm);
    const stats::Outcome bound{claim_.against_bound ? OnScale(claim_.bound) : 0, false};
    const std::vector<stats::Outcome> than =
        claim_.compares_arms() && !weighed_.decided ? Outcomes(claim_.than) : std::vector(arm.size(), bound);
    if (weighed_.decided) {
      return;
    }
    if (claim_.is_size()) {
      const stats::Interval margin = MarginOnScale();
      j_.evidence = claim_.compares_arms() ? WeighDifference(arm, than, margin) : WeighValue(arm, margin);
    } else {
      j_.evidence = WeighDirection(arm, than);
      MoveBy(bound.value, j_.evidence);
    }
    j_.evidence = OffScale(j_.evidence);
  }

  stats::Interval MarginOnScale() const {
    const double a = OnScale(j_.margin->lo), b = OnScale(j_.margin->hi);
    return {std::min(a, b), std::max(a, b)};
  }

  // What lies so far from a bound is a value.
  static void MoveBy(double bound, Evidence& evidence) {
    if (evidence.estimate) {
      *evidence.estimate += bound;
    }
    if (evidence.interval) {
      evidence.interval->lo += bound;
      evidence.interval->hi += bound;
    }
  }

  // From the scale of the evidence to the claim's own terms.
  Evidence OffScale(const Evidence& weighed) const {
    Evidence evidence = sign() < 0 ? TurnedRound(weighed) : weighed;
    if (logarithms() && evidence.estimate) {
      evidence.estimate = std::exp(*evidence.estimate);
    }
    if (logarithms() && evidence.interval) {
      evidence.interval = stats::Interval{std::exp(evidence.interval->lo), std::exp(evidence.interval->hi)};
    }
    return evidence;
  }

  // The estimate is the value nearest to breaking the bound, the interval all values.
  void WeighFact() {
    weighed_.range = RangeOver(measured_, claim_.arm, claim_.metric);
    if (!weighed_.range) {
      Decide(Verdict::kInconclusive, fmt::format("No run recorded {}", metric_.series));
      return;
    }
    const Range& range = *weighed_.range;
    j_.evidence.n = static_cast<int>(Runs(claim_.arm).size());
    for (const Run& run : Runs(claim_.arm)) {
      j_.evidence.diverged += run.diverged(claim_.metric) ? 1 : 0;
    }
    j_.from = range.from;
    j_.evidence.estimate = claim_.kind == ClaimKind::kBelow ? range.hi : range.lo;
    j_.evidence.interval = stats::Interval{range.lo, range.hi};
  }

  const Measured& measured_;
  const Item& item_;
  const Claim& claim_;
  const Metric& metric_;
  Weighed weighed_;
  Judgement j_;
  double end_ = 0;
};

}  // namespace

Weighed Weigh(const Measured& measured, const Claim& claim) { return Weigher(measured, claim).Weigh(); }

}  // namespace normlab::judging
