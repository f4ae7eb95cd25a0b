// Convolution: values against a loop written from the definition, gradients against finite differences, float on every
// instruction set against double, and the same bits for any team.
#include "nn/ops/conv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/layers/conv.h"
#include "nn/ops/activation.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "nn/ops/reshape.h"
#include "tests/nn/kernels/kernel_testing.h"
#include "tests/nn/op_testing.h"
#include "tests/nn/plain_conv_net.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;
using plain_net::Volume;

struct ConvCase {
  Image image;
  Index out, batch;
  ConvSpec spec;

  Index weight_rows() const { return spec.height * spec.width * image.channels; }
};

std::string Describe(const ConvCase& c) {
  return fmt::format("{} x {} x {} to {}, batch {}, kernel {} x {}, stride {}, padding {} of mode {}", c.image.channels,
                     c.image.height, c.image.width, c.out, c.batch, c.spec.height, c.spec.width, c.spec.stride,
                     c.spec.padding, static_cast<int>(c.spec.mode));
}

const std::vector<Padding> kModes = {Padding::kZero, Padding::kReflect, Padding::kCircular};

// Every padding with strides, kernels and sizes that leave rows and columns over.
std::vector<ConvCase> SmallCases() {
  std::vector<ConvCase> cases;
  for (const Padding mode : kModes) {
    for (const Index stride : {1, 2, 3}) {
      cases.push_back({{2, 5, 4}, 3, 2, {.height = 3, .width = 3, .stride = stride, .padding = 1, .mode = mode}});
      cases.push_back({{1, 4, 6}, 2, 1, {.height = 2, .width = 5, .stride = stride, .padding = 2, .mode = mode}});
      cases.push_back({{3, 3, 3}, 1, 2, {.height = 1, .width = 1, .stride = stride, .padding = 1, .mode = mode}});
    }
  }
  cases.push_back({{2, 5, 5}, 3, 2, {.height = 3, .width = 2, .stride = 2}});
  cases.push_back({{2, 5, 4}, 3, 2, {.height = 1, .width = 1, .stride = 2}});  // no product of all pixels
  cases.push_back({{2, 4, 4}, 2, 1, {.height = 2, .width = 2, .padding = 3}});
  cases.push_back({{3, 4, 2}, 2, 2, {}});
  cases.push_back({{2, 3, 4}, 5, 2, {.height = 3, .width = 4}});
  return cases;
}

// Widths around those of tiles and panels of every instruction set: 32 columns, 12 rows, 16 lanes.
std::vector<ConvCase> LargeCases() {
  std::vector<ConvCase> cases;
  for (const Padding mode : kModes) {
    for (const Index stride : {1, 2}) {
      cases.push_back({{3, 33, 27}, 32, 2, {.height = 5, .width = 5, .stride = stride, .padding = 2, .mode = mode}});
      cases.push_back({{35, 14, 13}, 49, 3, {.height = 3, .width = 3, .stride = stride, .padding = 1, .mode = mode}});
    }
  }
  cases.push_back({{1, 28, 28}, 20, 9, {.height = 5, .width = 5}});
  cases.push_back({{32, 8, 8}, 64, 2, {.height = 5, .width = 5, .padding = 2}});
  cases.push_back({{16, 17, 9}, 10, 2, {.height = 2, .width = 3, .stride = 3}});
  cases.push_back({{40, 6, 6}, 40, 2, {.height = 1, .width = 1, .stride = 2}});
  return cases;
}

void Fill(const ConvCase& c, Inputs& in) {
  in.normal("w", c.weight_rows(), c.out).normal("x", c.image.channels, c.image.positions() * c.batch);
}

TEST(Conv2d, ValuesAreThoseOfTheDefinition) {
  for (const ConvCase& c : SmallCases()) {
    Inputs in;
    Fill(c, in);
    DTape tape;
    const DVar y = conv2d(in.on(tape, "w"), in.on(tape, "x"), c.image, c.spec);
    plain_net::ConvLayer layer{.spec = c.spec, .in = c.image.channels, .out = c.out};
    layer.weight.assign(in["w"].value(), in["w"].value() + in["w"].size());
    Volume x(c.batch, c.image.channels, c.image.height, c.image.width);
    x.each([&](Index b, Index ch, Index row, Index column) {
      x.at(b, ch, row, column) =
          in["x"].value()[((b * c.image.height + row) * c.image.width + column) * c.image.channels + ch];
    });
    Volume want = layer.forward(x);
    const Image output = c.spec.output(c.image, c.out);
    ASSERT_EQ(output, (Image{c.out, want.height, want.width})) << Describe(c);
    ASSERT_EQ(y.cols(), output.positions() * c.batch) << Describe(c);
    want.each([&](Index b, Index o, Index row, Index column) {
      const Index at = ((b * want.height + row) * want.width + column) * c.out + o;
      ASSERT_NEAR(y.data()[at], want.at(b, o, row, column), 1e-12) << Describe(c);
    });
  }
}

// With memory full of NaN: what a stride skips must be given a zero.
TEST(Conv2d, GradientIsRight) {
  for (const ConvCase& c : SmallCases()) {
    Inputs in;
    Fill(c, in);
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
      poison(t);
      return conv2d(in.on(t, "w"), tanh(in.on(t, "x")), c.image, c.spec);
    })) << Describe(c);
  }
}

TEST(Conv2d, AddsToGradientsThatAreThere) {
  for (const Padding mode : kModes) {
    const ConvCase c{{2, 4, 3}, 3, 2, {.height = 3, .width = 3, .stride = 2, .padding = 1, .mode = mode}};
    Inputs in;
    Fill(c, in);
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
      const DVar w = in.on(t, "w"), x = tanh(in.on(t, "x"));
      return conv2d(w, x, c.image, c.spec) * conv2d(w, x * x, c.image, c.spec);
    })) << Describe(c);
  }
}

TEST(Conv2d, OnePixelKernelIsALinearLayerOfThePositions) {
  Inputs in;
  in.normal("w", 3, 4).normal("x", 3, 10);
  DTape tape;
  const DVar w = in.on(tape, "w"), x = in.on(tape, "x");
  const DVar y = conv2d(w, x, {3, 5, 1}, {}), z = linear(w, x);
  EXPECT_EQ(std::vector<double>(y.data(), y.data() + y.size()), std::vector<double>(z.data(), z.data() + z.size()));
}

TEST(Conv2d, KernelOfTheImagesSizeIsALinearLayerOfTheImage) {
  Inputs in;
  const Image image{3, 4, 2};
  in.normal("w", image.values(), 5).normal("x", 3, image.positions() * 2);
  DTape tape;
  const DVar w = in.on(tape, "w"), x = in.on(tape, "x");
  const DVar y = conv2d(w, x, image, {.height = 4, .width = 2}), z = linear(w, reshape(x, image.values(), 2));
  ASSERT_EQ(y.cols(), 2);
  for (Index i = 0; i < y.size(); ++i) {
    EXPECT_NEAR(y.data()[i], z.data()[i], 1e-12);
  }
}

TEST(Conv2d, PixelsNeedNoGradientAndGetNone) {
  ParameterStore store(1);
  Parameter& w = store.add("w", {4, 3, 3, 1}, init::glorot_uniform(), Fans{9, 36});
  const std::vector<float> pixels(25, 0.5f);
  Tape tape;
  const Var x = tape.input("pixels", pixels.data(), 1, 25);
  tape.backward(sum(conv2d(tape.parameter(w), x, {1, 5, 5}, {.height = 3, .width = 3})));
  EXPECT_EQ(x.grad(), nullptr);
  EXPECT_FLOAT_EQ(w.gradient()[0], 9 * 0.5f);
}

// Values, then the gradients of the weight and the input under an uneven cotangent, from two uses of both.
template <typename T>
std::vector<double> ValuesAndGradients(const ConvCase& c) {
  BasicParameterStore<T> store(1);
  const auto normal = [](Rng& rng, Fans, std::span<double> values) {
    for (double& v : values) {
      v = rng.Normal();
    }
  };
  BasicParameter<T>& w = store.add("w", {c.out, c.weight_rows()}, normal);
  BasicParameter<T>& x = store.add("x", {c.image.positions() * c.batch, c.image.channels}, normal);
  std::fill_n(store.gradient_memory(), store.flat_size(), std::numeric_limits<T>::quiet_NaN());
  BasicTape<T> tape;
  std::vector<double> all;
  for (int use = 0; use < 2; ++use) {
    tape.reset();
    poison(tape);
    const BasicVar<T> y = conv2d(tape.parameter(w), tape.parameter(x), c.image, c.spec);
    std::vector<T> cotangent(static_cast<std::size_t>(y.size()));
    for (std::size_t i = 0; i < cotangent.size(); ++i) {
      cotangent[i] = static_cast<T>(i * 37 % 64) / T{32} - T{1};
    }
    all.assign(y.data(), y.data() + y.size());
    tape.backward(y, cotangent.data());
  }
  all.insert(all.end(), w.gradient(), w.gradient() + w.size());
  all.insert(all.end(), x.gradient(), x.gradient() + x.size());
  return all;
}

TEST(Conv2d, FloatIsAsDoubleOnEveryInstructionSet) {
  std::vector<ConvCase> cases = SmallCases();
  for (const ConvCase& c : LargeCases()) {
    cases.push_back(c);
  }
  for (const ConvCase& c : cases) {
    const std::vector<double> want = ValuesAndGradients<double>(c);
    kernels::ForEachTarget([&](const std::string& target) {
      const std::vector<double> got = ValuesAndGradients<float>(c);
      ASSERT_EQ(got.size(), want.size());
      double error = 0.0, size = 0.0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        error = std::max(error, std::isfinite(got[i]) ? std::abs(got[i] - want[i]) : 1e9);
        size = std::max(size, std::abs(want[i]));
      }
      EXPECT_LT(error, 3e-6 * size) << target << ", " << Describe(c);
    });
  }
}

TEST(Conv2d, AnyNumberOfThreadsGivesTheSameBits) {
  for (const ConvCase& c : LargeCases()) {
    const std::vector<double> expected = ValuesAndGradients<float>(c);
    for (const int threads : {2, 3, 8}) {
      SetThreads(threads);
      const std::vector<double> got = ValuesAndGradients<float>(c);
      EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(double)), 0)
          << threads << " threads, " << Describe(c);
      SetThreads(1);
    }
  }
}

// n values that end where memory ends: touching the next one ends the program.
class Guarded {
 public:
  explicit Guarded(Index n)
      : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
        bytes_((static_cast<std::size_t>(n) * sizeof(float) + page_ - 1) / page_ * page_),
        memory_(mmap(nullptr, bytes_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
        data_(reinterpret_cast<float*>(static_cast<char*>(memory_) + bytes_) - n) {
    EXPECT_NE(memory_, MAP_FAILED);
    EXPECT_EQ(mprotect(static_cast<char*>(memory_) + bytes_, page_, PROT_NONE), 0);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(memory_, bytes_ + page_); }
  float* data() { return data_; }

 private:
  std::size_t page_, bytes_;
  void* memory_;
  float* data_;
};

TEST(Conv2d, TouchesNothingBeyondItsOperands) {
  for (const ConvCase& c : LargeCases()) {
    const kernels::ConvShape shape{.batch = c.batch,
                                   .height = c.image.height,
                                   .width = c.image.width,
                                   .in = c.image.channels,
                                   .out = c.out,
                                   .kernel_height = c.spec.height,
                                   .kernel_width = c.spec.width,
                                   .stride = c.spec.stride,
                                   .padding = c.spec.padding,
                                   .mode = c.spec.mode};
    Guarded x(c.image.values() * c.batch), w(c.weight_rows() * c.out);
    Guarded y(c.spec.output(c.image, c.out).values() * c.batch);
    kernels::ForEachTarget([&](const std::string&) {
      kernels::conv2d_forward(shape, x.data(), w.data(), y.data());
      kernels::conv2d_input_gradient(shape, y.data(), w.data(), x.data(), false);
      kernels::conv2d_weight_gradient(shape, x.data(), y.data(), w.data(), true);
    });
  }
}

// --- Shapes that do not fit ---

template <typename F>
void ExpectError(const std::string& message, F f) {
  try {
    f();
    ADD_FAILURE() << "no error, expected: " << message;
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr(message));
  }
}

TEST(Conv2d, ShapesThatDoNotFitAreErrors) {
  DTape t;
  const DVar x = t.zeros(3, 40), w = t.zeros(27, 2);
  const Image image{3, 5, 4};
  ExpectError("conv2d: 'zeros' is 3 x 40; expected images of 4 channels on 5 x 4: 4 rows, and columns by 20", [&] {
    conv2d(w, x, {4, 5, 4}, {.height = 3, .width = 3});
  });
  ExpectError("columns by 16", [&] { conv2d(w, x, {3, 4, 4}, {.height = 3, .width = 3}); });
  ExpectError("conv2d: 'zeros' is 27 x 2 and 'zeros' is 3 x 40; expected one row in the weight",
              [&] { conv2d(w, x, image, {.height = 3, .width = 2}); });
  ExpectError("a kernel of 3 x 5 with stride 1 and padding 0 on an image of 5 x 4; expected a kernel no larger than",
              [&] { conv2d(w, x, image, {.height = 3, .width = 5}); });
  ExpectError("stride 0", [&] { conv2d(w, x, image, {.height = 3, .width = 3, .stride = 0}); });
  ExpectError("padding -1", [&] { conv2d(w, x, image, {.height = 3, .width = 3, .padding = -1}); });
  ExpectError("conv2d: reflect padding 4 of an image of 5 x 4; expected at most 3",
              [&] { conv2d(w, x, image, {.height = 3, .width = 3, .padding = 4, .mode = Padding::kReflect}); });
  ExpectError("conv2d: circular padding 5 of an image of 5 x 4; expected at most 4",
              [&] { conv2d(w, x, image, {.height = 3, .width = 3, .padding = 5, .mode = Padding::kCircular}); });
}

// --- The layer ---

TEST(Conv2dLayer, GradientIsRightUnderEachNormaliser) {
  const Image image{2, 4, 3};
  for (const NormKind& kind :
       {NormKind{NoNorm{}}, NormKind{BatchNorm{}}, NormKind{LayerNorm{}}, NormKind{WeightNorm{}}}) {
    Inputs in;
    in.normal("x", 2, image.positions() * 3);
    BasicConv2d<double> layer(BasicScope<double>(in.store()) / "conv", image, 3,
                              {.height = 3, .width = 3, .stride = 2, .padding = 1}, {.kind = kind});
    ASSERT_EQ(layer.output(), (Image{3, 2, 2}));
    EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return layer(in.on(t, "x"), Step{}); })) << "kind " << kind.index();
  }
}

TEST(Conv2dLayer, NamesShapesAndFans) {
  ParameterStore store(1);
  Fans seen;
  const Conv2d layer(Scope(store) / "conv1", {3, 32, 32}, 8, {.height = 5, .width = 3, .padding = 1}, {},
                     [&](Rng&, Fans fans, std::span<double> values) {
                       seen = fans;
                       std::fill(values.begin(), values.end(), 0.0);
                     });
  const std::vector<NamedValues> all = store.list_parameters();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "conv1.weight");
  EXPECT_EQ(all[0].shape, (std::vector<std::int64_t>{8, 5, 3, 3}));
  EXPECT_EQ(all[1].name, "conv1.bias");
  EXPECT_EQ(seen.in, 5 * 3 * 3);
  EXPECT_EQ(seen.out, 5 * 3 * 8);
  EXPECT_EQ(layer.output(), (Image{8, 30, 32}));
}

// --- Mutants: wrong ways back that the checker must reject ---

enum class Mutation { kNone, kFlippedTaps, kBorderForgotten, kStrideForgotten };

// dx of a convolution of one channel on one axis, 3 taps, from the definition but for the mutation.
DVar MutantConv(DVar x, const std::vector<double>& w, Padding mode, Index stride, Mutation mutation) {
  const Index n = x.size(), outputs = (n - 1) / stride + 1;
  DVar y = x.tape().result("mutant", outputs, 1, {x});
  for (Index o = 0; o < outputs; ++o) {
    y.mutable_data()[o] = 0.0;
    for (Index i = 0; i < 3; ++i) {
      const Index from = plain_net::mirrored(o * stride + i - 1, n, mode);
      y.mutable_data()[o] += from < 0 ? 0.0 : w[static_cast<std::size_t>(i)] * x.data()[from];
    }
  }
  x.tape().on_backward({y}, [=, weights = w.data()] {
    const GradSink<double> dx = x.grad_sink();
    std::fill_n(dx.data, n, 0.0);
    for (Index o = 0; o < outputs; ++o) {
      for (Index i = 0; i < 3; ++i) {
        const Padding read = mutation == Mutation::kBorderForgotten ? Padding::kZero : mode;
        const Index at = mutation == Mutation::kStrideForgotten ? o : o * stride;
        const Index from = plain_net::mirrored(at + i - 1, n, read);
        if (from >= 0) {
          dx.data[from] += weights[mutation == Mutation::kFlippedTaps ? 2 - i : i] * y.grad()[o];
        }
      }
    }
  });
  return y;
}

bool Accepted(Padding mode, Index stride, Mutation mutation) {
  const std::vector<double> w = {0.5, -1.0, 2.0};
  Inputs in;
  in.normal("x", 7, 1);
  return check_gradients(in.store(), [&](DTape& t) { return MutantConv(in.on(t, "x"), w, mode, stride, mutation); }).ok;
}

TEST(Conv2dMutants, AreRejectedAndTheRightOneIsAccepted) {
  for (const Padding mode : kModes) {
    for (const Index stride : {1, 2}) {
      EXPECT_TRUE(Accepted(mode, stride, Mutation::kNone));
      EXPECT_FALSE(Accepted(mode, stride, Mutation::kFlippedTaps));
    }
    EXPECT_FALSE(Accepted(mode, 2, Mutation::kStrideForgotten));
  }
  EXPECT_FALSE(Accepted(Padding::kReflect, 1, Mutation::kBorderForgotten));
  EXPECT_FALSE(Accepted(Padding::kCircular, 1, Mutation::kBorderForgotten));
}

}  // namespace
}  // namespace normlab::nn
