#include "experiments/handwriting/scribe.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "data/registry.h"
#include "experiments/engine.h"
#include "experiments/handwriting/config.h"
#include "experiments/handwriting/drawing.h"
#include "experiments/handwriting/writer.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::size_t kLongestText = 200;
constexpr std::int64_t kMostStepsPerCharacter = 80;  // recorded writing has about 28

bool IsPrintable(char c) { return c >= ' ' && c <= '~'; }

}  // namespace

struct Scribe::Parts {
  explicit Parts(const v1::HandwritingConfig& job) : config(job), network(nn::Scope(store), ShapeOf(job)) {}

  v1::HandwritingConfig config;
  nn::ParameterStore store{1};
  HandwritingNetwork network;
  std::vector<float> pen_mean = {0.0f, 0.0f}, pen_deviation = {1.0f, 1.0f};
  std::optional<data::PenSequence> model_hand;
};

Scribe::Scribe(const v1::HandwritingConfig& config) : parts_(std::make_unique<Parts>(config)) {}
Scribe::~Scribe() = default;

std::vector<NamedTensor> Scribe::Weights() {
  std::vector<NamedTensor> weights = Tensors({parts_->store.list_parameters()});
  weights.push_back({kPenMean, {2}, parts_->pen_mean.data()});
  weights.push_back({kPenDeviation, {2}, parts_->pen_deviation.data()});
  return weights;
}

absl::Status Scribe::Imitate(std::int64_t line, const std::vector<std::string>& data_directories,
                             std::string_view data_sha256) {
  const v1::HandwritingConfig& config = parts_->config;
  const data::DatasetInfo& dataset = *data::FindDataset(ConfigDatasetName(config));
  NORMLAB_ASSIGN_OR_RETURN(data::HandwritingData data,
                           data::LoadHandwriting(dataset, data_directories, DataOptions(config)));
  if (!data_sha256.empty() && data.sha256 != data_sha256) {
    return absl::FailedPreconditionError(
        fmt::format("the job was fed {} with sha256 {}; here it is {}, whose line {} is another", dataset.name,
                    data_sha256, data.sha256, line));
  }
  if (line < 1 || line > static_cast<std::int64_t>(data.train.size())) {
    return absl::OutOfRangeError(
        fmt::format("there is no line {}; {} has training lines 1 to {}", line, dataset.name, data.train.size()));
  }
  parts_->model_hand = std::move(data.train[static_cast<std::size_t>(line - 1)]);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Scribe::Write(const std::string& text, const ScribeOptions& options) {
  if (text.empty() || text.size() > kLongestText || !std::all_of(text.begin(), text.end(), IsPrintable)) {
    return absl::InvalidArgumentError(fmt::format(
        "the text has {} bytes; expected 1 to {} characters of printable ASCII", text.size(), kLongestText));
  }
  const data::Alphabet alphabet = AlphabetOf(parts_->config);
  const WrittenLine line = normlab::Write(parts_->network, data::Encode(alphabet, text),
                                          {.bias = options.bias,
                                           .seed = options.seed,
                                           .max_steps = kMostStepsPerCharacter * static_cast<std::int64_t>(text.size()),
                                           .prime = parts_->model_hand.has_value() ? &*parts_->model_hand : nullptr,
                                           .space = data::Encode(alphabet, " ").front()});
  return DrawSvg(line, text,
                 {.mean_x = static_cast<double>(parts_->pen_mean[0]),
                  .mean_y = static_cast<double>(parts_->pen_mean[1]),
                  .std_x = static_cast<double>(parts_->pen_deviation[0]),
                  .std_y = static_cast<double>(parts_->pen_deviation[1])});
}

}  // namespace normlab
