// norm_testing.h - one function in float and in double from the same numbers: outputs and every gradient.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "nn/parameter.h"
#include "nn/tape.h"

namespace normlab::nn {

// A parameter that a test gives to an op: features x columns values of N(mean, 1), rounded to float.
struct Given {
  std::string name;
  Index features, columns;
  double mean = 0.0;
};

// What f(tape, store) gives and, under an uneven cotangent, the gradients of everything in the store, one after the
// other. f may add parameters of its own; they are moved by up to +-0.3, so that no gain is 1 and no bias 0.
template <typename T, typename F>
std::vector<T> output_and_gradients(const std::vector<Given>& given, F make) {
  BasicParameterStore<T> store(3);
  for (const Given& g : given) {
    store.add(g.name, {g.columns, g.features}, [&g](Rng& rng, Fans, std::span<double> values) {
      std::generate(values.begin(), values.end(), [&] { return static_cast<float>(g.mean + rng.Normal()); });
    });
  }
  auto f = make(store);
  Rng rng(4, "move");
  for (std::size_t i = given.size(); i < store.parameters().size(); ++i) {
    BasicParameter<T>& p = store.parameters()[i];
    std::for_each_n(p.value(), p.size(),
                    [&](T& v) { v += static_cast<T>(static_cast<float>(rng.Uniform(-0.3, 0.3))); });
  }
  std::vector<T> all;
  BasicTape<T> tape;
  for (int step = 0; step < 2; ++step) {  // the second finds memory that is not zero
    tape.reset();
    store.clear_gradients();
    const BasicVar<T> y = f(tape);
    std::vector<T> cotangent(static_cast<std::size_t>(y.size()));
    for (std::size_t i = 0; i < cotangent.size(); ++i) {
      cotangent[i] = static_cast<T>(std::sin(1.0 + 2.7 * static_cast<double>(i)));
    }
    tape.backward(y, cotangent.data());
    all.assign(y.data(), y.data() + y.size());
  }
  for (BasicParameter<T>& p : store.parameters()) {
    all.insert(all.end(), p.gradient(), p.gradient() + p.size());
  }
  return all;
}

// Each value of `fast` within `tolerance` of `exact`, relative to values above 1.
inline testing::AssertionResult Follows(const std::vector<float>& fast, const std::vector<double>& exact,
                                        double tolerance) {
  if (fast.size() != exact.size()) {
    return testing::AssertionFailure() << fast.size() << " values, " << exact.size() << " expected";
  }
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double bound = tolerance * std::max(1.0, std::abs(exact[i]));
    if (!(std::abs(static_cast<double>(fast[i]) - exact[i]) <= bound)) {
      return testing::AssertionFailure() << "value " << i << " is " << fast[i] << ", expected " << exact[i];
    }
  }
  return testing::AssertionSuccess();
}

template <typename T>
bool SameBitsOf(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Whether run() gives the same bits on 1, 2, 3 and 8 threads.
template <typename Run>
testing::AssertionResult SameOnAnyThreads(Run run) {
  const std::vector<float> one = run();
  for (const int threads : {2, 3, 8}) {
    SetThreads(threads);
    const bool same = SameBitsOf(run(), one);
    SetThreads(1);
    if (!same) {
      return testing::AssertionFailure() << threads << " threads give other bits than one";
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace normlab::nn
