#include "experiments/invariance/identities.h"

#include <numeric>

#include "experiments/invariance/random_layer.h"

namespace normlab {

const std::array<const char*, kIdentities> kIdentityNames = {"orthogonality",  "gradient_scale", "norm_growth",
                                                             "effective_rate", "curvature",      "own_curvature"};

namespace {

template <typename T>
double Dot(const std::vector<T>& a, const std::vector<T>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                            [](T x, T y) { return static_cast<double>(x) * static_cast<double>(y); });
}

// a + factor b
template <typename T>
std::vector<T> Plus(const std::vector<T>& a, double factor, const std::vector<T>& b) {
  std::vector<T> sum(a.size());
  std::transform(a.begin(), a.end(), b.begin(), sum.begin(),
                 [factor](T x, T y) { return static_cast<T>(x + static_cast<T>(factor) * y); });
  return sum;
}

template <typename T>
std::vector<T> Times(std::vector<T> a, double factor) {
  Scale(a.data(), static_cast<nn::Index>(a.size()), factor);
  return a;
}

// |a - b| / |b|
template <typename T>
double Apart(const std::vector<T>& a, const std::vector<T>& b) {
  const std::vector<T> difference = Plus(a, -1.0, b);
  return std::sqrt(Dot(difference, difference) / Dot(b, b));
}

// The weights of one unit.
template <typename T>
std::vector<T> RowOf(const std::vector<T>& weight, nn::Index unit, nn::Index inputs) {
  return {weight.begin() + unit * inputs, weight.begin() + (unit + 1) * inputs};
}

}  // namespace

template <typename T>
std::array<double, kIdentities> IdentityResiduals(const InvarianceSetting& setting, std::uint64_t seed,
                                                  std::uint64_t trial) {
  Rng rng(seed, "identities", trial);
  NormalisedLayer<T> layer(setting, seed, rng);
  const nn::Index inputs = setting.inputs, outputs = setting.units * setting.examples;
  const double deviation = setting.weight_scale / std::sqrt(static_cast<double>(inputs));
  const std::vector<T> w = Normals<T>(rng, setting.units * inputs, deviation);
  const std::vector<T> x = Normals<T>(rng, inputs * setting.examples, 1.0);
  const std::vector<T> target = Normals<T>(rng, outputs, 1.0), v = Normals<T>(rng, outputs, 1.0);
  const double c = Factor(rng);
  const auto unit = static_cast<nn::Index>(rng.Below(static_cast<std::uint64_t>(setting.units)));
  const auto gradient = [&](const std::vector<T>& weight) {
    return layer.Gradient(weight, x, Plus(layer(weight, x), -1.0, target));
  };

  const std::vector<T> g = gradient(w), g_scaled = gradient(Times(w, c));
  const double eta = 0.1 * std::sqrt(Dot(w, w) / Dot(g, g));
  const std::vector<T> stepped = Plus(w, -eta, g);
  const double grown = Dot(stepped, stepped) - Dot(w, w), expected = eta * eta * Dot(g, g);
  std::vector<T> one_doubled = w;
  Scale(one_doubled.data() + unit * inputs, inputs, 2.0);
  const std::vector<T> jv = layer.Gradient(w, x, v), jv_doubled = layer.Gradient(Times(w, 2.0), x, v);
  const std::vector<T> own = RowOf(jv, unit, inputs),
                       own_doubled = RowOf(layer.Gradient(one_doubled, x, v), unit, inputs);
  const auto quarter = [](double before, double after) { return std::abs(4 * after / before - 1); };
  return {std::abs(Dot(g, w)) / std::sqrt(Dot(g, g) * Dot(w, w)),
          Apart(Times(g_scaled, c), g),
          std::abs(grown / expected - 1),
          Apart(Plus(Times(w, c), -c * c * eta, g_scaled), Times(stepped, c)),
          quarter(Dot(jv, jv), Dot(jv_doubled, jv_doubled)),
          quarter(Dot(own, own), Dot(own_doubled, own_doubled))};
}

template std::array<double, kIdentities> IdentityResiduals<float>(const InvarianceSetting&, std::uint64_t,
                                                                  std::uint64_t);
template std::array<double, kIdentities> IdentityResiduals<double>(const InvarianceSetting&, std::uint64_t,
                                                                   std::uint64_t);

}  // namespace normlab
