// convnet.h - two networks of convolutions, with a normaliser at each [LN sec 6.7]. This is the model alone: no data, no
// optimizer.
//
//   caffe      (conv 5 x 5 -> N -> relu -> pool 3 / 2) three times, C, C and 2 C channels, the first pool of maxima, the others
//              of means; 64 units (2 C), without a non-linearity; 10 classes. Ren et al. 2017, table 1, after Caffe's cifar10_quick.
//   convpool   (conv 3 x 3 -> N -> relu) three times C, pool 2 / 2, three times 2 C, pool 2 / 2, once 2 C without padding, twice
//              1 x 1; mean over the image; 10 classes. ConvPool-CNN-C of Springenberg et al. 2015 as in Salimans and Kingma 2016, who
//              take a leaky relu.
//
// N acts on summed inputs, before the non-linearity. The layers that are no convolutions are not normalised, but for their weights.
// Parameters: "conv1" .. "conv9" (nn/layers/conv.h), "hidden" and "output" (nn/layers/linear.h).
//
// Threads: one. Borrows the scope's store, which outlives it. Errors: nn::Error for sizes that do not fit.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "nn/layers/conv.h"
#include "nn/layers/linear.h"
#include "nn/ops/pool.h"

namespace normlab {

enum class ConvnetKind { kCaffe, kConvPool };

struct ConvnetSpec {
  nn::Image input;
  ConvnetKind kind = ConvnetKind::kCaffe;
  nn::Index channels = 32;  // C
  nn::NormSpec norm = {};
  nn::Padding padding = nn::Padding::kZero;
  double leak = 0.0;     // slope below 0 of the relu after each convolution
  double dropout = 0.0;  // after each pool of convpool, before the output of caffe
  nn::Initializer init = nn::init::glorot_uniform();
};

template <typename T>
class BasicConvnet {
 public:
  using Var = nn::BasicVar<T>;

  BasicConvnet(const nn::BasicScope<T>& scope, const ConvnetSpec& spec);

  // x: (channels positions) x B, the pixels of an image's positions one after the other -> 10 x B logits. `first`
  // gets the first convolution's active units, C x (P B).
  Var Logits(Var x, const nn::Step& step, Var* first = nullptr);

  // Sites of normalisation from input to output, for statistics over a data set (see nn::recompute_population).
  const std::vector<nn::BasicNormalizer<T>*>& Sites() const { return sites_; }
  // Of the first convolution: its kernels, [C, height, width, input channels], and the image that it makes.
  nn::BasicParameter<T>& FirstKernels() const { return stages_.front().layer->weight(); }
  const nn::Image& FirstImage() const { return stages_.front().layer->output(); }

 private:
  enum class Pool { kNone, kMax, kMean };
  // A convolution, and what its output is pooled by.
  struct Stage {
    std::unique_ptr<nn::BasicConv2d<T>> layer;
    Pool pool;
    nn::PoolSpec window;
    nn::Image output;  // after the pool
  };

  // A square kernel of `side`, padded so that the image keeps its size, or not at all.
  void AddStage(const nn::BasicScope<T>& scope, nn::Index channels, nn::Index side, bool padded, Pool pool);
  void AddCaffe(const nn::BasicScope<T>& scope);
  void AddConvPool(const nn::BasicScope<T>& scope);
  Var Pooled(Var x, const Stage& stage, const nn::Step& step, std::string_view purpose) const;

  ConvnetSpec spec_;
  std::vector<Stage> stages_;
  std::unique_ptr<nn::BasicLinear<T>> hidden_, output_;
  std::vector<nn::BasicNormalizer<T>*> sites_;
};

using Convnet = BasicConvnet<float>;

extern template class BasicConvnet<float>;
extern template class BasicConvnet<double>;

}  // namespace normlab
