#include "nn/ops/domain/image_attention.h"

#include <fmt/format.h>

#include "nn/error.h"
#include "nn/ops/check.h"

namespace normlab::nn {
namespace {

void require_grid(const char* op, const WindowGrid& grid) {
  if (grid.height < 1 || grid.width < 1 || grid.n < 2) {
    throw Error(fmt::format("{}: a grid of {} x {} filters on an image of {} x {}; expected at least 2 x 2 filters", op,
                            grid.n, grid.n, grid.height, grid.width));
  }
}

template <typename T>
void require_image(const char* op, BasicVar<T> image, BasicVar<T> window, const WindowGrid& grid) {
  require_grid(op, grid);
  require_shape(window.rows() == grid.window(), op, window, "a window made by image_window for the same grid");
  require_shapes(image.rows() == grid.image() && image.cols() == window.cols(), op, image, window,
                 "an image of the grid's height * width rows and as many columns as the window");
}

template <typename T>
kernels::Into<T> into(GradSink<T> sink) {
  return {.data = sink.data, .add = sink.accumulate};
}

// The gradient of a Var that the kernel always writes: memory of its own if nobody wants it.
template <typename T>
kernels::Into<T> required(BasicVar<T> v) {
  const GradSink<T> sink = v.grad_sink();
  return sink ? into(sink) : kernels::Into<T>{.data = v.tape().scratch(v.size()), .add = false};
}

}  // namespace

template <typename T>
BasicVar<T> image_window(BasicVar<T> parameters, const WindowGrid& grid) {
  require_grid("image_window", grid);
  require_shape(parameters.rows() == kWindowParameters, "image_window", parameters, "5 rows");
  BasicTape<T>& tape = parameters.tape();
  BasicVar<T> window = tape.result("image_window", grid.window(), parameters.cols(), {parameters});
  const kernels::ImageWindow<T> args{
      .batch = parameters.cols(), .grid = grid, .parameters = parameters.data(), .window = window.mutable_data()};
  kernels::image_window_forward(args);
  tape.on_backward({window}, [=] {
    kernels::ImageWindow<T> back = args;
    back.d_window = window.grad();
    back.d_parameters = required(parameters);
    kernels::image_window_backward(back);
  });
  return window;
}

template <typename T>
BasicVar<T> image_read(BasicVar<T> x, BasicVar<T> error, BasicVar<T> window, const WindowGrid& grid) {
  require_image("image_read", x, window, grid);
  require_image("image_read", error, window, grid);
  BasicTape<T>& tape = window.tape();
  const Index batch = window.cols(), n = grid.n;
  BasicVar<T> glimpse = tape.result("image_read", 2 * n * n, batch, {x, error, window});
  const kernels::ImageRead<T> args{.batch = batch,
                                   .grid = grid,
                                   .window = window.data(),
                                   .images = {x.data(), error.data()},
                                   .projected = tape.scratch(2 * n * grid.width * batch),
                                   .glimpse = glimpse.mutable_data()};
  kernels::image_read_forward(args);
  tape.on_backward({glimpse}, [=] {
    kernels::ImageRead<T> back = args;
    back.d_glimpse = glimpse.grad();
    back.d_window = required(window);
    back.d_images[0] = into(x.grad_sink());
    back.d_images[1] = into(error.grad_sink());
    back.scratch = glimpse.tape().scratch(n * grid.width * batch);
    kernels::image_read_backward(back);
  });
  return glimpse;
}

template <typename T>
BasicVar<T> image_write_onto(BasicVar<T> canvas, BasicVar<T> patch, BasicVar<T> window, const WindowGrid& grid) {
  require_image("image_write_onto", canvas, window, grid);
  const Index batch = window.cols(), n = grid.n;
  require_shapes(patch.rows() == n * n && patch.cols() == batch, "image_write_onto", patch, window,
                 "a patch of n n rows and as many columns as the window");
  BasicTape<T>& tape = window.tape();
  BasicVar<T> written = tape.result_in_place("image_write_onto", canvas, {patch, window});
  kernels::ImageWrite<T> args{.batch = batch,
                              .grid = grid,
                              .window = window.data(),
                              .canvas = written.mutable_data(),
                              .patch = patch.data(),
                              .spread = tape.scratch(n * grid.width * batch)};
  kernels::image_write_forward(args);
  args.canvas = nullptr;  // the way back does not read it: the next write may have the memory
  tape.on_backward({written}, [=] {
    kernels::ImageWrite<T> back = args;
    back.d_canvas = written.grad();
    back.d_window = required(window);
    back.d_patch = into(patch.grad_sink());
    back.scratch = written.tape().scratch(n * grid.width * batch);
    kernels::image_write_backward(back);
    canvas.adopt_gradient(written.grad_sink().data);
  });
  return written;
}

template BasicVar<float> image_window(BasicVar<float>, const WindowGrid&);
template BasicVar<double> image_window(BasicVar<double>, const WindowGrid&);
template BasicVar<float> image_read(BasicVar<float>, BasicVar<float>, BasicVar<float>, const WindowGrid&);
template BasicVar<double> image_read(BasicVar<double>, BasicVar<double>, BasicVar<double>, const WindowGrid&);
template BasicVar<float> image_write_onto(BasicVar<float>, BasicVar<float>, BasicVar<float>, const WindowGrid&);
template BasicVar<double> image_write_onto(BasicVar<double>, BasicVar<double>, BasicVar<double>, const WindowGrid&);

}  // namespace normlab::nn
