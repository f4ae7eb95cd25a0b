#include "experiments/draw/draw.h"

#include "nn/ops/domain/bernoulli.h"
#include "nn/ops/domain/gaussian.h"
#include "nn/ops/linear.h"
#include "nn/ops/rows.h"

namespace normlab {
namespace {

// Weight norm is of all weight vectors; the other kinds stand on the cells alone.
nn::NormSpec OutsideTheCells(const nn::NormSpec& norm) { return norm.on_weights() ? norm : nn::NormSpec{}; }

nn::Index Pixels(const DrawSpec& spec) { return spec.height * spec.width; }

nn::LstmSpec CellSpec(const DrawSpec& spec, nn::Index inputs) {
  return {.inputs = inputs,
          .units = spec.units,
          .norm = spec.norm,
          .placement = nn::LstmPlacement::kCell,
          .input_init = spec.init,
          .recurrent_init = spec.init,
          .bias_init = spec.bias_init,
          .forget_bias = spec.forget_bias};
}

nn::Index GlimpseSize(const DrawSpec& spec) { return spec.attention ? 2 * spec.read * spec.read : 2 * Pixels(spec); }

template <typename T>
std::unique_ptr<nn::BasicSharedLinear<T>> WithAttention(const DrawSpec& spec, const nn::BasicScope<T>& scope,
                                                        nn::Index out) {
  return spec.attention
             ? std::make_unique<nn::BasicSharedLinear<T>>(scope, spec.units, out, OutsideTheCells(spec.norm), spec.init)
             : nullptr;
}

}  // namespace

template <typename T>
BasicDraw<T>::BasicDraw(const nn::BasicScope<T>& scope, const DrawSpec& spec)
    : spec_(spec),
      encoder_(scope / "encoder", CellSpec(spec, GlimpseSize(spec) + spec.units)),
      decoder_(scope / "decoder", CellSpec(spec, spec.latent)),
      mu_(scope / "mu", spec.units, spec.latent, OutsideTheCells(spec.norm), spec.init),
      log_sigma_(scope / "log_sigma", spec.units, spec.latent, OutsideTheCells(spec.norm), spec.init),
      write_(scope / "write", spec.units, spec.attention ? nn::kWindowParameters : Pixels(spec),
             OutsideTheCells(spec.norm), spec.init),
      read_(WithAttention(spec, scope / "read", nn::kWindowParameters)),
      patch_(WithAttention(spec, scope / "patch", spec.write * spec.write)) {
  const auto scope_of_start = scope / "start";
  const auto learned = [&](const char* cell) {
    return FirstState{.h = &(scope_of_start / cell).vector("h", spec.units, nn::init::zeros()),
                      .c = &(scope_of_start / cell).vector("c", spec.units, nn::init::zeros())};
  };
  if (spec.start != DrawStart::kZeros) {
    first_encoder_ = learned("encoder");
    first_decoder_ = learned("decoder");
  }
  if (spec.start == DrawStart::kLearnedStatesAndCanvas) {
    first_canvas_ = &scope_of_start.vector("canvas", Pixels(spec), nn::init::zeros());
  }
}

template <typename T>
nn::BasicVar<T> BasicDraw<T>::Columns(nn::BasicTape<T>& tape, nn::BasicParameter<T>* learned, nn::Index rows,
                                      nn::Index batch) {
  const Var zeros = tape.zeros(rows, batch);
  return learned == nullptr ? zeros : nn::add_bias(zeros, tape.parameter(*learned));
}

template <typename T>
nn::BasicVar<T> BasicDraw<T>::FirstCanvas(nn::BasicTape<T>& tape, nn::Index batch) const {
  return Columns(tape, first_canvas_, Pixels(spec_), batch);
}

template <typename T>
nn::BasicLstmState<T> BasicDraw<T>::Begin(nn::BasicTape<T>& tape, const FirstState& first, nn::Index batch) const {
  return {.h = Columns(tape, first.h, spec_.units, batch), .c = Columns(tape, first.c, spec_.units, batch)};
}

template <typename T>
nn::BasicVar<T> BasicDraw<T>::Read(Var x, Var error, Var h, const nn::Step& step) {
  if (!spec_.attention) {
    return nn::concat_rows(x, error);
  }
  const Var window = nn::image_window((*read_)(h, step), Grid(spec_.read));
  return nn::image_read(x, error, window, Grid(spec_.read));
}

template <typename T>
nn::BasicVar<T> BasicDraw<T>::Write(Var canvas, Var h, const nn::Step& step, DrawTrace<T>* trace) {
  Var written;
  if (spec_.attention) {
    const Var parameters = write_(h, step);
    const Var window = nn::image_window(parameters, Grid(spec_.write));
    written = nn::image_write_onto(canvas, (*patch_)(h, step), window, Grid(spec_.write));
    if (trace != nullptr) {
      trace->writing.push_back(parameters);
    }
  } else {
    written = canvas + write_(h, step);
  }
  if (trace != nullptr) {  // a copy: the next glimpse writes onto the canvas
    nn::BasicTape<T>& tape = written.tape();
    trace->canvas.push_back(
        tape.input("canvas", tape.copy(written.data(), written.size()), written.rows(), written.cols()));
  }
  return written;
}

template <typename T>
DrawBound<T> BasicDraw<T>::Bound(Var x, const GlimpseNoise& noise, nn::Mode mode, DrawTrace<T>* trace) {
  nn::BasicTape<T>& tape = x.tape();
  const nn::Index batch = x.cols();
  Var c = FirstCanvas(tape, batch);  // P x B logits
  Var kl;
  State enc = Begin(tape, first_encoder_, batch), dec = Begin(tape, first_decoder_, batch);
  for (nn::Index t = 0; t < spec_.glimpses; ++t) {
    const nn::Step now{.mode = mode, .time = t};
    const Var x_err = nn::bernoulli_residual(c, x);                                 // [DRAW eq 3]
    const Var r = Read(x, x_err, dec.h, now);                                       // [DRAW eq 4]
    enc = encoder_.step(encoder_.input_sums(nn::concat_rows(r, dec.h)), enc, now);  // [DRAW eq 5]
    const Var mu = mu_(enc.h, now), log_sigma = log_sigma_(enc.h, now);             // [DRAW eq 1-2]
    const Var z = nn::gaussian_sample(mu, log_sigma, noise.At(tape, t, spec_.latent, batch));
    const Var kl_t = nn::kl_to_standard_normal(mu, log_sigma);  // [DRAW eq 11]
    kl = t == 0 ? kl_t : kl + kl_t;
    dec = decoder_.step(decoder_.input_sums(z), dec, now);  // [DRAW eq 7]
    c = Write(c, dec.h, now, trace);                        // [DRAW eq 8]
  }
  return {.nll = nn::bernoulli_nll(c, x), .kl = kl};  // [DRAW eq 9]
}

template <typename T>
nn::BasicVar<T> BasicDraw<T>::Generate(nn::BasicTape<T>& tape, nn::Index batch, const GlimpseNoise& noise,
                                       DrawTrace<T>* trace) {
  Var c = FirstCanvas(tape, batch);
  State dec = Begin(tape, first_decoder_, batch);
  for (nn::Index t = 0; t < spec_.glimpses; ++t) {
    const nn::Step now{.mode = nn::Mode::kEvaluate, .time = t};
    const Var z = noise.At(tape, t, spec_.latent, batch);
    dec = decoder_.step(decoder_.input_sums(z), dec, now);
    c = Write(c, dec.h, now, trace);
  }
  return c;
}

template class BasicDraw<float>;
template class BasicDraw<double>;

}  // namespace normlab
