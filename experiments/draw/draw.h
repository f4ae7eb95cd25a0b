// draw.h - DRAW (Gregor et al. 2015), a variational autoencoder that reads and writes an image in glimpses, with the
// paper's normalisation of its LSTM cells [LN eq 29-31]. This is the model alone: no data, no optimizer.
//
// Parameters: "encoder" and "decoder" (LSTMs), "mu" and "log_sigma", and with attention "read", "write" (5 numbers a
// window) and "patch"; without attention "write" alone, from the decoder to all pixels; of a learned start
// "start.encoder.h|c", "start.decoder.h|c" and "start.canvas".
//
// Images are columns of height * width values, row by row.
// Threads: one. Borrows the scope's store, which outlives it.
#pragma once

#include <memory>
#include <vector>

#include "experiments/draw/noise.h"
#include "nn/cells/lstm.h"
#include "nn/layers/shared_linear.h"
#include "nn/ops/domain/image_attention.h"
#include "nn/ops/elementwise.h"

namespace normlab {

// What every image starts from: zeros, or learned columns that are zero at first.
enum class DrawStart { kZeros, kLearnedStates, kLearnedStatesAndCanvas };

struct DrawSpec {
  nn::Index height = 28, width = 28;
  nn::Index glimpses = 64;        // T
  nn::Index units = 256;          // H
  nn::Index latent = 100;         // Z, a glimpse
  nn::Index read = 2, write = 5;  // filters a direction
  bool attention = true;
  nn::NormSpec norm = {};  // layer and rms: on the cells; weight: on every weight vector
  nn::Initializer init = nn::init::torch_uniform();
  nn::Initializer bias_init = nn::init::zeros();  // of the cells' gates
  double forget_bias = 0.0;
  DrawStart start = DrawStart::kZeros;
};

// The negative variational bound, nats per image, mean over the batch: 1 x 1 each [DRAW eq 9-12].
template <typename T>
struct DrawBound {
  nn::BasicVar<T> nll;  // of the image given the last canvas
  nn::BasicVar<T> kl;   // of the latent values of all glimpses

  nn::BasicVar<T> Total() const { return nll + kl; }
};

// What a pass left on its way, for pictures: glimpse by glimpse.
template <typename T>
struct DrawTrace {
  std::vector<nn::BasicVar<T>> canvas;   // P x B logits after the glimpse
  std::vector<nn::BasicVar<T>> writing;  // 5 x B, see nn::image_window; empty without attention
};

template <typename T>
class BasicDraw {
 public:
  using Var = nn::BasicVar<T>;

  BasicDraw(const nn::BasicScope<T>& scope, const DrawSpec& spec);

  // x: P x B, values in [0, 1]. One sample of the latent values an image.
  DrawBound<T> Bound(Var x, const GlimpseNoise& noise, nn::Mode mode, DrawTrace<T>* trace = nullptr);

  // `batch` images from the prior, where the noise is the latent values: P x B logits.
  Var Generate(nn::BasicTape<T>& tape, nn::Index batch, const GlimpseNoise& noise, DrawTrace<T>* trace = nullptr);

  const DrawSpec& spec() const { return spec_; }

 private:
  using State = nn::BasicLstmState<T>;

  // `batch` columns of `learned`, or of zeros without.
  static Var Columns(nn::BasicTape<T>& tape, nn::BasicParameter<T>* learned, nn::Index rows, nn::Index batch);
  Var FirstCanvas(nn::BasicTape<T>& tape, nn::Index batch) const;

  // The first h and c of one cell.
  struct FirstState {
    nn::BasicParameter<T>*h = nullptr, *c = nullptr;  // learned, or zeros
  };
  State Begin(nn::BasicTape<T>& tape, const FirstState& first, nn::Index batch) const;

  nn::WindowGrid Grid(nn::Index n) const { return {.height = spec_.height, .width = spec_.width, .n = n}; }
  Var Read(Var x, Var error, Var h, const nn::Step& step);
  Var Write(Var canvas, Var h, const nn::Step& step, DrawTrace<T>* trace);

  DrawSpec spec_;
  nn::BasicLstm<T> encoder_, decoder_;
  nn::BasicSharedLinear<T> mu_, log_sigma_;
  nn::BasicSharedLinear<T> write_;
  std::unique_ptr<nn::BasicSharedLinear<T>> read_, patch_;  // with attention
  FirstState first_encoder_, first_decoder_;
  nn::BasicParameter<T>* first_canvas_ = nullptr;  // learned, or zeros
};

using Draw = BasicDraw<float>;

extern template class BasicDraw<float>;
extern template class BasicDraw<double>;

}  // namespace normlab
