#include "results/report/number.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

namespace normlab::report {
namespace {

constexpr std::string_view kMinus = "−";

std::string NotFinite(double value) {
  return std::isnan(value) ? "NaN" : value > 0 ? "inf" : fmt::format("{}inf", kMinus);
}

// Negative numbers that round to zero lose their sign.
std::string Signed(double value, std::string digits) {
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;
  return value < 0 && !zero ? fmt::format("{}{}", kMinus, digits) : digits;
}

std::string Superscript(int n) {
  constexpr std::string_view kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = n < 0 ? "⁻" : "";
  for (char c : fmt::to_string(std::abs(n))) {
    text += kDigits[c - '0'];
  }
  return text;
}

}  // namespace

std::string Fixed(double value, int digits) {
  return std::isfinite(value) ? Signed(value, fmt::format("{:.{}f}", std::fabs(value), digits)) : NotFinite(value);
}

std::string Significant(double value, int digits) {
  if (!std::isfinite(value)) {
    return NotFinite(value);
  }
  // fmt rounds first: 0.0009996 with two digits is 1.0e-03, whose exponent counts.
  const std::string scientific = fmt::format("{:.{}e}", std::fabs(value), digits - 1);
  const auto e = scientific.find('e');
  const int exponent = std::atoi(scientific.c_str() + e + 1);
  if (value == 0) {
    return "0";
  }
  if (exponent >= -3 && exponent < 5) {
    return Fixed(value, std::max(0, digits - 1 - exponent));
  }
  return Signed(value, fmt::format("{}×{}", scientific.substr(0, e), Power(exponent)));
}

std::string Power(int exponent) { return fmt::format("10{}", Superscript(exponent)); }

std::string Exact(double value) {
  return std::isfinite(value) ? fmt::format("{}", value)
         : std::isnan(value)  ? "NaN"
         : value > 0          ? "Infinity"
                              : "-Infinity";
}

}  // namespace normlab::report
