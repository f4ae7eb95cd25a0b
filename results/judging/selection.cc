#include "results/judging/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "results/judging/format_value.h"
#include "results/judging/reference.h"
#include "results/stats/time_to_target.h"

namespace normlab::judging {
namespace {

using Kind = Select::Kind;

const Metric& MetricOf(const Item& item, int metric) { return item.metrics[static_cast<std::size_t>(metric)]; }

std::optional<double> ValueAt(const Curve& curve, double x) {
  const auto after = std::upper_bound(curve.x.begin(), curve.x.end(), x + kSameX);
  if (after == curve.x.begin() || *(after - 1) < x - kSameX) {
    return std::nullopt;
  }
  return curve.y[static_cast<std::size_t>(after - 1 - curve.x.begin())];
}

// Where the best number over (0, end] stands, the first of equal ones.
std::optional<std::size_t> BestUpTo(const Curve& curve, const Metric& metric, double end) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < curve.x.size() && curve.x[i] <= end + kSameX; ++i) {
    if (curve.x[i] > 0 && std::isfinite(curve.y[i]) && (!best || metric.IsBetter(curve.y[i], curve.y[*best]))) {
      best = i;
    }
  }
  return best;
}

}  // namespace

Stretch StretchOf(const Select& select, double end) {
  switch (select.kind) {
    case Kind::kMeanOfLast: {
      // At least one unit, and whole units: pass 130 ends a stretch of 20 passes that begins with pass 111.
      const double width = std::max(1.0, std::round(end * select.share));
      return {std::max(0.0, end - width + std::min(1.0, end)), end};
    }
    case Kind::kBest:
    case Kind::kAtBestOf:
    case Kind::kTimeTo:
    case Kind::kCost:
      return {0, end};
    case Kind::kAt:
      return {select.at, select.at};
    case Kind::kLast:
      break;
  }
  return {end, end};
}

std::string SelectText(const Item& item, int metric, double end) {
  const Select& select = MetricOf(item, metric).select;
  const Stretch stretch = StretchOf(select, end);
  switch (select.kind) {
    case Kind::kMeanOfLast:
      return stretch.from == stretch.to ? XRangeText(item.x, stretch.to, stretch.to)
                                        : fmt::format("mean of {}", XRangeText(item.x, stretch.from, stretch.to));
    case Kind::kBest:
      return fmt::format("the best up to {}", XRangeText(item.x, end, end));
    case Kind::kAtBestOf:
      return fmt::format("where {} is best up to {}", MetricOf(item, select.metric).label,
                         XRangeText(item.x, end, end));
    case Kind::kTimeTo:
      return select.level
                 ? fmt::format("first {} at {} or {}", item.axis(select.axis).unit, *select.level,
                               MetricOf(item, metric).higher_is_better ? "above" : "below")
                 : fmt::format("{} of the best up to {}", item.axis(select.axis).unit, XRangeText(item.x, end, end));
    case Kind::kCost:
      return "the whole run";
    case Kind::kLast:
    case Kind::kAt:
      break;
  }
  return XRangeText(item.x, stretch.to, stretch.to);
}

std::optional<stats::Outcome> TimeTo(const Item& item, const Run& run, int metric, int axis, double level) {
  const Curve& along = run.curve(metric, axis);
  // What is measured at 0 comes before any training.
  const auto trained =
      static_cast<std::size_t>(std::upper_bound(along.x.begin(), along.x.end(), 0.0) - along.x.begin());
  const double turn = MetricOf(item, metric).higher_is_better ? -1 : 1;
  std::vector<double> values(along.y.begin() + static_cast<std::ptrdiff_t>(trained), along.y.end());
  for (double& value : values) {
    value *= turn;
  }
  const stats::Outcome time =
      stats::TimeToTarget(std::span(along.x).subspan(trained), values, turn * level, run.diverged(metric));
  return time.value > 0 ? std::optional(time) : std::nullopt;
}

std::optional<double> BestOf(const Item& item, const Run& run, int metric, double end) {
  const Curve& curve = run.curve(metric);
  const auto best = BestUpTo(curve, MetricOf(item, metric), end);
  return best ? std::optional(curve.y[*best]) : std::nullopt;
}

namespace {

// Where the metric comes to its level, or to what it has best.
std::optional<stats::Outcome> SelectTime(const Item& item, const Run& run, int metric, double end) {
  const Select& select = MetricOf(item, metric).select;
  const auto level = select.level ? select.level : BestOf(item, run, metric, end);
  return level ? TimeTo(item, run, metric, select.axis, *level) : std::nullopt;
}

std::optional<double> SelectNumber(const Item& item, const Run& run, int metric, double end) {
  const Metric& m = MetricOf(item, metric);
  const Curve& curve = run.curve(metric);
  const Stretch stretch = StretchOf(m.select, end);
  switch (m.select.kind) {
    case Kind::kMeanOfLast:
      return MeanOver(curve, m, stretch.from, stretch.to);
    case Kind::kBest:
      return BestOf(item, run, metric, end);
    case Kind::kAtBestOf: {
      const Curve& other = run.curve(m.select.metric);
      const auto best = BestUpTo(other, MetricOf(item, m.select.metric), end);
      return best ? ValueAt(curve, other.x[*best]) : std::nullopt;
    }
    case Kind::kCost: {
      const double cost = run.status.cpu_seconds_per_update * m.select.updates;
      return cost > 0 ? std::optional(cost) : std::nullopt;
    }
    case Kind::kTimeTo:
    case Kind::kLast:
    case Kind::kAt:
      break;
  }
  return stretch.to <= end + kSameX && stretch.to > 0 ? ValueAt(curve, stretch.to) : std::nullopt;
}

}  // namespace

std::optional<stats::Outcome> SelectValue(const Item& item, const Run& run, int metric, double end) {
  if (MetricOf(item, metric).select.kind == Kind::kTimeTo) {
    return SelectTime(item, run, metric, end);
  }
  const auto number = SelectNumber(item, run, metric, end);
  return number ? std::optional(stats::Outcome{*number, false}) : std::nullopt;
}

std::optional<stats::Outcome> MeanOfRepetitions(const std::vector<std::optional<stats::Outcome>>& numbers,
                                                bool ratios) {
  if (numbers.size() == 1) {
    return numbers.front();  // with its bits
  }
  double sum = 0;
  bool later = false;
  for (const auto& number : numbers) {
    if (!number) {
      return std::nullopt;
    }
    sum += ratios ? std::log(number->value) : number->value;
    later = later || number->later;
  }
  const double mean = sum / static_cast<double>(numbers.size());
  return stats::Outcome{ratios ? std::exp(mean) : mean, later};
}

Curve SelectedCurve(const Item& item, const Run& run, int metric, int axis) {
  const Curve& curve = run.curve(metric, axis);
  const Kind kind = MetricOf(item, metric).select.kind;
  if (axis != 0 || (kind != Kind::kBest && kind != Kind::kAtBestOf)) {
    return curve;
  }
  // What chooses: the metric itself or the other one.
  const int chooser = kind == Kind::kBest ? metric : MetricOf(item, metric).select.metric;
  const Curve& choosing = run.curve(chooser);
  Curve selected;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < choosing.x.size(); ++i) {
    if (choosing.x[i] <= 0 || (!best && !std::isfinite(choosing.y[i]))) {
      continue;
    }
    if (!best || MetricOf(item, chooser).IsBetter(choosing.y[i], choosing.y[*best])) {
      best = i;
    }
    if (const auto value = ValueAt(curve, choosing.x[*best])) {
      selected.x.push_back(choosing.x[i]);
      selected.y.push_back(*value);
    }
  }
  return selected;
}

namespace {

// Where the paper's curve first comes to the metric's level on our x; of other axes and costs it shows nothing.
std::optional<ReferenceRow> TimeInReference(const ReferenceCurve& curve, const Metric& metric) {
  if (metric.select.kind != Kind::kTimeTo || metric.select.axis != 0 || !metric.select.level) {
    return std::nullopt;
  }
  for (const ReferenceRow& row : curve) {
    const double middle = Middle(row, metric);
    if (middle == *metric.select.level || metric.IsBetter(middle, *metric.select.level)) {
      return ReferenceRow{row.from, row.to, row.from, row.from};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<ReferenceRow> SelectReference(const Item& item, int arm, int metric, double end) {
  const ReferenceCurve& curve = item.reference[static_cast<std::size_t>(arm)][static_cast<std::size_t>(metric)];
  const Metric& m = MetricOf(item, metric);
  if (curve.empty()) {
    return std::nullopt;
  }
  const Stretch stretch = StretchOf(m.select, end);
  if (m.select.kind == Kind::kMeanOfLast) {
    if (const auto mean = ReferenceMean(curve, m, stretch.from, stretch.to)) {
      return ReferenceRow{stretch.from, stretch.to, *mean, *mean};
    }
  }
  if (m.is_time()) {
    return TimeInReference(curve, m);
  }
  if (m.select.kind == Kind::kBest) {
    const ReferenceRow* best = nullptr;
    for (const ReferenceRow& row : curve) {
      if (row.from <= end && (best == nullptr || m.IsBetter(Middle(row, m), Middle(*best, m)))) {
        best = &row;
      }
    }
    return best ? std::optional(*best) : std::nullopt;
  }
  return *ReferenceAt(curve, stretch.to);
}

std::optional<double> MeanOver(const Curve& curve, const Metric& metric, double from, double to) {
  double sum = 0;
  int n = 0;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (curve.x[i] > 0 && curve.x[i] > from - 1 + kSameX && curve.x[i] <= to + kSameX) {
      sum += metric.log ? std::log(curve.y[i]) : curve.y[i];
      ++n;
    }
  }
  if (n == 0) {
    return std::nullopt;
  }
  return metric.log ? std::exp(sum / n) : sum / n;
}

}  // namespace normlab::judging
