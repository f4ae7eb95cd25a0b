#include "nn/ops/attention.h"

#include <algorithm>
#include <numeric>

#include "nn/kernels/attention.h"
#include "nn/ops/check.h"
#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"
#include "nn/plain/attention.h"

namespace normlab::nn {
namespace {

using kernels::sequence_dots;
using kernels::sequence_outer;
using kernels::sequence_softmax;
using kernels::sequence_softmax_backward;
using kernels::sequence_sums;
using plain::sequence_dots;
using plain::sequence_outer;
using plain::sequence_softmax;
using plain::sequence_softmax_backward;
using plain::sequence_sums;

// y = k_tb + q_b + s_tb.
template <typename T>
void add_to_steps(BasicVar<T> k, BasicVar<T> q, BasicVar<T> s, const SequenceLayout& layout, T* y) {
  const Index rows = k.rows();
  const T *keys = k.data(), *queries = q.data(), *every_row = data_or_null(s);
  parallel_ranges(k.cols(), columns_per_piece(rows), [&](Index begin, Index end) {
    for (Index c = begin; c < end; ++c) {
      const T* query = queries + layout.example(c) * rows;
      const T added = every_row != nullptr ? every_row[c] : T{0};
      std::transform(keys + c * rows, keys + (c + 1) * rows, query, y + c * rows,
                     [added](T key, T other) { return key + other + added; });
    }
  });
}

// The sum of each column.
template <typename T>
void add_rows(Index rows, Index cols, const T* x, GradSink<T> sums) {
  parallel_ranges(cols, columns_per_piece(rows), [&](Index begin, Index end) {
    for (Index c = begin; c < end; ++c) {
      sums.data[c] = std::accumulate(x + c * rows, x + (c + 1) * rows, sums.accumulate ? sums.data[c] : T{0});
    }
  });
}

}  // namespace

// With s = q . k: dq = sum over t of ds k, dk = ds q.
template <typename T>
BasicVar<T> attention_scores(BasicVar<T> q, BasicVar<T> k, const SequenceLayout& layout) {
  require_sequences("attention_scores", k, layout);
  require_shapes(q.rows() == k.rows() && q.cols() == layout.batch, "attention_scores", q, k,
                 "a query of as many rows for each example");
  const BasicVar<T> s = k.tape().result("attention_scores", 1, k.cols(), {q, k});
  sequence_dots(layout, k.rows(), q.data(), k.data(), s.mutable_data(), false);
  k.tape().on_backward({s}, [q, k, s, layout] {
    if (const GradSink<T> dq = q.grad_sink()) {
      sequence_sums(layout, k.rows(), s.grad(), k.data(), dq.data, dq.accumulate);
    }
    if (const GradSink<T> dk = k.grad_sink()) {
      sequence_outer(layout, k.rows(), s.grad(), q.data(), dk.data, dk.accumulate);
    }
  });
  return s;
}

// With d = dm (1 - m^2): dk = d, dq = sum over t of d, ds = sum over the rows of d.
template <typename T>
BasicVar<T> attention_hidden(BasicVar<T> k, BasicVar<T> q, BasicVar<T> s, const SequenceLayout& layout) {
  require_sequences("attention_hidden", k, layout);
  require_shapes(q.rows() == k.rows() && q.cols() == layout.batch, "attention_hidden", q, k,
                 "a query of as many rows for each example");
  if (s) {
    require_row("attention_hidden", s, k);
  }
  const BasicVar<T> m = k.tape().result("attention_hidden", k.rows(), k.cols(), {k, q, s ? s : q});
  add_to_steps(k, q, s, layout, m.mutable_data());
  math::tanh(m.size(), m.data(), m.mutable_data());
  T* const ones = k.tape().scratch(layout.cols());
  std::fill_n(ones, layout.cols(), T{1});
  k.tape().on_backward({m}, [k, q, s, m, ones, layout] {
    T* const d = m.tape().scratch(m.size());
    math::tanh_backward(m.size(), m.grad(), m.data(), d, false);
    if (const GradSink<T> dq = q.grad_sink()) {
      sequence_sums(layout, k.rows(), ones, d, dq.data, dq.accumulate);
    }
    if (const GradSink<T> ds = s ? s.grad_sink() : GradSink<T>()) {
      add_rows(k.rows(), k.cols(), d, ds);
    }
    k.adopt_gradient(d);
  });
  return m;
}

template <typename T>
BasicVar<T> masked_softmax(BasicVar<T> scores, BasicVar<T> mask, const SequenceLayout& layout) {
  require_sequences("masked_softmax", scores, layout);
  require_shape(scores.rows() == 1, "masked_softmax", scores, "one row");
  if (mask) {
    require_row("masked_softmax", mask, scores);
  }
  const BasicVar<T> a = scores.tape().result("masked_softmax", 1, scores.cols(), {scores});
  sequence_softmax(layout, mask ? mask.data() : nullptr, scores.data(), a.mutable_data());
  scores.tape().on_backward({a}, [scores, a, layout] {
    const GradSink<T> ds = scores.grad_sink();
    sequence_softmax_backward(layout, a.data(), a.grad(), ds.data, ds.accumulate);
  });
  return a;
}

// da = v . dy, dv = a dy.
template <typename T>
BasicVar<T> attention_context(BasicVar<T> a, BasicVar<T> v, const SequenceLayout& layout) {
  require_sequences("attention_context", v, layout);
  require_row("attention_context", a, v);
  const BasicVar<T> y = v.tape().result("attention_context", v.rows(), layout.batch, {a, v});
  sequence_sums(layout, v.rows(), a.data(), v.data(), y.mutable_data(), false);
  v.tape().on_backward({y}, [a, v, y, layout] {
    if (const GradSink<T> da = a.grad_sink()) {
      sequence_dots(layout, v.rows(), y.grad(), v.data(), da.data, da.accumulate);
    }
    if (const GradSink<T> dv = v.grad_sink()) {
      sequence_outer(layout, v.rows(), a.data(), y.grad(), dv.data, dv.accumulate);
    }
  });
  return y;
}

// dq = sum over t of dy.
template <typename T>
BasicVar<T> repeat_over_time(BasicVar<T> q, const SequenceLayout& layout) {
  require_shape(layout.steps > 0 && q.cols() == layout.batch, "repeat_over_time", q, "a column for each sequence");
  const BasicVar<T> y = q.tape().result("repeat_over_time", q.rows(), layout.cols(), {q});
  T* const ones = q.tape().scratch(layout.cols());
  std::fill_n(ones, layout.cols(), T{1});
  sequence_outer(layout, q.rows(), ones, q.data(), y.mutable_data(), false);
  q.tape().on_backward({y}, [q, y, ones, layout] {
    const GradSink<T> dq = q.grad_sink();
    sequence_sums(layout, q.rows(), ones, y.grad(), dq.data, dq.accumulate);
  });
  return y;
}

template <typename T>
BasicVar<T> masked_mean(BasicVar<T> v, BasicVar<T> mask, const SequenceLayout& layout) {
  require_sequences("masked_mean", v, layout);
  require_row("masked_mean", mask, v);
  T* const share = v.tape().scratch(v.cols());
  for (Index b = 0; b < layout.batch; ++b) {
    Index steps = 0;
    for (Index t = 0; t < layout.steps; ++t) {
      steps += mask.data()[layout.column(t, b)] != T{0} ? 1 : 0;
    }
    for (Index t = 0; t < layout.steps; ++t) {
      const Index c = layout.column(t, b);
      share[c] = mask.data()[c] != T{0} ? T{1} / static_cast<T>(steps) : T{0};
    }
  }
  return attention_context(v.tape().input("masked_mean", share, 1, v.cols()), v, layout);
}

template BasicVar<float> attention_scores(BasicVar<float>, BasicVar<float>, const SequenceLayout&);
template BasicVar<double> attention_scores(BasicVar<double>, BasicVar<double>, const SequenceLayout&);
template BasicVar<float> attention_hidden(BasicVar<float>, BasicVar<float>, BasicVar<float>, const SequenceLayout&);
template BasicVar<double> attention_hidden(BasicVar<double>, BasicVar<double>, BasicVar<double>, const SequenceLayout&);
template BasicVar<float> masked_softmax(BasicVar<float>, BasicVar<float>, const SequenceLayout&);
template BasicVar<double> masked_softmax(BasicVar<double>, BasicVar<double>, const SequenceLayout&);
template BasicVar<float> attention_context(BasicVar<float>, BasicVar<float>, const SequenceLayout&);
template BasicVar<double> attention_context(BasicVar<double>, BasicVar<double>, const SequenceLayout&);
template BasicVar<float> repeat_over_time(BasicVar<float>, const SequenceLayout&);
template BasicVar<double> repeat_over_time(BasicVar<double>, const SequenceLayout&);
template BasicVar<float> masked_mean(BasicVar<float>, BasicVar<float>, const SequenceLayout&);
template BasicVar<double> masked_mean(BasicVar<double>, BasicVar<double>, const SequenceLayout&);

}  // namespace normlab::nn
