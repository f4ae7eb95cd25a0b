// softmax.h - the softmax of many classes, a chunk of them at a time while its logits are in the cache.
//
// Logits of a chunk are classes x examples, the examples of a class side by side: sums over the classes are then sums of
// whole vectors. What chunks know of an example is combined by the caller, in the order of the chunks. On the calling
// thread; chunks are what threads share.
#pragma once

#include <cstdint>

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

template <typename T>
struct LogitChunk {
  Index first, classes;  // classes [first, first + classes) of all
  Index examples;
  const std::int32_t* labels;  // of the examples
  T* z;                        // classes x examples
};

// Adds bias[first + c], unless it is null, to the logits; then z = exp(z - max) with the highest logit of each example
// in this chunk, and the sum of that, both without the example's label: its z becomes 0 and its logit label_logit. NaN
// and infinite logits show in `sum` or `label_logit`.
void softmax_chunk(const LogitChunk<float>& chunk, const float* bias, float* max, float* sum, float* label_logit);

// The gradient: z = factor z for each example, and label_gradient at its label. Writes its sums over the examples to
// dbias[first + c] or adds them there, unless dbias is null.
void softmax_chunk_backward(const LogitChunk<float>& chunk, const float* factor, const float* label_gradient,
                            float* dbias, bool accumulate);

}  // namespace normlab::nn::kernels
