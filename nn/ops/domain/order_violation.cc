#include "nn/ops/domain/order_violation.h"

#include <algorithm>

#include "nn/kernels/domain/order_violation.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

using kernels::order_violation_backward_s;
using kernels::order_violation_backward_x;
using kernels::OrderPairs;

void penalties(const OrderPairs<float>& pairs, float* e) { kernels::order_violation(pairs, e); }

// The kernels' contracts in double.

// Calls use(excess of value k of sentence i over image j, and where the pair and the two values are).
template <typename Use>
void for_each(const OrderPairs<double>& p, Use use) {
  for (Index j = 0; j < p.cols; ++j) {
    for (Index i = 0; i < p.rows; ++i) {
      for (Index k = 0; k < p.f; ++k) {
        const double excess = p.s[i * p.f + k] - p.x[j * p.f + k];
        use(excess < 0.0 ? 0.0 : excess, j * p.rows + i, i * p.f + k, j * p.f + k);
      }
    }
  }
}

void penalties(const OrderPairs<double>& pairs, double* e) {
  std::fill_n(e, pairs.rows * pairs.cols, 0.0);
  for_each(pairs, [e](double excess, Index pair, Index, Index) { e[pair] += excess * excess; });
}

void order_violation_backward_s(const OrderPairs<double>& pairs, const double* de, double* ds, bool accumulate) {
  cleared(GradSink<double>{ds, accumulate}, pairs.f * pairs.rows);
  for_each(pairs, [=](double excess, Index pair, Index at_s, Index) { ds[at_s] += 2.0 * de[pair] * excess; });
}

void order_violation_backward_x(const OrderPairs<double>& pairs, const double* de, double* dx, bool accumulate) {
  cleared(GradSink<double>{dx, accumulate}, pairs.f * pairs.cols);
  for_each(pairs, [=](double excess, Index pair, Index, Index at_x) { dx[at_x] -= 2.0 * de[pair] * excess; });
}

}  // namespace

// With v = max(0, s_i - x_j): ds_i = 2 sum_j de_ij v, dx_j = -2 sum_i de_ij v.
template <typename T>
BasicVar<T> order_violation(BasicVar<T> s, BasicVar<T> x) {
  require_shapes(s.rows() == x.rows(), "order_violation", s, x, "vectors of one size");
  const BasicVar<T> e = s.tape().result("order_violation", s.cols(), x.cols(), {s, x});
  const OrderPairs<T> pairs{s.rows(), s.cols(), x.cols(), s.data(), x.data()};
  penalties(pairs, e.mutable_data());
  s.tape().on_backward({e}, [s, x, e, pairs] {
    if (const GradSink<T> ds = s.grad_sink()) {
      order_violation_backward_s(pairs, e.grad(), ds.data, ds.accumulate);
    }
    if (const GradSink<T> dx = x.grad_sink()) {
      order_violation_backward_x(pairs, e.grad(), dx.data, dx.accumulate);
    }
  });
  return e;
}

template BasicVar<float> order_violation(BasicVar<float>, BasicVar<float>);
template BasicVar<double> order_violation(BasicVar<double>, BasicVar<double>);

}  // namespace normlab::nn
