#include "nn/ops/linear_cross_entropy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nn/error.h"
#include "nn/kernels/softmax.h"
#include "nn/ops/check.h"
#include "nn/ops/columns.h"
#include "nn/ops/gemm.h"
#include "nn/ops/packed_weight.h"
#include "nn/ops/pointwise.h"
#include "nn/plain/softmax.h"

namespace normlab::nn {
namespace {

using kernels::LogitChunk;
using kernels::softmax_chunk;
using kernels::softmax_chunk_backward;
using plain::softmax_chunk;
using plain::softmax_chunk_backward;

// Classes of a chunk: about half a second-level cache of logits, in whole row blocks of a product.
Index classes_per_chunk(Index examples) {
  constexpr Index kRowBlock = 96, kLogits = Index{1} << 17;
  return std::max(Index{1}, kLogits / std::max(examples, Index{1}) / kRowBlock) * kRowBlock;
}

// One call of the op: what forward leaves for the way back. All memory is the tape's.
template <typename T>
struct Layer {
  BasicVar<T> w, bias, x;
  Index in = 0, classes = 0, examples = 0;
  Index chunk_classes = 0, chunks = 0;
  const std::int32_t* labels = nullptr;
  const T* weights = nullptr;
  T floor{};
  bool kept = false;                 // whether all logits stay, or those of a chunk for each thread
  T* logits = nullptr;               // z, then exp(z - max), then dz
  T *max = nullptr, *sum = nullptr;  // chunks x examples; max becomes what an exponential is multiplied with
  T *label_logit = nullptr, *label_gradient = nullptr;  // of each example

  LogitChunk<T> chunk(Index k, int thread) const {
    const Index first = k * chunk_classes;
    return {.first = first,
            .classes = std::min(chunk_classes, classes - first),
            .examples = examples,
            .labels = labels,
            .z = logits + (kept ? first : thread * chunk_classes) * examples};
  }
};

template <typename T>
void require_labels(BasicVar<T> w, BasicVar<T> x, std::span<const std::int32_t> labels, BasicVar<T> weights) {
  if (static_cast<Index>(labels.size()) != x.cols()) {
    throw Error(
        fmt::format("linear_cross_entropy: '{}' is {} x {} and there are {} labels; expected one label a column",
                    x.label(), x.rows(), x.cols(), labels.size()));
  }
  bool any = false;
  for (Index b = 0; b < x.cols(); ++b) {
    const std::int32_t label = labels[static_cast<std::size_t>(b)];
    const bool counts = !weights || weights.data()[b] != T{0};
    if (counts && (label < 0 || label >= w.cols())) {
      throw Error(
          fmt::format("linear_cross_entropy: label {} of column {}; expected 0 to {}, a column of '{}' ({} x {})",
                      label, b, w.cols() - 1, w.label(), w.rows(), w.cols()));
    }
    any = any || counts;
  }
  if (!any) {
    throw Error(fmt::format(
        "linear_cross_entropy: '{}' has no column with a weight other than 0; expected one at least", x.label()));
  }
}

// The labels and weights of the columns that count, and only those columns of x.
template <typename T>
void choose_columns(Layer<T>& layer, std::span<const std::int32_t> labels, BasicVar<T> weights) {
  BasicTape<T>& tape = layer.x.tape();
  const Index all = layer.x.cols();
  const auto counts = [&](Index b) { return !weights || weights.data()[b] != T{0}; };
  std::int32_t* kept_labels = tape.template scratch<std::int32_t>(all);
  T* kept_weights = tape.scratch(all);
  layer.examples = 0;
  for (Index b = 0; b < all; ++b) {
    if (counts(b)) {
      kept_labels[layer.examples] = labels[static_cast<std::size_t>(b)];
      kept_weights[layer.examples++] = weights ? weights.data()[b] : T{1} / static_cast<T>(all);
    }
  }
  layer.labels = kept_labels;
  layer.weights = kept_weights;
  if (layer.examples < all) {
    layer.x = pack_columns(weights, layer.x);
  }
}

template <typename T>
void take_memory(Layer<T>& layer, bool kept) {
  BasicTape<T>& tape = layer.x.tape();
  layer.chunk_classes = classes_per_chunk(layer.examples);
  layer.chunks = (layer.classes + layer.chunk_classes - 1) / layer.chunk_classes;
  layer.kept = kept;
  layer.logits = tape.scratch((kept ? layer.classes : Threads() * layer.chunk_classes) * layer.examples);
  layer.max = tape.scratch(layer.chunks * layer.examples);
  layer.sum = tape.scratch(layer.chunks * layer.examples);
  layer.label_logit = tape.scratch(layer.examples);
  layer.label_gradient = tape.scratch(layer.examples);
}

// The weighted NLL of example r from what its chunks know, and what its gradient needs: with M the highest logit but
// the label's, zl, and S the sum of exp(z - M) without it,
//   nll = log(exp(zl) + exp(M) S) - zl     p_c = exp(z_c) / (exp(zl) + exp(M) S)     1 - p_label = exp(M) S / (...)
// everything relative to the larger of M and zl. With a floor
//   -log(p + floor) = nll - log(1 + floor / p), and gradients are p / (p + floor) times those without.
template <typename T>
T combine(const Layer<T>& layer, Index r) {
  T* const max = layer.max + r;
  const T label = layer.label_logit[r];
  T highest = max[0];
  for (Index k = 1; k < layer.chunks; ++k) {
    highest = std::max(highest, max[k * layer.examples]);
  }
  const T top = std::max(highest, label);
  T others{0};
  for (Index k = 0; k < layer.chunks; ++k) {
    T& factor = max[k * layer.examples];
    factor = std::exp(factor - top);
    others += factor * layer.sum[k * layer.examples + r];
  }
  const T own = std::exp(label - top), weight = layer.weights[r], p = own / (own + others);
  const T damping = layer.floor > T{0} ? p / (p + layer.floor) : T{1}, scale = weight * damping / (own + others);
  for (Index k = 0; k < layer.chunks; ++k) {
    max[k * layer.examples] *= scale;
  }
  layer.label_gradient[r] = -others * scale;
  if (layer.floor > T{0} && p < T{0.5}) {
    return weight * -std::log(p + layer.floor);
  }
  const T nll = top == label ? std::log1p(others) : (top - label) + std::log(own + others);
  return weight * (layer.floor > T{0} ? nll - std::log1p(layer.floor / p) : nll);
}

// x as the right operand of the chunks' products: of the thread that drives the tape, kept from step to step.
template <typename T>
PackedWeight<T>& packed_inputs() {
  thread_local PackedWeight<T> packed;
  return packed;
}

template <typename T>
T forward(const Layer<T>& layer) {
  PackedWeight<T>& inputs = packed_inputs<T>();
  inputs.pack(Trans::kYes, layer.in, layer.examples, layer.x.data(), layer.in);
  const T *w = layer.w.data(), *bias = layer.bias ? layer.bias.data() : nullptr;
  parallel_for(layer.chunks, [&](Index k, int thread) {
    const LogitChunk<T> chunk = layer.chunk(k, thread);
    inputs.multiply_part(chunk.classes, w + chunk.first * layer.in, chunk.z, false);
    softmax_chunk(chunk, bias, layer.max + k * layer.examples, layer.sum + k * layer.examples, layer.label_logit);
  });
  T* const nll = layer.label_logit;  // each example's is read, then written
  parallel_ranges(layer.examples, columns_per_piece(64 * layer.chunks), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      nll[r] = combine(layer, r);
    }
  });
  double total = 0.0;
  for (Index r = 0; r < layer.examples; ++r) {
    total += static_cast<double>(nll[r]);
  }
  return static_cast<T>(total);
}

// With dz in the place of the logits: dW = dz x^T chunk by chunk, dbias = sums of dz, dx = W^T dz.
template <typename T>
void backward(const Layer<T>& layer, T dloss) {
  fill_pointwise(layer.max, layer.chunks * layer.examples, [&](Index i) { return dloss * layer.max[i]; });
  fill_pointwise(layer.label_gradient, layer.examples, [&](Index r) { return dloss * layer.label_gradient[r]; });
  const GradSink<T> dw = layer.w.grad_sink(), dbias = layer.bias ? layer.bias.grad_sink() : GradSink<T>{};
  PackedWeight<T>& inputs = packed_inputs<T>();
  if (dw) {
    inputs.pack(Trans::kNo, layer.examples, layer.in, layer.x.data(), layer.in);
  }
  parallel_for(layer.chunks, [&](Index k, int thread) {
    const LogitChunk<T> chunk = layer.chunk(k, thread);
    softmax_chunk_backward(chunk, layer.max + k * layer.examples, layer.label_gradient, dbias.data, dbias.accumulate);
    if (dw) {
      inputs.multiply_part(chunk.classes, chunk.z, dw.data + chunk.first * layer.in, dw.accumulate);
    }
  });
  if (const GradSink<T> dx = layer.x.grad_sink()) {
    gemm(Trans::kYes, Trans::kNo, layer.examples, layer.in, layer.classes, layer.logits, layer.examples, layer.w.data(),
         layer.in, dx.data, layer.in, dx.accumulate);
  }
}

}  // namespace

template <typename T>
BasicVar<T> linear_cross_entropy(BasicVar<T> w, BasicVar<T> bias, BasicVar<T> x, std::span<const std::int32_t> labels,
                                 BasicVar<T> weights, double floor) {
  constexpr const char* kOp = "linear_cross_entropy";
  require_shapes(w.rows() == x.rows(), kOp, w, x, "as many rows in the weight (in x classes) as in the input (in x B)");
  if (bias) {
    require_shapes(bias.cols() == 1 && bias.rows() == w.cols(), kOp, w, bias, "a bias for each column of the weight");
  }
  if (weights) {
    require_row(kOp, weights, x);
  }
  require_labels(w, x, labels, weights);
  BasicTape<T>& tape = x.tape();
  if (!(floor >= 0.0)) {
    throw Error(fmt::format("{}: the floor is {}; expected 0 or above", kOp, floor));
  }
  Layer<T> layer{.w = w, .bias = bias, .x = x, .in = w.rows(), .classes = w.cols(), .floor = static_cast<T>(floor)};
  choose_columns(layer, labels, weights);
  const BasicVar<T> loss = bias ? tape.result(kOp, 1, 1, {w, bias, layer.x}) : tape.result(kOp, 1, 1, {w, layer.x});
  take_memory(layer, loss.needs_grad());
  *loss.mutable_data() = forward(layer);
  tape.on_backward({loss}, [layer, loss] { backward(layer, *loss.grad()); });
  return loss;
}

template BasicVar<float> linear_cross_entropy(BasicVar<float>, BasicVar<float>, BasicVar<float>,
                                              std::span<const std::int32_t>, BasicVar<float>, double);
template BasicVar<double> linear_cross_entropy(BasicVar<double>, BasicVar<double>, BasicVar<double>,
                                               std::span<const std::int32_t>, BasicVar<double>, double);

}  // namespace normlab::nn
