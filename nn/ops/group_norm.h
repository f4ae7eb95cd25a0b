// group_norm.h - normalization of each example over groups of its units, at all positions together.
#pragma once

#include "nn/norms/site.h"
#include "nn/ops/norm_options.h"
#include "nn/tape.h"

namespace normlab::nn {

// gain (a - mean) / sd + bias, mean and biased sd over the units of a group at all positions of an example (Wu and He
// 2018): one group is layer norm over C x H x W, as many as units is instance norm. Without `center` the mean counts as
// 0 and sd is the root mean square. a: units x (positions B); gain, bias: units x 1, or empty for 1 and 0. The site's
// groups share its units evenly.
template <typename T>
BasicVar<T> group_norm(const Site& site, bool center, BasicVar<T> a, BasicVar<T> gain, BasicVar<T> bias,
                       NormEps eps = {});

}  // namespace normlab::nn
