// engine.h - between an experiment and the engine: configuration values as the engine's, its memory as tensors by name.
#pragma once

#include <initializer_list>
#include <vector>

#include "experiments/experiment.h"
#include "nn/init.h"
#include "nn/normalizer.h"
#include "nn/parameter.h"

namespace normlab {

// With `eps`, where the kind has one; `batch` says what else batch norm is.
nn::NormKind NormKindOf(v1::NormKind kind, const nn::NormEps& eps, nn::BatchNorm batch = {});
nn::EpsPlacement EpsPlacementOf(v1::EpsPlacement placement);
nn::Initializer InitializerOf(v1::InitKind kind);
// Of the gates of an LSTM of `units` cells.
nn::Initializer LstmBiasOf(v1::LstmBias bias, nn::Index units);

// The lists one after the other, as Experiment::State() wants them.
std::vector<NamedTensor> Tensors(std::initializer_list<std::vector<nn::NamedValues>> lists);

}  // namespace normlab
