// lstm_reference.h - the LSTM of [LN eq 20-22] and [LN eq 29-31] in plain double loops, straight from the equations,
// and the mistakes one makes in it. Shares no code with nn/.
#pragma once

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace normlab::nn::reference {

using Vector = std::vector<double>;

// Wrong versions, each met in the wild or nearly.
enum class Mistake {
  kNone,
  kUnbiasedVariance,  // divided by n - 1
  kOnePassVariance,   // E[x^2] - E[x]^2 in float
  kEpsOutsideRoot,
  kCarriesNormalizedCell,  // N(c) goes on to the next step
  kNormOverTheSum,         // N(W_h h + W_x x) instead of a norm of each term
  kNormOfEachGate,         // four norms over H instead of one over 4H
  kCellNotNormalized,
  kBiasTwice,               // as the released code has it
  kGatesInOtherOrder,       // i, f, o, g
  kGainOfTheFirstStepOnly,  // gain 1 after the first step: not shared over time
  kPaddingCounts,           // padded steps change the state
};

struct Parameters {
  Vector w_h, w_x, b;  // 4H x H and 4H x in, row-major; 4H
  Vector gain_h, bias_h, gain_x, bias_x, gain_c, bias_c;
};

inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

inline Vector times(const Vector& w, const Vector& x) {
  Vector y(w.size() / x.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) {
      y[i] += w[i * x.size() + j] * x[j];
    }
  }
  return y;
}

inline double variance(const Vector& x, double mean, Mistake mistake) {
  const double n = static_cast<double>(x.size());
  if (mistake == Mistake::kOnePassVariance) {
    float squares = 0.0f, sum = 0.0f;
    for (const double v : x) {
      squares += static_cast<float>(v) * static_cast<float>(v);
      sum += static_cast<float>(v);
    }
    const float m = sum / static_cast<float>(n);
    return std::max(0.0f, squares / static_cast<float>(n) - m * m);
  }
  double squares = 0.0;
  for (const double v : x) {
    squares += (v - mean) * (v - mean);
  }
  return squares / (mistake == Mistake::kUnbiasedVariance ? n - 1.0 : n);
}

// LN(x) of one example [LN eq 15].
inline Vector layer_norm(const Vector& x, const Vector& gain, const Vector& bias, Mistake mistake) {
  double mean = 0.0;
  for (const double v : x) {
    mean += v / static_cast<double>(x.size());
  }
  const double var = variance(x, mean, mistake), eps = 1e-5;
  const double s = mistake == Mistake::kEpsOutsideRoot ? std::sqrt(var) + eps : std::sqrt(var + eps);
  Vector y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = gain[i] * (x[i] - mean) / s + bias[i];
  }
  return y;
}

inline Vector part(const Vector& v, std::size_t gate, std::size_t units) {
  const auto begin = v.begin() + static_cast<std::ptrdiff_t>(gate * units);
  return {begin, begin + static_cast<std::ptrdiff_t>(units)};
}

inline Vector add(Vector x, const Vector& y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] += y[i];
  }
  return x;
}

class Lstm {
 public:
  // `terms`: eq 20-22, else eq 29-31.
  Lstm(const Parameters& p, bool terms, Mistake mistake) : p_(p), terms_(terms), mistake_(mistake) {
    units_ = p.gain_c.size();
    h_.assign(units_, 0.0);
    c_.assign(units_, 0.0);
  }

  // One step of one example; `counts` false for padding.
  void step(const Vector& x, bool counts) {
    if (!counts && mistake_ != Mistake::kPaddingCounts) {
      return;
    }
    const Vector z = sums(x);
    const bool swapped = mistake_ == Mistake::kGatesInOtherOrder;
    const Vector f = part(z, swapped ? 1 : 0, units_), i = part(z, swapped ? 0 : 1, units_);
    const Vector o = part(z, 2, units_), g = part(z, 3, units_);
    for (std::size_t u = 0; u < units_; ++u) {
      c_[u] = sigmoid(f[u]) * c_[u] + sigmoid(i[u]) * std::tanh(g[u]);
    }
    const Vector n = mistake_ == Mistake::kCellNotNormalized ? c_ : norm(c_, p_.gain_c, p_.bias_c);
    for (std::size_t u = 0; u < units_; ++u) {
      h_[u] = sigmoid(o[u]) * std::tanh(n[u]);
    }
    if (mistake_ == Mistake::kCarriesNormalizedCell) {
      c_ = n;
    }
    ++time_;
  }

  const Vector& h() const { return h_; }
  const Vector& c() const { return c_; }

 private:
  Vector norm(const Vector& x, const Vector& gain, const Vector& bias) const {
    const bool without_gain = mistake_ == Mistake::kGainOfTheFirstStepOnly && time_ > 0;
    return layer_norm(x, without_gain ? Vector(x.size(), 1.0) : gain, bias, mistake_);
  }

  Vector norm_of_gates(const Vector& x, const Vector& gain, const Vector& bias) const {
    if (mistake_ != Mistake::kNormOfEachGate) {
      return norm(x, gain, bias);
    }
    Vector y;
    for (std::size_t k = 0; k < 4; ++k) {
      const Vector n = norm(part(x, k, units_), part(gain, k, units_), part(bias, k, units_));
      y.insert(y.end(), n.begin(), n.end());
    }
    return y;
  }

  Vector sums(const Vector& x) const {
    const Vector a_h = times(p_.w_h, h_), a_x = times(p_.w_x, x);
    Vector z = p_.b;
    if (mistake_ == Mistake::kBiasTwice) {
      z = add(z, p_.b);
    }
    if (!terms_) {
      return add(z, add(a_h, a_x));
    }
    if (mistake_ == Mistake::kNormOverTheSum) {
      return add(add(z, p_.bias_h), norm(add(a_h, a_x), p_.gain_x, p_.bias_x));
    }
    return add(z, add(norm_of_gates(a_h, p_.gain_h, p_.bias_h), norm_of_gates(a_x, p_.gain_x, p_.bias_x)));
  }

  const Parameters& p_;
  bool terms_;
  Mistake mistake_;
  std::size_t units_;
  Vector h_, c_;
  int time_ = 0;
};

}  // namespace normlab::nn::reference
