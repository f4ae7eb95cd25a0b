#include "nn/norms/layer.h"

#include "nn/norms/example_norm.h"

namespace normlab::nn {

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const LayerNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site) {
  return make_example_norm({"layer norm", true, norm.over, norm.eps, norm.per_element}, affine, scope, site);
}

template std::unique_ptr<BasicNormalizer<float>> make_norm(const LayerNorm&, const AffineSpec&,
                                                           const BasicScope<float>&, const Site&);
template std::unique_ptr<BasicNormalizer<double>> make_norm(const LayerNorm&, const AffineSpec&,
                                                            const BasicScope<double>&, const Site&);

}  // namespace normlab::nn
