// plain_conv_net.h - a convolutional network and its gradients in plain double loops over [batch][channel][row][column],
// written from the definitions: conv, bias, relu, max pool, conv, bias, relu, mean pool, linear, softmax. It shares
// neither code nor memory order with the engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "nn/ops/conv.h"
#include "nn/ops/pool.h"

namespace normlab::nn::plain_net {

struct Volume {
  Volume(Index batch, Index channels, Index height, Index width)
      : batch(batch),
        channels(channels),
        height(height),
        width(width),
        values(static_cast<std::size_t>(batch * channels * height * width)) {}

  double& at(Index b, Index c, Index y, Index x) {
    return values[static_cast<std::size_t>(((b * channels + c) * height + y) * width + x)];
  }
  template <typename F>
  void each(F f) {
    for (Index b = 0; b < batch; ++b) {
      for (Index c = 0; c < channels; ++c) {
        for (Index y = 0; y < height; ++y) {
          for (Index x = 0; x < width; ++x) {
            f(b, c, y, x);
          }
        }
      }
    }
  }

  Index batch, channels, height, width;
  std::vector<double> values;
};

// Where padding takes its value from; -1: it is zero.
inline Index mirrored(Index i, Index n, Padding mode) {
  if (mode == Padding::kReflect) {
    return i < 0 ? -i : (i >= n ? 2 * n - 2 - i : i);
  }
  if (mode == Padding::kCircular) {
    return (i + n) % n;
  }
  return i < 0 || i >= n ? -1 : i;
}

// weights [out][row][column][in], as the engine's checkpoints have them.
struct ConvLayer {
  ConvSpec spec;
  Index in, out;
  std::vector<double> weight = {}, bias = {}, dweight = {}, dbias = {};

  double& tap(std::vector<double>& w, Index o, Index i, Index j, Index c) const {
    return w[static_cast<std::size_t>(((o * spec.height + i) * spec.width + j) * in + c)];
  }
  // Calls f(o, i, j, c, row, column) for every tap of output (y, x) that lies on a pixel.
  template <typename F>
  void taps(const Volume& x, Index y, Index column, F f) {
    for (Index i = 0; i < spec.height; ++i) {
      for (Index j = 0; j < spec.width; ++j) {
        const Index from_y = mirrored(y * spec.stride + i - spec.padding, x.height, spec.mode);
        const Index from_x = mirrored(column * spec.stride + j - spec.padding, x.width, spec.mode);
        for (Index c = 0; from_y >= 0 && from_x >= 0 && c < in; ++c) {
          f(i, j, c, from_y, from_x);
        }
      }
    }
  }
  Volume forward(Volume& x) {
    Volume z(x.batch, out, (x.height + 2 * spec.padding - spec.height) / spec.stride + 1,
             (x.width + 2 * spec.padding - spec.width) / spec.stride + 1);
    z.each([&](Index b, Index o, Index y, Index column) {
      double sum = bias.empty() ? 0.0 : bias[static_cast<std::size_t>(o)];
      taps(x, y, column, [&](Index i, Index j, Index c, Index from_y, Index from_x) {
        sum += tap(weight, o, i, j, c) * x.at(b, c, from_y, from_x);
      });
      z.at(b, o, y, column) = sum;
    });
    return z;
  }
  Volume backward(Volume& x, Volume& dz) {
    dweight.assign(weight.size(), 0.0);
    dbias.assign(static_cast<std::size_t>(out), 0.0);
    Volume dx(x.batch, x.channels, x.height, x.width);
    dz.each([&](Index b, Index o, Index y, Index column) {
      const double g = dz.at(b, o, y, column);
      dbias[static_cast<std::size_t>(o)] += g;
      taps(x, y, column, [&](Index i, Index j, Index c, Index from_y, Index from_x) {
        tap(dweight, o, i, j, c) += g * x.at(b, c, from_y, from_x);
        dx.at(b, c, from_y, from_x) += g * tap(weight, o, i, j, c);
      });
    });
    return dx;
  }
};

inline Volume relu(const Volume& x) {
  Volume y = x;
  for (double& v : y.values) {
    v = std::max(v, 0.0);
  }
  return y;
}

inline Volume relu_backward(const Volume& y, const Volume& dy) {
  Volume dx = dy;
  for (std::size_t i = 0; i < dx.values.size(); ++i) {
    dx.values[i] = y.values[i] > 0.0 ? dy.values[i] : 0.0;
  }
  return dx;
}

// Windows of `size` every `stride`, the last of which may hang over the edge: no padding.
struct Pool {
  Index size, stride;
  bool mean;

  Index along(Index n) const {
    return static_cast<Index>(std::ceil(static_cast<double>(n - size) / static_cast<double>(stride))) + 1;
  }
  Volume forward(Volume& x) const {
    Volume y(x.batch, x.channels, along(x.height), along(x.width));
    y.each([&](Index b, Index c, Index row, Index column) {
      double largest = -1e300, sum = 0.0, count = 0.0;
      for (Index i = row * stride; i < std::min(row * stride + size, x.height); ++i) {
        for (Index j = column * stride; j < std::min(column * stride + size, x.width); ++j, ++count) {
          largest = std::max(largest, x.at(b, c, i, j));
          sum += x.at(b, c, i, j);
        }
      }
      y.at(b, c, row, column) = mean ? sum / count : largest;
    });
    return y;
  }
  Volume backward(Volume& x, Volume& dy) const {
    Volume y = forward(x), dx(x.batch, x.channels, x.height, x.width);
    dy.each([&](Index b, Index c, Index row, Index column) {
      const Index end_y = std::min(row * stride + size, x.height), end_x = std::min(column * stride + size, x.width);
      const auto count = static_cast<double>((end_y - row * stride) * (end_x - column * stride));
      bool given = false;
      for (Index i = row * stride; i < end_y; ++i) {
        for (Index j = column * stride; j < end_x; ++j) {
          if (mean) {
            dx.at(b, c, i, j) += dy.at(b, c, row, column) / count;
          } else if (!given && x.at(b, c, i, j) == y.at(b, c, row, column)) {
            dx.at(b, c, i, j) += dy.at(b, c, row, column);
            given = true;
          }
        }
      }
    });
    return dx;
  }
};

// The mean cross-entropy of logits [batch][class][1][1], in nats, and its gradient.
inline double softmax_loss(Volume& z, const std::vector<std::int32_t>& labels, Volume& dz) {
  double loss = 0.0;
  const auto batch = static_cast<double>(z.batch);
  for (Index b = 0; b < z.batch; ++b) {
    double total = 0.0;
    for (Index c = 0; c < z.channels; ++c) {
      total += std::exp(z.at(b, c, 0, 0));
    }
    const Index label = labels[static_cast<std::size_t>(b)];
    loss += (std::log(total) - z.at(b, label, 0, 0)) / batch;
    for (Index c = 0; c < z.channels; ++c) {
      dz.at(b, c, 0, 0) = (std::exp(z.at(b, c, 0, 0)) / total - (c == label ? 1.0 : 0.0)) / batch;
    }
  }
  return loss;
}

struct Net {
  ConvLayer conv1, conv2, last;  // the last spans all that is left of the image: a linear layer
  Pool pool1, pool2;

  // Gradients stay in the layers; that of the pixels goes to `dx`.
  double loss(Volume& x, const std::vector<std::int32_t>& labels, Volume& dx) {
    Volume h1 = relu(conv1.forward(x)), p1 = pool1.forward(h1);
    Volume h2 = relu(conv2.forward(p1)), p2 = pool2.forward(h2);
    last.spec = {.height = p2.height, .width = p2.width};
    Volume z = last.forward(p2), dz = z;
    const double loss = softmax_loss(z, labels, dz);
    Volume dp2 = last.backward(p2, dz);
    Volume dz2 = relu_backward(h2, pool2.backward(h2, dp2));
    Volume dp1 = conv2.backward(p1, dz2);
    Volume dz1 = relu_backward(h1, pool1.backward(h1, dp1));
    dx = conv1.backward(x, dz1);
    return loss;
  }
};

}  // namespace normlab::nn::plain_net
