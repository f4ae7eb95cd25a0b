#include "experiments/draw/draw_pictures.h"

#include <algorithm>
#include <cmath>

#include "experiments/picture.h"
#include "nn/ops/activation.h"

namespace normlab {
namespace {

constexpr nn::Index kPerRow = 10;
constexpr nn::Index kSamples = 100;
constexpr nn::Index kShownGlimpses = 16;
constexpr nn::Index kScale = 3;  // screen pixels a pixel
constexpr nn::Index kGap = 2;    // screen pixels between images
constexpr Colour kBackground = {96, 96, 96};
constexpr Colour kWindow = {255, 64, 64};

// A grid of cells for images of the model's size.
class Sheet {
 public:
  Sheet(const DrawSpec& spec, nn::Index rows, nn::Index columns)
      : spec_(spec),
        picture_(kGap + columns * (kScale * spec.width + kGap), kGap + rows * (kScale * spec.height + kGap),
                 kBackground) {}

  void Put(nn::Index row, nn::Index column, const float* levels) {
    picture_.DrawGrey(Left(column), Top(row), spec_.height, spec_.width, levels, kScale);
  }

  // The rectangle between the centres of the outer filters of a write window, see nn::image_window.
  void Frame(nn::Index row, nn::Index column, const float* p) {
    const auto extent = [](nn::Index pixels) { return 0.5f * static_cast<float>(pixels + 1); };
    const float stride = static_cast<float>(std::max(spec_.width, spec_.height) - 1) /
                         static_cast<float>(spec_.write - 1) * std::exp(p[3]);
    const float half = 0.5f * static_cast<float>(spec_.write - 1) * stride;
    const float x = extent(spec_.width) * (p[0] + 1.0f), y = extent(spec_.height) * (p[1] + 1.0f);
    const Picture::Box cell{Left(column), Top(row), Left(column) + kScale * spec_.width - 1,
                            Top(row) + kScale * spec_.height - 1};
    picture_.DrawOutline({cell.left + Screen(x - half), cell.top + Screen(y - half), cell.left + Screen(x + half),
                          cell.top + Screen(y + half)},
                         cell, kWindow);
  }

  std::string Png() const { return picture_.Png(); }

 private:
  static nn::Index Left(nn::Index column, nn::Index size) { return kGap + column * (kScale * size + kGap); }
  nn::Index Left(nn::Index column) const { return Left(column, spec_.width); }
  nn::Index Top(nn::Index row) const { return Left(row, spec_.height); }
  // The centre of a pixel counted from 1, within bounds that a lost window may leave.
  static nn::Index Screen(float pixel) {
    return static_cast<nn::Index>(std::lround(std::clamp((pixel - 0.5f) * kScale, -1e4f, 1e4f)));
  }

  const DrawSpec& spec_;
  Picture picture_;
};

nn::Index Pixels(const DrawSpec& spec) { return spec.height * spec.width; }

}  // namespace

std::string DrawSamplesPng(Draw& model, nn::Tape& tape, const GlimpseNoise& noise) {
  const DrawSpec& spec = model.spec();
  const nn::Var p = nn::sigmoid(model.Generate(tape, kSamples, noise));
  Sheet sheet(spec, kSamples / kPerRow, kPerRow);
  for (nn::Index i = 0; i < kSamples; ++i) {
    sheet.Put(i / kPerRow, i % kPerRow, p.data() + i * Pixels(spec));
  }
  return sheet.Png();
}

std::string DrawReconstructionsPng(Draw& model, nn::Var x, const GlimpseNoise& noise) {
  const DrawSpec& spec = model.spec();
  DrawTrace<float> trace;
  model.Bound(x, noise, nn::Mode::kEvaluate, &trace);
  const nn::Var p = nn::sigmoid(trace.canvas.back());
  Sheet sheet(spec, 2 * ((x.cols() + kPerRow - 1) / kPerRow), kPerRow);
  for (nn::Index i = 0; i < x.cols(); ++i) {
    sheet.Put(2 * (i / kPerRow), i % kPerRow, x.data() + i * Pixels(spec));
    sheet.Put(2 * (i / kPerRow) + 1, i % kPerRow, p.data() + i * Pixels(spec));
  }
  return sheet.Png();
}

std::string DrawGlimpsesPng(Draw& model, nn::Var x, const GlimpseNoise& noise) {
  const DrawSpec& spec = model.spec();
  DrawTrace<float> trace;
  model.Bound(x, noise, nn::Mode::kEvaluate, &trace);
  const nn::Index shown = std::min(kShownGlimpses, spec.glimpses);
  Sheet sheet(spec, x.cols(), shown + 1);
  for (nn::Index k = 0; k < shown; ++k) {
    const auto t = static_cast<std::size_t>((k + 1) * spec.glimpses / shown - 1);
    const nn::Var p = nn::sigmoid(trace.canvas[t]);
    for (nn::Index i = 0; i < x.cols(); ++i) {
      sheet.Put(i, k, p.data() + i * Pixels(spec));
      if (spec.attention) {
        sheet.Frame(i, k, trace.writing[t].data() + i * nn::kWindowParameters);
      }
    }
  }
  for (nn::Index i = 0; i < x.cols(); ++i) {
    sheet.Put(i, shown, x.data() + i * Pixels(spec));
  }
  return sheet.Png();
}

}  // namespace normlab
