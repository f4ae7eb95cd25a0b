// DRAW's attention: gradients against finite differences, values and gradients against primitive ops, the mistakes of
// published implementations, and windows at the edge.
#include "nn/ops/domain/image_attention.h"

#include <gmock/gmock.h>

#include <fmt/format.h>
#include <cmath>

#include "nn/error.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/rows.h"
#include "tests/nn/kernels/kernel_testing.h"
#include "tests/nn/op_testing.h"
#include "tests/nn/primitive_image_attention.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;
using primitive::DrawMistake;

// The paper's images and read grid, and odd ones: wide, tall, many filters, few pixels.
const std::vector<WindowGrid> kGrids = {{28, 28, 2}, {5, 7, 3}, {9, 4, 2}, {3, 3, 5}};

std::string GridName(const testing::TestParamInfo<WindowGrid>& info) {
  return fmt::format("{}x{}_{}", info.param.height, info.param.width, info.param.n);
}

// What may be written onto.
template <typename T>
BasicVar<T> Copy(BasicVar<T> x) {
  return x + x.tape().zeros(x.rows(), x.cols());
}

class Attention : public testing::TestWithParam<WindowGrid> {
 protected:
  Attention() {
    in_.normal("p", kWindowParameters, kBatch, 0.0, 0.3)
        .normal("x", grid_.image(), kBatch)
        .normal("e", grid_.image(), kBatch)
        .normal("w", grid_.n * grid_.n, kBatch);
  }
  static DVar Constant(DTape& t, Index rows) {
    double* values = t.scratch(rows * kBatch);
    for (Index i = 0; i < rows * kBatch; ++i) {
      values[i] = 0.3 * std::sin(static_cast<double>(i));
    }
    return t.input("constant", values, rows, kBatch);
  }
  DVar Window(DTape& t) { return image_window(in_.on(t, "p"), grid_); }
  DVar Read(DTape& t) { return image_read(in_.on(t, "x"), in_.on(t, "e"), Window(t), grid_); }
  DVar Write(DTape& t) { return image_write_onto(Copy(in_.on(t, "x")), in_.on(t, "w"), Window(t), grid_); }

  primitive::Image shape() const { return {grid_.height, grid_.width}; }
  DVar PrimitiveRead(DTape& t, const DrawMistake& mistake = {}) {
    const primitive::Window window = primitive::window(in_.on(t, "p"), shape(), grid_.n, mistake);
    return concat_rows(primitive::glimpse(in_.on(t, "x"), window, shape()),
                       primitive::glimpse(in_.on(t, "e"), window, shape()));
  }
  DVar PrimitiveWrite(DTape& t, const DrawMistake& mistake = {}) {
    const primitive::Window window = primitive::window(in_.on(t, "p"), shape(), grid_.n, mistake);
    return primitive::write(in_.on(t, "x"), in_.on(t, "w"), window, shape());
  }

  static constexpr Index kBatch = 3;
  const WindowGrid grid_ = GetParam();
  Inputs in_;
};
INSTANTIATE_TEST_SUITE_P(Grids, Attention, testing::ValuesIn(kGrids), GridName);

TEST_P(Attention, GradientOfTheWindow) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return Window(t); }));
}

TEST_P(Attention, GradientOfReading) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return Read(t); }));
}

TEST_P(Attention, GradientOfWriting) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) { return Write(t); }));
}

// One window and one image used at several places: gradients add up, and unwanted ones are not computed.
TEST_P(Attention, GradientsAddUp) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const DVar window = Window(t), x = in_.on(t, "x"), w = in_.on(t, "w");
    const DVar constant = Constant(t, grid_.image());
    const DVar canvas = image_write_onto(image_write_onto(Copy(x), w, window, grid_), w, window, grid_);
    return image_read(constant, x * canvas, window, grid_) * image_read(x, x, window, grid_);
  }));
}

TEST_P(Attention, WithoutAWantedWindowOrPatch) {
  EXPECT_TRUE(GradientIsRight(in_, [&](DTape& t) {
    const DVar window = image_window(Constant(t, kWindowParameters), grid_);
    const DVar canvas = image_write_onto(Copy(in_.on(t, "x")), Constant(t, grid_.n * grid_.n), window, grid_);
    return image_read(canvas, in_.on(t, "e"), window, grid_);
  }));
}

// Values of an op and all gradients of its inputs for a fixed cotangent.
template <typename T, typename F>
std::vector<double> ValuesAndGradients(BasicParameterStore<T>& store, F f) {
  store.clear_gradients();
  BasicTape<T> tape;
  const BasicVar<T> y = f(tape);
  std::vector<T> cotangent(static_cast<std::size_t>(y.size()));
  for (std::size_t i = 0; i < cotangent.size(); ++i) {
    cotangent[i] = static_cast<T>(std::sin(1.0 + static_cast<double>(i)));
  }
  tape.backward(y, cotangent.data());
  std::vector<double> all(y.data(), y.data() + y.size());
  for (BasicParameter<T>& p : store.parameters()) {
    all.insert(all.end(), p.gradient(), p.gradient() + p.size());
  }
  store.clear_gradients();
  return all;
}
template <typename F>
std::vector<double> ValuesAndGradients(Inputs& in, F f) {
  return ValuesAndGradients(in.store(), f);
}

double LargestDifference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i])));
  }
  return largest;
}

TEST_P(Attention, AgreesWithPrimitiveOps) {
  EXPECT_LT(LargestDifference(ValuesAndGradients(in_, [&](DTape& t) { return Read(t); }),
                              ValuesAndGradients(in_, [&](DTape& t) { return PrimitiveRead(t); })),
            1e-10);
  EXPECT_LT(LargestDifference(ValuesAndGradients(in_, [&](DTape& t) { return Write(t); }),
                              ValuesAndGradients(in_, [&](DTape& t) { return PrimitiveWrite(t); })),
            1e-10);
}

TEST_P(Attention, MistakesOfPublishedImplementationsShow) {
  for (const DrawMistake& mistake : {DrawMistake{.zero_based_grid = true}, DrawMistake{.squared_fraction = true}}) {
    EXPECT_GT(LargestDifference(ValuesAndGradients(in_, [&](DTape& t) { return Read(t); }),
                                ValuesAndGradients(in_, [&](DTape& t) { return PrimitiveRead(t, mistake); })),
              1e-3);
    EXPECT_GT(LargestDifference(ValuesAndGradients(in_, [&](DTape& t) { return Write(t); }),
                                ValuesAndGradients(in_, [&](DTape& t) { return PrimitiveWrite(t, mistake); })),
              1e-3);
  }
}

// A glimpse and a canvas, one above the other, of inputs named as in Attention.
template <typename T>
BasicVar<T> ReadAndWrite(BasicTape<T>& t, BasicParameterStore<T>& in, const WindowGrid& grid) {
  const auto on = [&](const char* name) { return t.parameter(in.at(name)); };
  const BasicVar<T> x = on("x"), window = image_window(on("p"), grid);
  const BasicVar<T> canvas = image_write_onto(Copy(x), on("w"), window, grid);
  return concat_rows(image_read(x, on("e"), window, grid), canvas);
}

// Every instruction set, in float and in double, from the same numbers.
TEST_P(Attention, TargetsAndTypesAgree) {
  BasicParameterStore<float> floats(1);
  for (BasicParameter<double>& p : in_.store().parameters()) {
    floats.add(p.name(), p.shape(),
               [&](Rng&, Fans, std::span<double> values) { std::copy_n(p.value(), p.size(), values.begin()); });
  }
  const auto values = [&](auto& store) {
    return ValuesAndGradients(store, [&](auto& t) { return ReadAndWrite(t, store, grid_); });
  };
  const std::vector<double> expected = values(in_.store());
  kernels::ForEachTarget([&](const std::string& target) {
    SCOPED_TRACE(target);
    EXPECT_LT(LargestDifference(values(in_.store()), expected), 1e-10);
    EXPECT_LT(LargestDifference(values(floats), expected), 1e-4);
  });
}

// By hand: all parameters 0, so the centre is the image's, the stride the whole image and sigma^2 = gamma = 1. The
// first of two filters then stands on pixel 1 and the second on the last: the pixels are counted from 1, and so are
// filters.
TEST(ImageWindow, SpansTheImageWhenAllParametersAreZero) {
  constexpr Index kSize = 28;
  const WindowGrid grid{kSize, kSize, 2};
  const std::vector<double> zeros(kWindowParameters, 0.0);
  DTape tape;
  const DVar window = image_window(tape.input("p", zeros.data(), kWindowParameters, 1), grid);
  double sum = 0.0;
  for (Index a = 0; a < kSize; ++a) {
    sum += std::exp(-0.5 * static_cast<double>(a * a));
  }
  EXPECT_NEAR(window.data()[0], 1.0 / sum, 1e-12);
  EXPECT_NEAR(window.data()[2], std::exp(-2.0) / sum, 1e-12);
  EXPECT_NEAR(window.data()[2 * kSize - 1], 1.0 / sum, 1e-12);
  EXPECT_NEAR(window.data()[grid.window() - 1], 1.0, 1e-12);
}

// Far outside of the image every exponential underflows; the sum of a filter must still be 1, and gradients finite.
TEST(ImageWindow, OutsideOfTheImageSeesTheNearestEdge) {
  const WindowGrid grid{6, 6, 2};
  Inputs in;
  in.normal("p", kWindowParameters, 1);
  const double far[] = {40.0, -40.0, -2.0, -1.0, 0.5};
  std::copy_n(far, kWindowParameters, in["p"].value());
  DTape tape;
  const DVar window = image_window(in.on(tape, "p"), grid);
  EXPECT_NEAR(window.data()[5], 1.0, 1e-12);                    // right edge
  EXPECT_NEAR(window.data()[grid.n * grid.width], 1.0, 1e-12);  // upper edge
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return image_window(in.on(t, "p"), grid); }));
}

// So far that the square of the distance is no float: the filter is the nearest pixel's, on every instruction set, and what
// goes back is finite.
TEST(ImageWindow, FarWindowsStayFiniteInFloat) {
  const WindowGrid grid{6, 6, 2};
  const float far[] = {1e25f, -1e25f, 0.0f, 0.0f, 0.0f};
  kernels::ForEachTarget([&](const std::string& target) {
    BasicParameterStore<float> store(1);
    BasicParameter<float>& p = store.add("p", {kWindowParameters}, init::zeros());
    std::copy_n(far, kWindowParameters, p.value());
    Tape tape;
    const Var window = image_window(tape.parameter(p), grid);
    EXPECT_EQ(window.data()[5], 1.0f) << target << ": right edge";
    EXPECT_EQ(window.data()[0], 0.0f) << target;
    EXPECT_EQ(window.data()[grid.n * grid.width], 1.0f) << target << ": upper edge";
    std::vector<float> cotangent(static_cast<std::size_t>(window.size()));
    for (std::size_t i = 0; i < cotangent.size(); ++i) {
      cotangent[i] = std::sin(static_cast<float>(i));
    }
    tape.backward(window, cotangent.data());
    for (Index i = 0; i < kWindowParameters; ++i) {
      EXPECT_TRUE(std::isfinite(p.gradient()[i])) << target << ": parameter " << i;
    }
  });
}

TEST(ImageWindow, NaNShows) {
  const WindowGrid grid{6, 6, 2};
  const float p[] = {std::nanf(""), 0.0f, 0.0f, 0.0f, 0.0f};
  Tape tape;
  EXPECT_TRUE(std::isnan(image_window(tape.input("p", p, kWindowParameters, 1), grid).data()[0]));
}

TEST(AttentionErrors, NameWhatDoesNotFit) {
  const std::vector<double> v(100, 0.0);
  DTape t;
  const WindowGrid grid{3, 4, 2};
  const auto message = [](auto&& f) -> std::string {
    try {
      f();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  const DVar window = image_window(t.input("p", v.data(), 5, 2), grid);
  EXPECT_THAT(message([&] { image_window(t.input("p", v.data(), 4, 2), grid); }), testing::HasSubstr("'p' is 4 x 2"));
  EXPECT_THAT(message([&] {
                image_window(t.input("p", v.data(), 5, 2), {3, 4, 1});
              }),
              testing::HasSubstr("at least 2 x 2 filters"));
  EXPECT_THAT(message([&] { image_read(t.input("x", v.data(), 11, 2), window, window, grid); }),
              testing::HasSubstr("'x' is 11 x 2"));
  EXPECT_THAT(
      message([&] { image_write_onto(t.input("c", v.data(), 12, 2), t.input("w", v.data(), 5, 2), window, grid); }),
      testing::HasSubstr("'w' is 5 x 2"));
}

}  // namespace
}  // namespace normlab::nn
