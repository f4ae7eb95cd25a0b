#include "nn/layers/linear.h"

#include "nn/ops/linear.h"

namespace normlab::nn {

template <typename T>
BasicLinear<T>::BasicLinear(const BasicScope<T>& scope, Index in, Index out, const NormSpec& norm,
                            const Initializer& initializer)
    : weight_(scope.matrix("weight", out, in, initializer)),
      normalizer_(make_normalizer(norm, scope, {.units = out})) {}

template <typename T>
BasicVar<T> BasicLinear<T>::operator()(BasicVar<T> x, const Step& step) {
  const BasicVar<T> w = normalizer_->weight(x.tape().parameter(weight_));
  return normalizer_->sums(linear(w, x), step);
}

template class BasicLinear<float>;
template class BasicLinear<double>;

}  // namespace normlab::nn
