// tape.h - define-by-run differentiation: ops run at once and note how to go back; backward() walks the notes in
// reverse.
//
// Model code is plain C++ over Vars, which are small handles by value. A value is a matrix F x B in column-major order,
// one example per column; a vector has one column, a scalar is 1 x 1. Everything made in a step lies in one arena and
// dies at reset(); parameters live in a ParameterStore and only lend their memory.
//
//   Tape tape;
//   for (...) {
//     tape.reset();
//     Var loss = softmax_cross_entropy(model.logits(tape.input("x", pixels, 784, batch)), labels);
//     tape.backward(loss);
//     optimizer.step(update);
//   }
//
// The tape knows no op: an op is a free function that asks for a result, fills it, and leaves a closure behind (see
// "For ops"). Adding one changes nothing here.
//
// Threads: one thread drives a tape; ops use base/parallel.h inside. Two tapes may share a store only to infer.
// Errors: nn::Error for a Var that outlived reset(), Vars of two tapes in one op, and backward() called wrongly.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "nn/arena.h"
#include "nn/gradient_factors.h"

namespace normlab::nn {

template <typename T>
class BasicTape;
template <typename T>
class BasicParameter;

namespace internal {

template <typename T>
struct Part;

// What all shapes of one matrix share (BasicTape::reshaped): its gradient, and what guards its values.
template <typename T>
struct Storage {
  T* grad = nullptr;         // room for the gradient; null until something flows there
  bool* has_grad = nullptr;  // whether `grad` holds a value: own_flag, or the parameter's, which all its nodes share
  bool own_flag = false;
  bool grad_shared = false;                // others read `grad`: it is copied before it changes
  BasicParameter<T>* parameter = nullptr;  // whose gradient it is, if a parameter's
  // The guard of memory that ops share (BasicTape::overwrite).
  bool writable = false;               // the tape's own memory, not an input's or a parameter's
  Storage* whole = nullptr;            // of columns seen in place: what they are a part of
  const char* kept_by = nullptr;       // an op whose way back points into the values
  const char* part_kept_by = nullptr;  // likewise into those of a part of this
  const char* overwritten = nullptr;   // the op that has the memory now
  const char* part_overwritten = nullptr;
  Part<T>* part = nullptr;     // of a part: where in the whole
  Part<T>* parts = nullptr;    // of a whole: the last one made, if any
  bool parts_overlap = false;  // perhaps: they were not made side by side, in order
};

// Columns seen in place, and who has them now.
template <typename T>
struct Part {
  const T *begin, *end;
  Storage<T>* storage;
  Part* previous;
};

// What a Var points at. Lives in the arena.
template <typename T>
struct Node {
  T* value = nullptr;
  Index rows = 0, cols = 0;
  const char* label = "";  // the op, input or parameter it comes from
  bool needs_grad = false;
  Storage<T>* storage = nullptr;
};

[[noreturn]] void throw_stale_var();
[[noreturn]] void throw_overwritten(const char* label, const char* op);

}  // namespace internal

// Where an op's backward puts an input's gradient. The first contribution is written and later ones are added, so that
// no gradient is ever cleared. Take a sink right before filling it, and fill all of it: taking it counts as the first.
template <typename T>
struct GradSink {
  T* data = nullptr;  // null: nobody wants this gradient
  bool accumulate = false;

  explicit operator bool() const { return data != nullptr; }
};

// Handle of a value on a tape. Trivially copyable; unusable after the tape's reset(), which is checked.
template <typename T>
class BasicVar {
 public:
  BasicVar() = default;

  // Whether it is a Var at all: false for BasicVar(), an argument left out.
  explicit operator bool() const { return tape_ != nullptr; }

  Index rows() const { return node().rows; }
  Index cols() const { return node().cols; }
  Index size() const { return node().rows * node().cols; }
  // Checked: an op that ran in place may have the memory now.
  const T* data() const;
  T scalar() const { return data()[0]; }  // the value of a 1 x 1
  const char* label() const { return node().label; }
  BasicTape<T>& tape() const {
    (void)node();  // for its check
    return *tape_;
  }

  // Whether backward() will bring a gradient here.
  bool needs_grad() const { return node().needs_grad; }
  // After backward(), or inside an op's backward for its outputs: the gradient, laid out like data(); null if none
  // came.
  const T* grad() const;

  // For ops: the result's memory, and the way to an input's gradient.
  T* mutable_data() const { return node().value; }
  GradSink<T> grad_sink() const;
  // For ops that add to few columns of a large gradient: its memory, with zeros where nothing came yet; null if nobody
  // wants it. Of a parameter that gets its gradient in no other way, only these columns are then cleared for the next
  // step. Columns may be repeated; others stay as they are.
  T* grad_columns(std::span<const std::int32_t> columns) const;
  // For ops that make the gradient of a weight (in x out) from few examples, which may be kept as its factors until
  // numbers are asked for: see BasicParameter::keep_gradient_factors. If false, the gradient goes to grad_sink().
  bool keep_gradient_factors(const GradientFactors<T>& factors) const;
  // For ops that lay the gradients of several Vars side by side: where this Var's gradient will be, if it has no place
  // yet; else does nothing. `memory` holds size() values and lives until reset().
  void place_gradient(T* memory) const;
  // For ops whose gradient is already in memory that lives until reset(): takes the memory over if this Var has no
  // gradient yet, else copies or adds.
  void adopt_gradient(T* gradient) const;
  // The same for memory that goes on being read: what is to be added to it later, or written over it, meets a copy.
  void share_gradient(T* gradient) const;

 private:
  friend class BasicTape<T>;
  BasicVar(BasicTape<T>* tape, internal::Node<T>* node, std::uint32_t generation)
      : tape_(tape), node_(node), generation_(generation) {}
  internal::Node<T>& node() const;

  BasicTape<T>* tape_ = nullptr;
  internal::Node<T>* node_ = nullptr;
  std::uint32_t generation_ = 0;
};

enum class Recording { kOn, kOff };

template <typename T>
class BasicTape {
 public:
  using Var = BasicVar<T>;

  // With recording off nothing is noted and no Var needs a gradient: for evaluation.
  explicit BasicTape(Recording recording = Recording::kOn) : recording_(recording == Recording::kOn) {}
  BasicTape(const BasicTape&) = delete;
  BasicTape& operator=(const BasicTape&) = delete;

  // Forgets all Vars and keeps the memory. Start every step with it.
  void reset();

  // A constant: borrows rows * cols values until reset(). `label` must live as long; it is for error messages.
  Var input(const char* label, const T* data, Index rows, Index cols);
  // A constant of zeros. Nobody else's memory: it may be overwritten.
  Var zeros(Index rows, Index cols);
  // A parameter of a store; its gradient goes to the store. May be called many times in a step, gradients add up.
  Var parameter(BasicParameter<T>& parameter);

  // Computes d loss / d everything that needs it. Once per reset(). `loss` is 1 x 1, or any shape with a `cotangent` of
  // that shape: then the gradients are those of sum(cotangent * loss).
  void backward(Var loss, const T* cotangent = nullptr);

  // --- For ops ---

  // An uninitialised result of the op. It needs a gradient if an input does.
  Var result(const char* op, Index rows, Index cols, std::span<const Var> inputs);
  Var result(const char* op, Index rows, Index cols, std::initializer_list<Var> inputs) {
    return result(op, rows, cols, std::span<const Var>(inputs.begin(), inputs.size()));
  }
  // A result in the memory of `base`, see overwrite(). Its gradient is its own.
  Var result_in_place(const char* op, Var base, std::initializer_list<Var> other_inputs);
  // Takes the memory of `base` for something else. nn::Error naming op and base if it is an input's or a parameter's, or if
  // an earlier op's way back points into it; from then on reading base is an nn::Error, at once or on the way back.
  T* overwrite(const char* op, Var base);
  // Columns first .. first + count - 1 of x, seen in place. Its gradient is its own: the op brings it back to x.
  Var columns_in_place(const char* op, Var x, Index first, Index count);
  // The values of x as rows x cols, of which there are as many. x under another shape in all else: one gradient, and who
  // overwrites or keeps the values of one of them does so with the other's.
  Var reshaped(const char* op, Var x, Index rows, Index cols);
  // n uninitialised values that live until reset(), for what backward needs beside inputs and outputs.
  template <typename U = T>
  U* scratch(Index n) {
    return arena_.array<U>(n);
  }
  // A copy of n values that lives until reset().
  template <typename U>
  const U* copy(const U* values, Index n) {
    U* kept = arena_.array<U>(n);
    std::copy_n(values, n, kept);
    return kept;
  }
  // Notes `fn`, to be called once in backward() if a gradient reached one of `outputs`; the grad() of every output is
  // there then, zeros where none came. fn captures Vars, pointers and numbers by value. A pointer into an input's or an
  // output's values keeps them from being overwritten: capture none that is not read.
  template <typename Fn>
  void on_backward(std::span<const Var> outputs, Fn fn);
  template <typename Fn>
  void on_backward(std::initializer_list<Var> outputs, Fn fn) {
    on_backward(std::span<const Var>(outputs.begin(), outputs.size()), fn);
  }

  // What a layer keeps for one pass, in the arena: gone at reset(). `owner` is the layer; it attaches one object,
  // always of the same type S.
  template <typename S>
  S* attached(const void* owner) const;  // null: nothing since reset()
  template <typename S>
  S* attach(const void* owner, const S& object);

  bool recording() const { return recording_; }
  std::size_t reserved_bytes() const { return arena_.capacity(); }

 private:
  friend class BasicVar<T>;
  using Node = internal::Node<T>;
  using Storage = internal::Storage<T>;
  using Part = internal::Part<T>;
  // One op's way back; its closure follows it in memory.
  struct Record {
    Record* previous;
    Node** outputs;
    Index output_count;
    void (*run)(void* closure);
    void* closure;
  };

  // An input or result of the op that is being made: what its closure may point into.
  struct Touched {
    Touched* previous;
    Node* node;
    const char* op;
  };

  // One object of attach().
  struct Attachment {
    Attachment* previous;
    const void* owner;
    void* object;
  };

  Var make(const Node& node, const Storage& storage);
  void check(const Var& var, const char* op) const;
  void note(std::span<const Var> outputs, void (*run)(void*), void* closure);
  void touch(const char* op, Node* node);
  // The op whose way back points into values of `storage`, under whatever name; null if there is none.
  static const char* keeper(const Storage& storage);
  // Marks what the words of a closure point into, and forgets what was touched.
  void mark_kept(const void* closure, std::size_t bytes);
  bool reached(const Record& record);

  Arena arena_;
  Record* last_ = nullptr;
  Attachment* attachments_ = nullptr;
  Touched* touched_ = nullptr;
  std::uint32_t generation_ = 1;
  bool recording_;
  bool backward_done_ = false;
};

template <typename T>
inline internal::Node<T>& BasicVar<T>::node() const {
  if (tape_ == nullptr || generation_ != tape_->generation_) [[unlikely]] {
    internal::throw_stale_var();
  }
  return *node_;
}

template <typename T>
inline const T* BasicVar<T>::data() const {
  const internal::Node<T>& n = node();
  const internal::Storage<T>& s = *n.storage;
  const char* op = s.overwritten != nullptr ? s.overwritten : s.part_overwritten;
  if (op == nullptr && s.whole != nullptr) {
    op = s.whole->overwritten;
  }
  if (op != nullptr) [[unlikely]] {
    internal::throw_overwritten(n.label, op);
  }
  return n.value;
}

template <typename T>
template <typename Fn>
void BasicTape<T>::on_backward(std::span<const Var> outputs, Fn fn) {
  static_assert(std::is_trivially_copyable_v<Fn>, "capture Vars, pointers and numbers: the arena destroys nothing");
  bool needed = false;
  for (const Var& output : outputs) {
    needed = needed || output.needs_grad();
  }
  if (!needed) {
    touched_ = nullptr;
    return;
  }
  Fn* closure = new (arena_.allocate(sizeof(Fn))) Fn(std::move(fn));
  mark_kept(closure, sizeof(Fn));
  note(
      outputs, [](void* memory) { (*static_cast<Fn*>(memory))(); }, closure);
}

template <typename T>
template <typename S>
S* BasicTape<T>::attached(const void* owner) const {
  for (const Attachment* a = attachments_; a != nullptr; a = a->previous) {
    if (a->owner == owner) {
      return static_cast<S*>(a->object);
    }
  }
  return nullptr;
}

template <typename T>
template <typename S>
S* BasicTape<T>::attach(const void* owner, const S& object) {
  static_assert(std::is_trivially_destructible_v<S>, "the arena destroys nothing");
  S* kept = new (arena_.allocate(sizeof(S))) S(object);
  attachments_ = new (arena_.allocate(sizeof(Attachment))) Attachment{attachments_, owner, kept};
  return kept;
}

using Tape = BasicTape<float>;
using Var = BasicVar<float>;

extern template class BasicVar<float>;
extern template class BasicVar<double>;
extern template class BasicTape<float>;
extern template class BasicTape<double>;

}  // namespace normlab::nn
