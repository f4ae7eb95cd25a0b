#include "nn/ops/conv.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/linear.h"
#include "nn/ops/math.h"

namespace normlab::nn {

Image ConvSpec::output(const Image& input, Index out) const {
  if (height < 1 || width < 1 || stride < 1 || padding < 0 || height > input.height + 2 * padding ||
      width > input.width + 2 * padding) {
    throw Error(
        fmt::format("conv2d: a kernel of {} x {} with stride {} and padding {} on an image of {} x {}; expected a "
                    "kernel no larger than the padded image, and a stride of at least 1",
                    height, width, stride, padding, input.height, input.width));
  }
  const Index most =
      mode == Padding::kReflect ? std::min(input.height, input.width) - 1 : std::min(input.height, input.width);
  if (mode != Padding::kZero && padding > most) {
    throw Error(fmt::format("conv2d: {} padding {} of an image of {} x {}; expected at most {}",
                            mode == Padding::kReflect ? "reflect" : "circular", padding, input.height, input.width,
                            most));
  }
  return {.channels = out,
          .height = (input.height + 2 * padding - height) / stride + 1,
          .width = (input.width + 2 * padding - width) / stride + 1};
}

// With y = sum over taps t of W_t x_t, where x_t is x as tap t sees it:
//   dW_t = sum over outputs dy x_t^T     dx = sum over t of W_t^T dy, brought back to where x_t was read.
template <typename T>
BasicVar<T> conv2d(BasicVar<T> w, BasicVar<T> x, const Image& image, const ConvSpec& spec) {
  const Image output = spec.output(image, w.cols());
  require_images("conv2d", x, image);
  require_shapes(w.rows() == spec.height * spec.width * image.channels, "conv2d", w, x,
                 "one row in the weight (kernel height width channels x out) per tap and channel");
  if (spec.height == 1 && spec.width == 1 && spec.stride == 1 && spec.padding == 0) {
    return linear(w, x);
  }
  const kernels::ConvShape shape{.batch = x.cols() / image.positions(),
                                 .height = image.height,
                                 .width = image.width,
                                 .in = image.channels,
                                 .out = output.channels,
                                 .kernel_height = spec.height,
                                 .kernel_width = spec.width,
                                 .stride = spec.stride,
                                 .padding = spec.padding,
                                 .mode = spec.mode};
  BasicVar<T> y = x.tape().result("conv2d", output.channels, output.positions() * shape.batch, {w, x});
  math::conv2d_forward(shape, x.data(), w.data(), y.mutable_data());
  x.tape().on_backward({y}, [w, x, y, shape] {
    if (const GradSink<T> dw = w.grad_sink()) {
      math::conv2d_weight_gradient(shape, x.data(), y.grad(), dw.data, dw.accumulate);
    }
    if (const GradSink<T> dx = x.grad_sink()) {
      math::conv2d_input_gradient(shape, y.grad(), w.data(), dx.data, dx.accumulate);
    }
  });
  return y;
}

template BasicVar<float> conv2d(BasicVar<float>, BasicVar<float>, const Image&, const ConvSpec&);
template BasicVar<double> conv2d(BasicVar<double>, BasicVar<double>, const Image&, const ConvSpec&);

}  // namespace normlab::nn
