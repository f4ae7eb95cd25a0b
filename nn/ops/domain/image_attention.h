// image_attention.h - DRAW's selective attention (Gregor et al. 2015, sec. 3.3): a window of n x n Gaussian filters on
// an image, reading a patch through it, and writing a patch back.
//
// An image is a column of height * width values, row by row. A window is a column of grid.window() values that only the
// functions here understand.
#pragma once

#include "nn/kernels/domain/image_attention.h"
#include "nn/tape.h"

namespace normlab::nn {

using WindowGrid = kernels::WindowGrid;
using kernels::kWindowParameters;

// The window that five numbers describe, g~x, g~y, log sigma^2, log delta~, log gamma (5 x B), on a grid with pixels
// and filters counted from 1 [DRAW eq 19-26]:
//   gx = (width + 1) / 2 (g~x + 1)     gy = (height + 1) / 2 (g~y + 1)
//   delta = (max(width, height) - 1) / (n - 1) delta~
//   mu_i = g + (i - n / 2 - 0.5) delta
//   F[i, a] = exp(-(a - mu_i)^2 / 2 sigma^2) / (its sum over the pixels a)
// A window outside of the image sees its nearest edge. grid.n >= 2.
template <typename T>
BasicVar<T> image_window(BasicVar<T> parameters, const WindowGrid& grid);

// gamma [F_Y x F_X^T; F_Y error F_X^T]: 2 n n x B from two images of height * width x B [DRAW eq 27].
template <typename T>
BasicVar<T> image_read(BasicVar<T> x, BasicVar<T> error, BasicVar<T> window, const WindowGrid& grid);

// canvas + F_Y^T patch F_X / gamma: height * width x B, with a patch of n n x B, row by row [DRAW eq 8, 29]. In the
// memory of canvas, a result whose values nothing else may read: it becomes this one, and its gradient too.
template <typename T>
BasicVar<T> image_write_onto(BasicVar<T> canvas, BasicVar<T> patch, BasicVar<T> window, const WindowGrid& grid);

}  // namespace normlab::nn
