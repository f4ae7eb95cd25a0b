// ranking_hinge.h - the loss of ranking in two directions: every right pair of a batch against all wrong ones that share
// its sentence or its image.
#pragma once

#include "nn/tape.h"

namespace normlab::nn {

// sum over b of [sum over j != b of max(0, margin - E_bj + E_bb)] + [sum over i != b of max(0, margin - E_ib + E_bb)]: 1 x 1, a
// sum and no mean. e: B x B penalties, those of the right pairs on the diagonal. At a kink the gradient is 0.
template <typename T>
BasicVar<T> ranking_hinge(BasicVar<T> e, double margin);

}  // namespace normlab::nn
