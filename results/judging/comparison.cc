#include "results/judging/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace normlab::judging {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Groups jobs in the order in which arms first appear; moves out what has been there before.
void Group(std::vector<ComparedJob> jobs, Comparison& comparison) {
  std::map<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>, std::size_t> arm_of;
  std::map<std::pair<std::size_t, std::uint64_t>, std::string> seen;
  for (ComparedJob& job : jobs) {
    const auto [found, is_new] = arm_of.emplace(std::pair(job.experiment, job.fields), comparison.arms.size());
    if (is_new) {
      comparison.arms.emplace_back();
    }
    const auto [first, is_first] = seen.emplace(std::pair(found->second, job.seed), job.name);
    if (!is_first) {
      comparison.repeats.push_back(fmt::format("{} repeats {}", job.name, first->second));
      continue;
    }
    comparison.arms[found->second].jobs.push_back(comparison.jobs.size());
    comparison.jobs.push_back(std::move(job));
  }
  for (Comparison::Arm& arm : comparison.arms) {
    std::sort(arm.jobs.begin(), arm.jobs.end(), [&comparison](std::size_t a, std::size_t b) {
      return comparison.jobs[a].seed < comparison.jobs[b].seed;
    });
  }
}

// Calls arms by the fields that not all of them share. Fields of different experiments say little beside each other:
// there the experiment's name is all.
void Label(Comparison& comparison) {
  const auto job_of = [&comparison](const Comparison::Arm& arm) -> const ComparedJob& {
    return comparison.jobs[arm.jobs.front()];
  };
  std::map<std::pair<std::string, std::string>, std::size_t> arms_with;
  std::set<std::string> experiments;
  for (const Comparison::Arm& arm : comparison.arms) {
    experiments.insert(job_of(arm).experiment);
    for (const auto& field : job_of(arm).fields) {
      ++arms_with[field];
    }
  }
  std::map<std::string, int> uses;
  for (Comparison::Arm& arm : comparison.arms) {
    for (const auto& field : job_of(arm).fields) {
      if (experiments.size() == 1 && arms_with[field] < comparison.arms.size()) {
        arm.label += fmt::format("{}{}={}", arm.label.empty() ? "" : " ", field.first, field.second);
      }
    }
    if (arm.label.empty()) {
      arm.label = job_of(arm).experiment;
    }
    ++uses[arm.label];
  }
  for (Comparison::Arm& arm : comparison.arms) {
    if (uses[arm.label] > 1) {
      arm.label += fmt::format(" ({})", job_of(arm).name);
    }
  }
}

double PlaceOf(const Comparison& comparison, std::size_t series) {
  double at = kInfinity;
  for (const ComparedJob& job : comparison.jobs) {
    const stats::Curve& curve = job.curves[series];
    if (!job.diverged && !curve.x.empty()) {
      at = std::min(at, curve.x.back());
    }
  }
  return std::isinf(at) ? 0 : at;
}

// Points at or before `at`.
std::size_t CountTo(const stats::Curve& curve, double at) {
  return static_cast<std::size_t>(std::upper_bound(curve.x.begin(), curve.x.end(), at) - curve.x.begin());
}

// A run's last value up to `at`; a run that diverged, or has something up to there that is no number once it trains, is
// worse than any. Absent: it recorded nothing.
std::optional<double> ValueOf(const ComparedJob& job, std::size_t series, double at) {
  if (job.diverged) {
    return kInfinity;
  }
  const stats::Curve& curve = job.curves[series];
  const std::size_t n = CountTo(curve, at);
  if (n == 0) {
    return std::nullopt;
  }
  return curve.Diverges(n) || !std::isfinite(curve.y[n - 1]) ? kInfinity : curve.y[n - 1];
}

Comparison::Cell MakeCell(const Comparison& comparison, const Comparison::Row& row, const Comparison::Arm& arm,
                          std::size_t series) {
  Comparison::Cell cell;
  std::vector<double> best;
  for (const std::size_t j : arm.jobs) {
    const ComparedJob& job = comparison.jobs[j];
    const std::optional<double> value = ValueOf(job, series, row.at);
    if (value && std::isinf(*value)) {
      ++cell.diverged;
    } else if (value) {
      const stats::Curve& curve = job.curves[series];
      const auto end = curve.y.begin() + static_cast<std::ptrdiff_t>(CountTo(curve, row.at));
      const auto [least, greatest] = std::minmax_element(curve.y.begin(), end);
      best.push_back(row.higher_is_better ? *greatest : *least);
      cell.values.push_back(*value);
    }
  }
  if (!cell.values.empty()) {
    cell.mean = stats::Mean(cell.values);
    cell.best = stats::Mean(best);
    if (const auto interval = stats::IntervalOfMean(cell.values, kConfidence,
                                                    fmt::format("{}/{}", arm.label, comparison.series[series]))) {
      cell.interval = interval->interval;
    }
  }
  return cell;
}

// The scale of the evidence, where lower is better, is turned round where it is not.
Comparison::Difference MakeDifference(const Comparison& comparison, const Comparison::Row& row,
                                      const Comparison::Arm& arm, std::size_t series) {
  const Comparison::Arm& first = comparison.arms.front();
  const auto on_scale = [&row](double value) {
    return stats::Outcome{row.higher_is_better && std::isfinite(value) ? -value : value, false};
  };
  std::vector<stats::Outcome> ours, firsts;
  for (const std::size_t j : arm.jobs) {
    const ComparedJob& job = comparison.jobs[j];
    const auto mate =
        std::lower_bound(first.jobs.begin(), first.jobs.end(), job.seed,
                         [&](std::size_t other, std::uint64_t seed) { return comparison.jobs[other].seed < seed; });
    if (mate == first.jobs.end() || comparison.jobs[*mate].seed != job.seed) {
      continue;
    }
    const auto a = ValueOf(comparison.jobs[*mate], series, row.at), b = ValueOf(job, series, row.at);
    if (a && b) {
      firsts.push_back(on_scale(*a));
      ours.push_back(on_scale(*b));
    }
  }
  Evidence evidence = WeighDirection(ours, firsts);
  return {.evidence = row.higher_is_better ? TurnedRound(evidence) : evidence, .p_holm = {}};
}

// The first arm has no difference and is not in the family.
void AdjustP(Comparison& comparison) {
  std::vector<Comparison::Difference*> family;
  std::vector<std::optional<double>> p;
  for (Comparison::Row& row : comparison.rows) {
    for (std::size_t a = 1; a < row.differences.size(); ++a) {
      family.push_back(&row.differences[a]);
      p.push_back(row.differences[a].evidence.p);
    }
  }
  const std::vector<double> adjusted = AdjustFamily(p);
  for (std::size_t i = 0; i < family.size(); ++i) {
    if (p[i]) {
      family[i]->p_holm = adjusted[i];
    }
  }
}

}  // namespace

Comparison Compare(std::vector<ComparedJob> jobs, std::vector<std::string> series,
                   const std::set<std::string>& higher_is_better) {
  Comparison comparison;
  comparison.series = std::move(series);
  Group(std::move(jobs), comparison);
  Label(comparison);
  for (std::size_t s = 0; s < comparison.series.size(); ++s) {
    Comparison::Row& row = comparison.rows.emplace_back();
    row.at = PlaceOf(comparison, s);
    row.higher_is_better = higher_is_better.contains(comparison.series[s]);
    for (const Comparison::Arm& arm : comparison.arms) {
      row.cells.push_back(MakeCell(comparison, row, arm, s));
      row.differences.push_back(&arm == &comparison.arms.front() ? Comparison::Difference()
                                                                 : MakeDifference(comparison, row, arm, s));
    }
  }
  AdjustP(comparison);
  return comparison;
}

}  // namespace normlab::judging
