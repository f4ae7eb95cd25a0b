#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels/softmax.cc"
#include <hwy/foreach_target.h>
// foreach_target comes first.
#include <algorithm>
#include <limits>

#include "nn/kernels/activation-inl.h"
#include "nn/kernels/simd-inl.h"
#include "nn/kernels/softmax.h"

HWY_BEFORE_NAMESPACE();
namespace normlab::nn::kernels {
namespace HWY_NAMESPACE {
namespace {

// Calls body(r, z) with every example whose label is in the chunk, and the place of that logit.
template <typename Body>
void ForLabels(const LogitChunk<float>& chunk, Body&& body) {
  for (Index r = 0; r < chunk.examples; ++r) {
    const Index c = chunk.labels[r] - chunk.first;
    if (c >= 0 && c < chunk.classes) {
      body(r, chunk.z[c * chunk.examples + r]);
    }
  }
}

void AddBiasAndFindMax(const LogitChunk<float>& chunk, const float* bias, float* HWY_RESTRICT max) {
  // Finite, so that a chunk of nothing but the label gives exp(-inf) and not exp(inf - inf).
  std::fill_n(max, chunk.examples, std::numeric_limits<float>::lowest());
  for (Index c = 0; c < chunk.classes; ++c) {
    float* HWY_RESTRICT row = chunk.z + c * chunk.examples;
    const float added = bias == nullptr ? 0.0f : bias[chunk.first + c];
    ForRange(0, chunk.examples, [&](auto d, Index r) HWY_ATTR {
      const auto z = hn::Add(hn::LoadU(d, row + r), hn::Set(d, added));
      hn::StoreU(z, d, row + r);
      hn::StoreU(hn::Max(z, hn::LoadU(d, max + r)), d, max + r);
    });
  }
}

void SoftmaxChunk(const LogitChunk<float>& chunk, const float* bias, float* HWY_RESTRICT max, float* HWY_RESTRICT sum,
                  float* label_logit) {
  ForLabels(chunk, [&](Index r, float& z) {
    label_logit[r] = bias == nullptr ? z : z + bias[chunk.labels[r]];
    z = -std::numeric_limits<float>::infinity();
  });
  AddBiasAndFindMax(chunk, bias, max);
  std::fill_n(sum, chunk.examples, 0.0f);
  for (Index c = 0; c < chunk.classes; ++c) {
    float* HWY_RESTRICT row = chunk.z + c * chunk.examples;
    ForRange(0, chunk.examples, [&](auto d, Index r) HWY_ATTR {
      const auto e = ExpOf(d, hn::Sub(hn::LoadU(d, row + r), hn::LoadU(d, max + r)));
      hn::StoreU(e, d, row + r);
      hn::StoreU(hn::Add(hn::LoadU(d, sum + r), e), d, sum + r);
    });
  }
}

void SoftmaxChunkBackward(const LogitChunk<float>& chunk, const float* factor, const float* label_gradient,
                          float* dbias, bool accumulate) {
  for (Index c = 0; c < chunk.classes; ++c) {
    float* HWY_RESTRICT row = chunk.z + c * chunk.examples;
    ForRange(0, chunk.examples, [&](auto d, Index r) HWY_ATTR {
      hn::StoreU(hn::Mul(hn::LoadU(d, row + r), hn::LoadU(d, factor + r)), d, row + r);
    });
  }
  ForLabels(chunk, [&](Index r, float& z) { z = label_gradient[r]; });
  for (Index c = 0; dbias != nullptr && c < chunk.classes; ++c) {
    const float* row = chunk.z + c * chunk.examples;
    const float total = Sum(chunk.examples, [&](auto d, Index r) HWY_ATTR { return hn::LoadU(d, row + r); });
    float& to = dbias[chunk.first + c];
    to = accumulate ? to + total : total;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace normlab::nn::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace normlab::nn::kernels {

HWY_EXPORT(SoftmaxChunk);
HWY_EXPORT(SoftmaxChunkBackward);

void softmax_chunk(const LogitChunk<float>& chunk, const float* bias, float* max, float* sum, float* label_logit) {
  HWY_DYNAMIC_DISPATCH(SoftmaxChunk)(chunk, bias, max, sum, label_logit);
}

void softmax_chunk_backward(const LogitChunk<float>& chunk, const float* factor, const float* label_gradient,
                            float* dbias, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(SoftmaxChunkBackward)(chunk, factor, label_gradient, dbias, accumulate);
}

}  // namespace normlab::nn::kernels
#endif  // HWY_ONCE
