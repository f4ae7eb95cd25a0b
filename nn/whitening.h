// whitening.h - the linear map that makes the features of a data set uncorrelated and of variance 1.
#pragma once

#include <vector>

#include "nn/kernels/aligned.h"

namespace normlab::nn {

// W = (C + eps I)^(-1/2), the symmetric one of all maps that whiten ("ZCA": Bell and Sejnowski 1997; Krizhevsky 2009):
// C is the covariance of the features, `features` x `features`, symmetric, its lower triangle read. eps > 0, in units of C.
// One thread, the same bits for the same C; cubic in `features`: 784 take about a second, 3,072 about a minute.
// Throws nn::Error if C is not finite.
std::vector<float> whitening_matrix(Index features, const std::vector<double>& covariance, double eps);

}  // namespace normlab::nn
