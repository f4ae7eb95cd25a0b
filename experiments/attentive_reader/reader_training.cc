#include "experiments/attentive_reader/reader_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "data/order.h"
#include "data/registry.h"
#include "experiments/attentive_reader/attention_picture.h"
#include "experiments/attentive_reader/reader.h"
#include "experiments/attentive_reader/reader_batch.h"
#include "experiments/engine.h"
#include "experiments/training/training_loop.h"
#include "nn/ops/cross_entropy.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::size_t kEvaluationBatch = 64;
// Validation questions that are drawn.
constexpr std::size_t kDrawn = 4;

nn::NormSpec NormOf(const v1::AttentiveReaderConfig& config) {
  const nn::BatchNorm batch{.statistics = config.batch_norm_statistics() == v1::READER_STATISTICS_RUNNING
                                              ? nn::BatchStatistics::kRunning
                                              : nn::BatchStatistics::kAverages,
                            .decay = config.batch_norm_decay()};
  const nn::NormEps eps{.value = config.norm_eps(), .placement = EpsPlacementOf(config.norm_eps_placement())};
  return {
      .kind = NormKindOf(config.norm(), eps, batch),
      .affine = {.gain_init = config.norm() == v1::NORM_KIND_BATCH ? config.batch_norm_gain() : config.norm_gain()}};
}

ReaderSpec SpecOf(const v1::AttentiveReaderConfig& config, std::uint64_t seed, const data::ClozeData& data) {
  return {.words = static_cast<nn::Index>(data.words.size()),
          .units = config.units(),
          .norm = NormOf(config),
          .norm_readout = config.norm_readout(),
          .passage_steps = static_cast<nn::Index>(data.train.LongestPassage()),
          .question_steps = static_cast<nn::Index>(data.train.LongestQuestion()),
          .similarity = config.similarity(),
          .mean_term = config.mean_term(),
          .learn_initial_state = config.learn_initial_state(),
          .bias_twice = config.bias_twice(),
          .dropout = config.dropout(),
          .init = ReaderInitOf(config.init(), seed)};
}

class ReaderTask final : public Task {
 public:
  ReaderTask(const v1::AttentiveReaderConfig& config, std::uint64_t seed, data::ClozeData data);

  nn::ParameterStore& Parameters() override { return store_; }
  void Begin(Recorder& recorder) override;
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> questions, const nn::Step& step) override;
  StepResult Evaluate(const Evaluation& moment, Recorder& recorder) override;

 private:
  // Another order of the names; empty if the run leaves them as they are.
  std::span<const std::uint32_t> DrawNames(Rng& rng);
  // Reads random training questions, so that batch norm's averages are those of the weights as they are.
  void AverageStatistics(std::uint64_t updates);
  // Reads all questions in evaluation mode, in order; use(first, reading, logits) gets them batch by batch.
  template <typename Use>
  void ForEachRead(const data::ClozeSet& set, std::size_t count, Use use);
  // Records "<name>/nll" and "<name>/error"; the sum of the NLLs.
  double RecordErrors(const data::ClozeSet& set, const char* name, std::uint64_t updates, Recorder& recorder);
  std::vector<ReadPassage> ReadFirst();

  const v1::AttentiveReaderConfig config_;
  const std::uint64_t seed_;
  const data::ClozeData data_;
  nn::ParameterStore store_;
  Reader reader_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
  ReaderBatchMemory batch_;
  std::vector<std::uint32_t> names_;  // in the order of an update
};

ReaderTask::ReaderTask(const v1::AttentiveReaderConfig& config, std::uint64_t seed, data::ClozeData data)
    : config_(config),
      seed_(seed),
      data_(std::move(data)),
      store_(seed),
      reader_(nn::Scope(store_), SpecOf(config, seed, data_)),
      batch_(data_, std::max<std::int64_t>(config.batch_size(), kEvaluationBatch)),
      names_(data_.names) {}

void ReaderTask::Begin(Recorder& recorder) {
  const auto share = [](const data::ClozeSet& set) {
    return static_cast<double>(set.Answerable()) / static_cast<double>(set.Size());
  };
  recorder.Point("train/answerable", 0, share(data_.train));
  recorder.Point("valid/answerable", 0, share(data_.valid));
}

std::span<const std::uint32_t> ReaderTask::DrawNames(Rng& rng) {
  if (!config_.permute_names()) {
    return {};
  }
  std::iota(names_.begin(), names_.end(), 0u);
  for (std::size_t i = names_.size(); i > 1; --i) {
    std::swap(names_[i - 1], names_[rng.Below(i)]);
  }
  return names_;
}

BatchLoss ReaderTask::Loss(nn::Tape& tape, std::span<const std::uint32_t> questions, const nn::Step& step) {
  Rng rng = step.rng("reader/names");
  batch_.Fill(data_.train, questions, DrawNames(rng));
  const Reading<float> reading = reader_.Read(tape, batch_.get(), step);
  return {.loss = reader_.Loss(reading, batch_.answers())};
}

void ReaderTask::AverageStatistics(std::uint64_t updates) {
  nn::average_statistics<float>(reader_.Sites(), [&] {
    Rng rng(seed_, "reader/statistics", updates);
    const std::vector<std::uint32_t> order = rng.Permutation(static_cast<std::uint32_t>(data_.train.Size()));
    const auto size = static_cast<std::size_t>(config_.batch_size());
    const std::size_t batches = std::min(order.size() / size, static_cast<std::size_t>(config_.statistics_batches()));
    for (std::size_t batch = 0; batch < batches; ++batch) {
      batch_.Fill(data_.train, std::span(order).subspan(batch * size, size), DrawNames(rng));
      evaluation_tape_.reset();
      reader_.Read(evaluation_tape_, batch_.get(), {.mode = nn::Mode::kTrain}, /*drop=*/false);
    }
  });
}

template <typename Use>
void ReaderTask::ForEachRead(const data::ClozeSet& set, std::size_t count, Use use) {
  std::vector<std::uint32_t> questions(count);
  std::iota(questions.begin(), questions.end(), 0u);
  for (std::size_t begin = 0; begin < count; begin += kEvaluationBatch) {
    batch_.Fill(set, std::span(questions).subspan(begin, std::min(kEvaluationBatch, count - begin)));
    evaluation_tape_.reset();
    const Reading<float> reading = reader_.Read(evaluation_tape_, batch_.get(), {.mode = nn::Mode::kEvaluate});
    use(begin, reading, reader_.Logits(reading));
  }
}

double ReaderTask::RecordErrors(const data::ClozeSet& set, const char* name, std::uint64_t updates,
                                Recorder& recorder) {
  nn::Classification all;
  ForEachRead(set, set.Size(), [&](std::size_t, const Reading<float>&, nn::Var logits) {
    all += nn::classify(logits, batch_.answers());
  });
  const auto size = static_cast<double>(set.Size());
  recorder.Point(fmt::format("{}/nll", name), updates, all.nll_sum / size);
  recorder.Point(fmt::format("{}/error", name), updates, static_cast<double>(all.errors) / size);
  return all.nll_sum;
}

// The share of `word` in the softmax of a column of logits.
double Probability(const float* logits, std::size_t words, std::uint32_t word) {
  double sum = 0.0;
  for (std::size_t i = 0; i < words; ++i) {
    sum += std::exp(static_cast<double>(logits[i] - logits[word]));
  }
  return 1.0 / sum;
}

std::vector<ReadPassage> ReaderTask::ReadFirst() {
  std::vector<ReadPassage> passages;
  const std::size_t count = std::min(kDrawn, data_.valid.Size()), words = data_.words.size();
  ForEachRead(data_.valid, count, [&](std::size_t begin, const Reading<float>& reading, nn::Var logits) {
    for (std::size_t b = 0; b < static_cast<std::size_t>(logits.cols()); ++b) {
      const data::Cloze cloze = data_.valid[begin + b];
      const float* z = logits.data() + b * words;
      ReadPassage& read = passages.emplace_back();
      for (std::size_t t = 0; t < cloze.passage.size(); ++t) {
        read.words.push_back(data_.words[cloze.passage[t]]);
        read.attention.push_back(reading.attention.data()[t * static_cast<std::size_t>(logits.cols()) + b]);
      }
      for (const std::uint32_t word : cloze.question) {
        read.question += (read.question.empty() ? "" : " ") + data_.words[word];
      }
      read.answer = data_.words[cloze.answer];
      read.prediction = data_.words[static_cast<std::size_t>(std::max_element(z, z + words) - z)];
      read.probability = Probability(z, words, cloze.answer);
    }
  });
  return passages;
}

StepResult ReaderTask::Evaluate(const Evaluation& moment, Recorder& recorder) {
  AverageStatistics(moment.updates);
  recorder.Point("train/update", moment.updates, static_cast<double>(moment.updates));
  recorder.Point("train/nll", moment.updates,
                 static_cast<double>(moment.train.loss()) / static_cast<double>(moment.train.weight()));
  double nll = RecordErrors(data_.valid, "valid", moment.updates, recorder);
  if (data_.test.Size() > 0) {
    nll += RecordErrors(data_.test, "test", moment.updates, recorder);
  }
  recorder.Artifact("attention.svg", "image/svg+xml", moment.updates, AttentionSvg(ReadFirst()));
  return std::isfinite(nll) ? StepResult::kContinue : StepResult::kDiverged;
}

std::unique_ptr<data::BatchOrder> OrderOf(const v1::AttentiveReaderConfig& config, std::uint64_t seed,
                                          const data::ClozeSet& train) {
  const auto questions = static_cast<std::int64_t>(train.Size());
  if (config.shuffle()) {
    return std::make_unique<data::ShuffledOrder>(seed, questions, config.batch_size(), data::LastBatch::kDropped);
  }
  return std::make_unique<data::FileOrder>(questions, config.batch_size());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Experiment>> MakeAttentiveReader(const v1::AttentiveReaderConfig& config,
                                                                std::uint64_t seed, data::ClozeData data) {
  if (static_cast<std::size_t>(config.batch_size()) > data.train.Size()) {
    return absl::InvalidArgumentError(
        fmt::format("attentive_reader.batch_size is {}; expected at most the {} training questions",
                    config.batch_size(), data.train.Size()));
  }
  const TrainingPlan plan{.seed = seed,
                          .updates = static_cast<std::uint64_t>(config.updates()),
                          .evaluation_interval = static_cast<std::uint64_t>(config.evaluation_interval()),
                          .running_mean = "train.since_evaluation"};
  auto order = OrderOf(config, seed, data.train);
  return std::make_unique<TrainingLoop>(plan, config.optimization(), std::move(order),
                                        std::make_unique<ReaderTask>(config, seed, std::move(data)));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeAttentiveReader(const v1::AttentiveReaderConfig& config,
                                                                std::uint64_t seed, const ExperimentContext& context) {
  const std::string name = ConfigDatasetName(config);
  NORMLAB_ASSIGN_OR_RETURN(data::ClozeData data, data::LoadClozes(*data::FindDataset(name), context.data_directories,
                                                                  ClozeOptionsOf(config)));
  if (context.facts != nullptr) {
    std::map<std::string, std::string>& facts = *context.facts;
    facts["data." + name] = data.sha256;
    facts["data.train"] =
        fmt::format("{} questions, {} words, {} names", data.train.Size(), data.words.size(), data.names);
    facts["data.valid"] = fmt::format("{} questions", data.valid.Size());
    facts["data.test"] = fmt::format("{} questions", data.test.Size());
  }
  return MakeAttentiveReader(config, seed, std::move(data));
}

data::ClozeOptions ClozeOptionsOf(const v1::AttentiveReaderConfig& config) {
  return {.vocabulary = config.vocabulary(),
          .max_words = config.max_words(),
          .train = config.train_questions(),
          .valid = config.valid_questions(),
          .test = config.test_questions()};
}

}  // namespace normlab
