#include "experiments/order_embedding/order_embedding_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/order.h"
#include "experiments/engine.h"
#include "experiments/order_embedding/network.h"
#include "experiments/order_embedding/retrieval.h"
#include "experiments/order_embedding/retrieved.h"
#include "experiments/training/training_loop.h"

namespace normlab {
namespace {

constexpr std::int64_t kEvaluationBatch = 128;
constexpr std::int64_t kShownQueries = 8, kShownImages = 6;

// As configured, or the score's own (Vendrov et al. 2016).
double MarginOf(const v1::OrderEmbeddingConfig& config) {
  return config.margin() != 0.0 ? config.margin() : config.score() == v1::PAIR_SCORE_COSINE ? 0.2 : 0.05;
}

OrderEmbeddingSpec SpecOf(const v1::OrderEmbeddingConfig& config, const PairData& data) {
  const nn::NormEps eps{.value = config.norm_eps(), .placement = EpsPlacementOf(config.norm_eps_placement())};
  return {.words = data.words,
          .features = data.train.features.columns,
          .word_size = config.word_size(),
          .units = config.units(),
          .score = config.score() == v1::PAIR_SCORE_COSINE ? PairScore::kCosine : PairScore::kOrder,
          .margin = MarginOf(config),
          .norm = {.kind = NormKindOf(config.norm(), eps)},
          .init_range = config.init_range()};
}

void Record(const std::string& what, const Recall& recall, std::uint64_t updates, Recorder& recorder) {
  recorder.Point(what + "_r1", updates, recall.at1);
  recorder.Point(what + "_r5", updates, recall.at5);
  recorder.Point(what + "_r10", updates, recall.at10);
  recorder.Point(what + "_rank", updates, recall.mean_rank);
}

class OrderEmbeddingTask final : public Task {
 public:
  OrderEmbeddingTask(const v1::OrderEmbeddingConfig& config, std::uint64_t seed, PairData data);

  nn::ParameterStore& Parameters() override { return store_; }
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> images, const nn::Step& step) override;
  StepResult Evaluate(const Evaluation& moment, Recorder& recorder) override;
  std::vector<NamedTensor> Constants() override;

 private:
  // The features of `count` images, chosen by image(i), as the network takes them.
  template <typename Image>
  nn::Var Features(nn::Tape& tape, const PairSplit& split, std::int64_t count, Image image);
  // units x captions and units x images, into captions_ and images_.
  void EmbedCaptions(const PairSplit& split, std::int64_t first_image);
  void EmbedImages(const PairSplit& split, std::int64_t first_image);
  // Of the fold that begins with image `first`, captions x images, on evaluation_tape_.
  nn::Var Penalties(const PairSplit& split, std::int64_t first_image);
  void KeepBest(float recall_sum);
  void RecordTest(std::uint64_t updates, Recorder& recorder);
  void Show(nn::Var penalties, std::uint64_t updates, Recorder& recorder);
  std::int64_t fold_images() const { return config_.evaluation_images(); }

  const v1::OrderEmbeddingConfig config_;
  const PairData data_;
  nn::ParameterStore store_;
  OrderEmbedding model_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  CaptionBatchMemory batch_;
  std::vector<std::uint32_t> chosen_;     // captions of a batch
  std::vector<float> columns_;            // features of a batch
  std::vector<float> captions_, images_;  // points of a fold
  std::vector<float> best_;               // values of store_
  float best_recall_sum_ = -1.0f;
};

OrderEmbeddingTask::OrderEmbeddingTask(const v1::OrderEmbeddingConfig& config, std::uint64_t seed, PairData data)
    : config_(config), data_(std::move(data)), store_(seed), model_(nn::Scope(store_), SpecOf(config, data_)) {
  const std::int64_t largest = std::max<std::int64_t>(config.batch_size(), kEvaluationBatch);
  batch_.Reserve(data_.train.captions, config.batch_size());
  chosen_.reserve(static_cast<std::size_t>(largest));
  columns_.resize(static_cast<std::size_t>(largest * data_.train.features.columns));
  images_.resize(static_cast<std::size_t>(fold_images() * config.units()));
  captions_.resize(images_.size() * data::kCaptionsPerImage);
  best_.assign(store_.values(), store_.values() + store_.flat_size());
}

template <typename Image>
nn::Var OrderEmbeddingTask::Features(nn::Tape& tape, const PairSplit& split, std::int64_t count, Image image) {
  const std::int64_t features = split.features.columns;
  for (std::int64_t i = 0; i < count; ++i) {
    std::copy_n(split.features.row(image(i)), features, columns_.data() + i * features);
  }
  return tape.input("features", columns_.data(), features, count);
}

// One of its captions for each image, drawn anew in every pass.
BatchLoss OrderEmbeddingTask::Loss(nn::Tape& tape, std::span<const std::uint32_t> images, const nn::Step& step) {
  constexpr auto kOwn = static_cast<std::uint32_t>(data::kCaptionsPerImage);
  Rng rng = step.rng("order_embedding/captions");
  chosen_.clear();
  for (const std::uint32_t image : images) {
    chosen_.push_back(kOwn * image + static_cast<std::uint32_t>(rng.Below(kOwn)));
  }
  batch_.Fill(data_.train.captions, chosen_);
  const nn::Var captions = model_.Captions(tape, batch_.get(), step);
  const nn::Var features = Features(tape, data_.train, static_cast<std::int64_t>(images.size()),
                                    [images](std::int64_t i) { return images[static_cast<std::size_t>(i)]; });
  return {model_.Loss(captions, model_.Images(features, step))};
}

// Captions of about one length go together, so that few steps are padding.
void OrderEmbeddingTask::EmbedCaptions(const PairSplit& split, std::int64_t first_image) {
  const auto first = static_cast<std::uint32_t>(data::kCaptionsPerImage * first_image);
  std::vector<std::uint32_t> order(static_cast<std::size_t>(data::kCaptionsPerImage * fold_images()));
  std::iota(order.begin(), order.end(), first);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return split.captions.Sentence(a).size() < split.captions.Sentence(b).size();
  });
  for (std::size_t begin = 0; begin < order.size(); begin += kEvaluationBatch) {
    const auto some = std::span(order).subspan(begin, std::min<std::size_t>(kEvaluationBatch, order.size() - begin));
    batch_.Fill(split.captions, some);
    evaluation_tape_.reset();
    const nn::Var points = model_.Captions(evaluation_tape_, batch_.get(), {.mode = nn::Mode::kEvaluate});
    for (std::size_t i = 0; i < some.size(); ++i) {
      std::copy_n(points.data() + static_cast<nn::Index>(i) * points.rows(), points.rows(),
                  captions_.data() + static_cast<nn::Index>(some[i] - first) * points.rows());
    }
  }
}

void OrderEmbeddingTask::EmbedImages(const PairSplit& split, std::int64_t first_image) {
  for (std::int64_t begin = 0; begin < fold_images(); begin += kEvaluationBatch) {
    const std::int64_t count = std::min(kEvaluationBatch, fold_images() - begin);
    evaluation_tape_.reset();
    const nn::Var features =
        Features(evaluation_tape_, split, count, [first = first_image + begin](std::int64_t i) { return first + i; });
    const nn::Var points = model_.Images(features, {.mode = nn::Mode::kEvaluate});
    std::copy_n(points.data(), points.size(), images_.data() + begin * points.rows());
  }
}

nn::Var OrderEmbeddingTask::Penalties(const PairSplit& split, std::int64_t first_image) {
  EmbedCaptions(split, first_image);
  EmbedImages(split, first_image);
  evaluation_tape_.reset();
  const nn::Index units = config_.units();
  return model_.Penalties(
      evaluation_tape_.input("captions", captions_.data(), units, data::kCaptionsPerImage * fold_images()),
      evaluation_tape_.input("images", images_.data(), units, fold_images()));
}

StepResult OrderEmbeddingTask::Evaluate(const Evaluation& moment, Recorder& recorder) {
  const nn::Var penalties = Penalties(data_.validation, 0);
  double right = 0.0;
  for (nn::Index c = 0; c < penalties.rows(); ++c) {
    right += static_cast<double>(penalties.data()[c / data::kCaptionsPerImage * penalties.rows() + c]);
  }
  const Retrieval valid = Rank(penalties.data(), fold_images());
  recorder.Point("train/update", moment.updates, static_cast<double>(moment.updates));
  recorder.Point("train/loss", moment.updates,
                 static_cast<double>(moment.train.loss()) / static_cast<double>(moment.train.weight()));
  Record("valid/image", valid.image, moment.updates, recorder);
  Record("valid/caption", valid.caption, moment.updates, recorder);
  recorder.Point("valid/recall_sum", moment.updates, valid.image.Sum());
  recorder.Point("valid/penalty", moment.updates, right / static_cast<double>(penalties.rows()));
  if (!std::isfinite(right)) {
    return StepResult::kDiverged;
  }
  if (static_cast<float>(valid.image.Sum()) > best_recall_sum_) {
    KeepBest(static_cast<float>(valid.image.Sum()));
    Show(penalties, moment.updates, recorder);
  }
  if (moment.updates == static_cast<std::uint64_t>(config_.updates())) {
    RecordTest(moment.updates, recorder);
  }
  return StepResult::kContinue;
}

void OrderEmbeddingTask::KeepBest(float recall_sum) {
  best_recall_sum_ = recall_sum;
  std::copy_n(store_.values(), store_.flat_size(), best_.data());
}

void OrderEmbeddingTask::RecordTest(std::uint64_t updates, Recorder& recorder) {
  const auto exchange = [this] { std::swap_ranges(best_.begin(), best_.end(), store_.values()); };
  exchange();
  Retrieval test;
  for (std::int64_t fold = 0; fold < config_.test_folds(); ++fold) {
    const Retrieval found = Rank(Penalties(data_.test, fold * fold_images()).data(), fold_images());
    test.image += found.image;
    test.caption += found.caption;
  }
  exchange();
  Record("test/image", test.image.Over(config_.test_folds()), updates, recorder);
  Record("test/caption", test.caption.Over(config_.test_folds()), updates, recorder);
}

void OrderEmbeddingTask::Show(nn::Var penalties, std::uint64_t updates, Recorder& recorder) {
  const std::vector<Retrieved> found = Retrieve(penalties.data(), fold_images(), kShownQueries, kShownImages);
  recorder.Artifact("retrieved.txt", "text/plain", updates, RetrievedText(found, data_.validation_texts));
  if (!data_.validation_scenes.empty()) {
    recorder.Artifact("retrieved.png", "image/png", updates, RetrievedPng(found, data_.validation_scenes));
  }
}

std::vector<NamedTensor> OrderEmbeddingTask::Constants() {
  std::vector<NamedTensor> best = Tensors({store_.list_flat("best.", best_.data())});
  best.push_back({"best_recall_sum", {1}, &best_recall_sum_});
  return best;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeOrderEmbedding(const v1::OrderEmbeddingConfig& config,
                                                               std::uint64_t seed, PairData data) {
  const TrainingPlan plan{.seed = seed,
                          .updates = static_cast<std::uint64_t>(config.updates()),
                          .evaluation_interval = static_cast<std::uint64_t>(config.evaluation_interval()),
                          .loss_series = "train/batch_loss",
                          .running_mean = "train.since_evaluation"};
  auto order =
      std::make_unique<data::ShuffledOrder>(seed, data.train.images(), config.batch_size(), data::LastBatch::kDropped);
  return std::make_unique<TrainingLoop>(plan, config.optimization(), std::move(order),
                                        std::make_unique<OrderEmbeddingTask>(config, seed, std::move(data)));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeOrderEmbedding(const v1::OrderEmbeddingConfig& config,
                                                               std::uint64_t seed, const ExperimentContext& context) {
  NORMLAB_ASSIGN_OR_RETURN(PairData data, LoadPairs(config, context));
  return MakeOrderEmbedding(config, seed, std::move(data));
}

}  // namespace normlab
