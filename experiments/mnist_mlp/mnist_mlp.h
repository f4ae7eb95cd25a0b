// mnist_mlp.h - the network of section 6.6: 784-1000-1000-10, ReLU, with a normaliser at the paper's places.
//
// Layer, weight and RMS normalisation stand on the two hidden layers only, because the scale of the logits carries the
// confidence [LN sec 6.6]. Batch normalisation is "applied to all layers", the logits included, unless the
// configuration leaves them out. This is the model alone: no data, no optimizer.
//
// Parameters: hidden1, hidden2 and output, each with "weight" [out x in] and what its normaliser adds.
// Threads: one. Borrows the scope's store, which outlives it.
#pragma once

#include <array>

#include "nn/layers/linear.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

class MnistMlp {
 public:
  // `config` is resolved; `pixels` is the number of inputs.
  MnistMlp(const nn::Scope& scope, const v1::MnistMlpConfig& config, nn::Index pixels);

  // x: pixels x B, grey levels in [0, 1] -> 10 x B logits.
  nn::Var Logits(nn::Var x, const nn::Step& step);

  // The sites of normalisation from input to output, for statistics over a data set (see nn::recompute_population).
  std::array<nn::Normalizer*, 3> Sites();

 private:
  nn::Linear hidden1_, hidden2_, output_;
};

}  // namespace normlab
