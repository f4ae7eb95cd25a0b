#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/parallel.h"
#include "base/rng.h"
#include "experiments/attentive_reader/attention_picture.h"
#include "experiments/attentive_reader/reader.h"
#include "experiments/attentive_reader/reader_batch.h"
#include "experiments/attentive_reader/reader_training.h"
#include "nn/ops/dropout.h"
#include "plain_reader.h"
#include "proto/rules.h"
#include "proto/spec.h"
#include "testing.h"

namespace normlab {
namespace {

using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

// --- The model against single numbers ---

struct Case {
  const char* name;
  nn::NormSpec norm;
  PlainReader::Norm plain;
};

std::vector<Case> Cases() {
  return {{"none", {}, PlainReader::Norm::kNone},
          {"batch", {.kind = nn::BatchNorm{}, .affine = {.gain_init = 0.1}}, PlainReader::Norm::kBatch},
          {"layer", {.kind = nn::LayerNorm{}}, PlainReader::Norm::kLayer},
          {"rms", {.kind = nn::RmsNorm{}}, PlainReader::Norm::kRms},
          {"weight", {.kind = nn::WeightNorm{}}, PlainReader::Norm::kWeight}};
}

// A small reader away from its initial zeros and ones, and three questions of different lengths. Every step that any of them
// has, two have.
class SmallReader {
 public:
  explicit SmallReader(ReaderSpec wanted) : spec(std::move(wanted)) {
    spec.words = kWords;
    spec.units = kUnits;
    spec.passage_steps = spec.question_steps = 5;
    model = std::make_unique<BasicReader<double>>(nn::BasicScope<double>(store), spec);
    Rng rng(3, "perturb");
    for (nn::BasicParameter<double>& p : store.parameters()) {
      for (nn::Index i = 0; i < p.size(); ++i) {
        p.value()[i] += 0.3 * rng.Normal();
      }
    }
  }

  nn::BasicVar<double> Loss(nn::BasicTape<double>& tape) {
    const auto passage = Columns(&PlainReader::Example::passage, 5, passage_mask_);
    const auto question = Columns(&PlainReader::Example::question, 3, question_mask_);
    const ReaderBatch<double> batch{.steps = 5,
                                    .question_steps = 3,
                                    .batch = 3,
                                    .passage = passage,
                                    .question = question,
                                    .passage_mask = passage_mask_.data(),
                                    .question_mask = question_mask_.data()};
    const std::vector<std::int32_t> answers = {kExamples[0].answer, kExamples[1].answer, kExamples[2].answer};
    return model->Loss(model->Read(tape, batch, kStep), answers);
  }

  // With what dropout leaves of each value.
  std::vector<PlainReader::Example> Examples() const {
    std::vector<PlainReader::Example> examples = kExamples;
    const std::vector<double> passage = Kept(5 * 3, "dropout/passage"), question = Kept(3 * 3, "dropout/question"),
                              readout = Kept(3, "dropout/readout");
    const auto column = [](const std::vector<double>& all, std::size_t c) {
      return std::vector<double>(all.begin() + static_cast<std::ptrdiff_t>(c * kUnits),
                                 all.begin() + static_cast<std::ptrdiff_t>((c + 1) * kUnits));
    };
    for (std::size_t b = 0; b < 3; ++b) {
      for (std::size_t t = 0; t < 5; ++t) {
        const std::vector<double> keep = column(passage, t * 3 + b);
        examples[b].keep_passage.insert(examples[b].keep_passage.end(), keep.begin(), keep.end());
      }
      for (std::size_t t = 0; t < 3; ++t) {
        const std::vector<double> keep = column(question, t * 3 + b);
        examples[b].keep_question.insert(examples[b].keep_question.end(), keep.begin(), keep.end());
      }
      examples[b].keep_readout = column(readout, b);
    }
    return examples;
  }

  std::map<std::string, Numbers> Parameters() {
    std::map<std::string, Numbers> all;
    for (nn::BasicParameter<double>& p : store.parameters()) {
      all[p.name()].assign(p.value(), p.value() + p.size());
    }
    return all;
  }

  PlainReader Plain(const Case& c) const {
    return {.units = kUnits,
            .norm = c.plain,
            .norm_readout = spec.norm_readout,
            .similarity = spec.similarity,
            .mean_term = spec.mean_term,
            .learn_initial_state = spec.learn_initial_state,
            .bias_twice = spec.bias_twice};
  }

  static constexpr nn::Index kWords = 9, kUnits = 4;
  static constexpr nn::Step kStep{.mode = nn::Mode::kTrain, .key = {.seed = 7, .update = 5}};
  const std::vector<PlainReader::Example> kExamples = {
      {.passage = {1, 5, 2, 6, 8}, .question = {4, 6, 5}, .answer = 1},
      {.passage = {3, 7, 8}, .question = {4, 7, 2}, .answer = 3},
      {.passage = {2, 5, 5, 7, 0}, .question = {5, 4}, .answer = 2},
  };

  ReaderSpec spec;
  nn::BasicParameterStore<double> store{17};
  std::unique_ptr<BasicReader<double>> model;

 private:
  std::vector<std::int32_t> Columns(std::vector<std::int32_t> PlainReader::Example::*side, std::size_t steps,
                                    std::vector<double>& mask) const {
    std::vector<std::int32_t> columns(steps * 3, 8);
    mask.assign(steps * 3, 0.0);
    for (std::size_t b = 0; b < 3; ++b) {
      const std::vector<std::int32_t>& words = kExamples[b].*side;
      for (std::size_t t = 0; t < words.size(); ++t) {
        columns[t * 3 + b] = words[t];
        mask[t * 3 + b] = 1.0;
      }
    }
    return columns;
  }

  std::vector<double> Kept(nn::Index columns, const char* purpose) const {
    nn::BasicTape<double> tape;
    const std::vector<double> ones(static_cast<std::size_t>(kUnits * columns), 1.0);
    const auto kept = nn::dropout(tape.input("ones", ones.data(), kUnits, columns), spec.dropout, kStep, purpose);
    return {kept.data(), kept.data() + kept.size()};
  }

  std::vector<double> passage_mask_, question_mask_;
};

// The loss is that of single numbers, and so is its derivative along every parameter.
void ExpectAgree(const ReaderSpec& spec, const Case& c) {
  SmallReader small(spec);
  const PlainReader plain = small.Plain(c);
  const std::vector<PlainReader::Example> examples = small.Examples();
  auto parameters = small.Parameters();
  nn::BasicTape<double> tape;
  const nn::BasicVar<double> loss = small.Loss(tape);
  EXPECT_NEAR(loss.scalar(), plain.Loss(parameters, examples).real(), 1e-12);
  tape.backward(loss);
  constexpr double kStep = 1e-30;  // of the imaginary part: nothing is subtracted, so nothing is lost
  for (nn::BasicParameter<double>& p : small.store.parameters()) {
    Numbers& values = parameters.at(p.name());
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] += Number(0.0, kStep);
      const double slope = plain.Loss(parameters, examples).imag() / kStep;
      values[i] = values[i].real();
      ASSERT_NEAR(p.gradient()[i], slope, 1e-10 * std::max(1.0, std::abs(slope))) << p.name() << "[" << i << "]";
    }
  }
}

TEST(AttentiveReader, AgreesWithSingleNumbersInLossAndGradients) {
  for (const Case& c : Cases()) {
    for (const bool everywhere : {false, true}) {
      SCOPED_TRACE(std::string(c.name) + (everywhere ? " everywhere" : ""));
      ExpectAgree({.norm = c.norm, .norm_readout = everywhere}, c);
    }
  }
}

TEST(AttentiveReader, AgreesWithoutEachOfItsParts) {
  const Case layer = Cases()[2];
  ExpectAgree({.norm = layer.norm, .similarity = false}, layer);
  ExpectAgree({.norm = layer.norm, .mean_term = false}, layer);
  ExpectAgree({.norm = layer.norm, .learn_initial_state = false}, layer);
  ExpectAgree({.norm = layer.norm, .bias_twice = false}, layer);
  ExpectAgree({.norm = layer.norm, .dropout = 0.0}, layer);
}

TEST(AttentiveReader, TheComparisonFindsMistakes) {
  using Mistake = PlainReader::Mistake;
  const Case batch = Cases()[1];
  for (const Mistake mistake :
       {Mistake::kPaddingIsNormalised, Mistake::kPaddingIsAttended, Mistake::kStatisticsOverAllSteps,
        Mistake::kForgetIsInput, Mistake::kUpdateForForget, Mistake::kSimilarityNormalised}) {
    SmallReader small({.norm = batch.norm, .norm_readout = true});
    PlainReader plain = small.Plain(batch);
    plain.mistake = mistake;
    nn::BasicTape<double> tape;
    EXPECT_GT(std::abs(small.Loss(tape).scalar() - plain.Loss(small.Parameters(), small.Examples()).real()), 1e-5)
        << static_cast<int>(mistake);
  }
}

// --- Initial weights ---

using Values = std::vector<float>;

class Initial {
 public:
  explicit Initial(v1::ReaderInitKind kind, std::uint64_t seed = 3)
      : store_(seed), reader_(nn::Scope(store_), {.words = 30, .units = 12, .init = ReaderInitOf(kind, seed)}) {}

  // Rows begin .. begin + 11 of a matrix.
  Values Block(const std::string& name, std::ptrdiff_t begin = 0) {
    const float* value = store_.at(name).value() + begin * 12;
    return {value, value + 144};
  }
  // The largest difference of W W^T from scale^2 times the identity.
  double FarFromOrthogonal(const std::string& name, std::ptrdiff_t begin, double scale) {
    const Values w = Block(name, begin);
    double worst = 0.0;
    for (std::size_t i = 0; i < 12; ++i) {
      for (std::size_t j = 0; j < 12; ++j) {
        double dot = 0.0;
        for (std::size_t k = 0; k < 12; ++k) {
          dot += static_cast<double>(w[12 * i + k]) * static_cast<double>(w[12 * j + k]);
        }
        worst = std::max(worst, std::abs(dot - (i == j ? scale * scale : 0.0)));
      }
    }
    return worst / (scale * scale);
  }

 private:
  nn::ParameterStore store_;
  Reader reader_;
};

TEST(ReaderInit, AsReleasedAllMatricesOfOneShapeAreTheSame) {
  Initial init(v1::READER_INIT_KIND_RELEASED);
  const Values small = init.Block("similarity.weight"), other = init.Block("readout.mean.weight");
  EXPECT_LT(init.FarFromOrthogonal("similarity.weight", 0, 0.05), 1e-5);
  EXPECT_EQ(init.Block("attention.passage.weight"), small);
  for (const char* lstm : {"passage", "question"}) {
    for (const char* term : {".input.weight", ".recurrent.weight"}) {
      for (const std::ptrdiff_t gate : {0, 12, 24, 36}) {
        EXPECT_EQ(init.Block(std::string(lstm) + term, gate), small);
      }
    }
  }
  for (const char* name : {"attention.question.weight", "readout.context.weight", "readout.question.weight"}) {
    EXPECT_EQ(init.Block(name), other) << name;
  }
  EXPECT_NE(other, small);
  const double bound = std::sqrt(6.0 / 25.0);
  EXPECT_LE(*std::max_element(other.begin(), other.end()), bound);
  EXPECT_GT(*std::max_element(other.begin(), other.end()), 0.9 * bound);
  EXPECT_EQ(init.Block("embedding.weight"), init.Block("output.weight"));
  EXPECT_NE(Initial(v1::READER_INIT_KIND_RELEASED, 4).Block("similarity.weight"), small) << "another seed";
}

TEST(ReaderInit, DistinctMatricesHaveTheSameSizes) {
  Initial init(v1::READER_INIT_KIND_DISTINCT);
  std::set<Values> blocks = {init.Block("similarity.weight"), init.Block("attention.passage.weight")};
  for (const std::ptrdiff_t gate : {0, 12, 24, 36}) {
    EXPECT_LT(init.FarFromOrthogonal("passage.input.weight", gate, 0.05), 1e-5);
    blocks.insert(init.Block("passage.input.weight", gate));
    blocks.insert(init.Block("question.recurrent.weight", gate));
  }
  EXPECT_EQ(blocks.size(), 10u);
}

TEST(ReaderInit, OrdinaryMatricesAreOfOrdinarySize) {
  Initial init(v1::READER_INIT_KIND_ORDINARY);
  EXPECT_LT(init.FarFromOrthogonal("passage.recurrent.weight", 24, 1.0), 1e-5);
  const Values embedding = init.Block("embedding.weight");
  EXPECT_GT(*std::max_element(embedding.begin(), embedding.end()), 0.09f);
}

// --- Batches ---

data::ClozeData SomeClozes(int train = 60, const data::ClozeOptions& options = {}) {
  return data::EncodeClozes(SyntheticClozes(train), "test", options).value();
}

TEST(ReaderBatch, IsTimeMajorAndMasked) {
  const data::ClozeData data = SomeClozes();
  ReaderBatchMemory memory(data, 2);
  const std::uint32_t questions[] = {4, 1};
  memory.Fill(data.train, questions);
  const ReaderBatch<float> batch = memory.get();
  ASSERT_EQ(batch.batch, 2);
  ASSERT_EQ(static_cast<std::size_t>(batch.steps),
            std::max(data.train[4].passage.size(), data.train[1].passage.size()));
  for (std::size_t b = 0; b < 2; ++b) {
    const data::Cloze cloze = data.train[questions[b]];
    for (std::size_t t = 0; t < static_cast<std::size_t>(batch.steps); ++t) {
      const bool has = t < cloze.passage.size();
      EXPECT_EQ(batch.passage_mask[2 * t + b], has ? 1.0f : 0.0f);
      EXPECT_EQ(batch.passage[2 * t + b], has ? static_cast<std::int32_t>(cloze.passage[t]) : 0);
    }
    EXPECT_EQ(batch.question[b], static_cast<std::int32_t>(cloze.question[0]));
    EXPECT_EQ(memory.answers()[b], static_cast<std::int32_t>(cloze.answer));
  }
}

// A name is called the same in passage, question and answer, and other words are what they are.
TEST(ReaderBatch, NamesChangePlacesEverywhereAlike) {
  const data::ClozeData data = SomeClozes();
  ASSERT_EQ(data.names, 6u);
  ReaderBatchMemory memory(data, 3);
  const std::uint32_t questions[] = {0, 1, 2}, order[] = {3, 5, 0, 1, 4, 2};
  memory.Fill(data.train, questions, order);
  const ReaderBatch<float> batch = memory.get();
  const auto called = [&](std::uint32_t word) {
    return static_cast<std::int32_t>(word >= 1 && word <= 6 ? order[word - 1] + 1 : word);
  };
  for (std::size_t b = 0; b < 3; ++b) {
    const data::Cloze cloze = data.train[questions[b]];
    for (std::size_t t = 0; t < cloze.passage.size(); ++t) {
      EXPECT_EQ(batch.passage[3 * t + b], called(cloze.passage[t]));
    }
    EXPECT_EQ(memory.answers()[b], called(cloze.answer));
  }
}

// --- Training ---

v1::AttentiveReaderConfig Config(v1::NormKind norm) {
  v1::JobSpec spec;
  v1::AttentiveReaderConfig& config = *spec.mutable_attentive_reader();
  config.set_norm(norm);
  config.set_units(24);
  config.set_batch_size(12);
  config.set_updates(8);
  config.set_evaluation_interval(4);
  config.mutable_optimization()->set_learning_rate(1e-2);
  config.set_shuffle(true);
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).attentive_reader();
}

std::unique_ptr<Experiment> Make(const v1::AttentiveReaderConfig& config) {
  auto made = MakeAttentiveReader(config, 5, SomeClozes());
  EXPECT_TRUE(made.ok()) << made.status();
  return std::move(made).value();
}

class EveryNorm : public testing::TestWithParam<v1::NormKind> {};

TEST_P(EveryNorm, RecordsAndIsTheSameForAnyThreadsAndResumed) {
  std::vector<std::string> bits;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    v1::AttentiveReaderConfig config = Config(GetParam());
    config.set_norm_readout(true);
    const auto first = Make(config);
    ASSERT_EQ(first->TotalSteps(), 8u);
    auto current = first.get();
    const auto second = Make(config);
    MemoryRecorder recorder;
    first->Begin(recorder);
    for (std::uint64_t step = 0; step < 8; ++step) {
      if (step == 6 && threads > 1) {  // as after kill -9
        CopyState(*first, *second);
        second->Restored(step);
        current = second.get();
      }
      EXPECT_EQ(current->Step(step, recorder), StepResult::kContinue);
    }
    bits.push_back(StateSha256(*current) + PointsSha256(recorder));
    EXPECT_THAT(recorder.Values("train/update"), ElementsAre(4.0, 8.0));
    const std::vector<double> loss = recorder.Values("train/batch_nll");
    EXPECT_THAT(recorder.Values("train/nll")[1], DoubleNear((loss[4] + loss[5] + loss[6] + loss[7]) / 4, 1e-5));
    EXPECT_THAT(recorder.Values("valid/answerable"), ElementsAre(1.0));
    EXPECT_EQ(recorder.Values("valid/error").size(), 2u);
    EXPECT_EQ(recorder.Values("test/error").size(), 2u);
  }
  SetThreads(1);
  EXPECT_THAT(bits, Each(bits[0]));
}

INSTANTIATE_TEST_SUITE_P(AttentiveReader, EveryNorm,
                         testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_BATCH, v1::NORM_KIND_LAYER,
                                         v1::NORM_KIND_WEIGHT, v1::NORM_KIND_RMS),
                         [](const auto& info) { return v1::NormKind_Name(info.param); });

// Which of six names likes a thing: nothing but the passage tells. One of its three to five names, guessed, is wrong three
// times in four.
TEST(ReaderTraining, LearnsToLookItUp) {
  for (const v1::NormKind norm : {v1::NORM_KIND_LAYER, v1::NORM_KIND_BATCH}) {
    SCOPED_TRACE(v1::NormKind_Name(norm));
    v1::AttentiveReaderConfig config = Config(norm);
    config.set_updates(1000);
    config.set_evaluation_interval(200);
    config.set_batch_size(32);
    config.set_dropout(0);
    config.set_init(v1::READER_INIT_KIND_ORDINARY);
    config.mutable_optimization()->set_learning_rate(2e-3);
    const auto experiment = MakeAttentiveReader(config, 7, SomeClozes(1500)).value();
    MemoryRecorder recorder;
    for (std::uint64_t step = 0; step < experiment->TotalSteps(); ++step) {
      experiment->Step(step, recorder);
    }
    EXPECT_GT(recorder.Values("train/batch_nll").front(), 2.0);
    EXPECT_LT(recorder.Values("valid/error").back(), 0.1);
  }
}

// One batch is all the training set, and the validation set too: evaluating with averages over it is what the next update sees.
TEST(ReaderTraining, AveragesAreThoseOfTrainingBatches) {
  data::ClozeData data = SomeClozes(12);
  data.valid = data.train;
  data.test = {};
  v1::AttentiveReaderConfig config = Config(v1::NORM_KIND_BATCH);
  config.set_norm_readout(true);
  config.set_dropout(0);
  config.set_permute_names(false);
  config.set_evaluation_interval(1);
  const auto experiment = MakeAttentiveReader(config, 5, std::move(data)).value();
  MemoryRecorder recorder;
  for (std::uint64_t step = 0; step < 4; ++step) {
    experiment->Step(step, recorder);
  }
  const std::vector<double> train = recorder.Values("train/batch_nll"), valid = recorder.Values("valid/nll");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(valid[i], train[i + 1], 1e-4 * train[i + 1]);
  }
  EXPECT_TRUE(recorder.Values("test/error").empty());
}

// One batch is all the training set and the weights stay: only other names can change the loss from update to update.
TEST(ReaderTraining, NamesChangePlacesAnewForEveryBatch) {
  for (const bool permute : {false, true}) {
    v1::AttentiveReaderConfig config = Config(v1::NORM_KIND_LAYER);
    config.set_dropout(0);
    config.set_init(v1::READER_INIT_KIND_ORDINARY);
    config.set_shuffle(false);
    config.set_permute_names(permute);
    config.mutable_optimization()->set_learning_rate(1e-30);
    const auto experiment = MakeAttentiveReader(config, 5, SomeClozes(12)).value();
    MemoryRecorder recorder;
    for (std::uint64_t step = 0; step < 4; ++step) {
      experiment->Step(step, recorder);
    }
    const std::vector<double> losses = recorder.Values("train/batch_nll");
    EXPECT_EQ(std::set<double>(losses.begin(), losses.end()).size(), permute ? 4u : 1u);
  }
}

TEST(ReaderTraining, DivergenceIsSeen) {
  const auto experiment = Make(Config(v1::NORM_KIND_NONE));
  for (const NamedTensor& tensor : experiment->State()) {
    if (tensor.name == "readout.bias") {
      tensor.data[0] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  MemoryRecorder recorder;
  EXPECT_EQ(experiment->Step(0, recorder), StepResult::kDiverged);
}

TEST(ReaderTraining, ConfigsThatDoNotFitAreRefused) {
  v1::AttentiveReaderConfig config = Config(v1::NORM_KIND_NONE);
  config.set_batch_size(61);
  EXPECT_THAT(std::string(MakeAttentiveReader(config, 1, SomeClozes()).status().message()),
              HasSubstr("attentive_reader.batch_size is 61; expected at most the 60 training questions"));
  const ExperimentContext nowhere{.data_directories = {"/nonexistent"}, .facts = nullptr};
  for (const auto dataset : {v1::READER_DATASET_CNN, v1::READER_DATASET_CLOZE_BOOKS, v1::READER_DATASET_CLOZE_KJV}) {
    config.set_dataset(dataset);
    EXPECT_EQ(MakeAttentiveReader(config, 1, nowhere).status().code(), absl::StatusCode::kNotFound);
  }
  v1::JobSpec spec;
  spec.mutable_attentive_reader()->set_norm(v1::NORM_KIND_BATCH);
  spec.mutable_attentive_reader()->set_batch_size(1);
  std::vector<FieldViolation> violations;
  CheckRules(ResolveSpec(spec, violations), violations);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_THAT(violations[0].description, HasSubstr("expected at least 2 with norm batch"));
}

// --- Looking ---

TEST(AttentionSvg, ShowsWordsAnswerAndPrediction) {
  const std::string svg = AttentionSvg({{.words = {"@entity0", "<likes>", "@entity1", "&"},
                                         .attention = {0.1f, 0.0f, 0.6f, 0.3f},
                                         .question = "@placeholder <likes>",
                                         .answer = "@entity0",
                                         .prediction = "@entity1",
                                         .probability = 0.25}});
  EXPECT_THAT(svg, HasSubstr("font-weight=\"bold\">@entity0</text>"));
  EXPECT_THAT(svg, HasSubstr("&lt;likes&gt;"));
  EXPECT_THAT(svg, HasSubstr("&amp;"));
  EXPECT_THAT(svg, HasSubstr("fill-opacity=\"1.00\""));  // the darkest
  EXPECT_THAT(svg, HasSubstr("fill-opacity=\"0.17\""));
  EXPECT_THAT(svg, HasSubstr(">(0.250),<"));
  std::size_t frames = 0;
  for (std::size_t at = 0; (at = svg.find("stroke=", at)) != std::string::npos; ++at) {
    ++frames;
  }
  EXPECT_EQ(frames, 1u);
}

}  // namespace
}  // namespace normlab
