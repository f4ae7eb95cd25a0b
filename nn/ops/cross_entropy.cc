#include "nn/ops/cross_entropy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// A class costs an exponential.
Index examples_per_piece(Index classes) { return columns_per_piece(16 * classes); }

template <typename T>
void require_labels(BasicVar<T> logits, std::span<const std::int32_t> labels) {
  const auto batch = static_cast<Index>(labels.size());
  if (batch != logits.cols()) {
    throw Error(
        fmt::format("softmax_cross_entropy: '{}' is {} x {} and there are {} labels; expected one label a column",
                    logits.label(), logits.rows(), logits.cols(), batch));
  }
  const auto wrong = std::find_if(labels.begin(), labels.end(), [&](auto y) { return y < 0 || y >= logits.rows(); });
  if (wrong != labels.end()) {
    throw Error(fmt::format("softmax_cross_entropy: label {} of example {}; expected 0 to {}, a row of '{}' ({} x {})",
                            *wrong, wrong - labels.begin(), logits.rows() - 1, logits.label(), logits.rows(),
                            logits.cols()));
  }
}

// One example's softmax, relative to its highest logit.
template <typename T>
struct Softmax {
  Index top;  // the highest logit
  T others;   // sum of exp(z - z[top]) over the rest: softmax = exp(z - z[top]) / (1 + others)

  Softmax(const T* z, Index classes) : top(std::max_element(z, z + classes) - z), others(0) {
    for (Index c = 0; c < classes; ++c) {
      others += c == top ? T{0} : std::exp(z[c] - z[top]);
    }
  }
  // -log softmax[label]. For the top label the first term is 0 and log1p keeps what 1 - p would round away.
  T nll(const T* z, Index label) const { return (z[top] - z[label]) + std::log1p(others); }
};

// dz = scale (p - onehot(label)). The label's own entry is minus the sum of the others, not p - 1.
template <typename T>
void softmax_gradient(const T* z, Index classes, Index label, T scale, T* dz, bool accumulate) {
  const Softmax<T> softmax(z, classes);
  T rest{0};
  for (Index c = 0; c < classes; ++c) {
    const T p = c == label ? T{0} : scale * (std::exp(z[c] - z[softmax.top]) / (T{1} + softmax.others));
    rest += p;
    dz[c] = accumulate ? dz[c] + p : p;
  }
  dz[label] -= rest;
}

}  // namespace

// loss = (1/B) sum_b [log sum_c exp(z_cb) - z_yb], so dz_b = (p_b - onehot(y_b)) dloss / B.
template <typename T>
BasicVar<T> softmax_cross_entropy(BasicVar<T> logits, std::span<const std::int32_t> labels) {
  require_labels(logits, labels);
  BasicTape<T>& tape = logits.tape();
  BasicVar<T> loss = tape.result("softmax_cross_entropy", 1, 1, {logits});
  const Index classes = logits.rows(), batch = logits.cols();
  const std::int32_t* y = tape.copy(labels.data(), batch);
  T* nll = tape.scratch(batch);
  parallel_ranges(batch, examples_per_piece(classes), [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      const T* z = logits.data() + b * classes;
      nll[b] = Softmax<T>(z, classes).nll(z, y[b]);
    }
  });
  *loss.mutable_data() = static_cast<T>(std::accumulate(nll, nll + batch, 0.0) / static_cast<double>(batch));
  tape.on_backward({loss}, [=] {
    const GradSink<T> dz = logits.grad_sink();
    const T scale = *loss.grad() / static_cast<T>(batch);
    parallel_ranges(batch, examples_per_piece(classes), [&](Index begin, Index end) {
      for (Index b = begin; b < end; ++b) {
        softmax_gradient(logits.data() + b * classes, classes, y[b], scale, dz.data + b * classes, dz.accumulate);
      }
    });
  });
  return loss;
}

template <typename T>
Classification classify(BasicVar<T> logits, std::span<const std::int32_t> labels) {
  require_labels(logits, labels);
  Classification result;
  const Index classes = logits.rows();
  for (Index b = 0; b < logits.cols(); ++b) {
    const T* z = logits.data() + b * classes;
    const Softmax<T> softmax(z, classes);
    const T nll = softmax.nll(z, labels[static_cast<std::size_t>(b)]);
    result.nll_sum += static_cast<double>(nll);
    result.errors += softmax.top != labels[static_cast<std::size_t>(b)] || std::isnan(nll) ? 1 : 0;
  }
  return result;
}

template BasicVar<float> softmax_cross_entropy(BasicVar<float>, std::span<const std::int32_t>);
template BasicVar<double> softmax_cross_entropy(BasicVar<double>, std::span<const std::int32_t>);
template Classification classify(BasicVar<float>, std::span<const std::int32_t>);
template Classification classify(BasicVar<double>, std::span<const std::int32_t>);

}  // namespace normlab::nn
