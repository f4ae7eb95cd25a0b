#include "nn/tape.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "nn/error.h"
#include "nn/parameter.h"

namespace normlab::nn {

void internal::throw_stale_var() {
  throw Error(
      "a Var is used that is empty, or that was made before its tape's last reset(); make it anew in this step");
}

void internal::throw_overwritten(const char* label, const char* op) {
  throw Error(fmt::format(
      "'{}' is read after {} wrote its result into the same memory; read it before, or give {} a copy", label, op, op));
}

template <typename T>
const T* BasicVar<T>::grad() const {
  const internal::Storage<T>& s = *node().storage;
  if (!*s.has_grad) {
    return nullptr;
  }
  return s.parameter != nullptr ? s.parameter->gradient() : s.grad;
}

template <typename T>
GradSink<T> BasicVar<T>::grad_sink() const {
  const internal::Node<T>& n = node();
  if (!n.needs_grad) {
    return {};
  }
  if (n.storage->grad == nullptr) {
    n.storage->grad = tape_->scratch(n.rows * n.cols);
  } else if (std::exchange(n.storage->grad_shared, false)) {
    T* const own = tape_->scratch(n.rows * n.cols);
    std::copy_n(n.storage->grad, n.rows * n.cols, own);
    n.storage->grad = own;
  }
  if (n.storage->parameter != nullptr) {
    n.storage->parameter->expect_whole_gradient();
  }
  return {.data = n.storage->grad, .accumulate = std::exchange(*n.storage->has_grad, true)};
}

template <typename T>
T* BasicVar<T>::grad_columns(std::span<const std::int32_t> columns) const {
  const internal::Node<T>& n = node();
  BasicParameter<T>* const parameter = n.storage->parameter;
  if (parameter != nullptr && parameter->rows() == n.rows) {
    return parameter->gradient_columns(columns);
  }
  const GradSink<T> sink = grad_sink();
  if (sink && !sink.accumulate) {
    std::fill_n(sink.data, n.rows * n.cols, T{0});
  }
  return sink.data;
}

template <typename T>
bool BasicVar<T>::keep_gradient_factors(const GradientFactors<T>& factors) const {
  BasicParameter<T>* const parameter = node().storage->parameter;
  return parameter != nullptr && parameter->keep_gradient_factors(factors);
}

template <typename T>
void BasicVar<T>::place_gradient(T* memory) const {
  const internal::Node<T>& n = node();
  if (n.needs_grad && n.storage->grad == nullptr) {
    n.storage->grad = memory;
  }
}

template <typename T>
void BasicVar<T>::adopt_gradient(T* gradient) const {
  place_gradient(gradient);
  const GradSink<T> sink = grad_sink();
  if (!sink || sink.data == gradient) {
    return;
  }
  for (Index i = 0; i < size(); ++i) {
    sink.data[i] = sink.accumulate ? sink.data[i] + gradient[i] : gradient[i];
  }
}

template <typename T>
void BasicVar<T>::share_gradient(T* gradient) const {
  adopt_gradient(gradient);
  node().storage->grad_shared = node().storage->grad == gradient;
}

template <typename T>
void BasicTape<T>::reset() {
  arena_.reset();
  last_ = nullptr;
  attachments_ = nullptr;
  touched_ = nullptr;
  backward_done_ = false;
  ++generation_;
}

template <typename T>
BasicVar<T> BasicTape<T>::make(const Node& node, const Storage& storage) {
  struct Own {
    Node node;
    Storage storage;
  };
  Own* made = new (arena_.allocate(sizeof(Own))) Own{node, storage};
  made->node.storage = &made->storage;
  if (made->storage.has_grad == nullptr) {
    made->storage.has_grad = &made->storage.own_flag;
  }
  return Var(this, &made->node, generation_);
}

template <typename T>
BasicVar<T> BasicTape<T>::input(const char* label, const T* data, Index rows, Index cols) {
  if (rows < 1 || cols < 1 || data == nullptr) {
    throw Error(fmt::format("input '{}' is {} x {} at {}; expected data with at least one row and column", label, rows,
                            cols, static_cast<const void*>(data)));
  }
  // Nobody writes to an input: only the op that makes a result calls mutable_data(), and only for its result.
  return make({.value = const_cast<T*>(data), .rows = rows, .cols = cols, .label = label}, {});
}

template <typename T>
BasicVar<T> BasicTape<T>::zeros(Index rows, Index cols) {
  T* memory = scratch(rows * cols);
  std::fill_n(memory, rows * cols, T{0});
  const Var zeros = input("zeros", memory, rows, cols);
  zeros.node_->storage->writable = true;
  return zeros;
}

template <typename T>
BasicVar<T> BasicTape<T>::parameter(BasicParameter<T>& parameter) {
  Node node{.value = parameter.value(),
            .rows = parameter.rows(),
            .cols = parameter.cols(),
            .label = parameter.name().c_str()};
  if (!recording_) {
    return make(node, {});
  }
  node.needs_grad = true;
  return make(node,
              {.grad = parameter.gradient_memory(), .has_grad = parameter.gradient_flag(), .parameter = &parameter});
}

template <typename T>
BasicVar<T> BasicTape<T>::result(const char* op, Index rows, Index cols, std::span<const Var> inputs) {
  bool needs_grad = false;
  for (const Var& input : inputs) {
    check(input, op);
    needs_grad = needs_grad || input.needs_grad();
    touch(op, input.node_);
  }
  const Var made =
      make({.value = scratch(rows * cols), .rows = rows, .cols = cols, .label = op, .needs_grad = needs_grad},
           {.writable = true});
  touch(op, made.node_);
  return made;
}

namespace {

// The other parts of the same whole that have values in common with this one.
template <typename T, typename F>
void for_each_overlapping(const internal::Storage<T>& storage, F f) {
  if (storage.part == nullptr || !storage.whole->parts_overlap) {
    return;
  }
  const internal::Part<T>& mine = *storage.part;
  for (const internal::Part<T>* other = storage.whole->parts; other != nullptr; other = other->previous) {
    if (other != &mine && other->begin < mine.end && mine.begin < other->end) {
      f(*other->storage);
    }
  }
}

}  // namespace

template <typename T>
const char* BasicTape<T>::keeper(const Storage& storage) {
  const char* op = storage.kept_by != nullptr ? storage.kept_by : storage.part_kept_by;
  if (op == nullptr && storage.whole != nullptr) {
    op = storage.whole->kept_by;
  }
  for_each_overlapping(storage, [&op](const Storage& other) { op = op != nullptr ? op : other.kept_by; });
  return op;
}

template <typename T>
T* BasicTape<T>::overwrite(const char* op, Var base) {
  check(base, op);
  base.data();  // not twice
  Storage& storage = *base.node_->storage;
  const char* kept_by = keeper(storage);
  if (!storage.writable || kept_by != nullptr) {
    throw Error(fmt::format("{} would overwrite '{}', {}; give it a copy", op, base.label(),
                            kept_by == nullptr ? "which is an input or a parameter"
                                               : fmt::format("whose values {} reads on the way back", kept_by)));
  }
  storage.overwritten = op;
  for_each_overlapping(storage, [op](Storage& other) { other.overwritten = op; });
  if (storage.whole != nullptr) {
    storage.whole->part_overwritten = op;
  }
  return base.node_->value;
}

template <typename T>
BasicVar<T> BasicTape<T>::result_in_place(const char* op, Var base, std::initializer_list<Var> other_inputs) {
  T* memory = overwrite(op, base);
  bool needs_grad = base.needs_grad();
  for (const Var& input : other_inputs) {
    check(input, op);
    needs_grad = needs_grad || input.needs_grad();
    touch(op, input.node_);
  }
  const Var made =
      make({.value = memory, .rows = base.rows(), .cols = base.cols(), .label = op, .needs_grad = needs_grad},
           {.writable = true, .whole = base.node_->storage->whole, .part = base.node_->storage->part});
  if (made.node_->storage->part != nullptr) {
    made.node_->storage->part->storage = made.node_->storage;
  }
  touch(op, made.node_);
  return made;
}

template <typename T>
BasicVar<T> BasicTape<T>::columns_in_place(const char* op, Var x, Index first, Index count) {
  check(x, op);
  Storage& own = *x.node_->storage;
  Storage& whole = own.whole != nullptr ? *own.whole : own;
  const T* begin = x.data() + first * x.rows();
  const Var made = make({.value = x.mutable_data() + first * x.rows(),
                         .rows = x.rows(),
                         .cols = count,
                         .label = op,
                         .needs_grad = x.needs_grad()},
                        {.writable = own.writable, .whole = &whole});
  Storage* const storage = made.node_->storage;
  whole.parts_overlap = whole.parts_overlap || (whole.parts != nullptr && whole.parts->end > begin);
  whole.parts = new (arena_.allocate(sizeof(Part)))
      Part{.begin = begin, .end = begin + count * x.rows(), .storage = storage, .previous = whole.parts};
  storage->part = whole.parts;
  return made;
}

template <typename T>
BasicVar<T> BasicTape<T>::reshaped(const char* op, Var x, Index rows, Index cols) {
  check(x, op);
  Node node = *x.node_;
  node.rows = rows;
  node.cols = cols;
  node.label = op;
  return Var(this, new (arena_.allocate(sizeof(Node))) Node(node), generation_);
}

template <typename T>
void BasicTape<T>::touch(const char* op, Node* node) {
  if (recording_) {
    touched_ = new (arena_.allocate(sizeof(Touched))) Touched{touched_, node, op};
  }
}

template <typename T>
void BasicTape<T>::mark_kept(const void* closure, std::size_t bytes) {
  const auto word = [closure](std::size_t i) {
    std::uintptr_t value = 0;
    std::memcpy(&value, static_cast<const char*>(closure) + i * sizeof value, sizeof value);
    return value;
  };
  for (; touched_ != nullptr; touched_ = touched_->previous) {
    Node& node = *touched_->node;
    const auto begin = reinterpret_cast<std::uintptr_t>(node.value);
    const std::uintptr_t end = begin + static_cast<std::size_t>(node.rows * node.cols) * sizeof(T);
    bool kept = false;
    for (std::size_t i = 0; i < bytes / sizeof(std::uintptr_t); ++i) {
      kept = kept || (word(i) >= begin && word(i) < end);
    }
    if (kept) {
      node.storage->kept_by = touched_->op;
      if (node.storage->whole != nullptr) {
        node.storage->whole->part_kept_by = touched_->op;
      }
    }
  }
}

template <typename T>
void BasicTape<T>::check(const Var& var, const char* op) const {
  if (var.tape_ != this) {
    throw Error(fmt::format("{}: '{}' lies on another tape; all inputs of an op come from one", op, var.label()));
  }
}

template <typename T>
void BasicTape<T>::note(std::span<const Var> outputs, void (*run)(void*), void* closure) {
  const auto count = static_cast<Index>(outputs.size());
  Node** nodes = arena_.array<Node*>(count);
  std::transform(outputs.begin(), outputs.end(), nodes, [](const Var& v) { return v.node_; });
  last_ = new (arena_.allocate(sizeof(Record))) Record{last_, nodes, count, run, closure};
}

// Whether a gradient came to one of the outputs; if so, the others get zeros.
template <typename T>
bool BasicTape<T>::reached(const Record& record) {
  Node** const begin = record.outputs;
  Node** const end = begin + record.output_count;
  if (std::none_of(begin, end, [](const Node* n) { return *n->storage->has_grad; })) {
    return false;
  }
  for (Node** n = begin; n != end; ++n) {
    const GradSink<T> sink = Var(this, *n, generation_).grad_sink();
    if (sink && !sink.accumulate) {
      std::fill_n(sink.data, (*n)->rows * (*n)->cols, T{0});
    }
  }
  return true;
}

template <typename T>
void BasicTape<T>::backward(Var loss, const T* cotangent) {
  check(loss, "backward");
  if (!loss.needs_grad() || backward_done_) {
    throw Error(fmt::format("backward: {}", backward_done_ ? "was already called since reset()"
                                            : recording_   ? fmt::format("'{}' depends on no parameter", loss.label())
                                                           : "the tape does not record"));
  }
  if (cotangent == nullptr && loss.size() != 1) {
    throw Error(fmt::format("backward: '{}' is {} x {}; expected a 1 x 1 loss, or a cotangent", loss.label(),
                            loss.rows(), loss.cols()));
  }
  backward_done_ = true;
  const T one{1};
  std::copy_n(cotangent != nullptr ? cotangent : &one, loss.size(), loss.grad_sink().data);
  for (const Record* record = last_; record != nullptr; record = record->previous) {
    if (reached(*record)) {
      record->run(record->closure);
    }
  }
}

template class BasicVar<float>;
template class BasicVar<double>;
template class BasicTape<float>;
template class BasicTape<double>;

}  // namespace normlab::nn
