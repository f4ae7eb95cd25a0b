#include "nn/parameter.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "nn/error.h"
#include "nn/ops/gemm.h"

namespace normlab::nn {
namespace {

// Examples of a batch up to which an update that multiplies the gradient out beats a product and an update.
constexpr Index kMostFactors = 4;

}  // namespace

template <typename T>
const T* BasicParameter<T>::gradient() {
  if (!std::exchange(has_gradient_, true)) {
    zero_gradient();
  }
  multiply_out();
  return gradient_memory();
}

template <typename T>
void BasicParameter<T>::zero_gradient() {
  if (!few_columns_) {
    std::fill_n(gradient_memory(), size(), T{0});
    return;
  }
  for (const std::int32_t column : columns_.members()) {
    std::fill_n(gradient_memory() + column * rows_, rows_, T{0});
  }
  columns_.clear();
}

template <typename T>
T* BasicParameter<T>::gradient_columns(std::span<const std::int32_t> columns) {
  if (!std::exchange(has_gradient_, true)) {
    zero_gradient();
    if (!std::exchange(few_columns_, true) && columns_.size() == 0) {
      columns_ = ColumnSet(cols_);
    }
  }
  multiply_out();
  for (const std::int32_t column : few_columns_ ? columns : std::span<const std::int32_t>()) {
    columns_.insert(column);
  }
  return gradient_memory();
}

template <typename T>
void BasicParameter<T>::expect_whole_gradient() {
  few_columns_ = false;
  columns_.clear();
  multiply_out();
}

template <typename T>
bool BasicParameter<T>::keep_gradient_factors(const GradientFactors<T>& f) {
  const Index dy_size = f.batch * f.out, x_size = f.batch * f.in;
  if (has_gradient_ || f.batch > kMostFactors || dy_size + x_size > size()) {
    return false;
  }
  T* const memory = factor_memory_.reserve(dy_size + x_size);
  factors_ = f;
  factors_.dy = memory;
  factors_.x = std::copy_n(f.dy, dy_size, memory);
  std::copy_n(f.x, x_size, memory + dy_size);
  has_gradient_ = has_factors_ = true;
  return true;
}

template <typename T>
void BasicParameter<T>::multiply_out() {
  if (std::exchange(has_factors_, false)) {
    expect_whole_gradient();
    const GradientFactors<T>& f = factors_;
    gemm(Trans::kYes, Trans::kNo, f.out, f.in, f.batch, f.dy, f.out, f.x, f.in, gradient_memory(), f.in);
  }
}

template <typename T>
void BasicParameterStore<T>::require_new(const std::string& name) const {
  const auto same = [&](const auto& item) {
    if constexpr (requires { item.data; }) {
      return item.name == name;
    } else {
      return item.name() == name;
    }
  };
  if (std::any_of(parameters_.begin(), parameters_.end(), same) ||
      std::any_of(buffers_.begin(), buffers_.end(), same)) {
    throw Error(fmt::format("parameter store: '{}' exists already; give each layer a Scope of its own", name));
  }
}

// Makes room for n more values on a cache line boundary and returns where they start. Grows by doubling; new room is
// zero.
template <typename T>
Index BasicParameterStore<T>::reserve(Index n) {
  constexpr Index kAlign = static_cast<Index>(kCacheLine / sizeof(T));
  const Index offset = used_;
  used_ += (n + kAlign - 1) / kAlign * kAlign;
  if (used_ > values_.size()) {
    AlignedArray<T> larger(std::max(used_, 2 * values_.size()), T{0});
    std::copy_n(values_.data(), offset, larger.data());
    values_ = std::move(larger);
    gradients_ = {};
    clear_gradients();
  }
  return offset;
}

namespace {

Index count_of(std::span<const std::int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), Index{1}, std::multiplies<>());
}

void require_shape(const std::string& name, std::span<const std::int64_t> shape, bool fans_stated) {
  if (shape.empty() || *std::min_element(shape.begin(), shape.end()) < 1) {
    throw Error(fmt::format("parameter store: '{}' has shape [{}]; expected sizes of at least 1", name,
                            fmt::join(shape, ", ")));
  }
  if (shape.size() > 2 && !fans_stated) {
    throw Error(fmt::format("parameter store: '{}' has shape [{}], which does not tell its fans; state them", name,
                            fmt::join(shape, ", ")));
  }
}

}  // namespace

template <typename T>
BasicParameter<T>& BasicParameterStore<T>::add(std::string name, std::vector<std::int64_t> shape,
                                               const Initializer& initializer, std::optional<Fans> fans) {
  require_new(name);
  require_shape(name, shape, fans.has_value());
  BasicParameter<T>& p = parameters_.emplace_back();
  p.store_ = this;
  p.name_ = std::move(name);
  p.cols_ = shape.size() > 1 ? shape.front() : 1;
  p.rows_ = count_of(shape) / p.cols_;
  p.shape_ = std::move(shape);
  p.offset_ = reserve(p.size());
  const Fans of_shape{.in = p.rows_, .out = p.shape_.size() > 1 ? p.cols_ : p.rows_};
  Rng rng(seed_, "init/" + p.name_);
  std::vector<double> initial(static_cast<std::size_t>(p.size()));
  initializer(rng, fans.value_or(of_shape), initial);
  std::transform(initial.begin(), initial.end(), p.value(), [](double v) { return static_cast<T>(v); });
  return p;
}

template <typename T>
BasicBuffer<T>& BasicParameterStore<T>::add_buffer(std::string name, Index n, T value) {
  require_new(name);
  return buffers_.emplace_back(BasicBuffer<T>{std::move(name), std::vector<T>(static_cast<std::size_t>(n), value)});
}

template <typename T>
BasicParameter<T>& BasicParameterStore<T>::at(std::string_view name) {
  const auto it = std::find_if(parameters_.begin(), parameters_.end(), [&](const auto& p) { return p.name() == name; });
  if (it == parameters_.end()) {
    std::vector<std::string> names;
    std::transform(parameters_.begin(), parameters_.end(), std::back_inserter(names),
                   [](const auto& p) { return p.name(); });
    throw Error(fmt::format("parameter store: no '{}'; there is {}", name, fmt::join(names, ", ")));
  }
  return *it;
}

template <typename T>
T* BasicParameterStore<T>::gradient_memory() {
  if (gradients_.size() == 0) {
    gradients_ = AlignedArray<T>(values_.size(), T{0});
  }
  return gradients_.data();
}

template <typename T>
T* BasicParameterStore<T>::gradients() {
  for (BasicParameter<T>& p : parameters_) {
    p.gradient();
  }
  return gradient_memory();
}

template <typename T>
void BasicParameterStore<T>::clear_gradients() {
  for (BasicParameter<T>& p : parameters_) {
    p.has_gradient_ = p.has_factors_ = false;
  }
}

template <typename T>
std::vector<NamedArray<T>> BasicParameterStore<T>::list_flat(const std::string& prefix, T* flat) {
  std::vector<NamedArray<T>> list;
  for (BasicParameter<T>& p : parameters_) {
    list.push_back({.name = prefix + p.name(), .shape = p.shape(), .data = flat + p.offset_, .size = p.size()});
  }
  return list;
}

template <typename T>
std::vector<NamedArray<T>> BasicParameterStore<T>::list_parameters() {
  return list_flat("", values());
}

template <typename T>
std::vector<NamedArray<T>> BasicParameterStore<T>::list_buffers() {
  std::vector<NamedArray<T>> list;
  for (BasicBuffer<T>& b : buffers_) {
    const auto n = static_cast<std::int64_t>(b.data.size());
    list.push_back({.name = b.name, .shape = {n}, .data = b.data.data(), .size = n});
  }
  return list;
}

template class BasicParameter<float>;
template class BasicParameter<double>;
template class BasicParameterStore<float>;
template class BasicParameterStore<double>;

}  // namespace normlab::nn
