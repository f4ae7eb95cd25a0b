// A whole convolutional network against plain loops in double: the loss and the gradient of every weight and pixel.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

#include "nn/layers/conv.h"
#include "nn/layers/linear.h"
#include "nn/ops/activation.h"
#include "nn/ops/cross_entropy.h"
#include "nn/ops/pool.h"
#include "nn/ops/reshape.h"
#include "tests/nn/plain_conv_net.h"

namespace normlab::nn {
namespace {

using plain_net::Volume;

constexpr Image kImage{3, 13, 12};
constexpr Index kBatch = 4, kClasses = 5;
constexpr PoolSpec kPool{.height = 3, .width = 3, .stride = 2, .round_up = true};
const std::vector<std::int32_t> kLabels = {0, 4, 2, 2};

struct NetCase {
  Padding mode;
  Index stride;  // of the second convolution
};

template <typename T>
class Net {
 public:
  explicit Net(const NetCase& c)
      : x_(store_.add("x", {kImage.positions() * kBatch, kImage.channels}, init::uniform(1.0))),
        conv1_(root_ / "conv1", kImage, 6, {.height = 5, .width = 3, .padding = 2, .mode = c.mode}, {}),
        pool1_(kPool.output(conv1_.output())),
        conv2_(root_ / "conv2", pool1_, 7, {.height = 3, .width = 3, .stride = c.stride, .padding = 1, .mode = c.mode},
               {}),
        pool2_(kPool.output(conv2_.output())),
        last_(root_ / "last", pool2_.values(), kClasses, {}) {
    for (const char* name : {"conv1.bias", "conv2.bias", "last.bias"}) {
      BasicParameter<T>& bias = store_.at(name);
      for (Index i = 0; i < bias.size(); ++i) {
        bias.value()[i] = static_cast<T>(0.1 * static_cast<double>(i % 3) - 0.1);
      }
    }
  }

  // The loss; gradients stay in the store.
  double train() {
    const Step step;
    BasicTape<T> tape;
    BasicVar<T> h = max_pool(relu(conv1_(tape.parameter(x_), step)), conv1_.output(), kPool);
    h = mean_pool(relu(conv2_(h, step)), conv2_.output(), kPool);
    const BasicVar<T> z = last_(reshape(h, pool2_.values(), kBatch), step);
    const BasicVar<T> loss = softmax_cross_entropy(z, std::span<const std::int32_t>(kLabels));
    tape.backward(loss);
    return static_cast<double>(loss.scalar());
  }

  BasicParameterStore<T>& store() { return store_; }
  std::vector<double> values(const std::string& name) { return as_doubles(name, store_.at(name).value()); }
  std::vector<double> gradient(const std::string& name) { return as_doubles(name, store_.at(name).gradient()); }

 private:
  std::vector<double> as_doubles(const std::string& name, const T* values) {
    return std::vector<double>(values, values + store_.at(name).size());
  }

  BasicParameterStore<T> store_{3};
  BasicScope<T> root_{store_};
  BasicParameter<T>& x_;
  BasicConv2d<T> conv1_;
  Image pool1_;
  BasicConv2d<T> conv2_;
  Image pool2_;
  BasicLinear<T> last_;
};

plain_net::ConvLayer LayerOf(Net<double>& net, const std::string& name, Index in, Index out, const ConvSpec& spec) {
  return {
      .spec = spec, .in = in, .out = out, .weight = net.values(name + ".weight"), .bias = net.values(name + ".bias")};
}

struct Reference {
  double loss;
  std::map<std::string, std::vector<double>> gradients;
};

Reference ReferenceOf(const NetCase& c, Net<double>& values) {
  plain_net::Net net{.conv1 = LayerOf(values, "conv1", 3, 6, {.height = 5, .width = 3, .padding = 2, .mode = c.mode}),
                     .conv2 = LayerOf(values, "conv2", 6, 7,
                                      {.height = 3, .width = 3, .stride = c.stride, .padding = 1, .mode = c.mode}),
                     .last = LayerOf(values, "last", 7, kClasses, {}),
                     .pool1 = {3, 2, false},
                     .pool2 = {3, 2, true}};
  Volume x(kBatch, kImage.channels, kImage.height, kImage.width), dx = x;
  const std::vector<double> pixels = values.values("x");
  const auto place = [](Index b, Index ch, Index row, Index column) {
    return static_cast<std::size_t>(((b * kImage.height + row) * kImage.width + column) * kImage.channels + ch);
  };
  x.each([&](Index b, Index ch, Index row, Index column) {
    x.at(b, ch, row, column) = pixels[place(b, ch, row, column)];
  });
  Reference result{.loss = net.loss(x, kLabels, dx), .gradients = {}};
  for (const auto& [name, layer] :
       {std::pair("conv1", &net.conv1), std::pair("conv2", &net.conv2), std::pair("last", &net.last)}) {
    result.gradients[fmt::format("{}.weight", name)] = layer->dweight;
    result.gradients[fmt::format("{}.bias", name)] = layer->dbias;
  }
  std::vector<double>& pixel_gradient = result.gradients["x"];
  pixel_gradient.resize(pixels.size());
  dx.each([&](Index b, Index ch, Index row, Index column) {
    pixel_gradient[place(b, ch, row, column)] = dx.at(b, ch, row, column);
  });
  return result;
}

template <typename T>
void ExpectAgrees(const NetCase& c, const Reference& want, double tolerance) {
  Net<T> net(c);
  EXPECT_NEAR(net.train(), want.loss, tolerance);
  EXPECT_EQ(want.gradients.size(), net.store().parameters().size());
  for (const auto& [name, gradient] : want.gradients) {
    const std::vector<double> got = net.gradient(name);
    ASSERT_EQ(got.size(), gradient.size()) << name;
    double largest = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      largest = std::max(largest, std::abs(gradient[i]));
      ASSERT_NEAR(got[i], gradient[i], tolerance) << name << " " << i;
    }
    EXPECT_GT(largest, 1e-4) << name << " tells nothing";
  }
}

TEST(ConvNet, LossAndEveryGradientAgreeWithPlainLoops) {
  for (const NetCase& c : {NetCase{Padding::kZero, 1}, NetCase{Padding::kZero, 2}, NetCase{Padding::kReflect, 1},
                           NetCase{Padding::kCircular, 2}}) {
    Net<double> values(c);
    const Reference want = ReferenceOf(c, values);
    ExpectAgrees<double>(c, want, 1e-12);
    ExpectAgrees<float>(c, want, 2e-6);
  }
}

}  // namespace
}  // namespace normlab::nn
