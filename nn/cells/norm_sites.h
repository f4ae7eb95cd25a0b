// norm_sites.h - which normalizer stands at which place of a recurrent cell, for each kind of norm. For the cells' own
// use.
#pragma once

#include "nn/normalizer.h"

namespace normlab::nn {

// A term W h or W x that the placement normalises, or not. Weight norm acts on the weights wherever the placement
// looks. A plain term has no bias, for the cell has b. Layer and rms norm have one beside b, as in [LN eq 20-22]; batch
// norm has none (Cooijmans et al. 2016: "BN(W_h h; gain, 0)").
inline NormSpec term_norm(NormSpec norm, bool normalized) {
  norm = normalized ? norm : norm.without_sums();
  norm.affine.bias = norm.per_example();
  return norm;
}

// A sum of terms: one bias is enough, and it is the cell's b.
inline NormSpec sum_norm(NormSpec norm) {
  norm = norm.without_weights();
  norm.affine.bias = false;
  return norm;
}

// The cell's state on its way to the output: gain and bias where the kind has a gain.
inline NormSpec state_norm(NormSpec norm) {
  norm = norm.without_weights();
  norm.affine.bias = norm.on_sums();
  return norm;
}

}  // namespace normlab::nn
