#include "experiments/invariance/transformations.h"

#include <cmath>

#include "experiments/invariance/random_layer.h"

namespace normlab {

const std::array<const char*, kTransformations> kTransformationNames = {"matrix_rescaling",   "matrix_recentring",
                                                                        "vector_rescaling",   "dataset_rescaling",
                                                                        "dataset_recentring", "case_rescaling"};

namespace {

using nn::Index;

// Adds `row` to each row of its length.
template <typename T>
void Shift(std::vector<T>& rows, const std::vector<T>& row) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] += row[i % row.size()];
  }
}

// |moved - y| / |y| over [first, first + n).
template <typename T>
double Residual(const std::vector<T>& y, const std::vector<T>& moved, Index first, Index n) {
  double difference = 0, size = 0;
  for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(first + n); ++i) {
    const double d = static_cast<double>(moved[i]) - static_cast<double>(y[i]);
    difference += d * d;
    size += static_cast<double>(y[i]) * static_cast<double>(y[i]);
  }
  return std::sqrt(difference / size);
}

}  // namespace

template <typename T>
std::array<double, kTransformations> InvarianceResiduals(const InvarianceSetting& setting, std::uint64_t seed,
                                                         std::uint64_t trial) {
  Rng rng(seed, "invariance", trial);
  NormalisedLayer<T> layer(setting, seed, rng);
  const Index inputs = setting.inputs, outputs = setting.units * setting.examples;
  const double deviation = setting.weight_scale / std::sqrt(static_cast<double>(inputs));
  const std::vector<T> w = Normals<T>(rng, setting.units * inputs, deviation);
  const std::vector<T> x = Normals<T>(rng, inputs * setting.examples, 1.0);
  const std::vector<T> y = layer(w, x);
  const auto all = [&](const std::vector<T>& weight, const std::vector<T>& data) {
    return Residual(y, layer(weight, data), 0, outputs);
  };
  std::vector<T> rescaled = w, recentred = w, one_row = w, larger = x, shifted = x, one_case = x;

  Scale(rescaled.data(), setting.units * inputs, Factor(rng));
  Scale(recentred.data(), setting.units * inputs, Factor(rng));
  Shift(recentred, Normals<T>(rng, inputs, deviation));
  const auto unit = static_cast<Index>(rng.Below(static_cast<std::uint32_t>(setting.units)));
  Scale(one_row.data() + unit * inputs, inputs, Factor(rng));
  Scale(larger.data(), inputs * setting.examples, Factor(rng));
  Shift(shifted, Normals<T>(rng, inputs, 1.0));
  const auto example = static_cast<Index>(rng.Below(static_cast<std::uint32_t>(setting.examples)));
  Scale(one_case.data() + example * inputs, inputs, Factor(rng));
  return {all(rescaled, x), all(recentred, x), all(one_row, x),
          all(w, larger),   all(w, shifted),   Residual(y, layer(w, one_case), example * setting.units, setting.units)};
}

template std::array<double, kTransformations> InvarianceResiduals<float>(const InvarianceSetting&, std::uint64_t,
                                                                         std::uint64_t);
template std::array<double, kTransformations> InvarianceResiduals<double>(const InvarianceSetting&, std::uint64_t,
                                                                          std::uint64_t);

}  // namespace normlab
