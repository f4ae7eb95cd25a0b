#include "results/report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/report/number.h"

namespace normlab::report {
namespace {

// The smallest of 1, 2, 5, 10 times a power of ten that is at least `width`.
double RoundStep(double width) {
  const double power = std::pow(10.0, std::floor(std::log10(width)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= width * (1 - 1e-9)) {
      return factor * power;
    }
  }
  return 10 * power;
}

int DecimalsOf(double step) { return std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9))); }

int ExponentOf(double value) { return static_cast<int>(std::floor(std::log10(value) + 1e-9)); }

// Labels of multiples of `step`: plain where none is long ("0.25"), else all with the power of ten of the largest
// ("2.5×10¹⁵"): no label is longer than its digits need, whatever the range.
std::vector<std::string> LinearLabels(const std::vector<double>& values, double step) {
  constexpr int kLongestPlain = 7;
  double largest = 0;
  for (const double value : values) {
    largest = std::max(largest, std::fabs(value));
  }
  const int decimals = DecimalsOf(step);
  const int exponent = largest > 0 ? ExponentOf(largest) : 0;
  const bool plain = std::max(exponent, 0) + 1 + (decimals > 0 ? decimals + 1 : 0) <= kLongestPlain;
  std::vector<std::string> labels;
  for (const double value : values) {
    if (plain) {
      labels.push_back(Fixed(value, decimals));
    } else if (std::fabs(value) < step / 2) {
      labels.emplace_back("0");
    } else {
      const double unit = std::pow(10.0, exponent);
      labels.push_back(fmt::format("{}×{}", Fixed(value / unit, DecimalsOf(step / unit)), Power(exponent)));
    }
  }
  return labels;
}

// "0.01"; where an axis spans many decades, "10⁻²" for each of them.
std::string LogLabel(int exponent, int multiple, bool powers) {
  const double value = multiple * std::pow(10.0, exponent);
  if (!powers && exponent >= -3 && exponent <= 3) {
    return Significant(value, 1);
  }
  const std::string power = Power(exponent);
  return multiple == 1 ? power : fmt::format("{}×{}", multiple, power);
}

}  // namespace

Scale::Scale(double lo, double hi, bool log, double from, double to)
    : lo_(lo), hi_(hi), from_(from), to_(to), log_(log) {}

double Scale::operator()(double value) const {
  const double share =
      log_ ? (std::log(value) - std::log(lo_)) / (std::log(hi_) - std::log(lo_)) : (value - lo_) / (hi_ - lo_);
  return from_ + share * (to_ - from_);
}

std::vector<Tick> LinearTicks(double lo, double hi, int count) {
  std::vector<double> values;
  const double step = RoundStep((hi - lo) / std::max(1, count));
  const double slack = 1e-9 * (hi - lo);
  for (double k = std::ceil((lo - slack) / step); k * step <= hi + slack; ++k) {
    values.push_back(k * step);
  }
  const std::vector<std::string> labels = LinearLabels(values, step);
  std::vector<Tick> ticks;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ticks.push_back({values[i], labels[i]});
  }
  return ticks;
}

std::vector<Tick> LogTicks(double lo, double hi, int count) {
  std::vector<Tick> ticks;
  const double decades = std::log10(hi / lo);
  const int every = std::max(1, static_cast<int>(std::ceil(decades / std::max(1, count))));
  const int first = static_cast<int>(std::floor(std::log10(lo) + 1e-9)),
            last = static_cast<int>(std::ceil(std::log10(hi)));
  for (int exponent = first; exponent <= last; ++exponent) {
    for (int multiple = 1; multiple <= 9; ++multiple) {
      const double value = multiple * std::pow(10.0, exponent);
      if (value < lo * (1 - 1e-9) || value > hi * (1 + 1e-9) || (every > 1 && multiple > 1)) {
        continue;
      }
      const bool major = multiple == 1 && (exponent % every + every) % every == 0;
      const bool extra = decades < 2 && (multiple == 2 || multiple == 5);
      ticks.push_back({value, major || extra ? LogLabel(exponent, multiple, decades > 4) : ""});
    }
  }
  return ticks;
}

Range RoundOut(Range range, bool log) {
  if (log) {
    const auto decade = [](double v) { return std::pow(10.0, std::floor(std::log10(v) + 1e-9)); };
    const double lo = decade(range.lo), hi = decade(range.hi);
    const double low = range.lo / lo, high = range.hi / hi;
    range = {lo * (low >= 5 ? 5 : low >= 2 ? 2 : 1), hi * (high <= 1 ? 1 : high <= 2 ? 2 : high <= 5 ? 5 : 10)};
    return range.lo < range.hi ? range : Range{range.lo / 2, range.hi * 2};
  }
  if (!(range.lo < range.hi)) {
    const double room = range.lo == 0 ? 1 : 0.1 * std::fabs(range.lo);
    range = {range.lo - room, range.hi + room};
  }
  const double step = RoundStep((range.hi - range.lo) / 10);
  return {std::floor(range.lo / step + 1e-9) * step, std::ceil(range.hi / step - 1e-9) * step};
}

}  // namespace normlab::report
