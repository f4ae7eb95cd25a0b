// float_testing.h - what an op owes in float: values and gradients near those in double on every instruction set, and
// the same bits for any number of threads.
#pragma once

#include <gtest/gtest.h>

#include "base/parallel.h"
#include "tests/nn/kernels/kernel_testing.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {

// The inputs of an op by name, on a tape of float or double.
template <typename T>
struct OnTape {
  BasicTape<T>& tape;
  BasicParameterStore<T>& store;

  BasicVar<T> operator()(const char* name) const { return tape.parameter(store.at(name)); }
  // A constant, `rows` high.
  BasicVar<T> constant(const std::vector<double>& values, Index rows) const {
    T* memory = tape.scratch(static_cast<Index>(values.size()));
    std::transform(values.begin(), values.end(), memory, [](double v) { return static_cast<T>(v); });
    return tape.input("constant", memory, rows, static_cast<Index>(values.size()) / rows);
  }
};

// `f(on)` makes the op's result from an OnTape of either type. Let its shapes be large enough for several pieces.
// Differences are of the size of the largest value, or of the largest gradient of each input.
template <typename F>
void ExpectFloatIsRight(Inputs& in, F f, double tolerance) {
  const auto run = [&]<typename T>(BasicParameterStore<T>& store) {
    return values_and_gradients(store, [&](BasicTape<T>& tape) { return f(OnTape<T>{tape, store}); });
  };
  BasicParameterStore<float> store(1);
  for (auto& p : in.store().parameters()) {
    std::transform(p.value(), p.value() + p.size(), store.add(p.name(), p.shape(), init::zeros()).value(),
                   [](double v) { return static_cast<float>(v); });
  }
  const std::vector<double> want = run(in.store());
  std::vector<std::size_t> ends = {want.size()};  // of the output and each gradient
  for (auto p = in.store().parameters().rbegin(); p != in.store().parameters().rend(); ++p) {
    ends.insert(ends.begin(), ends.front() - static_cast<std::size_t>(p->size()));
  }
  kernels::ForEachTarget([&](const std::string& target) {
    SetThreads(1);
    const std::vector<float> got = run(store);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t part = 0, begin = 0; part < ends.size(); begin = ends[part++]) {
      double scale = 1e-3;
      for (std::size_t i = begin; i < ends[part]; ++i) {
        scale = std::max(scale, std::abs(want[i]));
      }
      for (std::size_t i = begin; i < ends[part]; ++i) {
        ASSERT_NEAR(got[i], want[i], tolerance * scale) << target << ", part " << part << " at " << i - begin;
      }
    }
    for (const int threads : {2, 3, 8}) {
      SetThreads(threads);
      EXPECT_TRUE(kernels::SameBits(run(store), got)) << target << ", " << threads << " threads";
    }
    SetThreads(1);
  });
}

}  // namespace normlab::nn
