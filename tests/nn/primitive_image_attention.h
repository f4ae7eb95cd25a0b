// primitive_image_attention.h - DRAW's attention, sample and bound composed of primitive ops, in double, as the
// equations are printed; and with the mistakes that published implementations made, which comparisons must notice.
#pragma once

#include <vector>

#include "nn/ops/rows.h"
#include "tests/nn/primitive_ops.h"

namespace normlab::nn::primitive {

struct DrawMistake {
  bool zero_based_grid = false;       // i = 0 .. n-1 in a formula that counts from 1
  bool squared_fraction = false;      // exp(-((a - mu) / 2 sigma^2)^2)
  double kl_constant_per_value = -1;  // of 1/2 sum (mu^2 + sigma^2 - 2 log sigma + constant)
  bool shared_noise = false;          // one noise for all glimpses
};

struct Image {
  Index height, width;
};

// value(i, j) in row i of column j.
template <typename F>
DVar constant(DVar like, Index rows, Index cols, F value) {
  double* data = like.tape().scratch(rows * cols);
  for (Index k = 0; k < rows * cols; ++k) {
    data[k] = value(k % rows, k / rows);
  }
  return like.tape().input("constant", data, rows, cols);
}

inline DVar plus(DVar x, double c) {
  return map(
      "plus", x, [c](double v) { return v + c; }, [](double) { return 1.0; });
}
inline DVar reciprocal(DVar x) {
  return map(
      "reciprocal", x, [](double v) { return 1.0 / v; }, [](double v) { return -1.0 / (v * v); });
}

// The n filters over `size` pixels around g (1 x B): size x B each [DRAW eq 19-20, 25-26].
inline std::vector<DVar> filters(DVar g, DVar variance, DVar delta, Index size, Index n, const DrawMistake& mistake) {
  std::vector<DVar> bank;
  for (Index k = 1; k <= n; ++k) {
    const double i = static_cast<double>(mistake.zero_based_grid ? k - 1 : k);
    const DVar mu = g + scale(delta, i - 0.5 * static_cast<double>(n) - 0.5);
    const DVar pixel = constant(g, size, g.cols(), [](Index a, Index) { return static_cast<double>(a + 1); });
    const DVar distance = sub(pixel, repeat_row(mu, size));
    const DVar inv = repeat_row(reciprocal(scale(variance, 2.0)), size);
    const DVar fraction = distance * inv;
    const DVar exponent = mistake.squared_fraction ? fraction * fraction : distance * fraction;
    const DVar e = exp(scale(exponent, -1.0));
    bank.push_back(e * repeat_row(reciprocal(column_sum(e)), size));
  }
  return bank;
}

struct Window {
  std::vector<DVar> fx, fy;  // filters over the columns and the rows
  DVar gamma;                // 1 x B
};

// parameters: 5 x B [DRAW eq 21-26].
inline Window window(DVar parameters, Image image, Index n, const DrawMistake& mistake = {}) {
  const auto row = [&](Index i) { return slice_rows(parameters, i, 1); };
  const double w = static_cast<double>(image.width), h = static_cast<double>(image.height);
  const DVar gx = scale(plus(row(0), 1.0), 0.5 * (w + 1.0));
  const DVar gy = scale(plus(row(1), 1.0), 0.5 * (h + 1.0));
  const DVar variance = exp(row(2));
  const DVar delta = scale(exp(row(3)), (std::max(w, h) - 1.0) / static_cast<double>(n - 1));
  return {.fx = filters(gx, variance, delta, image.width, n, mistake),
          .fy = filters(gy, variance, delta, image.height, n, mistake),
          .gamma = exp(row(4))};
}

// The image whose pixel (y, x) is fy[y] fx[x].
inline DVar outer(DVar fy, DVar fx, Image image) {
  const Index cols = fx.cols(), height = image.height, width = image.width, size = height * width;
  const DVar y = gather("rows", fy, size, cols, 1.0, [=](auto visit) {
    for (Index i = 0; i < size * cols; ++i) {
      visit(i, i / size * height + i % size / width);
    }
  });
  const DVar x = gather("columns", fx, size, cols, 1.0, [=](auto visit) {
    for (Index i = 0; i < size * cols; ++i) {
      visit(i, i / size * width + i % width);
    }
  });
  return y * x;
}

// gamma F_Y image F_X^T, n n x B.
inline DVar glimpse(DVar image, const Window& window, Image shape) {
  DVar all;
  for (std::size_t i = 0; i < window.fy.size(); ++i) {
    for (std::size_t j = 0; j < window.fx.size(); ++j) {
      const DVar value = window.gamma * column_sum(outer(window.fy[i], window.fx[j], shape) * image);
      all = i + j == 0 ? value : concat_rows(all, value);
    }
  }
  return all;
}

// canvas + F_Y^T patch F_X / gamma.
inline DVar write(DVar canvas, DVar patch, const Window& window, Image shape) {
  const auto n = static_cast<Index>(window.fx.size());
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < n; ++j) {
      const DVar value = slice_rows(patch, i * n + j, 1) * reciprocal(window.gamma);
      canvas = canvas + repeat_row(value, canvas.rows()) * outer(window.fy[static_cast<std::size_t>(i)],
                                                                 window.fx[static_cast<std::size_t>(j)], shape);
    }
  }
  return canvas;
}

// Divergence of N(mu, sigma^2) from the standard normal, mean over the batch.
inline DVar divergence(DVar mu, DVar log_sigma, const DrawMistake& mistake = {}) {
  const DVar terms = mu * mu + exp(scale(log_sigma, 2.0)) + scale(log_sigma, -2.0);
  return scale(sum(plus(terms, mistake.kl_constant_per_value)), 0.5 / static_cast<double>(mu.cols()));
}

// -log p(x) with p = sigmoid(logits), straight from its definition, mean over the batch [DRAW eq 9].
inline DVar nll(DVar logits, DVar x) {
  const DVar p = reciprocal(plus(exp(scale(logits, -1.0)), 1.0));
  const DVar log_likelihood = x * log(p) + plus(scale(x, -1.0), 1.0) * log(plus(scale(p, -1.0), 1.0));
  return scale(sum(log_likelihood), -1.0 / static_cast<double>(x.cols()));
}

}  // namespace normlab::nn::primitive
