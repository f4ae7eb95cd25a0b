#include "nn/layers/shared_linear.h"

namespace normlab::nn {

template <typename T>
BasicSharedLinear<T>::BasicSharedLinear(const BasicScope<T>& scope, Index in, Index out, const NormSpec& norm,
                                        const Initializer& initializer)
    : normalizer_(make_normalizer(norm, scope, {.units = out})),
      weight_(scope.matrix("weight", out, in, initializer), *normalizer_) {}

template class BasicSharedLinear<float>;
template class BasicSharedLinear<double>;

}  // namespace normlab::nn
