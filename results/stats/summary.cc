#include "results/stats/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/rng.h"

namespace normlab::stats {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kResamples = 10'000;
// The day of the paper's first version. Any constant would do; it must never change.
constexpr std::uint64_t kBootstrapSeed = 20160721;

// A band asks for the same quantile at each of its points, so the last one is kept.
double StudentQuantile(std::size_t n, double confidence) {
  struct Last {
    std::size_t n = 0;
    double confidence = 0, quantile = 0;
  };
  thread_local Last last;
  if (last.n != n || last.confidence != confidence) {
    const boost::math::students_t distribution(static_cast<double>(n - 1));
    last = {n, confidence, boost::math::quantile(distribution, 0.5 + confidence / 2)};
  }
  return last.quantile;
}

// Means of resamples, in no order that matters. Each is drawn from a stream of its own.
std::vector<double> ResampledMeans(std::span<const double> values, std::string_view cell) {
  const Rng first(kBootstrapSeed, fmt::format("bootstrap/{}", cell));
  std::vector<double> means(kResamples);
  std::vector<std::uint64_t> drawn(values.size());
  for (int b = 0; b < kResamples; ++b) {
    Rng rng = first.AtStep(static_cast<std::uint64_t>(b));
    rng.Below(values.size(), drawn);
    double sum = 0;
    for (std::uint64_t i : drawn) {
      sum += values[i];
    }
    means[static_cast<std::size_t>(b)] = sum / static_cast<double>(values.size());
  }
  return means;
}

// Skewness of the leave-one-out means, a sixth of it: Efron's acceleration.
double Acceleration(std::span<const double> values, double mean) {
  double cubes = 0, squares = 0;
  for (double v : values) {
    const double d = v - mean;  // proportional to (mean of jackknife means) - (jackknife mean), sign included
    cubes += d * d * d;
    squares += d * d;
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

// Half of what equals x counts.
double FractionBelow(std::span<const double> values, double x) {
  double below = 0;
  for (double v : values) {
    below += v < x ? 1 : v == x ? 0.5 : 0;
  }
  const double n = static_cast<double>(values.size());
  return std::clamp(below / n, 0.5 / n, 1 - 0.5 / n);
}

}  // namespace

double Mean(std::span<const double> values) {
  double sum = 0;
  for (double v : values) {
    sum += v;
  }
  return values.empty() ? kNaN : sum / static_cast<double>(values.size());
}

double SampleSd(std::span<const double> values) {
  if (values.size() < 2) {
    return kNaN;
  }
  const double mean = Mean(values);
  double squares = 0;
  for (double v : values) {
    squares += (v - mean) * (v - mean);
  }
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double Median(std::span<const double> values) {
  if (values.empty()) {
    return kNaN;
  }
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : std::midpoint(sorted[middle - 1], sorted[middle]);
}

bool HasSpread(std::span<const double> values) {
  if (values.size() < 2 || !std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
    return false;
  }
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return *most - *least > 1e-12 * std::max(std::fabs(*least), std::fabs(*most));
}

std::optional<Interval> StudentInterval(std::span<const double> values, double confidence) {
  if (values.size() < 2) {
    return std::nullopt;
  }
  const double mean = Mean(values);
  const double error = SampleSd(values) / std::sqrt(static_cast<double>(values.size()));
  const double half = StudentQuantile(values.size(), confidence) * error;
  return Interval{mean - half, mean + half};
}

std::optional<Interval> PredictionInterval(std::span<const double> values, double confidence) {
  if (!HasSpread(values)) {
    return std::nullopt;
  }
  const double mean = Mean(values);
  const double error = SampleSd(values) * std::sqrt(1 + 1 / static_cast<double>(values.size()));
  const double half = StudentQuantile(values.size(), confidence) * error;
  return Interval{mean - half, mean + half};
}

std::optional<double> StudentP(std::span<const double> values) {
  if (!HasSpread(values)) {
    return std::nullopt;
  }
  const double error = SampleSd(values) / std::sqrt(static_cast<double>(values.size()));
  const boost::math::students_t distribution(static_cast<double>(values.size() - 1));
  return 2 * boost::math::cdf(boost::math::complement(distribution, std::fabs(Mean(values) / error)));
}

std::optional<Interval> BootstrapInterval(std::span<const double> values, double confidence, std::string_view cell) {
  if (values.size() < 2) {
    return std::nullopt;
  }
  const double mean = Mean(values);
  if (!std::isfinite(mean)) {
    return Interval{kNaN, kNaN};
  }
  std::vector<double> means = ResampledMeans(values, cell);
  const boost::math::normal normal;
  const double bias = boost::math::quantile(normal, FractionBelow(means, mean));
  const double acceleration = Acceleration(values, mean);
  const auto corrected = [&](double p) {
    const double z = bias + boost::math::quantile(normal, p);
    const double level = boost::math::cdf(normal, bias + z / (1 - acceleration * z));
    const double rank = std::floor(level * (kResamples + 1)) - 1;
    const auto at = means.begin() + static_cast<std::ptrdiff_t>(std::clamp(rank, 0.0, kResamples - 1.0));
    std::nth_element(means.begin(), at, means.end());
    return *at;
  };
  return Interval{corrected((1 - confidence) / 2), corrected((1 + confidence) / 2)};
}

std::string_view ToString(IntervalMethod method) {
  return method == IntervalMethod::kStudent ? "Student t" : "BCa bootstrap";
}

std::optional<MeanInterval> IntervalOfMean(std::span<const double> values, double confidence, std::string_view cell) {
  const bool resample = values.size() >= kBootstrapFrom;
  const auto interval = resample ? BootstrapInterval(values, confidence, cell) : StudentInterval(values, confidence);
  if (!interval) {
    return std::nullopt;
  }
  return MeanInterval{*interval, resample ? IntervalMethod::kBootstrap : IntervalMethod::kStudent};
}

}  // namespace normlab::stats
