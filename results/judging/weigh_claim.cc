#include "results/judging/weigh_claim.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <span>

#include "results/judging/format_value.h"
#include "results/judging/selection.h"
#include "results/stats/time_to_target.h"

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
    j_.ratio = claim.target.has_value() || (claim.compares_arms() && metric_.log);
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
    if (claim_.target || claim_.is_fact()) {
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
      const bool factor = j_.ratio || metric_.log;
      j_.paper = v;
      j_.margin = factor ? stats::Interval{v / w, v * w} : stats::Interval{v - w, v + w};
    }
  }

  std::string Question() const {
    if (claim_.is_fact()) {
      return fmt::format("every {} of every run, over {}", metric_.label, XRangeText(item_.x, 1, j_.to));
    }
    std::string of;
    if (claim_.target) {
      of = fmt::format("first {} at which {} is at {} {} or {}, as seen to {}", item_.x.unit, metric_.label,
                       ValueText(metric_, *claim_.target), metric_.unit, metric_.higher_is_better ? "above" : "below",
                       XRangeText(item_.x, j_.to, j_.to));
    } else if (claim_.at_end()) {
      of = fmt::format("{}, {}", metric_.label, SelectText(item_, claim_.metric, end_));
    } else {
      of = fmt::format("{}, mean of {}", metric_.label, XRangeText(item_.x, j_.from, j_.to));
    }
    if (!claim_.compares_arms()) {
      return of;
    }
    return fmt::format("{}: {} of runs paired by seed", of, j_.ratio ? "ratio" : "difference");
  }

  // Decides claims whose runs are not there. True if it did.
  bool Missing() {
    const double needs = std::max({claim_.needs, j_.from, claim_.at_end() ? 0.0 : claim_.from});
    if (end_ < needs) {
      return Decide(Verdict::kNotRun, fmt::format("Needs {}; budget {} stops at {}", XText(item_.x, needs),
                                                  measured_.budget->id, XText(item_.x, end_)));
    }
    int planned = 0, finished = 0, submitted = 0;
    std::set<std::string> datasets;
    for (const int arm : Arms()) {
      for (const Run& run : Runs(arm)) {
        ++planned;
        finished += run.finished() ? 1 : 0;
        submitted += run.submitted() ? 1 : 0;
        datasets.insert(run.status.dataset);
      }
    }
    if (submitted == 0) {
      return Decide(Verdict::kNotRun, "No run of it has been submitted");
    }
    if (finished < planned) {
      return Decide(Verdict::kInconclusive, fmt::format("{} of {} runs have finished", finished, planned));
    }
    if (datasets.size() > 1) {
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
  double sign() const { return metric_.higher_is_better && !claim_.target ? -1 : 1; }
  bool logarithms() const { return claim_.target || metric_.log; }
  double OnScale(double v) const { return sign() * (logarithms() ? std::log(v) : v); }
  double OffScale(double v) const { return logarithms() ? std::exp(sign() * v) : sign() * v; }
  stats::Interval OffScale(const stats::Interval& i) const {
    return sign() < 0 ? stats::Interval{OffScale(i.hi), OffScale(i.lo)}
                      : stats::Interval{OffScale(i.lo), OffScale(i.hi)};
  }

  // Absent: the run recorded nothing there.
  std::optional<stats::Outcome> OutcomeOf(const Run& run) const {
    const bool diverged = run.diverged(claim_.metric);
    if (claim_.target) {
      return Passage(run, diverged);
    }
    if (diverged) {
      return stats::Outcome{kInfinity, false};
    }
    const auto value = claim_.at_end()
                           ? SelectValue(item_, run, claim_.metric, end_)
                           : MeanOver(run.curves[static_cast<std::size_t>(claim_.metric)], metric_, j_.from, j_.to);
    return value ? std::optional(stats::Outcome{OnScale(*value), false}) : std::nullopt;
  }

  std::optional<stats::Outcome> Passage(const Run& run, bool diverged) const {
    const Curve& curve = run.curves[static_cast<std::size_t>(claim_.metric)];
    // What is measured at x = 0 comes before any training.
    const auto trained =
        static_cast<std::size_t>(std::upper_bound(curve.x.begin(), curve.x.end(), 0.0) - curve.x.begin());
    const double turn = metric_.higher_is_better ? -1 : 1;
    std::vector<double> values(curve.y.begin() + static_cast<std::ptrdiff_t>(trained), curve.y.end());
    for (double& value : values) {
      value *= turn;
    }
    const stats::Outcome at =
        stats::TimeToTarget(std::span(curve.x).subspan(trained), values, turn * *claim_.target, diverged);
    if (at.value <= 0) {
      return std::nullopt;
    }
    return stats::Outcome{std::log(at.value), at.later};
  }

  // One outcome a seed; empty, and decided, if a run recorded nothing.
  std::vector<stats::Outcome> Outcomes(int arm) {
    std::vector<stats::Outcome> outcomes;
    for (int s = 0; s < j_.planned; ++s) {
      const auto outcome = OutcomeOf(Runs(arm)[static_cast<std::size_t>(s)]);
      if (!outcome) {
        Decide(Verdict::kInconclusive, fmt::format("A run recorded no {} there", metric_.series));
        return {};
      }
      outcomes.push_back(*outcome);
    }
    return outcomes;
  }

  void WeighOutcomes() {
    const std::vector<stats::Outcome> arm = Outcomes(claim_.arm);
    const std::vector<stats::Outcome> than =
        claim_.compares_arms() && !weighed_.decided ? Outcomes(claim_.than) : std::vector<stats::Outcome>();
    if (weighed_.decided) {
      return;
    }
    if (claim_.is_size()) {
      const stats::Interval margin = MarginOnScale();
      j_.evidence = claim_.compares_arms() ? WeighDifference(arm, than, margin) : WeighValue(arm, margin);
    } else {
      j_.evidence = WeighDirection(arm, than);
    }
    Turn(j_.evidence);
  }

  stats::Interval MarginOnScale() const {
    const double a = OnScale(j_.margin->lo), b = OnScale(j_.margin->hi);
    return {std::min(a, b), std::max(a, b)};
  }

  // From the scale of the evidence to the claim's own terms.
  void Turn(Evidence& evidence) const {
    if (sign() < 0 && (evidence.shown == Shown::kLower || evidence.shown == Shown::kHigher)) {
      evidence.shown = evidence.shown == Shown::kLower ? Shown::kHigher : Shown::kLower;
    }
    if (evidence.estimate) {
      evidence.estimate = OffScale(*evidence.estimate);
    }
    if (evidence.interval) {
      evidence.interval = OffScale(*evidence.interval);
    }
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
