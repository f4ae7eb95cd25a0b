#include "plain_convnet.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace normlab {
namespace {

using Parameters = std::map<std::string, std::vector<double>>;

// Images of one shape, by example, row, column and channel.
struct Images {
  nn::Index count = 0;
  nn::Image shape;
  std::vector<double> values;

  double& at(nn::Index b, nn::Index y, nn::Index x, nn::Index c) {
    return values[static_cast<std::size_t>(((b * shape.height + y) * shape.width + x) * shape.channels + c)];
  }
};

Images Make(nn::Index count, const nn::Image& shape) {
  return {count, shape, std::vector<double>(static_cast<std::size_t>(count * shape.values()), 0.0)};
}

// Calls f(b, y, x, c) for every value.
void ForEach(const Images& images, const std::function<void(nn::Index, nn::Index, nn::Index, nn::Index)>& f) {
  for (nn::Index b = 0; b < images.count; ++b) {
    for (nn::Index y = 0; y < images.shape.height; ++y) {
      for (nn::Index x = 0; x < images.shape.width; ++x) {
        for (nn::Index c = 0; c < images.shape.channels; ++c) {
          f(b, y, x, c);
        }
      }
    }
  }
}

// Where a place beyond the border is read from; -1: a zero.
nn::Index Inside(nn::Index i, nn::Index n, nn::Padding padding) {
  if (i >= 0 && i < n) {
    return i;
  }
  switch (padding) {
    case nn::Padding::kReflect:
      return i < 0 ? -i : 2 * (n - 1) - i;
    case nn::Padding::kCircular:
      return (i + n) % n;
    default:
      return -1;
  }
}

// The weights of one unit in order, made of length g where weight norm is.
std::vector<double> UnitWeights(const Parameters& parameters, const std::string& layer, nn::Index unit,
                                std::size_t size, bool weight_norm) {
  const std::vector<double>& all = parameters.at(layer + ".weight");
  std::vector<double> w(all.begin() + static_cast<std::ptrdiff_t>(size) * unit,
                        all.begin() + static_cast<std::ptrdiff_t>(size) * (unit + 1));
  if (weight_norm) {
    double squares = 0.0;
    for (const double v : w) {
      squares += v * v;
    }
    const double scale = parameters.at(layer + ".norm.gain")[static_cast<std::size_t>(unit)] / std::sqrt(squares);
    std::transform(w.begin(), w.end(), w.begin(), [&](double v) { return v * scale; });
  }
  return w;
}

Images Convolve(const Parameters& parameters, const std::string& layer, Images& in, nn::Index out, nn::Index side,
                nn::Index pad, nn::Padding padding, bool weight_norm) {
  const nn::Image& shape = in.shape;
  Images y = Make(in.count, {out, shape.height + 2 * pad - side + 1, shape.width + 2 * pad - side + 1});
  for (nn::Index unit = 0; unit < out; ++unit) {
    const auto w =
        UnitWeights(parameters, layer, unit, static_cast<std::size_t>(side * side * shape.channels), weight_norm);
    ForEach(y, [&](nn::Index b, nn::Index row, nn::Index column, nn::Index c) {
      if (c != unit) {
        return;
      }
      double sum = 0.0;
      for (nn::Index i = 0; i < side; ++i) {
        for (nn::Index j = 0; j < side; ++j) {
          const nn::Index from_row = Inside(row + i - pad, shape.height, padding);
          const nn::Index from_column = Inside(column + j - pad, shape.width, padding);
          for (nn::Index k = 0; k < shape.channels && from_row >= 0 && from_column >= 0; ++k) {
            sum +=
                w[static_cast<std::size_t>((i * side + j) * shape.channels + k)] * in.at(b, from_row, from_column, k);
          }
        }
      }
      y.at(b, row, column, c) = sum;
    });
  }
  return y;
}

// What a value is normalised together with.
nn::Index Group(PlainNorm norm, nn::Index groups, const nn::Image& shape, nn::Index b, nn::Index position,
                nn::Index c) {
  switch (norm) {
    case PlainNorm::kBatch:
      return c;
    case PlainNorm::kPosition:
      return b * shape.positions() + position;
    case PlainNorm::kChannel:
    case PlainNorm::kInstance:
      return b * shape.channels + c;
    case PlainNorm::kGroup:
      return b * groups + c / (shape.channels / groups);
    default:
      return b;
  }
}

void Normalize(const PlainConvnet& net, const Parameters& parameters, const std::string& layer, Images& a) {
  if (net.norm == PlainNorm::kNone || net.norm == PlainNorm::kWeight) {
    const std::vector<double>& bias = parameters.at(layer + ".bias");
    ForEach(a, [&](auto b, auto y, auto x, auto c) { a.at(b, y, x, c) += bias[static_cast<std::size_t>(c)]; });
    return;
  }
  std::map<nn::Index, std::pair<double, double>> sums;  // count and sum, then mean and variance
  const auto group = [&](nn::Index b, nn::Index y, nn::Index x, nn::Index c) {
    return Group(net.norm, net.groups, a.shape, b, y * a.shape.width + x, c);
  };
  std::map<nn::Index, double> squares;
  ForEach(a, [&](auto b, auto y, auto x, auto c) {
    auto& [count, sum] = sums[group(b, y, x, c)];
    count += 1.0;
    sum += net.norm == PlainNorm::kRms ? 0.0 : a.at(b, y, x, c);
  });
  ForEach(a, [&](auto b, auto y, auto x, auto c) {
    const auto& [count, sum] = sums[group(b, y, x, c)];
    squares[group(b, y, x, c)] += std::pow(a.at(b, y, x, c) - sum / count, 2) / count;
  });
  const bool affine = net.norm != PlainNorm::kInstance;
  ForEach(a, [&](auto b, auto y, auto x, auto c) {
    const auto& [count, sum] = sums[group(b, y, x, c)];
    double n = (a.at(b, y, x, c) - sum / count) / std::sqrt(squares[group(b, y, x, c)] + net.eps);
    if (affine) {
      const auto unit = static_cast<std::size_t>(c);
      n = parameters.at(layer + ".norm.gain")[unit] * n + parameters.at(layer + ".norm.bias")[unit];
    }
    a.at(b, y, x, c) = n;
  });
}

// Windows that begin inside, over what of them lies inside.
Images Pool(Images& in, nn::Index window, bool maximum) {
  const auto size = [&](nn::Index n) { return (n - window + 1) / 2 + 1; };
  Images y = Make(in.count, {in.shape.channels, size(in.shape.height), size(in.shape.width)});
  ForEach(y, [&](nn::Index b, nn::Index row, nn::Index column, nn::Index c) {
    double best = -1e300, sum = 0.0, count = 0.0;
    for (nn::Index i = 2 * row; i < std::min(2 * row + window, in.shape.height); ++i) {
      for (nn::Index j = 2 * column; j < std::min(2 * column + window, in.shape.width); ++j) {
        best = std::max(best, in.at(b, i, j, c));
        sum += in.at(b, i, j, c);
        count += 1.0;
      }
    }
    y.at(b, row, column, c) = maximum ? best : sum / count;
  });
  return y;
}

Images Linear(const Parameters& parameters, const std::string& layer, const Images& in, nn::Index out,
              bool weight_norm) {
  const auto inputs = static_cast<std::size_t>(in.shape.values());
  Images y = Make(in.count, {out, 1, 1});
  for (nn::Index unit = 0; unit < out; ++unit) {
    const std::vector<double> w = UnitWeights(parameters, layer, unit, inputs, weight_norm);
    for (nn::Index b = 0; b < in.count; ++b) {
      double sum = parameters.at(layer + ".bias")[static_cast<std::size_t>(unit)];
      for (std::size_t i = 0; i < inputs; ++i) {
        sum += w[i] * in.values[static_cast<std::size_t>(b) * inputs + i];
      }
      y.at(b, 0, 0, unit) = sum;
    }
  }
  return y;
}

struct Layer {
  nn::Index channels, side, pad;
  int pool;  // 0: none, 1: maxima, 2: means
};

std::vector<Layer> Layers(const ConvnetSpec& spec) {
  const nn::Index c = spec.channels;
  if (spec.kind == ConvnetKind::kCaffe) {
    return {{c, 5, 2, 1}, {c, 5, 2, 2}, {2 * c, 5, 2, 2}};
  }
  return {{c, 3, 1, 0},     {c, 3, 1, 0},     {c, 3, 1, 1},     {2 * c, 3, 1, 0}, {2 * c, 3, 1, 0},
          {2 * c, 3, 1, 1}, {2 * c, 3, 0, 0}, {2 * c, 1, 0, 0}, {2 * c, 1, 0, 0}};
}

}  // namespace

double PlainConvnet::Loss(const Parameters& parameters, const std::vector<double>& images,
                          const std::vector<std::int32_t>& labels) const {
  Images h{static_cast<nn::Index>(labels.size()), spec.input, images};
  const bool weights = norm == PlainNorm::kWeight;
  const bool caffe = spec.kind == ConvnetKind::kCaffe;
  int number = 0;
  for (const Layer& layer : Layers(spec)) {
    const std::string name = "conv" + std::to_string(++number);
    h = Convolve(parameters, name, h, layer.channels, layer.side, layer.pad, spec.padding, weights);
    Normalize(*this, parameters, name, h);
    std::transform(h.values.begin(), h.values.end(), h.values.begin(),
                   [this](double v) { return v > 0.0 ? v : spec.leak * v; });
    h = layer.pool == 0 ? h : Pool(h, caffe ? 3 : 2, layer.pool == 1);
  }
  if (caffe) {
    h = Linear(parameters, "hidden", h, 2 * spec.channels, weights);
  } else {
    Images mean = Make(h.count, {h.shape.channels, 1, 1});
    ForEach(h, [&](auto b, auto y, auto x, auto c) {
      mean.at(b, 0, 0, c) += h.at(b, y, x, c) / static_cast<double>(h.shape.positions());
    });
    h = mean;
  }
  Images logits = Linear(parameters, "output", h, 10, weights);
  double loss = 0.0;
  for (std::size_t b = 0; b < labels.size(); ++b) {
    double sum = 0.0;
    for (nn::Index c = 0; c < 10; ++c) {
      sum += std::exp(logits.at(static_cast<nn::Index>(b), 0, 0, c));
    }
    loss += std::log(sum) - logits.at(static_cast<nn::Index>(b), 0, 0, labels[b]);
  }
  return loss / static_cast<double>(labels.size());
}

}  // namespace normlab
