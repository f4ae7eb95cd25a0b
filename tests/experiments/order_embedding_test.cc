#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/parallel.h"
#include "base/rng.h"
#include "experiments/order_embedding/order_embedding_training.h"
#include "experiments/order_embedding/retrieval.h"
#include "experiments/order_embedding/retrieved.h"
#include "experiments/order_embedding/scene_features.h"
#include "plain_order_embedding.h"
#include "proto/rules.h"
#include "proto/spec.h"
#include "testing.h"

namespace normlab {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Gt;
using testing::HasSubstr;
using testing::Lt;

// --- The model against single numbers ---

struct Case {
  const char* name;
  nn::NormSpec norm;
  PlainGruNorm plain;
};

std::vector<Case> Cases() {
  return {{"none", {}, PlainGruNorm::kNone},
          {"layer", {.kind = nn::LayerNorm{}}, PlainGruNorm::kLayer},
          {"rms", {.kind = nn::RmsNorm{}}, PlainGruNorm::kRms},
          {"weight", {.kind = nn::WeightNorm{}}, PlainGruNorm::kWeight}};
}

// A small model away from its initial zeros and ones, and a batch of captions of one to four words.
class SmallModel {
 public:
  explicit SmallModel(const OrderEmbeddingSpec& wanted) : spec(wanted), model(nn::BasicScope<double>(store), spec) {
    Rng rng(3, "perturb");
    for (nn::BasicParameter<double>& p : store.parameters()) {
      for (nn::Index i = 0; i < p.size(); ++i) {
        p.value()[i] += 0.3 * rng.Normal();
      }
    }
    features.resize(captions.size());
    for (std::vector<double>& image : features) {
      image.resize(static_cast<std::size_t>(spec.features));
      std::generate(image.begin(), image.end(), [&] { return rng.Normal(); });
    }
  }

  nn::BasicVar<double> Loss(nn::BasicTape<double>& tape) {
    constexpr std::size_t kSteps = 5;
    const std::size_t batch = captions.size();
    words_.assign(kSteps * batch, 0);
    mask_.assign(kSteps * batch, 0.0);
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t t = 0; t <= captions[b].size(); ++t) {
        words_[t * batch + b] = t < captions[b].size() ? captions[b][t] : 0;
        mask_[t * batch + b] = 1.0;
      }
    }
    columns_.clear();
    for (const std::vector<double>& image : features) {
      columns_.insert(columns_.end(), image.begin(), image.end());
    }
    const auto count = static_cast<nn::Index>(batch);
    const auto x = tape.input("features", columns_.data(), spec.features, count);
    return model.Loss(
        model.Captions(tape, {.steps = kSteps, .batch = count, .words = words_, .mask = mask_.data()}, {}),
        model.Images(x, {}));
  }
  PlainParameters Parameters() {
    PlainParameters all;
    for (nn::BasicParameter<double>& p : store.parameters()) {
      for (nn::Index i = 0; i < p.size(); ++i) {
        all[p.name()].push_back({p.value()[i]});
      }
    }
    return all;
  }

  OrderEmbeddingSpec spec;
  nn::BasicParameterStore<double> store{17};
  BasicOrderEmbedding<double> model;
  std::vector<std::vector<int>> captions = {{2, 4, 1}, {5}, {3, 3, 2, 5}, {4, 2}};
  std::vector<std::vector<double>> features;

 private:
  std::vector<std::int32_t> words_;
  std::vector<double> mask_, columns_;
};

OrderEmbeddingSpec SmallSpec(PairScore score, const nn::NormSpec& norm) {
  return {.words = 6, .features = 5, .word_size = 3, .units = 4, .score = score, .margin = 0.15, .norm = norm};
}

TEST(OrderEmbedding, AgreesWithSingleNumbersInLossAndGradients) {
  for (const PairScore score : {PairScore::kOrder, PairScore::kCosine}) {
    for (const Case& c : Cases()) {
      SCOPED_TRACE(c.name);
      SmallModel small(SmallSpec(score, c.norm));
      const PlainOrderEmbedding plain{.spec = small.spec, .norm = c.plain};
      nn::BasicTape<double> tape;
      const nn::BasicVar<double> loss = small.Loss(tape);
      auto parameters = small.Parameters();
      EXPECT_GT(loss.scalar(), 0.1);
      EXPECT_NEAR(loss.scalar(), plain.Loss(parameters, small.captions, small.features).value, 1e-12);
      tape.backward(loss);
      for (nn::BasicParameter<double>& p : small.store.parameters()) {
        std::vector<Dual>& values = parameters.at(p.name());
        for (std::size_t i = 0; i < values.size(); ++i) {
          values[i].slope = 1.0;
          const double slope = plain.Loss(parameters, small.captions, small.features).slope;
          values[i].slope = 0.0;
          ASSERT_NEAR(p.gradient()[i], slope, 1e-10 * std::max(1.0, std::abs(slope))) << p.name() << "[" << i << "]";
        }
      }
    }
  }
}

// Each mistake gives another loss than the model's.
TEST(OrderEmbedding, MutantsAreSeen) {
  const std::map<std::string, OrderMutation> mutations = {
      {"gates exchanged", {.gates_exchanged = true}}, {"padding is read", {.padding_is_read = true}},
      {"end is not read", {.end_is_not_read = true}}, {"reset before matrix", {.reset_before_matrix = true}},
      {"hinge is mean", {.hinge_is_mean = true}},     {"one direction", {.one_direction = true}},
      {"diagonal counts", {.diagonal_counts = true}}, {"not positive", {.not_positive = true}}};
  for (const Case& c : Cases()) {
    SmallModel small(SmallSpec(PairScore::kOrder, c.norm));
    nn::BasicTape<double> tape;
    const double loss = small.Loss(tape).scalar();
    const auto parameters = small.Parameters();
    for (const auto& [name, mutation] : mutations) {
      const PlainOrderEmbedding plain{.spec = small.spec, .norm = c.plain, .mutation = mutation};
      EXPECT_GT(std::abs(plain.Loss(parameters, small.captions, small.features).value - loss), 1e-3)
          << c.name << ": " << name;
    }
  }
}

TEST(OrderEmbedding, HasTheSizesOfTheReleasedCode) {
  nn::ParameterStore store(1);
  const OrderEmbedding network(nn::Scope(store), {.words = 50, .features = 4096, .norm = {.kind = nn::LayerNorm{}}});
  EXPECT_EQ(store.at("words").shape(), (std::vector<std::int64_t>{50, 300}));
  EXPECT_EQ(store.at("gru.input.weight").shape(), (std::vector<std::int64_t>{3072, 300}));
  EXPECT_EQ(store.at("gru.recurrent.weight").shape(), (std::vector<std::int64_t>{3072, 1024}));
  EXPECT_EQ(store.at("image.weight").shape(), (std::vector<std::int64_t>{1024, 4096}));
  nn::Index norm = 0;
  for (nn::Parameter& p : store.parameters()) {
    norm += p.name().find(".norm.") != std::string::npos ? p.size() : 0;
  }
  EXPECT_EQ(norm, 12 * 1024);
}

// --- Ranks ---

// Two images; captions 0 to 4 are of the first. The first caption of each finds its image; the others are as near to both.
TEST(Retrieval, CountsTiesAgainstTheModel) {
  std::vector<float> penalties(20, 0.5f);  // images x captions
  penalties[0] = 0.1f;                     // caption 0 with image 0
  penalties[10 + 5] = 0.2f;                // caption 5 with image 1
  const Retrieval found = Rank(penalties.data(), 2);
  EXPECT_EQ(found.image.at1, 0.2);
  EXPECT_EQ(found.image.at5, 1.0);
  EXPECT_NEAR(found.image.mean_rank, (2 * 1 + 8 * 2) / 10.0, 1e-12);
  EXPECT_EQ(found.caption.at1, 1.0);
  EXPECT_EQ(found.caption.mean_rank, 1.0);
}

TEST(Retrieval, AConstantModelFindsNothing) {
  const std::vector<float> penalties(5 * 40 * 40, 0.25f);
  const Retrieval found = Rank(penalties.data(), 40);
  EXPECT_EQ(found.image.Sum(), 0.0);
  EXPECT_EQ(found.image.mean_rank, 40.0);
  EXPECT_EQ(found.caption.Sum(), 0.0);
  EXPECT_EQ(found.caption.mean_rank, 5 * 39 + 1.0);
}

TEST(Retrieval, WhatIsNoNumberCountsAgainstTheModel) {
  std::vector<float> penalties(20, 0.5f);
  for (std::size_t c = 0; c < 10; ++c) {
    penalties[c / 5 * 10 + c] = 0.1f;
  }
  EXPECT_EQ(Rank(penalties.data(), 2).image.at1, 1.0);
  penalties[10] = std::numeric_limits<float>::quiet_NaN();  // a wrong pair of caption 0
  EXPECT_EQ(Rank(penalties.data(), 2).image.at1, 0.9);
  penalties[3] = std::numeric_limits<float>::quiet_NaN();  // a right pair
  EXPECT_EQ(Rank(penalties.data(), 2).image.at1, 0.8);
  EXPECT_EQ(Rank(penalties.data(), 2).caption.at1, 0.5);  // image 1 has a NaN among its wrong captions
}

// Against sorting, without ties.
TEST(Retrieval, AgreesWithSorting) {
  constexpr std::int64_t kImages = 30, kCaptions = 150;
  Rng rng(1, "penalties");
  std::vector<float> penalties(kImages * kCaptions);
  std::generate(penalties.begin(), penalties.end(), [&] { return static_cast<float>(rng.Uniform()); });
  const Retrieval found = Rank(penalties.data(), kImages);
  double images = 0.0, captions = 0.0;
  for (std::int64_t c = 0; c < kCaptions; ++c) {
    std::vector<std::pair<float, std::int64_t>> row;
    for (std::int64_t i = 0; i < kImages; ++i) {
      row.emplace_back(penalties[static_cast<std::size_t>(i * kCaptions + c)], i);
    }
    std::sort(row.begin(), row.end());
    images += std::find_if(row.begin(), row.end(), [c](auto& p) { return p.second == c / 5; }) - row.begin() < 10;
  }
  for (std::int64_t i = 0; i < kImages; ++i) {
    std::vector<std::pair<float, std::int64_t>> column;
    for (std::int64_t c = 0; c < kCaptions; ++c) {
      column.emplace_back(penalties[static_cast<std::size_t>(i * kCaptions + c)], c);
    }
    std::sort(column.begin(), column.end());
    captions +=
        std::find_if(column.begin(), column.end(), [i](auto& p) { return p.second / 5 == i; }) - column.begin() < 5;
  }
  EXPECT_NEAR(found.image.at10, images / kCaptions, 1e-12);
  EXPECT_NEAR(found.caption.at5, captions / kImages, 1e-12);
}

TEST(Retrieved, ShowsTheNearestImagesAndMarksTheRightOne) {
  std::vector<float> penalties(20, 0.5f);
  std::vector<std::string> captions;
  for (std::size_t c = 0; c < 10; ++c) {
    penalties[(1 - c / 5) * 10 + c] = 0.1f;  // each finds the wrong one first
    captions.push_back("caption " + std::to_string(c));
  }
  const std::vector<Retrieved> found = Retrieve(penalties.data(), 2, 8, 6);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_THAT(found[0].images, ElementsAre(1, 0));
  EXPECT_EQ(RetrievedText({found[0]}, captions), "caption 4\n    1  0.10000  caption 9\n  * 2  0.50000  caption 4\n");
  const std::vector<data::Scene> scenes = {data::DrawScene("validation", 0), data::DrawScene("validation", 1)};
  EXPECT_EQ(RetrievedPng(found, scenes).substr(0, 4), "\x89PNG");
}

// --- Data ---

TEST(SceneFeatures, AreUnitVectorsAndTheSameForAnyThreads) {
  std::vector<data::Scene> scenes;
  for (std::uint64_t n = 0; n < 70; ++n) {
    scenes.push_back(data::DrawScene("train", n));
  }
  std::vector<std::vector<float>> all;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    const data::FeatureRows rows = SceneFeatures(scenes);
    all.emplace_back(rows.data, rows.data + rows.rows * rows.columns);
  }
  SetThreads(1);
  EXPECT_THAT(all, Each(all[0]));
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    double squares = 0.0;
    for (std::size_t f = 0; f < 4096; ++f) {
      squares += std::pow(all[0][4096 * i + f], 2);
    }
    EXPECT_NEAR(squares, 1.0, 1e-5);
  }
  EXPECT_FALSE(std::equal(all[0].begin(), all[0].begin() + 4096, all[0].begin() + 4096));
}

data::CaptionedImages Images(std::vector<std::string> captions) {
  const auto memory = std::make_shared<std::vector<float>>(captions.size(), 1.0f);
  const auto rows = static_cast<std::int64_t>(captions.size()) / data::kCaptionsPerImage;
  return {.features = {.data = memory->data(), .rows = rows, .columns = 2, .owner = memory},
          .captions = std::move(captions)};
}

TEST(Pairs, NumberWordsByFallingCountOfTrainingAndValidation) {
  const PairData pairs = MakePairs({.train = Images({"a b", "b", "b a c", "", "b"}),
                                    .validation = Images({"d d d d d", "a", "a", "a", "a"}),
                                    .test = Images({"e a", "d", "", "b", "c"}),
                                    .sha256 = ""});
  EXPECT_EQ(pairs.words, 2 + 4);
  EXPECT_THAT(pairs.validation.captions.Sentence(0), ElementsAre(3, 3, 3, 3, 3)) << "5 times: after a and before b";
  EXPECT_THAT(pairs.test.captions.Sentence(0), ElementsAre(1, 2)) << "e is not known";
  EXPECT_THAT(pairs.train.captions.Sentence(3), ElementsAre());
  CaptionBatchMemory batch;
  const std::uint32_t chosen[] = {3, 0, 1};
  batch.Fill(pairs.train.captions, chosen);
  const CaptionBatch<float> got = batch.get();
  EXPECT_EQ(got.steps, 3);
  EXPECT_THAT(got.words, ElementsAre(0, 2, 4, 0, 4, 0, 0, 0, 0));
  EXPECT_THAT(std::vector<float>(got.mask, got.mask + 9), ElementsAre(1, 1, 1, 0, 1, 1, 0, 1, 0));
}

// --- Training ---

v1::OrderEmbeddingConfig Config(v1::NormKind norm) {
  v1::JobSpec spec;
  v1::OrderEmbeddingConfig& config = *spec.mutable_order_embedding();
  config.set_dataset(v1::ORDER_EMBEDDING_DATASET_SCENES);
  config.set_norm(norm);
  config.set_units(24);
  config.set_word_size(10);
  config.set_batch_size(16);
  config.set_updates(8);
  config.set_evaluation_interval(3);
  config.set_train_images(60);
  config.set_evaluation_images(12);
  config.set_test_folds(2);
  std::vector<FieldViolation> violations;
  const v1::JobSpec resolved = ResolveSpec(spec, violations);
  EXPECT_TRUE(violations.empty());
  return resolved.order_embedding();
}

std::unique_ptr<Experiment> Make(const v1::OrderEmbeddingConfig& config) {
  auto made = MakeOrderEmbedding(config, 5, ExperimentContext{.data_directories = {}, .facts = nullptr});
  EXPECT_TRUE(made.ok()) << made.status();
  return std::move(made).value();
}

class EveryNorm : public testing::TestWithParam<v1::NormKind> {};

TEST_P(EveryNorm, RecordsAndIsTheSameForAnyThreadsAndResumed) {
  std::vector<std::string> bits;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    const auto first = Make(Config(GetParam()));
    ASSERT_EQ(first->TotalSteps(), 8u);
    auto current = first.get();
    const auto second = Make(Config(GetParam()));
    MemoryRecorder recorder;
    first->Begin(recorder);
    for (std::uint64_t step = 0; step < 8; ++step) {
      if (step == 5 && threads > 1) {  // as after kill -9, with a best evaluation behind it
        CopyState(*first, *second);
        second->Restored(step);
        current = second.get();
      }
      EXPECT_EQ(current->Step(step, recorder), StepResult::kContinue);
    }
    bits.push_back(StateSha256(*current) + PointsSha256(recorder));
    EXPECT_THAT(recorder.Values("train/update"), ElementsAre(3.0, 6.0, 8.0));
    const std::vector<double> loss = recorder.Values("train/batch_loss");
    EXPECT_NEAR(recorder.Values("train/loss")[1], (loss[3] + loss[4] + loss[5]) / 3, 1e-4);
    EXPECT_THAT(recorder.Steps("test/image_r1"), ElementsAre(8u));
    EXPECT_THAT(recorder.Values("test/caption_rank"), Each(AllOf(Gt(0.99), Lt(56.01))));
    EXPECT_NEAR(recorder.Values("valid/recall_sum")[0],
                recorder.Values("valid/image_r1")[0] + recorder.Values("valid/image_r5")[0] +
                    recorder.Values("valid/image_r10")[0],
                1e-12);
  }
  SetThreads(1);
  EXPECT_THAT(bits, Each(bits[0]));
}

INSTANTIATE_TEST_SUITE_P(OrderEmbedding, EveryNorm,
                         testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_WEIGHT,
                                         v1::NORM_KIND_RMS),
                         [](const auto& info) { return v1::NormKind_Name(info.param); });

std::map<std::string, std::vector<float>> Values(Experiment& experiment) {
  std::map<std::string, std::vector<float>> values;
  for (const NamedTensor& tensor : experiment.Weights()) {
    values[tensor.name].assign(tensor.data, tensor.data + CountValues(tensor));
  }
  return values;
}

// The weights of the first best validation are kept, tested and left as they are; training goes on with its own.
TEST(OrderEmbeddingTraining, TestsTheModelThatValidationChose) {
  v1::OrderEmbeddingConfig config = Config(v1::NORM_KIND_LAYER);
  config.set_updates(12);
  config.set_evaluation_interval(1);
  const auto experiment = Make(config);
  MemoryRecorder recorder;
  std::vector<std::map<std::string, std::vector<float>>> after;
  for (std::uint64_t step = 0; step < 12; ++step) {
    experiment->Step(step, recorder);
    after.push_back(Values(*experiment));
  }
  const std::vector<double> sums = recorder.Values("valid/recall_sum");
  const auto best = static_cast<std::size_t>(std::max_element(sums.begin(), sums.end()) - sums.begin());
  ASSERT_LT(best, 11u) << "the last one is the best: the test cannot tell them apart";
  EXPECT_EQ(after.back().at("best.gru.input.weight"), after[best].at("gru.input.weight"));
  EXPECT_NE(after.back().at("gru.input.weight"), after[best].at("gru.input.weight"));
  EXPECT_EQ(after.back().at("best_recall_sum")[0], static_cast<float>(sums[best]));

  // A run that ends with the best validation tests the same weights.
  config.set_updates(static_cast<int>(best) + 1);
  const auto shorter = Make(config);
  MemoryRecorder again;
  for (std::uint64_t step = 0; step <= best; ++step) {
    shorter->Step(step, again);
  }
  EXPECT_EQ(recorder.Values("test/image_rank"), again.Values("test/image_rank"));
  EXPECT_EQ(recorder.Values("test/caption_rank"), again.Values("test/caption_rank"));
}

TEST(OrderEmbeddingTraining, LearnsScenes) {
  for (const v1::PairScore score : {v1::PAIR_SCORE_ORDER, v1::PAIR_SCORE_COSINE}) {
    SCOPED_TRACE(v1::PairScore_Name(score));
    v1::OrderEmbeddingConfig config = Config(v1::NORM_KIND_LAYER);
    config.set_score(score);
    config.set_updates(150);
    config.set_evaluation_interval(150);
    config.set_units(48);
    config.set_word_size(20);
    config.set_batch_size(32);
    config.set_train_images(400);
    config.set_evaluation_images(50);
    config.set_test_folds(1);
    const auto experiment = Make(config);
    MemoryRecorder recorder;
    for (std::uint64_t step = 0; step < 150; ++step) {
      experiment->Step(step, recorder);
    }
    const std::vector<double> loss = recorder.Values("train/batch_loss");
    EXPECT_LT(loss.back(), 0.6 * loss.front());
    EXPECT_GT(recorder.Values("valid/image_r10").back(), 0.32) << "0.2 by chance";
  }
}

// Adam without bias correction begins with sqrt(10) times the nominal step [D.4 of the released code: 0.1 / sqrt(0.001)].
TEST(OrderEmbeddingTraining, TheFirstStepIsThatOfTheReleasedAdam) {
  for (const bool corrected : {false, true}) {
    v1::OrderEmbeddingConfig config = Config(v1::NORM_KIND_NONE);
    EXPECT_FALSE(config.optimization().adam_bias_correction());
    EXPECT_EQ(config.optimization().clip_norm(), 2.0);
    EXPECT_EQ(config.optimization().clip(), v1::CLIP_KIND_TENSOR_NORM);
    config.mutable_optimization()->set_adam_bias_correction(corrected);
    const auto experiment = Make(config);
    const auto before = Values(*experiment);
    MemoryRecorder recorder;
    experiment->Step(0, recorder);
    const auto after = Values(*experiment);
    const std::vector<float>&a = before.at("image.bias"), &b = after.at("image.bias");
    double largest = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      largest = std::max(largest, static_cast<double>(std::abs(b[i] - a[i])));
    }
    EXPECT_NEAR(largest, corrected ? 1e-3 : 1e-3 * std::sqrt(10.0), 1e-5);
  }
}

TEST(OrderEmbeddingTraining, DivergenceIsSeen) {
  const auto experiment = Make(Config(v1::NORM_KIND_NONE));
  experiment->Weights()[0].data[0] = std::numeric_limits<float>::quiet_NaN();  // of the word that ends captions
  MemoryRecorder recorder;
  EXPECT_EQ(experiment->Step(0, recorder), StepResult::kDiverged);
}

TEST(OrderEmbeddingTraining, WhatDoesNotFitIsRefused) {
  v1::OrderEmbeddingConfig config = Config(v1::NORM_KIND_NONE);
  const ExperimentContext nowhere{.data_directories = {"/nonexistent"}, .facts = nullptr};
  v1::JobSpec spec;
  *spec.mutable_order_embedding() = Config(v1::NORM_KIND_NONE);
  spec.mutable_order_embedding()->set_norm(v1::NORM_KIND_BATCH);
  spec.mutable_order_embedding()->set_batch_size(61);
  std::vector<FieldViolation> violations;
  CheckRules(spec, violations);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : violations) {
    fields.push_back(violation.path);
  }
  EXPECT_THAT(fields, testing::UnorderedElementsAre("order_embedding.norm", "order_embedding.batch_size"));
  data::CaptionData data{.train = Images(std::vector<std::string>(50, "a")),
                         .validation = Images(std::vector<std::string>(60, "a")),
                         .test = Images(std::vector<std::string>(120, "a")),
                         .sha256 = ""};
  config = Config(v1::NORM_KIND_NONE);
  EXPECT_THAT(std::string(KeepUsed(config, data).message()),
              HasSubstr("train_images is 60, evaluation_images 12 and test_folds 2; the data set has 10 images"));
  config.set_train_images(0);
  EXPECT_THAT(std::string(KeepUsed(config, data).message()), HasSubstr("batch_size is 16; expected at most the 10"));
  config.set_batch_size(10);
  EXPECT_TRUE(KeepUsed(config, data).ok());
  EXPECT_EQ(data.test.images(), 24);
  config.set_dataset(v1::ORDER_EMBEDDING_DATASET_COCO);
  const absl::Status missing = MakeOrderEmbedding(config, 1, nowhere).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("normlab data import coco FOLDER"));
}

}  // namespace
}  // namespace normlab
