#include "plain_order_embedding.h"

#include <algorithm>
#include <cmath>

namespace normlab {
namespace {

using Vector = std::vector<Dual>;

constexpr double kEps = 1e-5;

Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
Dual operator*(Dual a, Dual b) { return {a.value * b.value, a.slope * b.value + a.value * b.slope}; }
Dual operator/(Dual a, Dual b) { return {a.value / b.value, (a.slope - a.value / b.value * b.slope) / b.value}; }
Dual Sqrt(Dual a) { return {std::sqrt(a.value), a.slope / (2.0 * std::sqrt(a.value))}; }
Dual Tanh(Dual a) { return {std::tanh(a.value), a.slope * (1.0 - std::tanh(a.value) * std::tanh(a.value))}; }
Dual Sigmoid(Dual a) {
  const double y = 1.0 / (1.0 + std::exp(-a.value));
  return {y, a.slope * y * (1.0 - y)};
}
Dual Positive(Dual a) { return a.value > 0.0 ? a : Dual{}; }
Dual Abs(Dual a) { return a.value < 0.0 ? Dual{-a.value, -a.slope} : a; }

Dual Sum(const Vector& v) {
  Dual sum;
  for (const Dual x : v) {
    sum = sum + x;
  }
  return sum;
}

Dual Dot(const Vector& a, const Vector& b) {
  Dual sum;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum = sum + a[i] * b[i];
  }
  return sum;
}

Vector Slice(const Vector& v, std::size_t begin, std::size_t count) {
  return {v.begin() + static_cast<std::ptrdiff_t>(begin), v.begin() + static_cast<std::ptrdiff_t>(begin + count)};
}

// One pass over one caption.
class Reader {
 public:
  Reader(const PlainOrderEmbedding& model, const PlainParameters& parameters)
      : model_(model), parameters_(parameters) {}

  Vector Point(const std::vector<int>& words, std::size_t steps) {
    const auto units = static_cast<std::size_t>(model_.spec.units),
               size = static_cast<std::size_t>(model_.spec.word_size);
    const std::size_t own = words.size() + (model_.mutation.end_is_not_read ? 0 : 1);
    Vector h(units);
    for (std::size_t t = 0; t < (model_.mutation.padding_is_read ? steps : own); ++t) {
      const auto word = static_cast<std::size_t>(t < words.size() ? words[t] : 0);
      h = Next(Slice(parameters_.at("words"), word * size, size), h);
    }
    return h;
  }

 private:
  // Rows [begin, begin + count) of a weight times x.
  Vector Product(const std::string& layer, std::size_t begin, std::size_t count, const Vector& x) const {
    Vector y;
    for (std::size_t row = begin; row < begin + count; ++row) {
      Vector w = Slice(parameters_.at(layer + ".weight"), row * x.size(), x.size());
      if (model_.norm == PlainGruNorm::kWeight) {
        const Dual scale = parameters_.at(layer + ".norm.gain")[row] / Sqrt(Dot(w, w));
        std::transform(w.begin(), w.end(), w.begin(), [scale](Dual v) { return scale * v; });
      }
      y.push_back(Dot(w, x));
    }
    return y;
  }

  Vector Normalized(const std::string& site, Vector a) const {
    if (model_.norm != PlainGruNorm::kLayer && model_.norm != PlainGruNorm::kRms) {
      return a;
    }
    const Dual n{static_cast<double>(a.size())};
    const Dual mean = model_.norm == PlainGruNorm::kLayer ? Sum(a) / n : Dual{};
    for (Dual& v : a) {
      v = v - mean;
    }
    const Dual deviation = Sqrt(Dot(a, a) / n + Dual{kEps});
    const Vector &gain = parameters_.at(site + ".norm.gain"), &bias = parameters_.at(site + ".norm.bias");
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = gain[i] * (a[i] / deviation) + bias[i];
    }
    return a;
  }

  Vector Next(const Vector& x, const Vector& h) const {
    const std::size_t n = h.size();
    const Vector& bias = parameters_.at("gru.bias");
    const Vector wh = Normalized("gru.recurrent.gates", Product("gru.recurrent", 0, 2 * n, h));
    const Vector wx = Normalized("gru.input.gates", Product("gru.input", 0, 2 * n, x));
    Vector z, r;
    for (std::size_t i = 0; i < n; ++i) {
      z.push_back(Sigmoid(wh[i] + wx[i] + bias[i]));
      r.push_back(Sigmoid(wh[n + i] + wx[n + i] + bias[n + i]));
    }
    Vector reset = h;
    for (std::size_t i = 0; model_.mutation.reset_before_matrix && i < n; ++i) {
      reset[i] = r[i] * h[i];
    }
    const Vector u = Normalized("gru.recurrent.candidate", Product("gru.recurrent", 2 * n, n, reset));
    const Vector w = Normalized("gru.input.candidate", Product("gru.input", 2 * n, n, x));
    Vector next;
    for (std::size_t i = 0; i < n; ++i) {
      const Dual part = model_.mutation.reset_before_matrix ? u[i] : r[i] * u[i];
      const Dual candidate = Tanh(w[i] + part + bias[2 * n + i]);
      const Dual one{1.0};
      next.push_back(model_.mutation.gates_exchanged ? z[i] * h[i] + (one - z[i]) * candidate
                                                     : (one - z[i]) * h[i] + z[i] * candidate);
    }
    return next;
  }

  const PlainOrderEmbedding& model_;
  const PlainParameters& parameters_;
};

Vector Unit(Vector v, bool positive) {
  const Dual length = Sqrt(Dot(v, v));
  for (Dual& x : v) {
    x = positive ? Abs(x / length) : x / length;
  }
  return v;
}

Vector ImagePoint(const PlainParameters& parameters, const std::vector<double>& features, std::size_t units) {
  Vector x;
  for (const double f : features) {
    x.push_back({f});
  }
  Vector y;
  for (std::size_t i = 0; i < units; ++i) {
    y.push_back(Dot(Slice(parameters.at("image.weight"), i * x.size(), x.size()), x) + parameters.at("image.bias")[i]);
  }
  return y;
}

Dual Penalty(PairScore score, const Vector& s, const Vector& x) {
  if (score == PairScore::kCosine) {
    return Dual{} - Dot(s, x);
  }
  Dual sum;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const Dual excess = Positive(s[i] - x[i]);
    sum = sum + excess * excess;
  }
  return sum;
}

}  // namespace

Dual PlainOrderEmbedding::Loss(const PlainParameters& parameters, const std::vector<std::vector<int>>& captions,
                               const std::vector<std::vector<double>>& features) const {
  const bool positive = spec.score == PairScore::kOrder && !mutation.not_positive;
  std::size_t steps = 0;
  for (const std::vector<int>& caption : captions) {
    steps = std::max(steps, caption.size() + 1);
  }
  const std::size_t n = captions.size();
  std::vector<Vector> s, x;
  for (std::size_t b = 0; b < n; ++b) {
    s.push_back(Unit(Reader(*this, parameters).Point(captions[b], steps), positive));
    x.push_back(Unit(ImagePoint(parameters, features[b], static_cast<std::size_t>(spec.units)), positive));
  }
  Dual loss;
  const Dual margin{spec.margin};
  for (std::size_t b = 0; b < n; ++b) {
    const Dual right = Penalty(spec.score, s[b], x[b]);
    for (std::size_t other = 0; other < n; ++other) {
      if (other != b || mutation.diagonal_counts) {
        loss = loss + Positive(margin - Penalty(spec.score, s[b], x[other]) + right);
        loss = mutation.one_direction ? loss : loss + Positive(margin - Penalty(spec.score, s[other], x[b]) + right);
      }
    }
  }
  return mutation.hinge_is_mean ? loss / Dual{static_cast<double>(n * n)} : loss;
}

}  // namespace normlab
