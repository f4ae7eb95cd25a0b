// image_attention.h - the loops under DRAW's attention: windows of Gaussian filters, reading through them and writing
// back.
//
// An image is `height` rows of `width` values. A window is an n x n grid of filters: n filters over the columns, F_X
// [n x width], and n over the rows, F_Y [n x height], whose rows sum to 1, and an intensity gamma. In memory a window
// is F_X, F_Y and gamma, one after the other: grid.window() values.
//
// Every function goes over `batch` examples that lie one after the other, shared between threads in fixed pieces, each
// example by one thread: same bits for any number of threads. Float and double run the same code, so a gradient check
// in double checks the loops that train. Nothing is allocated; outputs must not overlap inputs.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

struct WindowGrid {
  Index height, width;  // of the image
  Index n;              // filters per direction, at least 2

  Index image() const { return height * width; }
  Index window() const { return n * (width + height) + 1; }
};

// Numbers that describe a window: g~x, g~y, log sigma^2, log delta~, log gamma.
inline constexpr Index kWindowParameters = 5;

// Where a gradient goes: overwritten, or added to with `add`; nothing if data is null.
template <typename T>
struct Into {
  T* data = nullptr;
  bool add = false;
};

template <typename T>
struct ImageWindow {
  Index batch;
  WindowGrid grid;
  const T* parameters;  // kWindowParameters an example
  T* window;
  // Of the backward pass alone:
  const T* d_window = nullptr;
  Into<T> d_parameters = {};
};
void image_window_forward(const ImageWindow<float>& args);
void image_window_forward(const ImageWindow<double>& args);
void image_window_backward(const ImageWindow<float>& args);
void image_window_backward(const ImageWindow<double>& args);

// glimpse = gamma F_Y image F_X^T of two images, one after the other: 2 n n values, row by row.
template <typename T>
struct ImageRead {
  Index batch;
  WindowGrid grid;
  const T* window;
  const T* images[2];
  T* projected;  // F_Y image of both, 2 n width values, kept for the backward pass
  T* glimpse;
  // Of the backward pass alone:
  const T* d_glimpse = nullptr;
  Into<T> d_window = {};  // required
  Into<T> d_images[2] = {};
  T* scratch = nullptr;  // batch * n * width values
};
void image_read_forward(const ImageRead<float>& args);
void image_read_forward(const ImageRead<double>& args);
void image_read_backward(const ImageRead<float>& args);
void image_read_backward(const ImageRead<double>& args);

// canvas += F_Y^T patch F_X / gamma; the patch is n x n, row by row.
template <typename T>
struct ImageWrite {
  Index batch;
  WindowGrid grid;
  const T* window;
  T* canvas;
  const T* patch;
  T* spread;  // patch F_X, n width values, kept for the backward pass
  // Of the backward pass alone:
  const T* d_canvas = nullptr;  // of the canvas written, and of the canvas before
  Into<T> d_window = {};        // required
  Into<T> d_patch = {};
  T* scratch = nullptr;  // batch * n * width values
};
void image_write_forward(const ImageWrite<float>& args);
void image_write_forward(const ImageWrite<double>& args);
void image_write_backward(const ImageWrite<float>& args);
void image_write_backward(const ImageWrite<double>& args);

}  // namespace normlab::nn::kernels
