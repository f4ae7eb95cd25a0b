#include "results/stats/curve.h"

#include <algorithm>
#include <cmath>

namespace normlab::stats {

std::vector<MeanPoint> MeanCurve(std::span<const Curve* const> curves, bool log, double confidence) {
  std::vector<MeanPoint> means;
  if (curves.empty()) {
    return means;
  }
  std::vector<std::size_t> at(curves.size(), 0);
  std::vector<double> values;
  for (const double x : curves.front()->x) {
    values.clear();
    for (std::size_t c = 0; c < curves.size(); ++c) {
      const Curve& curve = *curves[c];
      while (at[c] < curve.x.size() && curve.x[at[c]] < x) {
        ++at[c];
      }
      if (at[c] < curve.x.size() && curve.x[at[c]] == x) {
        values.push_back(log ? std::log(curve.y[at[c]]) : curve.y[at[c]]);
      }
    }
    if (values.size() < curves.size()) {
      continue;
    }
    const double mean = Mean(values);
    MeanPoint& point = means.emplace_back(MeanPoint{x, log ? std::exp(mean) : mean, std::nullopt});
    if (const auto interval = StudentInterval(values, confidence)) {
      point.interval = log ? Interval{std::exp(interval->lo), std::exp(interval->hi)} : *interval;
    }
  }
  return means;
}

}  // namespace normlab::stats
