// primitive_draw.h - DRAW composed of primitive ops in double, straight from its equations: what the fused model is
// compared with. Takes the parameters of a BasicDraw<double> by name, and can make the mistakes of published
// implementations.
#pragma once

#include <string>

#include "experiments/draw/draw.h"
#include "nn/ops/activation.h"
#include "nn/ops/linear.h"
#include "tests/nn/primitive_image_attention.h"

namespace normlab {

class PrimitiveDraw {
 public:
  using Var = nn::BasicVar<double>;

  PrimitiveDraw(nn::BasicParameterStore<double>& store, const DrawSpec& spec, const nn::primitive::DrawMistake& mistake)
      : store_(store), spec_(spec), mistake_(mistake) {}

  // The bound on x, mean over the batch.
  Var Bound(Var x, const GlimpseNoise& noise) {
    namespace p = nn::primitive;
    const nn::Index batch = x.cols();
    const p::Image image{spec_.height, spec_.width};
    const auto start = [&](const std::string& name, bool learned, nn::Index rows) {
      return learned ? p::repeat_column(Parameter(x, "start." + name), batch)
                     : p::constant(x, rows, batch, [](nn::Index, nn::Index) { return 0.0; });
    };
    const auto state = [&](const std::string& cell) {
      const bool learned = spec_.start != DrawStart::kZeros;
      return State{start(cell + ".h", learned, spec_.units), start(cell + ".c", learned, spec_.units)};
    };
    State enc = state("encoder"), dec = state("decoder");
    Var c = start("canvas", spec_.start == DrawStart::kLearnedStatesAndCanvas, x.rows()), kl;
    for (nn::Index t = 0; t < spec_.glimpses; ++t) {
      const Var error = p::sub(x, p::reciprocal(p::plus(p::exp(p::scale(c, -1.0)), 1.0)));
      const Var r = spec_.attention ? Read(x, error, dec.h) : nn::concat_rows(x, error);
      enc = Cell("encoder", nn::concat_rows(r, dec.h), enc);
      const Var mu = Linear("mu", enc.h), log_sigma = Linear("log_sigma", enc.h);
      const Var e = noise.At(x.tape(), mistake_.shared_noise ? 0 : t, spec_.latent, batch);
      const Var z = mu + p::exp(log_sigma) * e;
      const Var kl_t = p::divergence(mu, log_sigma, mistake_);
      kl = t == 0 ? kl_t : kl + kl_t;
      dec = Cell("decoder", z, dec);
      c = spec_.attention ? p::write(c, Linear("patch", dec.h), Window("write", dec.h, spec_.write), image)
                          : c + Linear("write", dec.h);
    }
    return p::nll(c, x) + kl;
  }

 private:
  struct State {
    Var h, c;
  };

  Var Parameter(Var like, const std::string& name) { return like.tape().parameter(store_.at(name)); }

  // W x, with w = g v / |v| for weight norm.
  Var Product(const std::string& name, Var x) {
    namespace p = nn::primitive;
    const Var v = Parameter(x, name + ".weight");
    if (!spec_.norm.on_weights()) {
      return nn::linear(v, x);
    }
    const Var gain = p::transpose(Parameter(x, name + ".norm.gain"));  // 1 x out
    return nn::linear(v * p::repeat_row(gain * p::inv_sqrt(p::column_sum(v * v), 0.0), v.rows()), x);
  }

  Var Linear(const std::string& name, Var x) {
    return Product(name, x) + nn::primitive::repeat_column(Parameter(x, name + ".bias"), x.cols());
  }

  // The rows of the weights are in the order f, i, o, g.
  State Cell(const std::string& name, Var x, const State& previous) {
    const nn::Index h = spec_.units;
    const Var sums = Product(name + ".recurrent", previous.h) + Product(name + ".input", x) +
                     nn::primitive::repeat_column(Parameter(x, name + ".bias"), x.cols());
    const auto gate = [&](nn::Index i) { return nn::slice_rows(sums, i * h, h); };
    const Var c = nn::sigmoid(gate(0)) * previous.c + nn::sigmoid(gate(1)) * nn::tanh(gate(3));
    return {.h = nn::sigmoid(gate(2)) * nn::tanh(Normalised(name, c)), .c = c};
  }

  Var Normalised(const std::string& name, Var c) {
    namespace p = nn::primitive;
    const auto* norm = std::get_if<nn::LayerNorm>(&spec_.norm.kind);
    if (norm == nullptr) {
      return c;
    }
    const double mean = 1.0 / static_cast<double>(c.rows());
    const Var centred = p::sub(c, p::repeat_row(p::scale(p::column_sum(c), mean), c.rows()));
    const Var variance = p::scale(p::column_sum(centred * centred), mean);
    const Var n = centred * p::repeat_row(p::inv_sqrt(variance, norm->eps.value), c.rows());
    return n * p::repeat_column(Parameter(c, name + ".cell.norm.gain"), c.cols()) +
           p::repeat_column(Parameter(c, name + ".cell.norm.bias"), c.cols());
  }

  nn::primitive::Window Window(const std::string& name, Var h, nn::Index n) {
    return nn::primitive::window(Linear(name, h), {spec_.height, spec_.width}, n, mistake_);
  }

  Var Read(Var x, Var error, Var h) {
    const nn::primitive::Image image{spec_.height, spec_.width};
    const nn::primitive::Window window = Window("read", h, spec_.read);
    return nn::concat_rows(nn::primitive::glimpse(x, window, image), nn::primitive::glimpse(error, window, image));
  }

  nn::BasicParameterStore<double>& store_;
  DrawSpec spec_;
  nn::primitive::DrawMistake mistake_;
};

}  // namespace normlab
