#include "nn/norms/group.h"

#include "nn/norms/example_norm.h"

namespace normlab::nn {

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const GroupNorm& norm, const AffineSpec& affine,
                                              const BasicScope<T>& scope, const Site& site) {
  return make_grouped_norm({"group norm", true, norm.eps}, affine, scope,
                           Site{site.units, site.positions, norm.groups});
}

template std::unique_ptr<BasicNormalizer<float>> make_norm(const GroupNorm&, const AffineSpec&,
                                                           const BasicScope<float>&, const Site&);
template std::unique_ptr<BasicNormalizer<double>> make_norm(const GroupNorm&, const AffineSpec&,
                                                            const BasicScope<double>&, const Site&);

}  // namespace normlab::nn
