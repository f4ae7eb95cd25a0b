#include "nn/ops/pool.h"

#include <fmt/format.h>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/math.h"

namespace normlab::nn {
namespace {

kernels::PoolShape shape_of(const Image& image, const PoolSpec& spec, Index batch) {
  return {.batch = batch,
          .height = image.height,
          .width = image.width,
          .channels = image.channels,
          .window_height = spec.height,
          .window_width = spec.width,
          .stride = spec.stride,
          .padding = spec.padding,
          .round_up = spec.round_up};
}

}  // namespace

Image PoolSpec::output(const Image& input) const {
  if (height < 1 || width < 1 || stride < 1 || padding < 0 || padding >= height || padding >= width ||
      height > input.height + 2 * padding || width > input.width + 2 * padding) {
    throw Error(
        fmt::format("pooling: a window of {} x {} with stride {} and padding {} on an image of {} x {}; expected a "
                    "window no larger than the padded image and larger than the padding, and a stride of at least 1",
                    height, width, stride, padding, input.height, input.width));
  }
  const kernels::PoolShape shape = shape_of(input, *this, 1);
  return {.channels = input.channels, .height = shape.out_height(), .width = shape.out_width()};
}

// dx is dy where x was the largest.
template <typename T>
BasicVar<T> max_pool(BasicVar<T> x, const Image& image, const PoolSpec& spec) {
  require_images("max_pool", x, image);
  const Index out = spec.output(image).positions();
  const kernels::PoolShape shape = shape_of(image, spec, x.cols() / image.positions());
  BasicVar<T> y = x.tape().result("max_pool", x.rows(), out * shape.batch, {x});
  auto* chosen = x.tape().template scratch<std::int32_t>(y.size());
  math::max_pool_forward(shape, x.data(), y.mutable_data(), chosen);
  x.tape().on_backward({y}, [x, y, shape, chosen] {
    if (const GradSink<T> dx = x.grad_sink()) {
      math::max_pool_backward(shape, y.grad(), chosen, dx.data, dx.accumulate);
    }
  });
  return y;
}

// dx is the sum of dy / n over the windows that x lies in.
template <typename T>
BasicVar<T> mean_pool(BasicVar<T> x, const Image& image, const PoolSpec& spec) {
  require_images("mean_pool", x, image);
  const Index out = spec.output(image).positions();
  const kernels::PoolShape shape = shape_of(image, spec, x.cols() / image.positions());
  BasicVar<T> y = x.tape().result("mean_pool", x.rows(), out * shape.batch, {x});
  math::mean_pool_forward(shape, x.data(), y.mutable_data());
  x.tape().on_backward({y}, [x, y, shape] {
    if (const GradSink<T> dx = x.grad_sink()) {
      math::mean_pool_backward(shape, y.grad(), dx.data, dx.accumulate);
    }
  });
  return y;
}

template <typename T>
BasicVar<T> global_mean_pool(BasicVar<T> x, const Image& image) {
  return mean_pool(x, image, {.height = image.height, .width = image.width});
}

template BasicVar<float> max_pool(BasicVar<float>, const Image&, const PoolSpec&);
template BasicVar<double> max_pool(BasicVar<double>, const Image&, const PoolSpec&);
template BasicVar<float> mean_pool(BasicVar<float>, const Image&, const PoolSpec&);
template BasicVar<double> mean_pool(BasicVar<double>, const Image&, const PoolSpec&);
template BasicVar<float> global_mean_pool(BasicVar<float>, const Image&);
template BasicVar<double> global_mean_pool(BasicVar<double>, const Image&);

}  // namespace normlab::nn
