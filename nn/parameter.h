// parameter.h - what a model learns, by name, in one flat buffer; and the buffers it keeps beside (running statistics).
//
// The flat layout lets an optimizer, a norm or a checkpoint go over everything in one loop. Names are paths made by
// Scope, "hidden1.weight", and are the keys of checkpoints; a name taken twice is an error. The initial value of a
// parameter comes from a stream of its own, Rng(seed, "init/" + name), so two models with the same names and seed start
// alike.
//
// Threads: one. Adding a parameter may move the others: build the whole model before making Vars or optimizers.
// Errors: nn::Error for a duplicate or unknown name.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/aligned_array.h"
#include "nn/column_set.h"
#include "nn/gradient_factors.h"
#include "nn/init.h"
#include "nn/kernels/aligned.h"

namespace normlab::nn {

// Named memory of a store or an optimizer, borrowed, for checkpoints: row-major, in the shape PyTorch gives it.
template <typename T>
struct NamedArray {
  std::string name;
  std::vector<std::int64_t> shape;  // {out, in} for matrices, {out, height, width, in} for kernels, {n} for vectors
  T* data;
  Index size;
};

template <typename T>
class BasicParameterStore;

// One parameter. As a Var, a weight is in x out column-major, one column per output unit: the memory of [out x in]
// row-major. More sizes after the first count as one, their product: a kernel [out, height, width, in] is
// (height width in) x out. A vector is n x 1. Owned by its store.
template <typename T>
class BasicParameter {
 public:
  const std::string& name() const { return name_; }
  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  Index size() const { return rows_ * cols_; }
  // As checkpoints and PyTorch have it.
  const std::vector<std::int64_t>& shape() const { return shape_; }

  T* value() { return store_->values() + offset_; }
  // The gradient; zeros if none came since clear_gradients().
  const T* gradient();

  // For the tape: gradient memory as it is, and whether it holds a value.
  T* gradient_memory() { return store_->gradient_memory() + offset_; }
  bool* gradient_flag() { return &has_gradient_; }
  // For gradients of few columns (BasicVar::grad_columns): the memory, zero but for what came since clear_gradients().
  // Only columns written before are cleared. Who writes to a gradient beside the tape may scale or cut it, which leaves
  // zeros zeros; who writes elsewhere calls expect_whole_gradient() first.
  T* gradient_columns(std::span<const std::int32_t> columns);
  // What is written from now on may be anywhere, and is added to what came, as numbers.
  void expect_whole_gradient();
  // For gradients that are sums of few outer products: keeps a copy of the factors as the gradient, which then costs no
  // memory traffic until somebody asks for it as numbers; with the bits that gemm gives. False, and nothing is done, if
  // a gradient came before or the factors are too many to pay.
  bool keep_gradient_factors(const GradientFactors<T>& factors);
  // The factors, where they are all of the gradient since clear_gradients(); else null. For optimizers.
  const GradientFactors<T>* gradient_factors() const { return has_factors_ ? &factors_ : nullptr; }

 private:
  friend class BasicParameterStore<T>;
  void zero_gradient();
  void multiply_out();

  BasicParameterStore<T>* store_ = nullptr;
  std::string name_;
  std::vector<std::int64_t> shape_;
  Index rows_ = 0, cols_ = 0, offset_ = 0;
  bool has_gradient_ = false;
  bool few_columns_ = false;  // the gradient's memory is zero outside of columns_
  ColumnSet columns_;
  bool has_factors_ = false;  // the gradient is that of factors_, and its memory is not written
  GradientFactors<T> factors_;
  kernels::BasicAlignedBuffer<T> factor_memory_;
};

// State that is saved but not trained. Owned by its store.
template <typename T>
struct BasicBuffer {
  std::string name;
  std::vector<T> data;
};

template <typename T>
class BasicParameterStore {
 public:
  explicit BasicParameterStore(std::uint64_t seed) : seed_(seed) {}
  BasicParameterStore(const BasicParameterStore&) = delete;
  BasicParameterStore& operator=(const BasicParameterStore&) = delete;

  // References stay valid; the memory of values may move with the next addition. `fans` are for the initializer: those of a matrix
  // [out, in] are in and out and those of a vector its size, if not stated; a shape of more sizes does not tell them.
  BasicParameter<T>& add(std::string name, std::vector<std::int64_t> shape, const Initializer& initializer,
                         std::optional<Fans> fans = std::nullopt);
  BasicBuffer<T>& add_buffer(std::string name, Index n, T value);

  BasicParameter<T>& at(std::string_view name);
  std::deque<BasicParameter<T>>& parameters() { return parameters_; }

  // All values, and all gradients, with padding between parameters that is and stays zero.
  Index flat_size() const { return used_; }
  T* values() { return values_.data(); }
  // Gradients since clear_gradients(), all as numbers; zeros for parameters none came to.
  T* gradients();
  // Costs nothing: the next contribution overwrites. Optimizers call it after each step.
  void clear_gradients();
  T* gradient_memory();

  // Everything by name, in the order it was added.
  std::vector<NamedArray<T>> list_parameters();
  std::vector<NamedArray<T>> list_buffers();
  // The pieces of a flat array of the same layout (an optimizer's), each named prefix + parameter name.
  std::vector<NamedArray<T>> list_flat(const std::string& prefix, T* flat);

 private:
  void require_new(const std::string& name) const;
  Index reserve(Index n);

  std::uint64_t seed_;
  std::deque<BasicParameter<T>> parameters_;
  std::deque<BasicBuffer<T>> buffers_;
  AlignedArray<T> values_, gradients_;
  Index used_ = 0;
};

// Where in the name tree a part of a model stands: hands out parameters called path + name.
template <typename T>
class BasicScope {
 public:
  explicit BasicScope(BasicParameterStore<T>& store, std::string path = "") : store_(&store), path_(std::move(path)) {}

  BasicScope operator/(std::string_view name) const { return BasicScope(*store_, join(name)); }
  const std::string& path() const { return path_; }

  BasicParameter<T>& matrix(std::string_view name, Index out, Index in, const Initializer& initializer) const {
    return store_->add(join(name), {out, in}, initializer);
  }
  BasicParameter<T>& vector(std::string_view name, Index n, const Initializer& initializer) const {
    return store_->add(join(name), {n}, initializer);
  }
  BasicParameter<T>& tensor(std::string_view name, std::vector<std::int64_t> shape, Fans fans,
                            const Initializer& initializer) const {
    return store_->add(join(name), std::move(shape), initializer, fans);
  }
  BasicBuffer<T>& buffer(std::string_view name, Index n, T value) const {
    return store_->add_buffer(join(name), n, value);
  }

 private:
  std::string join(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }

  BasicParameterStore<T>* store_;  // borrowed; outlives the model
  std::string path_;
};

using NamedValues = NamedArray<float>;
using Parameter = BasicParameter<float>;
using Buffer = BasicBuffer<float>;
using ParameterStore = BasicParameterStore<float>;
using Scope = BasicScope<float>;

extern template class BasicParameter<float>;
extern template class BasicParameter<double>;
extern template class BasicParameterStore<float>;
extern template class BasicParameterStore<double>;

}  // namespace normlab::nn
