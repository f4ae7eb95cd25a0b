#include "nn/layers/shared_weight.h"

#include <algorithm>

#include "nn/ops/check.h"
#include "nn/ops/gemm.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// to [cols x rows] = or += the transpose of from [rows x cols], in blocks that stay in the first-level cache.
template <typename T>
void transpose(Index rows, Index cols, const T* from, T* to, bool accumulate) {
  constexpr Index kBlock = 32;
  parallel_ranges(cols, kBlock, [&](Index begin, Index end) {
    for (Index first = 0; first < rows; first += kBlock) {
      for (Index j = begin; j < end; ++j) {
        for (Index i = first; i < std::min(first + kBlock, rows); ++i) {
          const T value = from[i * cols + j];
          to[j * rows + i] = accumulate ? to[j * rows + i] + value : value;
        }
      }
    }
  });
}

// The inputs of so many columns are copied side by side at a time: they stay in the cache for the product that reads
// them.
constexpr Index kColumnsTogether = 1024;

}  // namespace

// One y = W x, or y = base + W x. Uses form a list from the last to the first.
template <typename T>
struct BasicSharedWeight<T>::Use {
  Use* previous;
  BasicVar<T> x, y, base;
  T* dy = nullptr;  // where y's gradient goes, in the memory of all
  bool reached = false;
};

// All uses between two resets of a tape.
template <typename T>
struct BasicSharedWeight<T>::Pass {
  BasicVar<T> w;
  BasicVar<T> uses;  // 1 x 1: reached when one of the uses was; what runs behind it comes after them all
  Use* last = nullptr;
  Index cols = 0;  // of all inputs side by side
  T* dy = nullptr;
  Pass* sharing = nullptr;  // of the other weight, if dy is that of both
  bool backward_packed = false;
  bool weight_done = false;  // its gradient is computed, here or with the other's
};

template <typename T>
typename BasicSharedWeight<T>::Pass& BasicSharedWeight<T>::pass_on(BasicTape<T>& tape) {
  if (Pass* pass = tape.template attached<Pass>(this)) {
    return *pass;
  }
  const BasicVar<T> w = normalizer_.weight(tape.parameter(weight_));
  const BasicVar<T> uses = tape.result("shared_weight", 1, 1, {w});
  *uses.mutable_data() = T{0};
  forward_.pack(Trans::kYes, w.rows(), w.cols(), w.data(), w.rows());
  Pass* pass = tape.attach(this, Pass{.w = w, .uses = uses});
  tape.on_backward({uses}, [pass] { weight_gradient(*pass); });
  return *pass;
}

template <typename T>
BasicVar<T> BasicSharedWeight<T>::use(BasicVar<T> x, BasicVar<T> base) {
  BasicTape<T>& tape = x.tape();
  Pass& pass = pass_on(tape);
  require_shapes(pass.w.rows() == x.rows(), "shared_weight", pass.w, x,
                 "as many rows in the weight (in x out) as in the input (in x B)");
  require_shapes(!base || (base.rows() == pass.w.cols() && base.cols() == x.cols()), "shared_weight", x, base,
                 "a base of the product's shape");
  const BasicVar<T> y = base ? tape.result_in_place("shared_weight", base, {pass.w, x})
                             : tape.result("shared_weight", pass.w.cols(), x.cols(), {pass.w, x});
  forward_.multiply(x.cols(), x.data(), y.mutable_data(), static_cast<bool>(base));
  if (!y.needs_grad()) {
    return y;
  }
  Use* use = tape.template scratch<Use>(1);
  *use = Use{.previous = pass.last, .x = x, .y = y, .base = base};
  pass.last = use;
  pass.cols += x.cols();
  tape.on_backward({y}, [this, use, &pass] {
    lay_side_by_side(pass);
    if (use->dy != use->y.grad()) {
      std::copy_n(use->y.grad(), use->y.size(), use->dy);
    }
    use->reached = true;
    input_gradient(pass, use->x, use->dy);
    if (use->base) {
      use->base.share_gradient(use->dy);
    }
    if (const GradSink<T> reached = pass.uses.grad_sink()) {
      *reached.data = T{0};
    }
  });
  return y;
}

// Gives every use whose gradient has not come yet its place; a single use keeps its gradient where it is.
template <typename T>
void BasicSharedWeight<T>::lay_side_by_side(Pass& pass) const {
  if (pass.dy != nullptr) {
    return;
  }
  if (pass.last->previous == nullptr) {
    pass.dy = pass.last->y.grad_sink().data;
    pass.last->dy = pass.dy;
    return;
  }
  const Index out = pass.w.cols();
  if (Pass* other = sharing(pass)) {
    pass.sharing = other;
    other->sharing = &pass;
    pass.dy = other->dy;
  } else {
    pass.dy = pass.w.tape().scratch(out * pass.cols);
  }
  T* place = pass.dy + out * pass.cols;
  for (Use* use = pass.last; use != nullptr; use = use->previous) {
    place -= use->y.size();
    use->dy = place;
    use->y.place_gradient(place);
  }
}

// The other weight's pass, if its uses were put onto ours one for one; else null.
template <typename T>
typename BasicSharedWeight<T>::Pass* BasicSharedWeight<T>::sharing(const Pass& pass) const {
  Pass* theirs = other_ != nullptr ? pass.w.tape().template attached<Pass>(other_) : nullptr;
  if (theirs == nullptr || theirs->dy == nullptr) {
    return nullptr;
  }
  const Use* their = theirs->last;
  for (const Use* our = pass.last; our != nullptr; our = our->previous, their = their->previous) {
    if (their == nullptr || !their->base || their->base.mutable_data() != our->y.mutable_data()) {
      return nullptr;
    }
  }
  return their == nullptr ? theirs : nullptr;
}

template <typename T>
void BasicSharedWeight<T>::input_gradient(Pass& pass, BasicVar<T> x, const T* dy) {
  if (const GradSink<T> dx = x.grad_sink()) {
    if (!pass.backward_packed) {
      backward_.pack(Trans::kNo, pass.w.cols(), pass.w.rows(), pass.w.data(), pass.w.rows());
      pass.backward_packed = true;
    }
    backward_.multiply(x.cols(), dy, dx.data, dx.accumulate);
  }
}

// Copies the inputs of `use` and those before it, `cols` columns in all, to rows `stride` apart that stop at `end`.
// Returns the use before them.
template <typename T>
const typename BasicSharedWeight<T>::Use* BasicSharedWeight<T>::copy_inputs(const Use* use, Index cols, Index stride,
                                                                            T* end) {
  const Index in = use->x.rows();
  for (; cols > 0; use = use->previous) {
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): there are uses for all `cols` columns
    const Index count = use->x.cols();
    const T* x = use->x.data();
    end -= count * stride;
    cols -= count;
    parallel_ranges(count, columns_per_piece(in), [&](Index first, Index last) {
      for (Index column = first; column < last; ++column) {
        std::copy_n(x + column * in, in, end + column * stride);
      }
    });
  }
  return use;
}

// dW = dY X^T over the columns of all uses. Of the other weight too, if it shares dY: the inputs of both side by side
// make one product, which reads dY once. A product packs its left operand by columns, which is slow work over many of
// them: the narrower of the two is put there, and a product that comes out transposed is turned.
template <typename T>
void BasicSharedWeight<T>::weight_gradient(Pass& pass) {
  const GradSink<T> dw = pass.weight_done ? GradSink<T>{} : pass.w.grad_sink();
  pass.weight_done = true;
  if (!dw) {
    return;
  }
  BasicTape<T>& tape = pass.w.tape();
  const Index in = pass.w.rows(), out = pass.w.cols();
  Pass* other = pass.sharing;
  if (other != nullptr && (other->weight_done || in + other->w.rows() > out)) {
    other = nullptr;
  }
  const Index both = in + (other != nullptr ? other->w.rows() : 0);
  const bool turned = other != nullptr || in < out;
  T* const product = turned ? tape.scratch(both * out) : dw.data;
  bool accumulate = !turned && dw.accumulate;
  const Use *use = pass.last, *theirs = other != nullptr ? other->last : nullptr;
  T* inputs = nullptr;
  for (Index cols = 0, room = 0; use != nullptr; cols = 0, accumulate = true) {
    const T* dy = nullptr;
    for (const Use* u = use; u != nullptr && cols < kColumnsTogether; u = u->previous) {
      if (!u->reached) {
        std::fill_n(u->dy, u->y.size(), T{0});
      }
      dy = u->dy;
      cols += u->x.cols();
    }
    const T* x = use->x.data();
    if (other == nullptr && cols == use->x.cols()) {
      use = use->previous;
    } else {
      if (cols > room) {
        inputs = tape.scratch(both * cols);
        room = cols;
      }
      x = inputs;
      use = copy_inputs(use, cols, both, inputs + both * cols);
      if (other != nullptr) {
        theirs = copy_inputs(theirs, cols, both, inputs + both * cols + in);
      }
    }
    if (turned) {
      gemm(Trans::kYes, Trans::kNo, both, out, cols, x, both, dy, out, product, out, accumulate);
    } else {
      gemm(Trans::kYes, Trans::kNo, out, in, cols, dy, out, x, in, product, in, accumulate);
    }
  }
  if (turned) {
    transpose(in, out, product, dw.data, dw.accumulate);
  }
  if (other != nullptr) {
    if (const GradSink<T> their_dw = other->w.grad_sink()) {
      transpose(both - in, out, product + in * out, their_dw.data, their_dw.accumulate);
    }
    other->weight_done = true;
  }
}

template class BasicSharedWeight<float>;
template class BasicSharedWeight<double>;

}  // namespace normlab::nn
