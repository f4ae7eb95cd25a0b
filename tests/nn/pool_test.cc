// Pooling: windows by hand, gradients against finite differences, float on every instruction set against double, and the
// same bits for any team.
#include "nn/ops/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/ops/activation.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/reshape.h"
#include "tests/nn/kernels/kernel_testing.h"
#include "tests/nn/op_testing.h"

namespace normlab::nn {
namespace {

using testing::ElementsAre;
using DTape = BasicTape<double>;
using DVar = BasicVar<double>;

struct PoolCase {
  Image image;
  Index batch;
  PoolSpec spec;
};

const std::vector<PoolCase> kCases = {
    {{2, 5, 4}, 2, {.height = 2, .width = 2, .stride = 2}},
    {{1, 6, 6}, 1, {.height = 3, .width = 3, .stride = 2, .round_up = true}},
    {{3, 5, 7}, 2, {.height = 3, .width = 3, .stride = 2, .padding = 1}},
    {{2, 4, 6}, 2, {.height = 3, .width = 2, .stride = 1, .padding = 1, .round_up = true}},
    {{2, 7, 5}, 1, {.height = 2, .width = 2, .stride = 3, .round_up = true}},
    {{3, 1, 1}, 3, {}},
    {{2, 3, 4}, 2, {.height = 3, .width = 4}},
};
const std::vector<PoolCase> kLargeCases = {
    {{32, 32, 32}, 3, {.height = 3, .width = 3, .stride = 2, .round_up = true}},
    {{37, 15, 9}, 5, {.height = 3, .width = 3, .stride = 2, .padding = 1}},
};

std::string Describe(const PoolCase& c) {
  return fmt::format("{} x {} x {}, window {} x {}, stride {}, padding {}, round up {}", c.image.channels,
                     c.image.height, c.image.width, c.spec.height, c.spec.width, c.spec.stride, c.spec.padding,
                     c.spec.round_up);
}

template <typename T>
using Op = BasicVar<T> (*)(BasicVar<T>, const Image&, const PoolSpec&);

// Of one channel and one image, row by row.
std::vector<double> PoolOf(Op<double> op, const std::vector<double>& x, const Image& image, const PoolSpec& spec) {
  DTape tape;
  const DVar y = op(tape.input("x", x.data(), 1, image.positions()), image, spec);
  return {y.data(), y.data() + y.size()};
}

TEST(Pool, OutputsAsCaffeCountsThem) {
  const auto height = [](Index size, PoolSpec spec) { return spec.output({1, size, size}).height; };
  EXPECT_EQ(height(32, {.height = 3, .width = 3, .stride = 2}), 15);
  EXPECT_EQ(height(32, {.height = 3, .width = 3, .stride = 2, .round_up = true}), 16) << "the CIFAR-10 quick network";
  EXPECT_EQ(height(16, {.height = 3, .width = 3, .stride = 2, .round_up = true}), 8);
  EXPECT_EQ(height(6, {.height = 2, .width = 2, .stride = 2, .padding = 1, .round_up = true}), 4);
  EXPECT_EQ(height(5, {.height = 2, .width = 2, .stride = 3, .round_up = true}), 2);
  EXPECT_EQ(height(3, {.height = 1, .width = 1, .stride = 3, .round_up = true}), 1) << "a window has to begin inside";
}

TEST(Pool, WindowsAtTheEdges) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const Image image{1, 4, 4};
  const auto near = [](const std::vector<double>& want) {
    return testing::Pointwise(testing::DoubleNear(1e-12), want);
  };
  const PoolSpec caffe{.height = 3, .width = 3, .stride = 2, .round_up = true};
  EXPECT_THAT(PoolOf(&max_pool<double>, x, image, caffe), ElementsAre(11, 12, 15, 16));
  EXPECT_THAT(
      PoolOf(&mean_pool<double>, x, image, caffe),
      near({6, (3 + 4 + 7 + 8 + 11 + 12) / 6.0, (9 + 10 + 11 + 13 + 14 + 15) / 6.0, (11 + 12 + 15 + 16) / 4.0}));
  const PoolSpec padded{.height = 3, .width = 3, .stride = 3, .padding = 1};
  EXPECT_THAT(PoolOf(&max_pool<double>, x, image, padded), ElementsAre(6, 8, 14, 16));
  EXPECT_THAT(PoolOf(&mean_pool<double>, x, image, padded),
              near({(1 + 2 + 5 + 6) / 9.0, (3 + 4 + 7 + 8) / 9.0, (9 + 10 + 13 + 14) / 9.0, (11 + 12 + 15 + 16) / 9.0}))
      << "padding counts as zeros";
}

TEST(MaxPool, PaddingIsNeverTheLargest) {
  EXPECT_THAT(PoolOf(&max_pool<double>, {-1, -2, -3, -4}, {1, 2, 2}, {.height = 2, .width = 2, .padding = 1}),
              ElementsAre(-1, -1, -2, -1, -1, -2, -3, -3, -4));
}

// In both scalar types, since each has loops of its own.
template <typename T>
void ExpectTheFirstOfEquals() {
  const std::vector<std::int64_t> shape = {4, 20};
  BasicParameterStore<T> store(1);
  BasicParameter<T>& x = store.add("x", shape, init::constant(2.0));
  x.value()[20 + 7] = T{5};
  x.value()[60 + 7] = T{5};
  BasicTape<T> tape;
  tape.backward(sum(max_pool(tape.parameter(x), {20, 2, 2}, {.height = 2, .width = 2})));
  for (Index c = 0; c < 20; ++c) {
    for (Index p = 0; p < 4; ++p) {
      EXPECT_EQ(x.gradient()[p * 20 + c], p == (c == 7 ? 1 : 0) ? T{1} : T{0}) << "channel " << c << " position " << p;
    }
  }
}

TEST(MaxPool, TiesGoToTheFirst) {
  ExpectTheFirstOfEquals<double>();
  kernels::ForEachTarget([](const std::string&) { ExpectTheFirstOfEquals<float>(); });
}

template <typename T>
void ExpectNaNOf(T a, T b) {
  std::vector<T> x(2 * 20, a);
  std::fill_n(x.begin() + 20, 20, b);
  BasicTape<T> tape;
  const BasicVar<T> y = max_pool(tape.input("x", x.data(), 20, 2), {20, 1, 2}, {.height = 1, .width = 2});
  for (Index c = 0; c < 20; ++c) {
    EXPECT_TRUE(std::isnan(y.data()[c])) << a << " and " << b;
  }
}

// A diverged network must look like one.
TEST(MaxPool, NaNIsNotHidden) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ExpectNaNOf<double>(nan, 1.0);
  ExpectNaNOf<double>(1.0, nan);
  kernels::ForEachTarget([&](const std::string&) {
    ExpectNaNOf<float>(static_cast<float>(nan), 1.0f);
    ExpectNaNOf<float>(1.0f, static_cast<float>(nan));
  });
}

TEST(Pool, GradientIsRight) {
  for (const PoolCase& c : kCases) {
    for (const Op<double> op : {&max_pool<double>, &mean_pool<double>}) {
      Inputs in;
      in.vector("x", c.image.values() * c.batch);
      for (Index i = 0; i < in["x"].size(); ++i) {  // in no order, and no two so near that they change places
        in["x"].value()[i] =
            2.0 * static_cast<double>(i * 7919 % in["x"].size()) / static_cast<double>(in["x"].size()) - 1.0;
      }
      EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
        poison(t);
        const DVar x = tanh(reshape(in.on(t, "x"), c.image.channels, c.image.positions() * c.batch));
        return op(x, c.image, c.spec) * op(x + x, c.image, c.spec);
      })) << Describe(c);
    }
  }
}

TEST(Pool, GlobalMeanIsThatOfAllPositions) {
  Inputs in;
  in.normal("x", 2, 12);
  DTape tape;
  const DVar x = in.on(tape, "x"), y = global_mean_pool(x, {2, 3, 2});
  ASSERT_EQ(y.cols(), 2);
  double sum = 0.0;
  for (Index p = 0; p < 6; ++p) {
    sum += x.data()[12 + 2 * p + 1];
  }
  EXPECT_NEAR(y.data()[3], sum / 6.0, 1e-12);
}

template <typename T>
std::vector<double> ValuesAndGradient(const PoolCase& c, Op<T> op) {
  BasicParameterStore<T> store(1);
  BasicParameter<T>& x = store.add("x", {c.image.positions() * c.batch, c.image.channels}, init::uniform(1.0));
  std::fill_n(store.gradient_memory(), store.flat_size(), std::numeric_limits<T>::quiet_NaN());
  BasicTape<T> tape;
  std::vector<double> all;
  for (int use = 0; use < 2; ++use) {
    tape.reset();
    poison(tape);
    const BasicVar<T> y = op(tape.parameter(x), c.image, c.spec);
    std::vector<T> cotangent(static_cast<std::size_t>(y.size()));
    for (std::size_t i = 0; i < cotangent.size(); ++i) {
      cotangent[i] = static_cast<T>(i * 37 % 64) / T{32} - T{1};
    }
    all.assign(y.data(), y.data() + y.size());
    tape.backward(y, cotangent.data());
  }
  all.insert(all.end(), x.gradient(), x.gradient() + x.size());
  return all;
}

void ExpectFloatAsDouble(const PoolCase& c, Op<float> narrow, Op<double> wide) {
  const std::vector<double> want = ValuesAndGradient<double>(c, wide);
  kernels::ForEachTarget([&](const std::string& target) {
    const std::vector<double> got = ValuesAndGradient<float>(c, narrow);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], 1e-5) << target << ", " << Describe(c);
    }
  });
}

TEST(Pool, FloatIsAsDoubleOnEveryInstructionSet) {
  for (const auto& cases : {kCases, kLargeCases}) {
    for (const PoolCase& c : cases) {
      ExpectFloatAsDouble(c, &max_pool<float>, &max_pool<double>);
      ExpectFloatAsDouble(c, &mean_pool<float>, &mean_pool<double>);
    }
  }
}

TEST(Pool, AnyNumberOfThreadsGivesTheSameBits) {
  for (const PoolCase& c : kLargeCases) {
    for (const Op<float> op : {&max_pool<float>, &mean_pool<float>}) {
      const std::vector<double> expected = ValuesAndGradient<float>(c, op);
      for (const int threads : {2, 3, 8}) {
        SetThreads(threads);
        const std::vector<double> got = ValuesAndGradient<float>(c, op);
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(double)), 0)
            << threads << " threads, " << Describe(c);
        SetThreads(1);
      }
    }
  }
}

TEST(Pool, ShapesThatDoNotFitAreErrors) {
  DTape t;
  const DVar x = t.zeros(2, 12);
  const auto expect = [](const std::string& message, auto f) {
    try {
      f();
      ADD_FAILURE() << "no error, expected: " << message;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr(message));
    }
  };
  expect("max_pool: 'zeros' is 2 x 12; expected images of 3 channels", [&] { max_pool(x, {3, 2, 2}, {}); });
  expect("mean_pool: 'zeros' is 2 x 12; expected images of 2 channels on 5 x 1: 2 rows, and columns by 5", [&] {
    mean_pool(x, {2, 5, 1}, {});
  });
  expect("pooling: a window of 3 x 1 with stride 1 and padding 0 on an image of 2 x 2", [&] {
    max_pool(x, {2, 2, 2}, {.height = 3, .width = 1});
  });
  expect("padding 2", [&] { max_pool(x, {2, 2, 2}, {.height = 2, .width = 3, .padding = 2}); });
  expect("stride 0", [&] { mean_pool(x, {2, 2, 2}, {.stride = 0}); });
}

// --- Mutants ---

enum class Mutation { kNone, kToTheLast, kDividedByPixels };

// Windows of 2 every 1 on a line with one padding on each side, the mean of each; or its largest, mutated.
DVar MutantPool(DVar x, bool mean, Mutation mutation) {
  const Index n = x.size();
  DVar y = x.tape().result("mutant", n + 1, 1, {x});
  const auto value = [n](const double* v, Index i) { return i < 0 || i >= n ? 0.0 : v[i]; };
  for (Index o = 0; o <= n; ++o) {
    const double a = value(x.data(), o - 1), b = value(x.data(), o);
    y.mutable_data()[o] = mean ? (a + b) / 2.0 : o == 0 ? b : o == n ? a : std::max(a, b);
  }
  x.tape().on_backward({y}, [=] {
    const GradSink<double> dx = x.grad_sink();
    std::fill_n(dx.data, n, 0.0);
    for (Index o = 0; o <= n; ++o) {
      const bool inside = o > 0 && o < n;
      for (Index i = std::max<Index>(o - 1, 0); i <= std::min(o, n - 1); ++i) {
        const double share = mean ? (mutation == Mutation::kDividedByPixels && !inside ? 1.0 : 0.5)
                             : mutation == Mutation::kToTheLast ? (i == std::min(o, n - 1) ? 1.0 : 0.0)
                                                                : (x.data()[i] == y.data()[o] ? 1.0 : 0.0);
        dx.data[i] += share * y.grad()[o];
      }
    }
  });
  return y;
}

TEST(PoolMutants, AreRejectedAndTheRightOnesAreAccepted) {
  const auto accepted = [](bool mean, Mutation mutation) {
    Inputs in;
    in.normal("x", 7, 1);
    return check_gradients(in.store(), [&](DTape& t) { return MutantPool(in.on(t, "x"), mean, mutation); }).ok;
  };
  EXPECT_TRUE(accepted(true, Mutation::kNone));
  EXPECT_TRUE(accepted(false, Mutation::kNone));
  EXPECT_FALSE(accepted(true, Mutation::kDividedByPixels));
  EXPECT_FALSE(accepted(false, Mutation::kToTheLast));
}

}  // namespace
}  // namespace normlab::nn
