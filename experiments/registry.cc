// Which experiment a spec asks for. A new experiment adds one case.
#include <fmt/format.h>

#include "data/content.h"
#include "data/registry.h"
#include "experiments/attentive_reader/reader_training.h"
#include "experiments/convnet/convnet_training.h"
#include "experiments/draw/draw_training.h"
#include "experiments/experiment.h"
#include "experiments/handwriting/training.h"
#include "experiments/invariance/invariance.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "experiments/order_embedding/order_embedding_training.h"
#include "experiments/skip_thoughts/training.h"
#include "proto/spec.h"

namespace normlab {

absl::StatusOr<std::unique_ptr<Experiment>> MakeExperiment(const v1::JobSpec& resolved,
                                                           const ExperimentContext& context) {
  switch (resolved.experiment_case()) {
    case v1::JobSpec::kMnistMlp:
      return MakeMnistMlp(resolved.mnist_mlp(), resolved.seed(), context);
    case v1::JobSpec::kDraw:
      return MakeDraw(resolved.draw(), resolved.seed(), context);
    case v1::JobSpec::kHandwriting:
      return MakeHandwriting(resolved.handwriting(), resolved.seed(), context);
    case v1::JobSpec::kConvnet:
      return MakeConvnet(resolved.convnet(), resolved.seed(), context);
    case v1::JobSpec::kSkipThoughts:
      return MakeSkipThoughts(resolved.skip_thoughts(), resolved.seed(), context);
    case v1::JobSpec::kOrderEmbedding:
      return MakeOrderEmbedding(resolved.order_embedding(), resolved.seed(), context);
    case v1::JobSpec::kAttentiveReader:
      return MakeAttentiveReader(resolved.attentive_reader(), resolved.seed(), context);
    case v1::JobSpec::kInvariance:
      return MakeInvariance(resolved.invariance(), resolved.seed());
    case v1::JobSpec::EXPERIMENT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("the spec names no experiment; `normlab experiments` lists them");
}

absl::StatusOr<std::string> ImportedDataSha256(const v1::JobSpec& resolved,
                                               const std::vector<std::string>& data_directories) {
  const data::DatasetInfo* const dataset = data::FindDataset(DatasetName(resolved));
  if (dataset == nullptr || data::IsPinned(*dataset)) {
    return "";
  }
  return data::ImportedSha256(*dataset, data_directories);
}

}  // namespace normlab
