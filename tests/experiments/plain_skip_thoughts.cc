#include "plain_skip_thoughts.h"

#include <cmath>
#include <optional>

namespace normlab {
namespace {

using Vector = PlainSkipThoughts::Vector;
using Mistake = SkipThoughtsMistake;

Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
Dual operator/(Dual a, Dual b) { return {a.v / b.v, (a.d - a.v / b.v * b.d) / b.v}; }
Dual Sqrt(Dual a) { return {std::sqrt(a.v), 0.5 * a.d / std::sqrt(a.v)}; }
Dual Exp(Dual a) { return {std::exp(a.v), std::exp(a.v) * a.d}; }
Dual Log(Dual a) { return {std::log(a.v), a.d / a.v}; }
Dual Tanh(Dual a) { return {std::tanh(a.v), (1.0 - std::tanh(a.v) * std::tanh(a.v)) * a.d}; }
Dual Sigmoid(Dual a) { return Dual{1.0, 0.0} / (Dual{1.0, 0.0} + Exp({-a.v, -a.d})); }

// W x for a weight of rows of as many values as x.
Vector Product(const Vector& w, const Vector& x) {
  Vector y(w.size() / x.size());
  for (std::size_t i = 0; i < w.size(); ++i) {
    y[i / x.size()] = y[i / x.size()] + w[i] * x[i % x.size()];
  }
  return y;
}

Vector Add(Vector x, const Vector& y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = x[i] + y[i];
  }
  return x;
}

Vector Part(const Vector& x, std::size_t first, std::size_t count) {
  return {x.begin() + static_cast<std::ptrdiff_t>(first), x.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

Dual Mean(const Vector& x) {
  Dual sum;
  for (const Dual v : x) {
    sum = sum + v;
  }
  return sum / Dual{static_cast<double>(x.size()), 0.0};
}

// What a site divides by and takes away.
struct Statistics {
  Dual mean, deviation;
};

class Model {
 public:
  Model(const PlainSkipThoughts& plain, const PlainSkipThoughts::Parameters& parameters)
      : plain_(plain), parameters_(parameters) {}

  Dual Loss(const PlainTriplet& triplet) const {
    const Vector thought = Encode(triplet.sentence);
    const bool one = plain_.mistake == Mistake::kOneDecoder;
    return Written("next", thought, triplet.next) + Written(one ? "next" : "previous", thought, triplet.previous);
  }

 private:
  const Vector& At(const std::string& name) const { return parameters_.at(name); }
  std::size_t Units() const { return static_cast<std::size_t>(plain_.shape.units); }
  Vector Word(std::int32_t id) const {
    const auto size = static_cast<std::size_t>(plain_.shape.word_size);
    return Part(At("embedding.weight"), static_cast<std::size_t>(id) * size, size);
  }

  // With weight norm, g v / |v| for each row.
  Vector Weight(const std::string& scope, std::size_t inputs) const {
    Vector w = At(scope + ".weight");
    if (plain_.norm != PlainGruNorm::kWeight) {
      return w;
    }
    const Vector& gain = At(scope + ".norm.gain");
    for (std::size_t row = 0; row < gain.size(); ++row) {
      Dual squares;
      for (std::size_t i = 0; i < inputs; ++i) {
        squares = squares + w[row * inputs + i] * w[row * inputs + i];
      }
      for (std::size_t i = 0; i < inputs; ++i) {
        w[row * inputs + i] = gain[row] * w[row * inputs + i] / Sqrt(squares);
      }
    }
    return w;
  }

  Statistics Measure(const Vector& x) const {
    const Dual mean = plain_.norm == PlainGruNorm::kLayer ? Mean(x) : Dual{};
    Vector squares = x;
    for (Dual& v : squares) {
      v = (v - mean) * (v - mean);
    }
    return {mean, Sqrt(Mean(squares) + Dual{1e-5, 0.0})};
  }

  // gain (x - mean) / deviation + bias of one site; `kept` are the statistics of the first step, for that mistake.
  Vector Normalised(const std::string& site, const Vector& x, std::map<std::string, Statistics>& kept) const {
    if (plain_.norm == PlainGruNorm::kNone || plain_.norm == PlainGruNorm::kWeight) {
      return x;
    }
    if (plain_.mistake == Mistake::kEachGate && x.size() == 2 * Units()) {
      Vector z = Scaled(site, Part(x, 0, Units()), Measure(Part(x, 0, Units())), 0);
      const Vector r = Scaled(site, Part(x, Units(), Units()), Measure(Part(x, Units(), Units())), Units());
      z.insert(z.end(), r.begin(), r.end());
      return z;
    }
    const Statistics first = kept.try_emplace(site, Measure(x)).first->second;
    return Scaled(site, x, plain_.mistake == Mistake::kKeptOverTime ? first : Measure(x), 0);
  }
  Vector Scaled(const std::string& site, Vector x, const Statistics& s, std::size_t first) const {
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = At(site + ".norm.gain")[first + i] * (x[i] - s.mean) / s.deviation + At(site + ".norm.bias")[first + i];
    }
    return x;
  }

  // One step of the GRU `name` from its input sums, W_x x over W x.
  Vector Step(const std::string& name, const Vector& sums, const Vector& h,
              std::map<std::string, Statistics>& kept) const {
    const std::size_t n = Units();
    const Vector u = Weight(name + ".recurrent", n), recurrent = Product(u, h);
    const Vector gates = Add(Add(Normalised(name + ".recurrent.gates", Part(recurrent, 0, 2 * n), kept),
                                 Normalised(name + ".input.gates", Part(sums, 0, 2 * n), kept)),
                             Part(At(name + ".bias"), 0, 2 * n));
    Vector reset(n);
    for (std::size_t i = 0; i < n; ++i) {
      reset[i] = Sigmoid(gates[n + i]);
    }
    Vector inner = Part(recurrent, 2 * n, n);
    if (plain_.mistake == Mistake::kResetBefore) {
      Vector some = h;
      for (std::size_t i = 0; i < n; ++i) {
        some[i] = reset[i] * h[i];
      }
      inner = Product(Part(u, 2 * n * n, n * n), some);
    }
    inner = Normalised(name + ".recurrent.candidate", inner, kept);
    const Vector input = Normalised(name + ".input.candidate", Part(sums, 2 * n, n), kept);
    Vector next(n);
    for (std::size_t i = 0; i < n; ++i) {
      const Dual r = plain_.mistake == Mistake::kResetBefore ? Dual{1.0, 0.0} : reset[i];
      const Dual candidate = Tanh(input[i] + r * inner[i] + At(name + ".bias")[2 * n + i]);
      const Dual z = Sigmoid(gates[i]), rest = Dual{1.0, 0.0} - z;
      next[i] = plain_.mistake == Mistake::kUpdateGate ? z * h[i] + rest * candidate : rest * h[i] + z * candidate;
    }
    return next;
  }

  Vector Encode(const std::vector<std::int32_t>& sentence) const {
    Vector h(Units());
    std::map<std::string, Statistics> kept;
    for (const std::int32_t id : sentence) {
      const Vector word = Word(id);
      h = Step("encoder", Product(Weight("encoder.input", word.size()), word), h, kept);
    }
    return h;
  }

  // -log(p + floor) of each word of a sentence, summed.
  Dual Written(const std::string& name, const Vector& thought, const std::vector<std::int32_t>& sentence) const {
    Vector d = thought;
    std::map<std::string, Statistics> kept;
    Dual loss;
    for (std::size_t t = 0; t < sentence.size(); ++t) {
      Vector word(static_cast<std::size_t>(plain_.shape.word_size));
      if (plain_.mistake == Mistake::kNotShifted || t > 0) {
        word = Word(sentence[plain_.mistake == Mistake::kNotShifted ? t : t - 1]);
      }
      Vector sums = Product(Weight(name + ".input", word.size()), word);
      if (plain_.shape.conditioning == Conditioning::kEveryStep) {
        sums = Add(sums, Product(Weight(name + ".condition", Units()), thought));
      }
      d = Step(name, sums, d, kept);
      loss = loss + LossOfWord(d, static_cast<std::size_t>(sentence[t]));
    }
    return loss;
  }

  Dual LossOfWord(const Vector& d, std::size_t word) const {
    const Vector logits =
        Add(plain_.shape.tied ? Product(At("embedding.weight"), Product(Weight("output.projection", Units()), d))
                              : Product(At("output.weight"), d),
            At("output.bias"));
    Dual sum;
    for (const Dual z : logits) {
      sum = sum + Exp(z);
    }
    const double floor = plain_.mistake == Mistake::kNoFloor ? 0.0 : plain_.floor;
    return Dual{} - Log(Exp(logits[word]) / sum + Dual{floor, 0.0});
  }

  const PlainSkipThoughts& plain_;
  const PlainSkipThoughts::Parameters& parameters_;
};

}  // namespace

Dual PlainSkipThoughts::Loss(const Parameters& parameters, const std::vector<PlainTriplet>& triplets) const {
  const Model model(*this, parameters);
  Dual loss;
  double words = 0.0;
  for (const PlainTriplet& triplet : triplets) {
    loss = loss + model.Loss(triplet);
    words += static_cast<double>(triplet.next.size() + triplet.previous.size());
  }
  return mistake == SkipThoughtsMistake::kMean ? loss / Dual{words, 0.0} : loss;
}

}  // namespace normlab
