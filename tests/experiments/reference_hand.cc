#include "reference_hand.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace normlab {
namespace {

using Vector = std::vector<double>;
using Mutation = ReferenceHand::Mutation;

Vector Times(const Vector& weight, const Vector& x) {
  Vector y(weight.size() / x.size(), 0.0);
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      y[i] += weight[i * x.size() + k] * x[k];
    }
  }
  return y;
}

Vector Joined(std::initializer_list<Vector> parts) {
  Vector all;
  for (const Vector& part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// One line through the network.
class Reader {
 public:
  Reader(const ReferenceHand& hand, const std::vector<std::uint8_t>& text)
      : hand_(hand),
        text_(text),
        w_(static_cast<std::size_t>(hand.alphabet), 0.0),
        kappa_(static_cast<std::size_t>(hand.gaussians), 0.0) {
    for (int n = 0; n < 3; ++n) {
      h_.emplace_back(static_cast<std::size_t>(hand.units), 0.0);
      c_.emplace_back(static_cast<std::size_t>(hand.units), 0.0);
    }
  }

  Vector Step(const Vector& x) {
    Lstm(0, Joined({x, w_}));
    Window();
    Lstm(1, Joined({x, h_[0], w_}));
    Lstm(2, Joined({x, h_[1], w_}));
    Vector y = Times(At("output.weight"), Joined({h_[0], h_[1], h_[2]}));
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] += At("output.bias")[i];
    }
    return y;
  }

 private:
  const Vector& At(const std::string& name) const { return hand_.parameters.at(name); }

  Vector Normalized(const Vector& a, const std::string& site) const {
    if (std::holds_alternative<nn::NoNorm>(hand_.norm)) {
      return a;
    }
    const auto n = static_cast<double>(a.size());
    double mean = 0.0, variance = 0.0;
    if (hand_.mutation == Mutation::kOnePassVariance) {
      float sum = 0.0f, squares = 0.0f;
      for (const double v : a) {
        sum += static_cast<float>(v);
        squares += static_cast<float>(v) * static_cast<float>(v);
      }
      const float m = sum / static_cast<float>(n);
      mean = static_cast<double>(m);
      variance = static_cast<double>(std::max(squares / static_cast<float>(n) - m * m, 0.0f));
    } else {
      for (const double v : a) {
        mean += std::holds_alternative<nn::LayerNorm>(hand_.norm) ? v / n : 0.0;
      }
      for (const double v : a) {
        variance += (v - mean) * (v - mean) / n;
      }
    }
    Vector y(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      y[i] = At(site + ".norm.gain")[i] * (a[i] - mean) / std::sqrt(variance + 1e-5) + At(site + ".norm.bias")[i];
    }
    return y;
  }

  void Lstm(std::size_t n, const Vector& input) {
    const std::string name = "layer" + std::to_string(n + 1);
    const auto units = static_cast<std::size_t>(hand_.units);
    const Vector from_h = Normalized(Times(At(name + ".recurrent.weight"), h_[n]), name + ".recurrent");
    const Vector from_x = Normalized(Times(At(name + ".input.weight"), input), name + ".input");
    const auto sum = [&](std::size_t gate, std::size_t i) {
      const std::size_t row = gate * units + i;
      return from_h[row] + from_x[row] + At(name + ".bias")[row];
    };
    for (std::size_t i = 0; i < units; ++i) {
      c_[n][i] = Sigmoid(sum(0, i)) * c_[n][i] + Sigmoid(sum(1, i)) * std::tanh(sum(3, i));
    }
    const Vector read = Normalized(c_[n], name + ".cell");
    for (std::size_t i = 0; i < units; ++i) {
      h_[n][i] = Sigmoid(sum(2, i)) * std::tanh(read[i]);
    }
  }

  void Window() {
    const auto gaussians = static_cast<std::size_t>(hand_.gaussians);
    Vector p = Times(At("window.weight"), h_[0]);
    for (std::size_t i = 0; i < p.size(); ++i) {
      p[i] += At("window.bias")[i];
    }
    std::fill(w_.begin(), w_.end(), 0.0);
    for (std::size_t k = 0; k < gaussians; ++k) {
      kappa_[k] += std::exp(p[2 * gaussians + k]);
      for (std::size_t u = 1; u <= text_.size(); ++u) {
        w_[text_[u - 1]] +=
            std::exp(p[k]) * std::exp(-std::exp(p[gaussians + k]) * std::pow(kappa_[k] - static_cast<double>(u), 2));
      }
    }
  }

  const ReferenceHand& hand_;
  const std::vector<std::uint8_t>& text_;
  Vector w_, kappa_;
  std::vector<Vector> h_, c_;
};

double Nll(const Vector& y, const Vector& x, std::size_t components, Mutation mutation) {
  const auto at = [&](std::size_t part, std::size_t j) { return y[1 + part * components + j]; };
  double normalizer = 0.0;
  for (std::size_t j = 0; j < components; ++j) {
    normalizer += std::exp(at(0, j));
  }
  Vector terms;
  for (std::size_t j = 0; j < components; ++j) {
    const double s1 = std::exp(at(3, j)), s2 = std::exp(at(4, j)), rho = std::tanh(at(5, j));
    const double a = (x[0] - at(1, j)) / s1, b = (x[1] - at(2, j)) / s2;
    terms.push_back(at(0, j) - std::log(normalizer) - std::log(2 * std::numbers::pi * s1 * s2) -
                    0.5 * std::log(1 - rho * rho) - (a * a + b * b - 2 * rho * a * b) / (2 * (1 - rho * rho)));
  }
  const double highest = mutation == Mutation::kNoLogSumExp ? 0.0 : *std::max_element(terms.begin(), terms.end());
  double sum = 0.0;
  for (const double term : terms) {
    // In float, as the open implementations that leave log-sum-exp out.
    sum += mutation == Mutation::kNoLogSumExp ? static_cast<double>(std::exp(static_cast<float>(term)))
                                              : std::exp(term - highest);
  }
  const double p = Sigmoid(y[0]);
  return -highest - std::log(sum) - (x[2] * std::log(p) + (1 - x[2]) * std::log(1 - p));
}

}  // namespace

double ReferenceHand::Loss(const std::vector<data::PenSequence>& lines, std::size_t padded) const {
  double total = 0.0;
  for (const data::PenSequence& line : lines) {
    Reader reader(*this, line.text);
    Vector x(3, 0.0);
    const std::size_t counted = mutation == Mutation::kUnmaskedPadding ? padded : line.steps.size();
    for (std::size_t t = 0; t < counted; ++t) {
      const data::PenStep next = t < line.steps.size() ? line.steps[t] : data::PenStep{0.0f, 0.0f, 0.0f};
      const Vector target = {static_cast<double>(next.dx), static_cast<double>(next.dy), static_cast<double>(next.end)};
      total += Nll(reader.Step(x), target, static_cast<std::size_t>(components), mutation);
      x = target;
    }
  }
  return total / static_cast<double>(lines.size());
}

}  // namespace normlab
