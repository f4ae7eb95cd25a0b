#include "nn/ops/domain/ranking_hinge.h"

#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// Calls use(right pair, hinge) for the two right pairs that each wrong pair at row i and column j is compared with.
template <typename T, typename Use>
void for_each_hinge(Index n, T margin, const T* e, Use use) {
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < n; ++i) {
      for (const Index right : {i, j}) {
        const Index wrong = j * n + i;
        if (i != j) {
          use(wrong, right * n + right, margin - e[wrong] + e[right * n + right]);
        }
      }
    }
  }
}

}  // namespace

// A hinge above 0 gives dloss to its right pair and -dloss to its wrong one.
template <typename T>
BasicVar<T> ranking_hinge(BasicVar<T> e, double margin) {
  require_shape(e.rows() == e.cols(), "ranking_hinge", e, "as many sentences as images, a square");
  const BasicVar<T> loss = e.tape().result("ranking_hinge", 1, 1, {e});
  const Index n = e.rows();
  const T* const penalties = e.data();
  const T m = static_cast<T>(margin);
  double sum = 0.0;
  for_each_hinge(n, m, penalties, [&sum](Index, Index, T hinge) { sum += hinge < T{0} ? 0.0 : double{hinge}; });
  *loss.mutable_data() = static_cast<T>(sum);
  e.tape().on_backward({loss}, [e, loss, n, m, penalties] {
    const T slope = *loss.grad();
    T* const de = cleared(e.grad_sink(), n * n);
    if (de == nullptr) {
      return;
    }
    for_each_hinge(n, m, penalties, [=](Index wrong, Index right, T hinge) {
      if (hinge > T{0}) {
        de[wrong] -= slope;
        de[right] += slope;
      }
    });
  });
  return loss;
}

template BasicVar<float> ranking_hinge(BasicVar<float>, double);
template BasicVar<double> ranking_hinge(BasicVar<double>, double);

}  // namespace normlab::nn
