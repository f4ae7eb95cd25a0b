#include "nn/norms/base.h"

#include <fmt/format.h>

#include "nn/error.h"
#include "nn/ops/modulate.h"

namespace normlab::nn {

template <typename T>
BasicVar<T> BasicNormalizer<T>::masked_sums(BasicVar<T> a, const Step& step, BasicVar<T> mask,
                                            OutsideAffine<T> outside) {
  if (outside_ != static_cast<bool>(outside)) {
    throw Error(fmt::format("normalizer of '{}': {}", a.label(),
                            outside_ ? "its gain and bias come from outside; give them with the summed inputs"
                                     : "was given a gain or a bias from outside; ask for one by "
                                       "AffineSource::kOutside"));
  }
  const BasicVar<T> y = normalize(a, step, mask);
  return outside_ ? modulate(y, outside.gain, outside.bias, site_.positions) : y;
}

template class BasicNormalizer<float>;
template class BasicNormalizer<double>;

}  // namespace normlab::nn
