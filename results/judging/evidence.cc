#include "results/judging/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <span>

#include "results/judging/format_value.h"
#include "results/judging/reference.h"
#include "results/judging/rule_text.h"
#include "results/stats/paired.h"
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
    j_.ratio = claim.rule == Rule::kReaches || (ComparesArms(claim.rule) && metric_.log);
  }

  Judgement Weigh() {
    SetWindow();
    j_.rule = RuleText(item_, claim_, j_.from, j_.to);
    j_.paper = PaperEffect();
    if (!Missing()) {
      if (BoundsValues(claim_.rule)) {
        WeighRange();
      } else {
        claim_.rule == Rule::kValue ? WeighValue() : WeighPairs();
      }
    }
    return std::move(j_);
  }

 private:
  std::vector<int> Arms() const {
    return ComparesArms(claim_.rule) ? std::vector<int>{claim_.arm, claim_.than} : std::vector<int>{claim_.arm};
  }
  const std::vector<Run>& Runs(int arm) const { return measured_.runs[static_cast<std::size_t>(arm)]; }

  // Where the claim is judged: what it asks for, as far as every arm goes.
  void SetWindow() {
    double end = kInfinity;
    for (int arm : Arms()) {
      end = std::min(end, measured_.extent(arm).end);
      j_.planned = measured_.extent(arm).seeds;
    }
    if (claim_.rule == Rule::kReaches || BoundsValues(claim_.rule)) {
      j_.to = end;
    } else if (claim_.at_end()) {
      // The last 15 % of a run, at least one unit: one evaluation of a noisy curve is a poor witness.
      const double width = std::max(1.0, std::round(end * item_.end_share));
      j_.from = std::max(0.0, end - width + std::min(1.0, end));
      j_.to = end;
    } else {
      j_.from = claim_.from;
      j_.to = std::max(claim_.from, std::min(claim_.to, end));
    }
    end_ = end;
  }

  // Decides claims whose runs are not there. True if it did.
  bool Missing() {
    if (end_ < std::max(claim_.needs, j_.from)) {
      return Decide(Verdict::kNotRun,
                    fmt::format("Needs {}; budget {} stops at {}", XText(item_.x, std::max(claim_.needs, j_.from)),
                                measured_.budget->id, XText(item_.x, end_)));
    }
    int planned = 0, finished = 0, submitted = 0;
    std::set<std::string> datasets;
    for (int arm : Arms()) {
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
    return true;
  }

  // A run over the window; a diverged one is worse than any number. Absent: the run recorded nothing there.
  std::optional<double> Value(const Run& run) const {
    if (run.status.diverged) {
      return kInfinity;
    }
    return MeanOver(run.curves[static_cast<std::size_t>(claim_.metric)], metric_, j_.from, j_.to);
  }

  stats::FirstPassage Passage(const Run& run) const {
    const Curve& curve = run.curves[static_cast<std::size_t>(claim_.metric)];
    // What is measured at x = 0 comes before any training.
    const auto trained = std::upper_bound(curve.x.begin(), curve.x.end(), 0.0) - curve.x.begin();
    return stats::TimeToTarget(std::span(curve.x).subspan(static_cast<std::size_t>(trained)),
                               std::span(curve.y).subspan(static_cast<std::size_t>(trained)), claim_.target,
                               run.status.diverged);
  }

  // arm - than in the claim's scale (logarithms for ratios).
  std::optional<stats::Bounded> Difference(const Run& arm, const Run& than) const {
    if (claim_.rule == Rule::kReaches) {
      return stats::LogTimeRatio(Passage(arm), Passage(than));
    }
    const auto a = Value(arm), b = Value(than);
    if (!a || !b) {
      return std::nullopt;
    }
    if (std::isinf(*a) && std::isinf(*b)) {
      return stats::Bounded{-kInfinity, kInfinity};
    }
    const double d = metric_.log ? std::log(*a) - std::log(*b) : *a - *b;
    return stats::Bounded{d, d};
  }

  void WeighPairs() {
    std::vector<stats::Bounded> differences;
    std::vector<double> exact;
    for (std::size_t s = 0; s < Runs(claim_.arm).size(); ++s) {
      const auto d = Difference(Runs(claim_.arm)[s], Runs(claim_.than)[s]);
      if (!d) {
        Decide(Verdict::kInconclusive, fmt::format("A run recorded no {} there", metric_.series));
        return;
      }
      differences.push_back(*d);
      if (d->lo == d->hi && std::isfinite(d->lo)) {
        exact.push_back(d->lo);
      }
    }
    j_.n = static_cast<int>(differences.size());
    if (exact.size() == differences.size() && claim_.rule != Rule::kReaches) {
      UseMean(exact);
    } else {
      UseMedian(differences);
    }
  }

  void UseMean(const std::vector<double>& differences) {
    j_.effect = Unlog(stats::Mean(differences));
    j_.interval = Unlog(stats::StudentInterval(differences, kConfidence));
    j_.prediction = Unlog(stats::PredictionInterval(differences, kConfidence));
    if (claim_.rule == Rule::kLower && j_.n >= kMinSeeds) {
      j_.p = stats::StudentP(differences);
      j_.p_exact = stats::SignFlipP(differences);
    }
  }

  void UseMedian(const std::vector<stats::Bounded>& differences) {
    const stats::MedianEstimate estimate = stats::MedianDifference(differences, kConfidence);
    j_.median = true;
    if (estimate.median.lo == estimate.median.hi) {
      j_.effect = Unlog(estimate.median.lo);
    } else if (estimate.median.hi < 0 || estimate.median.lo > 0) {
      // Known only on one side: the bound nearest to no effect is the careful statement.
      j_.effect = Unlog(estimate.median.hi < 0 ? estimate.median.hi : estimate.median.lo);
      j_.bound = true;
    }
    j_.interval = Unlog(estimate.interval);
    if (claim_.rule != Rule::kClose && j_.effect && j_.n >= kMinSeeds) {
      j_.p = estimate.sign_p;
    }
  }

  // The effect is the value nearest to breaking the bound, the interval all values.
  void WeighRange() {
    const auto range = RangeOver(measured_, claim_.arm, claim_.metric);
    if (!range) {
      Decide(Verdict::kInconclusive, fmt::format("No run recorded {}", metric_.series));
      return;
    }
    j_.n = static_cast<int>(Runs(claim_.arm).size());
    j_.from = range->from;
    j_.effect = claim_.rule == Rule::kBelow ? range->hi : range->lo;
    j_.interval = stats::Interval{range->lo, range->hi};
  }

  void WeighValue() {
    std::vector<double> values;
    for (const Run& run : Runs(claim_.arm)) {
      const auto value = Value(run);
      if (!value) {
        Decide(Verdict::kInconclusive, fmt::format("A run recorded no {} there", metric_.series));
        return;
      }
      values.push_back(metric_.log ? std::log(*value) : *value);
    }
    j_.n = static_cast<int>(values.size());
    const double mean = stats::Mean(values);
    if (!std::isfinite(mean)) {
      return;
    }
    const auto unlog = [&](double v) { return metric_.log ? std::exp(v) : v; };
    j_.effect = unlog(mean);
    if (const auto i = stats::StudentInterval(values, kConfidence)) {
      j_.interval = stats::Interval{unlog(i->lo), unlog(i->hi)};
    }
    if (const auto i = stats::PredictionInterval(values, kConfidence)) {
      j_.prediction = stats::Interval{unlog(i->lo), unlog(i->hi)};
    }
  }

  double Unlog(double d) const { return j_.ratio ? std::exp(d) : d; }
  std::optional<stats::Interval> Unlog(const std::optional<stats::Interval>& i) const {
    return i ? std::optional(stats::Interval{Unlog(i->lo), Unlog(i->hi)}) : std::nullopt;
  }

  const ReferenceCurve& Reference(int arm) const {
    return item_.reference[static_cast<std::size_t>(arm)][static_cast<std::size_t>(claim_.metric)];
  }

  std::optional<double> PaperPassage(int arm) const {
    for (const ReferenceRow& row : Reference(arm)) {
      if (row.lo <= claim_.target) {
        return (row.from + row.to) / 2;
      }
    }
    return std::nullopt;
  }

  std::optional<double> PaperEffect() const {
    if (BoundsValues(claim_.rule)) {
      return std::nullopt;
    }
    if (claim_.rule == Rule::kReaches) {
      const auto a = PaperPassage(claim_.arm), b = PaperPassage(claim_.than);
      return a && b ? std::optional(*a / *b) : std::nullopt;
    }
    const auto a = ReferenceMean(Reference(claim_.arm), metric_, j_.from, j_.to);
    if (claim_.rule == Rule::kValue) {
      return claim_.value ? claim_.value : a;
    }
    const auto b = ReferenceMean(Reference(claim_.than), metric_, j_.from, j_.to);
    return a && b ? std::optional(metric_.log ? *a / *b : *a - *b) : std::nullopt;
  }

  const Measured& measured_;
  const Item& item_;
  const Claim& claim_;
  const Metric& metric_;
  Judgement j_;
  double end_ = 0;
};

}  // namespace

Judgement Weigh(const Measured& measured, const Claim& claim) { return Weigher(measured, claim).Weigh(); }

}  // namespace normlab::judging
