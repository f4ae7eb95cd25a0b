#include "nn/ops/reshape.h"

#include <fmt/format.h>

#include "nn/error.h"

namespace normlab::nn {

template <typename T>
BasicVar<T> reshape(BasicVar<T> x, Index rows, Index cols) {
  if (rows < 1 || cols < 1 || rows * cols != x.size()) {
    throw Error(fmt::format("reshape: '{}' is {} x {}; expected as many values as {} x {} has", x.label(), x.rows(),
                            x.cols(), rows, cols));
  }
  return x.tape().reshaped("reshape", x, rows, cols);
}

template BasicVar<float> reshape(BasicVar<float>, Index, Index);
template BasicVar<double> reshape(BasicVar<double>, Index, Index);

}  // namespace normlab::nn
