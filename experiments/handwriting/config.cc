#include "experiments/handwriting/config.h"

#include "experiments/engine.h"

namespace normlab {

data::Alphabet AlphabetOf(const v1::HandwritingConfig& config) {
  return config.alphabet() == v1::PEN_ALPHABET_FULL ? data::Alphabet::kFull : data::Alphabet::kGraves57;
}

data::HandwritingOptions DataOptions(const v1::HandwritingConfig& config) {
  return {.sequence = {.line_scale =
                           config.scale() == v1::PEN_SCALE_PER_LINE ? data::LineScale::kStep : data::LineScale::kNone,
                       .points_per_second = config.points_per_second(),
                       .outlier_steps = config.outlier_steps(),
                       .ink_deviations = config.ink_deviations(),
                       .longest_gap = config.longest_gap(),
                       .most_resampling = config.most_resampling(),
                       .max_steps = config.max_steps(),
                       .alphabet = AlphabetOf(config)},
          .min_steps = config.min_steps(),
          .train_lines = config.train_lines(),
          .test_lines = config.test_lines()};
}

HandwritingShape ShapeOf(const v1::HandwritingConfig& config) {
  nn::NormSpec norm{
      .kind = NormKindOf(config.norm(),
                         {.value = config.norm_eps(), .placement = EpsPlacementOf(config.norm_eps_placement())},
                         {.decay = config.batch_norm_decay(), .time_steps = config.max_steps()})};
  if (config.norm() == v1::NORM_KIND_BATCH) {
    norm.affine.gain_init = config.batch_norm_gain();
  }
  return {.units = config.units(),
          .gaussians = config.gaussians(),
          .components = config.components(),
          .alphabet = data::SymbolCount(AlphabetOf(config)),
          .norm = norm,
          .peepholes = config.peepholes(),
          .forget_bias = config.forget_bias(),
          .clip_cells = config.clip_cells() / config.batch_size(),  // the loss is the mean over a batch's lines
          .window_bias = {config.window_size_bias(), config.window_sharpness_bias(), config.window_advance_bias()},
          .init = InitializerOf(config.init()),
          .bias_init = LstmBiasOf(config.lstm_bias(), config.units()),
          .limits = {.log_sigma = config.least_log_sigma(), .rho = config.most_rho()}};
}

}  // namespace normlab
