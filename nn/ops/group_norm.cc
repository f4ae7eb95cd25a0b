#include "nn/ops/group_norm.h"

#include <fmt/format.h>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/math.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

using kernels::group_norm_backward;
using kernels::group_norm_forward;
using kernels::GroupShape;
using plain::group_norm_backward;
using plain::group_norm_forward;

template <typename T>
void require_site(const Site& site, BasicVar<T> a) {
  if (a.rows() != site.units || a.cols() % site.positions != 0 || site.units % site.groups != 0) {
    throw Error(
        fmt::format("group_norm: '{}' is {} x {}; expected {} units, which {} groups share evenly, at {} positions of "
                    "each example",
                    a.label(), a.rows(), a.cols(), site.units, site.groups, site.positions));
  }
}

}  // namespace

// With n = (a - mean) / s and dn = gain dy, over the values of one group of one example as over the units in
// layer_norm.cc. The sums over positions, which give the group's, are summed over the examples for gain and bias.
template <typename T>
BasicVar<T> group_norm(const Site& site, bool center, BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias, NormEps eps) {
  require_site(site, a);
  require_vector_if_any("group_norm", a, gain);
  require_vector_if_any("group_norm", a, bias);
  BasicTape<T>& tape = a.tape();
  const BasicVar<T> y = tape.result("group_norm", a.rows(), a.cols(), {a, gain ? gain : a, bias ? bias : a});
  const GroupShape shape{a.cols() / site.positions, site.positions, site.units, site.groups};
  T* mean = tape.scratch(shape.examples * shape.groups);
  T* inv_s = tape.scratch(shape.examples * shape.groups);
  group_norm_forward(shape, center, a.data(), data_or_null(gain), data_or_null(bias), static_cast<T>(eps.value),
                     eps.placement, y.mutable_data(), mean, inv_s);
  tape.on_backward({y}, [=] {
    T* dot = a.tape().scratch(shape.examples * shape.f);
    T* sum = a.tape().scratch(shape.examples * shape.f);
    a.place_gradient(y.grad_sink().data);  // in place, unless there is a gradient already
    GradSink<T> da = a.grad_sink();
    if (!da) {
      da.data = a.tape().scratch(a.size());  // the kernel always writes it
    }
    group_norm_backward(shape, center, y.grad(), a.data(), mean, inv_s, data_or_null(gain), static_cast<T>(eps.value),
                        eps.placement, da.data, da.accumulate, dot, sum);
    if (T* dgain = cleared_or_null(gain)) {
      math::add_column_sums(shape.examples, shape.f, dot, dgain);
    }
    if (T* dbias = cleared_or_null(bias)) {
      math::add_column_sums(shape.examples, shape.f, sum, dbias);
    }
  });
  return y;
}

template BasicVar<float> group_norm(const Site&, bool, BasicVar<float>, BasicVar<float>, BasicVar<float>, NormEps);
template BasicVar<double> group_norm(const Site&, bool, BasicVar<double>, BasicVar<double>, BasicVar<double>, NormEps);

}  // namespace normlab::nn
