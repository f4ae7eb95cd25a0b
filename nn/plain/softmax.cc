#include "nn/plain/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace normlab::nn::plain {

void softmax_chunk(const LogitChunk<double>& chunk, const double* bias, double* max, double* sum, double* label_logit) {
  for (Index r = 0; r < chunk.examples; ++r) {
    max[r] = std::numeric_limits<double>::lowest();
    sum[r] = 0.0;
    for (Index c = 0; c < chunk.classes; ++c) {
      double& z = chunk.z[c * chunk.examples + r];
      z += bias == nullptr ? 0.0 : bias[chunk.first + c];
      if (chunk.first + c == chunk.labels[r]) {
        label_logit[r] = z;
        z = -std::numeric_limits<double>::infinity();
      }
      max[r] = std::max(max[r], z);
    }
    for (Index c = 0; c < chunk.classes; ++c) {
      double& z = chunk.z[c * chunk.examples + r];
      z = std::exp(z - max[r]);
      sum[r] += z;
    }
  }
}

void softmax_chunk_backward(const LogitChunk<double>& chunk, const double* factor, const double* label_gradient,
                            double* dbias, bool accumulate) {
  for (Index c = 0; c < chunk.classes; ++c) {
    double total = 0.0;
    for (Index r = 0; r < chunk.examples; ++r) {
      double& z = chunk.z[c * chunk.examples + r];
      z = chunk.first + c == chunk.labels[r] ? label_gradient[r] : factor[r] * z;
      total += z;
    }
    if (dbias != nullptr) {
      dbias[chunk.first + c] = (accumulate ? dbias[chunk.first + c] : 0.0) + total;
    }
  }
}

}  // namespace normlab::nn::plain
