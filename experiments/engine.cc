#include "experiments/engine.h"

#include <cmath>

namespace normlab {

nn::NormKind NormKindOf(v1::NormKind kind, const nn::NormEps& eps, nn::BatchNorm batch) {
  switch (kind) {
    case v1::NORM_KIND_BATCH:
      batch.eps = eps;
      return batch;
    case v1::NORM_KIND_LAYER:
      return nn::LayerNorm{.eps = eps};
    case v1::NORM_KIND_WEIGHT:
      return nn::WeightNorm{};
    case v1::NORM_KIND_RMS:
      return nn::RmsNorm{.eps = eps};
    default:
      return nn::NoNorm{};
  }
}

nn::BatchStatistics BatchStatisticsOf(v1::BatchStatistics statistics) {
  return statistics == v1::BATCH_STATISTICS_POPULATION ? nn::BatchStatistics::kPopulation
                                                       : nn::BatchStatistics::kRunning;
}

nn::EpsPlacement EpsPlacementOf(v1::EpsPlacement placement) {
  return placement == v1::EPS_PLACEMENT_OUTSIDE_SQRT ? nn::EpsPlacement::kOutsideSqrt : nn::EpsPlacement::kInsideSqrt;
}

nn::Initializer InitializerOf(v1::InitKind kind) {
  switch (kind) {
    case v1::INIT_KIND_GLOROT_NORMAL:
      return nn::init::glorot_normal();
    case v1::INIT_KIND_HE_NORMAL:
      return nn::init::he_normal();
    case v1::INIT_KIND_TORCH_UNIFORM:
      return nn::init::torch_uniform();
    case v1::INIT_KIND_SMALL_NORMAL:
      return nn::init::normal(0.01);
    default:
      return nn::init::glorot_uniform();
  }
}

nn::Initializer LstmBiasOf(v1::LstmBias bias, nn::Index units) {
  return bias == v1::LSTM_BIAS_TORCH_UNIFORM ? nn::init::uniform(1.0 / std::sqrt(static_cast<double>(units)))
                                             : nn::init::zeros();
}

std::vector<NamedTensor> Tensors(std::initializer_list<std::vector<nn::NamedValues>> lists) {
  std::vector<NamedTensor> tensors;
  for (const std::vector<nn::NamedValues>& list : lists) {
    for (const nn::NamedValues& array : list) {
      tensors.push_back({array.name, array.shape, array.data});
    }
  }
  return tensors;
}

}  // namespace normlab
