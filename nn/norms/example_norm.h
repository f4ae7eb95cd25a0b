// example_norm.h - what the norms by statistics of each example alone are made of. For their own use.
#pragma once

#include "nn/norms/base.h"

namespace normlab::nn {

// Layer norm, or without `center` root-mean-square norm. nn::Error, beginning with `name`, for an `over` or a
// `per_element` that the site has no room for.
struct ExampleNorm {
  const char* name;
  bool center;
  NormOver over;
  NormEps eps;
  bool per_element;
};
template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_example_norm(const ExampleNorm& norm, const AffineSpec& affine,
                                                      const BasicScope<T>& scope, const Site& site);

// By the statistics of each of the site's groups, at all positions together. nn::Error, beginning with `name`, unless
// the groups share the units evenly.
struct GroupedNorm {
  const char* name;
  bool center;
  NormEps eps;
};
template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_grouped_norm(const GroupedNorm& norm, const AffineSpec& affine,
                                                      const BasicScope<T>& scope, const Site& site);

// nn::Error unless the site has several positions to take statistics over.
void require_positions(const char* name, const Site& site);

}  // namespace normlab::nn
