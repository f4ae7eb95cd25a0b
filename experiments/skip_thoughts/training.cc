#include "experiments/skip_thoughts/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "base/paths.h"
#include "data/registry.h"
#include "data/text/length_order.h"
#include "data/text/triplets.h"
#include "experiments/engine.h"
#include "experiments/skip_thoughts/batch.h"
#include "experiments/skip_thoughts/neighbours.h"
#include "experiments/training/training_loop.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::size_t kEvaluationBatch = 64;
constexpr std::size_t kHeldOutOneIn = 20;  // chapters, or books where there are so many
constexpr std::size_t kCompared = 1000;    // held-out sentences that neighbours are looked for among

SkipThoughtsShape ShapeOf(const v1::SkipThoughtsConfig& config, const data::Vocabulary& vocabulary) {
  return {.words = static_cast<nn::Index>(vocabulary.Size()),
          .word_size = config.word_size(),
          .units = config.units(),
          .norm = {.kind = NormKindOf(config.norm(), {.value = config.norm_eps(),
                                                      .placement = EpsPlacementOf(config.norm_eps_placement())})},
          .conditioning = config.conditioning() == v1::SENTENCE_CONDITIONING_EVERY_STEP ? Conditioning::kEveryStep
                                                                                        : Conditioning::kInitialState,
          .tied = config.tied_output()};
}

// `count` of the values, spread over them; all if there are no more, or if it is 0.
std::vector<std::uint32_t> Spread(const std::vector<std::uint32_t>& values, std::size_t count) {
  if (count == 0 || count >= values.size()) {
    return values;
  }
  std::vector<std::uint32_t> some(count);
  for (std::size_t i = 0; i < count; ++i) {
    some[i] = values[i * values.size() / count];
  }
  return some;
}

class SkipThoughtsTask final : public Task {
 public:
  SkipThoughtsTask(const v1::SkipThoughtsConfig& config, std::uint64_t seed, SkipThoughtsData data);

  nn::ParameterStore& Parameters() override { return store_; }
  BatchLoss Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) override;
  StepResult Evaluate(const Evaluation& moment, Recorder& recorder) override;

 private:
  // Loss a word.
  double MeasureTest();
  void RecordNeighbours(std::uint64_t updates, Recorder& recorder);

  const std::uint64_t updates_, transfer_interval_;
  SkipThoughtsData data_;
  Transfer transfer_;
  nn::ParameterStore store_;
  SkipThoughts network_;
  SentenceEncoder encoder_;
  TripletMemory batch_;
  std::vector<std::uint32_t> middles_;
  nn::Tape evaluation_tape_{nn::Recording::kOff};
};

SkipThoughtsTask::SkipThoughtsTask(const v1::SkipThoughtsConfig& config, std::uint64_t seed, SkipThoughtsData data)
    : updates_(static_cast<std::uint64_t>(config.updates())),
      transfer_interval_(static_cast<std::uint64_t>(config.transfer_interval())),
      data_(std::move(data)),
      transfer_(std::exchange(data_.transfer, {}), data_.vocabulary),
      store_(seed),
      network_(nn::Scope(store_), ShapeOf(config, data_.vocabulary)),
      encoder_(network_) {}

BatchLoss SkipThoughtsTask::Loss(nn::Tape& tape, std::span<const std::uint32_t> examples, const nn::Step& step) {
  middles_.clear();
  for (const std::uint32_t example : examples) {
    middles_.push_back(data_.train[example]);
  }
  batch_.Fill(data_.text, middles_);
  return {.loss = network_.Loss(tape, batch_.get(), step.mode), .units = static_cast<float>(batch_.words())};
}

double SkipThoughtsTask::MeasureTest() {
  double loss = 0.0, words = 0.0;
  for (std::size_t begin = 0; begin < data_.test.size(); begin += kEvaluationBatch) {
    const std::size_t count = std::min(kEvaluationBatch, data_.test.size() - begin);
    batch_.Fill(data_.text, std::span(data_.test).subspan(begin, count));
    evaluation_tape_.reset();
    loss += static_cast<double>(network_.Loss(evaluation_tape_, batch_.get(), nn::Mode::kEvaluate).scalar());
    words += static_cast<double>(batch_.words());
  }
  return loss / words;
}

void SkipThoughtsTask::RecordNeighbours(std::uint64_t updates, Recorder& recorder) {
  std::vector<Sentence> sentences;
  for (const std::uint32_t middle : Spread(data_.test, kCompared)) {
    sentences.push_back(data_.text.Sentence(middle));
  }
  recorder.Artifact("neighbours.txt", "text/plain", updates,
                    NeighboursText(encoder_.Encode(sentences, Ending::kEnd), sentences, data_.vocabulary));
}

StepResult SkipThoughtsTask::Evaluate(const Evaluation& moment, Recorder& recorder) {
  const double test = MeasureTest();
  recorder.Point("train/update", moment.updates, static_cast<double>(moment.updates));
  recorder.Point("train/epoch", moment.updates, moment.passes());
  recorder.Point("train/nll", moment.updates,
                 static_cast<double>(moment.train.loss()) / static_cast<double>(moment.train.units()));
  recorder.Point("test/nll", moment.updates, test);
  if (!std::isfinite(test)) {
    return StepResult::kDiverged;
  }
  RecordNeighbours(moment.updates, recorder);
  if (transfer_interval_ == 0 || moment.updates % transfer_interval_ == 0 || moment.updates == updates_) {
    transfer_.Evaluate(encoder_, moment.updates, recorder);
  }
  return StepResult::kContinue;
}

absl::Status CheckFit(const v1::SkipThoughtsConfig& config, const SkipThoughtsData& data) {
  const auto too_few = [](const char* field, std::int64_t wanted, std::size_t there) {
    return absl::InvalidArgumentError(
        fmt::format("skip_thoughts.{} is {}; the text has {} sentences that are short enough and have such neighbours",
                    field, wanted, there));
  };
  if (data.train.empty() || static_cast<std::size_t>(config.train_sentences()) > data.train.size()) {
    return too_few("train_sentences", config.train_sentences(), data.train.size());
  }
  if (data.test.empty() || static_cast<std::size_t>(config.test_sentences()) > data.test.size()) {
    return too_few("test_sentences", config.test_sentences(), data.test.size());
  }
  return absl::OkStatus();
}

void ReportFacts(const std::string& name, const std::string& sha256, const SkipThoughtsData& data,
                 std::map<std::string, std::string>& facts) {
  facts["data." + name] = sha256;
  facts["data.text"] = fmt::format("{} sentences, {} words", data.text.Sentences(), data.text.ids.size());
  facts["data.train"] = fmt::format("{} sentences", data.train.size());
  facts["data.test"] = fmt::format("{} sentences", data.test.size());
  const auto unknown = std::count(data.text.ids.begin(), data.text.ids.end(), data::kUnknownWord);
  facts["data.vocabulary"] =
      fmt::format("{} numbers; {:.2f} % of the words have none", data.vocabulary.Size(),
                  100.0 * static_cast<double>(unknown) / static_cast<double>(data.text.ids.size()));
}

}  // namespace

SkipThoughtsData MakeSkipThoughtsData(const v1::SkipThoughtsConfig& config, const data::TextCorpus& corpus) {
  const std::vector<bool> held_out = data::HeldOutChapters(corpus, kHeldOutOneIn);
  const auto longest = static_cast<std::size_t>(config.max_words());
  data::Vocabulary vocabulary = data::MakeVocabulary(corpus, held_out, static_cast<std::size_t>(config.vocabulary()));
  data::SentenceIds text = data::ToIds(corpus, vocabulary);
  return {.vocabulary = std::move(vocabulary),
          .text = std::move(text),
          .train = data::MakeTriplets(corpus, held_out, false, longest),
          .test = data::MakeTriplets(corpus, held_out, true, longest),
          .transfer = {}};
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeSkipThoughts(const v1::SkipThoughtsConfig& config, std::uint64_t seed,
                                                             SkipThoughtsData data) {
  NORMLAB_RETURN_IF_ERROR(CheckFit(config, data));
  if (config.train_sentences() != 0) {
    data.train.resize(static_cast<std::size_t>(config.train_sentences()));
  }
  data.test = Spread(data.test, static_cast<std::size_t>(config.test_sentences()));
  if (config.transfer() == v1::TRANSFER_KIND_OFF) {
    data.transfer = {};
  }
  const TrainingPlan plan{.seed = seed,
                          .updates = static_cast<std::uint64_t>(config.updates()),
                          .evaluation_interval = static_cast<std::uint64_t>(config.evaluation_interval()),
                          .loss_series = "train/batch_loss",
                          .record_gradient_norm = true,
                          .running_mean = "train.since_evaluation",
                          .running_units = true};
  std::vector<std::uint32_t> lengths;
  for (const std::uint32_t middle : data.train) {
    lengths.push_back(static_cast<std::uint32_t>(data.text.Sentence(middle).size()));
  }
  auto order = std::make_unique<data::EqualLengthOrder>(seed, lengths, config.batch_size());
  return std::make_unique<TrainingLoop>(plan, config.optimization(), std::move(order),
                                        std::make_unique<SkipThoughtsTask>(config, seed, std::move(data)));
}

absl::StatusOr<std::unique_ptr<Experiment>> MakeSkipThoughts(const v1::SkipThoughtsConfig& config, std::uint64_t seed,
                                                             const ExperimentContext& context) {
  const std::string name = ConfigDatasetName(config);
  NORMLAB_ASSIGN_OR_RETURN(const data::TextCorpus corpus,
                           data::LoadTextCorpus(*data::FindDataset(name), context.data_directories, CacheDirectory()));
  SkipThoughtsData data = MakeSkipThoughtsData(config, corpus);
  if (config.transfer() != v1::TRANSFER_KIND_OFF) {
    NORMLAB_ASSIGN_OR_RETURN(
        data.transfer,
        LoadTransfer(context.data_directories, config.transfer() == v1::TRANSFER_KIND_REQUIRED, context.facts));
  }
  if (context.facts != nullptr) {
    ReportFacts(name, corpus.sha256, data, *context.facts);
  }
  return MakeSkipThoughts(config, seed, std::move(data));
}

}  // namespace normlab
