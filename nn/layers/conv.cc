#include "nn/layers/conv.h"

namespace normlab::nn {
namespace {

// Every weight of a kernel counts, as in PyTorch: those that lie on the border of an image, too.
Fans fans_of(const ConvSpec& spec, Index in, Index out) {
  return {.in = spec.height * spec.width * in, .out = spec.height * spec.width * out};
}

}  // namespace

template <typename T>
BasicConv2d<T>::BasicConv2d(const BasicScope<T>& scope, const Image& input, Index out, const ConvSpec& spec,
                            const NormSpec& norm, const Initializer& initializer)
    : input_(input),
      output_(spec.output(input, out)),
      spec_(spec),
      weight_(scope.tensor("weight", {out, spec.height, spec.width, input.channels}, fans_of(spec, input.channels, out),
                           initializer)),
      normalizer_(make_normalizer(norm, scope, {.units = out, .positions = output_.positions()})) {}

template <typename T>
BasicVar<T> BasicConv2d<T>::operator()(BasicVar<T> x, const Step& step) {
  const BasicVar<T> w = normalizer_->weight(x.tape().parameter(weight_));
  return normalizer_->sums(conv2d(w, x, input_, spec_), step);
}

template class BasicConv2d<float>;
template class BasicConv2d<double>;

}  // namespace normlab::nn
