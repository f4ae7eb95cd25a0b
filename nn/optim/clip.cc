#include "nn/optim/clip.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "nn/plain/dot.h"

namespace normlab::nn {

template <typename T>
double global_norm(BasicParameterStore<T>& store) {
  // Cut by size alone into a number of pieces that fits on the stack: a step allocates nothing.
  constexpr Index kMaxPieces = 256, kLeast = Index{1} << 14;
  const T* g = store.gradients();
  const Index n = store.flat_size();
  const Index grain = std::max(kLeast, (n + kMaxPieces - 1) / kMaxPieces);
  std::array<double, kMaxPieces> squares{};
  parallel_ranges(n, grain, [&](Index begin, Index end) {
    squares[static_cast<std::size_t>(begin / grain)] = plain::dot<double>(g + begin, g + begin, end - begin);
  });
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

double clip_scale(double norm, double max_norm) { return norm <= max_norm ? 1.0 : max_norm / norm; }

template double global_norm(BasicParameterStore<float>&);
template double global_norm(BasicParameterStore<double>&);

}  // namespace normlab::nn
