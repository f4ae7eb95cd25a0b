// op_testing.h - inputs for gradient checks, and the check as a gtest assertion.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/error.h"
#include "nn/gradcheck.h"

namespace normlab::nn {

// The message of the nn::Error that `f` throws; fails the test if there is none.
template <typename F>
std::string ErrorOf(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

struct Shape {
  Index features, batch;
};

// What each op is checked over: one unit, one example, odd sizes, more units than examples and fewer.
inline const std::vector<Shape> kShapes = {{1, 1}, {3, 1}, {1, 3}, {3, 3}, {17, 3}, {3, 17}, {17, 17}};

inline std::string ShapeName(const testing::TestParamInfo<Shape>& info) {
  return std::to_string(info.param.features) + "x" + std::to_string(info.param.batch);
}

// Names the inputs of an op, draws them, and hands them to the op as Vars on a tape.
class Inputs {
 public:
  explicit Inputs(std::uint64_t seed = 1) : store_(seed) {}

  // features x batch values around `mean`.
  Inputs& normal(const std::string& name, Index features, Index batch, double mean = 0.0, double deviation = 1.0) {
    return add(name, {batch, features}, [=](Rng& rng) { return mean + deviation * rng.Normal(); });
  }
  // Values at least 0.1 away from 0, where relu has its kink.
  Inputs& away_from_zero(const std::string& name, Index features, Index batch) {
    return add(name, {batch, features}, [](Rng& rng) {
      const double v = rng.Normal();
      return v + std::copysign(0.1, v);
    });
  }
  // A vector of values that differ: a constant gain hides a gain applied in the wrong place.
  Inputs& vector(const std::string& name, Index n, double lo = 0.5, double hi = 2.0) {
    return add(name, {n}, [=](Rng& rng) { return rng.Uniform(lo, hi); });
  }

  BasicParameterStore<double>& store() { return store_; }
  BasicParameter<double>& operator[](const std::string& name) { return store_.at(name); }
  BasicVar<double> on(BasicTape<double>& tape, const std::string& name) { return tape.parameter(store_.at(name)); }

 private:
  template <typename Draw>
  Inputs& add(const std::string& name, std::vector<std::int64_t> shape, Draw draw) {
    store_.add(name, std::move(shape), [draw](Rng& rng, Fans, std::span<double> values) {
      for (double& v : values) {
        v = draw(rng);
      }
    });
    return *this;
  }

  BasicParameterStore<double> store_;
};

// Leaves NaN in the memory that the tape will hand out next: what an op forgets to clear shows. Before the first Var.
template <typename T>
void poison(BasicTape<T>& tape) {
  constexpr Index kValues = 1 << 18;
  std::fill_n(tape.scratch(kValues), kValues, std::numeric_limits<T>::quiet_NaN());
  tape.reset();
}

// The output of f and every gradient of the store under a fixed uneven cotangent, one after the other. Clears the gradients.
template <typename T, typename F>
std::vector<T> values_and_gradients(BasicParameterStore<T>& store, F f) {
  BasicTape<T> tape;
  poison(tape);
  const BasicVar<T> y = f(tape);
  std::vector<T> all(y.data(), y.data() + y.size()), cotangent(all.size());
  for (std::size_t i = 0; i < cotangent.size(); ++i) {
    cotangent[i] = static_cast<T>(std::sin(1.0 + 2.7 * static_cast<double>(i)));
  }
  tape.backward(y, cotangent.data());
  for (auto& p : store.parameters()) {
    all.insert(all.end(), p.gradient(), p.gradient() + p.size());
  }
  store.clear_gradients();
  return all;
}

// EXPECT_TRUE(GradientIsRight(...)) names the worst element when it is not.
inline testing::AssertionResult GradientIsRight(Inputs& inputs, const Differentiable& f,
                                                const GradCheckOptions& options = {}) {
  const GradCheckReport report = check_gradients(inputs.store(), f, options);
  return (report.ok ? testing::AssertionSuccess() : testing::AssertionFailure()) << report.worst;
}

}  // namespace normlab::nn
