// parse_number.h - numbers from text as people type them: decimal digits, nothing before or after, nothing wrapped.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace normlab {

// Absent for anything but a whole number that T holds; a minus only if T is signed.
template <std::integral T>
std::optional<T> ParseWhole(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional<T>(value) : std::nullopt;
}

// Absent for anything but a finite number.
inline std::optional<double> ParseReal(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

// "" if `text` is a number from `low` to `high`, else what is wrong: the form that CLI11's checks have. Its own Range lets NaN
// through.
inline std::string WrongReal(const std::string& text, double low, double high, const std::string& expected) {
  const auto value = ParseReal(text);
  return value && *value >= low && *value <= high ? "" : "is " + text + "; expected " + expected;
}

}  // namespace normlab
