#include "nn/cpu.h"

#include <fmt/format.h>
#include <hwy/targets.h>

#include <cmath>

#include "base/sha256.h"

namespace normlab::nn {
namespace {

// Eight digits of a hash over what the C library's functions return. Variants of one function differ in one result of a
// thousand or two, so there are many.
std::string library_digits() {
  Sha256 hash;
  const auto add = [&](auto... values) { (hash.Update({reinterpret_cast<const char*>(&values), sizeof values}), ...); };
  for (int i = 1; i <= 16'384; ++i) {
    const double x = i * 0.0011 + 1.0 / i;
    const auto y = static_cast<float>(x);
    add(std::exp(-x), std::log(x), std::sin(x), std::cos(x), std::pow(0.999, x), std::tanh(x / 4), std::log1p(x),
        std::hypot(x, 2.5), std::exp(-y), std::log(y), std::tanh(y / 4), std::log1p(y));
  }
  return hash.Hex().substr(0, 8);
}

}  // namespace

std::string instruction_set() {
  const auto usable = static_cast<std::uint64_t>(hwy::SupportedTargets()) & static_cast<std::uint64_t>(HWY_TARGETS);
  return hwy::TargetName(static_cast<std::int64_t>(usable & -usable));  // the lowest bit is the best set
}

std::string arithmetic() {
  static const std::string library = library_digits();
  return fmt::format("{}/libm.{}", instruction_set(), library);
}

}  // namespace normlab::nn
