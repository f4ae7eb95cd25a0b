#include "nn/ops/reverse.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

template <typename T>
void reverse(const SequenceLayout& layout, const std::int32_t* lengths, Index rows, const T* x, T* y, bool accumulate) {
  parallel_ranges(layout.cols(), columns_per_piece(rows), [&](Index begin, Index end) {
    for (Index c = begin; c < end; ++c) {
      const Index b = layout.example(c), t = layout.step(c);
      const T* from = x + (t < lengths[b] ? layout.column(lengths[b] - 1 - t, b) : c) * rows;
      T* to = y + c * rows;
      for (Index i = 0; i < rows; ++i) {
        to[i] = accumulate ? to[i] + from[i] : from[i];
      }
    }
  });
}

}  // namespace

template <typename T>
BasicVar<T> reverse_sequences(BasicVar<T> x, std::span<const std::int32_t> lengths, const SequenceLayout& layout) {
  require_sequences("reverse_sequences", x, layout);
  if (static_cast<Index>(lengths.size()) != layout.batch) {
    throw Error(fmt::format("reverse_sequences: {} lengths for '{}' of {} sequences; expected one each", lengths.size(),
                            x.label(), layout.batch));
  }
  const auto wrong = std::find_if(lengths.begin(), lengths.end(), [&](auto n) { return n < 0 || n > layout.steps; });
  if (wrong != lengths.end()) {
    throw Error(fmt::format("reverse_sequences: length {} of example {}; expected 0 to {}, the steps of '{}'", *wrong,
                            wrong - lengths.begin(), layout.steps, x.label()));
  }
  BasicTape<T>& tape = x.tape();
  const BasicVar<T> y = tape.result("reverse_sequences", x.rows(), x.cols(), {x});
  const std::int32_t* kept = tape.copy(lengths.data(), layout.batch);
  reverse(layout, kept, x.rows(), x.data(), y.mutable_data(), false);
  tape.on_backward({y}, [x, y, kept, layout] {
    const GradSink<T> dx = x.grad_sink();
    reverse(layout, kept, x.rows(), y.grad(), dx.data, dx.accumulate);
  });
  return y;
}

template BasicVar<float> reverse_sequences(BasicVar<float>, std::span<const std::int32_t>, const SequenceLayout&);
template BasicVar<double> reverse_sequences(BasicVar<double>, std::span<const std::int32_t>, const SequenceLayout&);

}  // namespace normlab::nn
