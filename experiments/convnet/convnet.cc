#include "experiments/convnet/convnet.h"

#include <fmt/format.h>

#include "nn/ops/activation.h"
#include "nn/ops/dropout.h"
#include "nn/ops/reshape.h"

namespace normlab {
namespace {

constexpr nn::Index kClasses = 10;

// Of the layers that are no convolutions: weight norm is of all weight vectors.
nn::NormSpec OutsideConvolutions(const nn::NormSpec& norm) { return norm.on_weights() ? norm : nn::NormSpec{}; }

}  // namespace

template <typename T>
BasicConvnet<T>::BasicConvnet(const nn::BasicScope<T>& scope, const ConvnetSpec& spec) : spec_(spec) {
  spec.kind == ConvnetKind::kCaffe ? AddCaffe(scope) : AddConvPool(scope);
  for (const Stage& stage : stages_) {
    sites_.push_back(&stage.layer->normalizer());
  }
}

template <typename T>
void BasicConvnet<T>::AddStage(const nn::BasicScope<T>& scope, nn::Index channels, nn::Index side, bool padded,
                               Pool pool) {
  const nn::ConvSpec convolution{
      .height = side, .width = side, .padding = padded ? side / 2 : 0, .mode = spec_.padding};
  const nn::Index window = spec_.kind == ConvnetKind::kCaffe ? 3 : 2;
  Stage stage{.layer = std::make_unique<nn::BasicConv2d<T>>(scope / fmt::format("conv{}", stages_.size() + 1),
                                                            stages_.empty() ? spec_.input : stages_.back().output,
                                                            channels, convolution, spec_.norm, spec_.init),
              .pool = pool,
              .window = {.height = window, .width = window, .stride = 2, .round_up = true},
              .output = {}};
  stage.output = pool == Pool::kNone ? stage.layer->output() : stage.window.output(stage.layer->output());
  stages_.push_back(std::move(stage));
}

template <typename T>
void BasicConvnet<T>::AddCaffe(const nn::BasicScope<T>& scope) {
  const nn::Index c = spec_.channels;
  AddStage(scope, c, 5, true, Pool::kMax);
  AddStage(scope, c, 5, true, Pool::kMean);
  AddStage(scope, 2 * c, 5, true, Pool::kMean);
  const nn::NormSpec norm = OutsideConvolutions(spec_.norm);
  hidden_ =
      std::make_unique<nn::BasicLinear<T>>(scope / "hidden", stages_.back().output.values(), 2 * c, norm, spec_.init);
  output_ = std::make_unique<nn::BasicLinear<T>>(scope / "output", 2 * c, kClasses, norm, spec_.init);
}

template <typename T>
void BasicConvnet<T>::AddConvPool(const nn::BasicScope<T>& scope) {
  const nn::Index c = spec_.channels;
  AddStage(scope, c, 3, true, Pool::kNone);
  AddStage(scope, c, 3, true, Pool::kNone);
  AddStage(scope, c, 3, true, Pool::kMax);
  AddStage(scope, 2 * c, 3, true, Pool::kNone);
  AddStage(scope, 2 * c, 3, true, Pool::kNone);
  AddStage(scope, 2 * c, 3, true, Pool::kMax);
  AddStage(scope, 2 * c, 3, false, Pool::kNone);
  AddStage(scope, 2 * c, 1, false, Pool::kNone);
  AddStage(scope, 2 * c, 1, false, Pool::kNone);
  output_ = std::make_unique<nn::BasicLinear<T>>(scope / "output", 2 * c, kClasses, OutsideConvolutions(spec_.norm),
                                                 spec_.init);
}

template <typename T>
nn::BasicVar<T> BasicConvnet<T>::Pooled(Var x, const Stage& stage, const nn::Step& step,
                                        std::string_view purpose) const {
  switch (stage.pool) {
    case Pool::kNone:
      return x;
    case Pool::kMean:
      return nn::mean_pool(x, stage.layer->output(), stage.window);
    case Pool::kMax:
      break;
  }
  const Var y = nn::max_pool(x, stage.layer->output(), stage.window);
  return spec_.kind == ConvnetKind::kConvPool ? nn::dropout(y, spec_.dropout, step, purpose) : y;
}

template <typename T>
nn::BasicVar<T> BasicConvnet<T>::Logits(Var x, const nn::Step& step, Var* first) {
  const nn::Index batch = x.cols();
  Var h = nn::reshape(x, spec_.input.channels, spec_.input.positions() * batch);  // C x (P B)
  for (const Stage& stage : stages_) {
    const Var sums = (*stage.layer)(h, step);
    const Var active = spec_.leak > 0.0 ? nn::leaky_relu_in_place(sums, spec_.leak) : nn::relu_in_place(sums);
    if (first != nullptr && &stage == &stages_.front()) {
      *first = active;
    }
    h = Pooled(active, stage, step, &stage == &stages_[2] ? "dropout/pool1" : "dropout/pool2");
  }
  const nn::Image& image = stages_.back().output;
  if (spec_.kind == ConvnetKind::kConvPool) {
    return (*output_)(nn::global_mean_pool(h, image), step);
  }
  const Var hidden = (*hidden_)(nn::reshape(h, image.values(), batch), step);
  return (*output_)(nn::dropout(hidden, spec_.dropout, step, "dropout/hidden"), step);
}

template class BasicConvnet<float>;
template class BasicConvnet<double>;

}  // namespace normlab
