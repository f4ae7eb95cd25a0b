#include "nn/ops/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// Copies rows first .. first + count - 1 of `from` (from_rows x cols) to rows `to_first` .. of `to`, or adds them
// there.
struct RowCopy {
  Index cols, count;
  Index from_rows, from_first;
  Index to_rows, to_first;
};

template <typename T>
void copy_rows(const RowCopy& c, const T* from, T* to, bool accumulate) {
  parallel_ranges(c.cols, columns_per_piece(c.count), [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      const T* source = from + b * c.from_rows + c.from_first;
      T* target = to + b * c.to_rows + c.to_first;
      if (!accumulate) {
        std::copy_n(source, c.count, target);
        continue;
      }
      for (Index i = 0; i < c.count; ++i) {
        target[i] += source[i];
      }
    }
  });
}

}  // namespace

// dpart is the rows of dz that came from it.
template <typename T>
BasicVar<T> concat_rows(std::initializer_list<BasicVar<T>> parts) {
  if (parts.size() == 0) {
    throw Error("concat_rows: no parts; expected at least one");
  }
  const BasicVar<T> front = *parts.begin();
  Index rows = 0;
  for (const BasicVar<T>& part : parts) {
    require_shapes(part.cols() == front.cols(), "concat_rows", front, part, "as many columns");
    rows += part.rows();
  }
  const BasicVar<T> z = front.tape().result("concat_rows", rows, front.cols(), parts);
  Index first = 0;
  for (const BasicVar<T>& part : parts) {
    copy_rows({part.cols(), part.rows(), part.rows(), 0, rows, first}, part.data(), z.mutable_data(), false);
    first += part.rows();
  }
  const auto count = static_cast<Index>(parts.size());
  const BasicVar<T>* kept = front.tape().copy(parts.begin(), count);
  front.tape().on_backward({z}, [kept, count, z] {
    for (Index k = 0, row = 0; k < count; row += kept[k].rows(), ++k) {
      if (const GradSink<T> sink = kept[k].grad_sink()) {
        copy_rows({z.cols(), kept[k].rows(), z.rows(), row, kept[k].rows(), 0}, z.grad(), sink.data, sink.accumulate);
      }
    }
  });
  return z;
}

// dx has dz in the rows that were cut out, and zeros elsewhere.
template <typename T>
BasicVar<T> slice_rows(BasicVar<T> x, Index first, Index count) {
  if (first < 0 || count < 1 || first + count > x.rows()) {
    throw Error(fmt::format("slice_rows: rows {} to {} of '{}', which is {} x {}", first, first + count - 1, x.label(),
                            x.rows(), x.cols()));
  }
  BasicVar<T> y = x.tape().result("slice_rows", count, x.cols(), {x});
  copy_rows({x.cols(), count, x.rows(), first, count, 0}, x.data(), y.mutable_data(), false);
  x.tape().on_backward({y}, [x, y, first, count] {
    if (T* dx = cleared(x.grad_sink(), x.size())) {
      copy_rows({x.cols(), count, count, 0, x.rows(), first}, y.grad(), dx, true);
    }
  });
  return y;
}

template BasicVar<float> concat_rows(std::initializer_list<BasicVar<float>>);
template BasicVar<double> concat_rows(std::initializer_list<BasicVar<double>>);
template BasicVar<float> slice_rows(BasicVar<float>, Index, Index);
template BasicVar<double> slice_rows(BasicVar<double>, Index, Index);

}  // namespace normlab::nn
