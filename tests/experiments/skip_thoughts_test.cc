// The network of skip-thoughts against single numbers, and its training runs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "base/rng.h"
#include "experiments/skip_thoughts/neighbours.h"
#include "experiments/skip_thoughts/network.h"
#include "experiments/skip_thoughts/training.h"
#include "nn/error.h"
#include "plain_skip_thoughts.h"
#include "proto/spec.h"
#include "small_text.h"
#include "testing.h"

namespace normlab {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

// --- The network against single numbers ---

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

// Sentences of different lengths, so that all three batches are padded.
const std::vector<PlainTriplet> kTriplets = {
    {{3, 5, 2, 0}, {4, 0}, {2, 2, 6, 0}}, {{1, 0}, {5, 3, 4, 6, 0}, {3, 0}}, {{6, 4, 0}, {2, 6, 0}, {5, 1, 0}}};

// Triplets side by side in double, whose padding is `padding`.
class Batch {
 public:
  explicit Batch(const std::vector<PlainTriplet>& triplets, std::int32_t padding = 0) {
    for (std::vector<std::int32_t> PlainTriplet::*part :
         {&PlainTriplet::sentence, &PlainTriplet::next, &PlainTriplet::previous}) {
      std::size_t steps = 0;
      for (const PlainTriplet& triplet : triplets) {
        steps = std::max(steps, (triplet.*part).size());
      }
      for (std::size_t t = 0; t < steps; ++t) {
        for (const PlainTriplet& triplet : triplets) {
          const bool own = t < (triplet.*part).size();
          ids_.push_back(own ? (triplet.*part)[t] : padding);
          mask_.push_back(own ? 1.0 : 0.0);
        }
      }
      steps_.push_back(static_cast<nn::Index>(steps));
    }
    batch_ = static_cast<nn::Index>(triplets.size());
  }

  TripletBatch<double> get() const {
    TripletBatch<double> batch;
    nn::Index begin = 0;
    for (auto& [part, steps] :
         {std::pair{&batch.sentence, steps_[0]}, {&batch.next, steps_[1]}, {&batch.previous, steps_[2]}}) {
      *part = {
          .steps = steps,
          .batch = batch_,
          .ids = std::span(ids_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(steps * batch_)),
          .mask = mask_.data() + begin};
      begin += steps * batch_;
    }
    return batch;
  }

 private:
  std::vector<std::int32_t> ids_;
  std::vector<double> mask_;
  std::vector<nn::Index> steps_;
  nn::Index batch_ = 0;
};

// A small network away from its initial zeros and ones.
class SmallNetwork {
 public:
  explicit SmallNetwork(const SkipThoughtsShape& shape) : network(nn::BasicScope<double>(store), shape) {
    Rng rng(3, "perturb");
    for (nn::BasicParameter<double>& p : store.parameters()) {
      std::for_each(p.value(), p.value() + p.size(), [&](double& v) { v += 0.3 * rng.Normal(); });
    }
  }

  double Loss(const std::vector<PlainTriplet>& triplets, std::int32_t padding = 0) {
    const Batch batch(triplets, padding);
    tape.reset();
    const nn::BasicVar<double> loss = network.Loss(tape, batch.get(), nn::Mode::kTrain);
    tape.backward(loss);
    return loss.scalar();
  }
  PlainSkipThoughts::Parameters Parameters() {
    PlainSkipThoughts::Parameters all;
    for (nn::BasicParameter<double>& p : store.parameters()) {
      for (nn::Index i = 0; i < p.size(); ++i) {
        all[p.name()].push_back({p.value()[i], 0.0});
      }
    }
    return all;
  }

  nn::BasicParameterStore<double> store{17};
  BasicSkipThoughts<double> network;
  nn::BasicTape<double> tape;
};

SkipThoughtsShape Shape(const nn::NormSpec& norm, Conditioning conditioning = Conditioning::kInitialState,
                        bool tied = false) {
  return {.words = 7, .word_size = 3, .units = 4, .norm = norm, .conditioning = conditioning, .tied = tied};
}

void ExpectAgree(const SkipThoughtsShape& shape, PlainGruNorm norm) {
  SmallNetwork small(shape);
  const PlainSkipThoughts plain{.shape = shape, .norm = norm};
  PlainSkipThoughts::Parameters parameters = small.Parameters();
  const double loss = small.Loss(kTriplets);
  EXPECT_NEAR(loss, plain.Loss(parameters, kTriplets).v, 1e-10 * loss);
  for (nn::BasicParameter<double>& p : small.store.parameters()) {
    for (nn::Index i = 0; i < p.size(); ++i) {
      Dual& value = parameters.at(p.name())[static_cast<std::size_t>(i)];
      value.d = 1.0;
      const double slope = plain.Loss(parameters, kTriplets).d;
      value.d = 0.0;
      ASSERT_NEAR(p.gradient()[i], slope, 1e-10 * std::max(1.0, std::abs(slope))) << p.name() << "[" << i << "]";
    }
  }
}

TEST(SkipThoughts, AgreesWithSingleNumbersInLossAndGradients) {
  for (const Case& c : Cases()) {
    for (const Conditioning conditioning : {Conditioning::kInitialState, Conditioning::kEveryStep}) {
      for (const bool tied : {false, true}) {
        SCOPED_TRACE(
            fmt::format("{}, every step: {}, tied: {}", c.name, conditioning == Conditioning::kEveryStep, tied));
        ExpectAgree(Shape(c.norm, conditioning, tied), c.plain);
      }
    }
  }
}

TEST(SkipThoughts, IsNoneOfItsMistakes) {
  using Mistake = SkipThoughtsMistake;
  SmallNetwork small(Shape({.kind = nn::LayerNorm{}}));
  const double loss = small.Loss(kTriplets);
  for (const Mistake mistake : {Mistake::kUpdateGate, Mistake::kResetBefore, Mistake::kEachGate, Mistake::kKeptOverTime,
                                Mistake::kNotShifted, Mistake::kMean, Mistake::kNoFloor, Mistake::kOneDecoder}) {
    const PlainSkipThoughts plain{.shape = small.network.shape(), .norm = PlainGruNorm::kLayer, .mistake = mistake};
    EXPECT_GT(std::abs(plain.Loss(small.Parameters(), kTriplets).v - loss), 1e-9 * loss) << static_cast<int>(mistake);
  }
}

TEST(SkipThoughts, PaddingIsNotLookedAt) {
  for (const Case& c : Cases()) {
    SmallNetwork small(Shape(c.norm));
    const double loss = small.Loss(kTriplets);
    EXPECT_EQ(small.Loss(kTriplets, 6), loss) << c.name;
    double alone = 0.0;
    for (const PlainTriplet& triplet : kTriplets) {
      alone += small.Loss({triplet});
    }
    EXPECT_NEAR(alone, loss, 1e-12 * loss) << c.name;
  }
}

TEST(SkipThoughts, HasThePapersSizes) {
  nn::ParameterStore store(1);
  // But for the units, whose square matrices take long to make orthogonal.
  const SkipThoughts network(nn::Scope(store), {.units = 8});
  EXPECT_EQ(store.at("embedding.weight").shape(), (std::vector<std::int64_t>{20000, 620}));
  EXPECT_EQ(store.at("encoder.input.weight").shape(), (std::vector<std::int64_t>{24, 620}));
  EXPECT_EQ(store.at("previous.recurrent.weight").shape(), (std::vector<std::int64_t>{24, 8}));
  EXPECT_EQ(store.at("output.weight").shape(), (std::vector<std::int64_t>{20000, 8}));
  const float* w = store.at("next.input.weight").value();
  EXPECT_LE(*std::max_element(w, w + 24 * 620), 0.1f);
  EXPECT_GT(*std::max_element(w, w + 24 * 620), 0.099f);
  const float* u = store.at("next.recurrent.weight").value();
  EXPECT_NEAR(std::inner_product(u, u + 8, u, 0.0f), 1.0f, 1e-6f);
  EXPECT_NEAR(std::inner_product(u, u + 8, u + 8, 0.0f), 0.0f, 1e-6f);
}

// --- Vectors ---

struct Encoding {
  explicit Encoding(const nn::NormSpec& norm)
      : network(nn::Scope(store), {.words = 40, .word_size = 8, .units = 16, .norm = norm}), encoder(network) {}
  nn::ParameterStore store{5};
  SkipThoughts network;
  SentenceEncoder encoder;
};

TEST(SentenceEncoder, GivesEachSentenceItsVectorWhateverStandsBesideIt) {
  const SkipThoughtsData data = SmallText(200, 40);
  for (const Case& c : Cases()) {
    Encoding e(c.norm);
    std::vector<Sentence> all;
    for (std::size_t i = 0; i < 150; ++i) {
      all.push_back(data.text.Sentence(i));
    }
    const SentenceVectors together = e.encoder.Encode(all, Ending::kEnd);
    ASSERT_EQ(together.Sentences(), 150);
    for (const std::size_t i : {0u, 7u, 149u}) {
      const SentenceVectors alone = e.encoder.Encode(std::span(all).subspan(i, 1), Ending::kEnd);
      double length = 0.0;
      for (std::size_t k = 0; k < 16; ++k) {
        EXPECT_NEAR(alone.Vector(0)[k], together.Vector(i)[k], 1e-6f) << c.name;
        length += static_cast<double>(alone.Vector(0)[k]) * static_cast<double>(alone.Vector(0)[k]);
      }
      EXPECT_NEAR(length, 1.0, 1e-6);
    }
  }
}

TEST(SentenceEncoder, TheEndCountsWhereItIsReadAndIsAllThatAnEmptySentenceHas) {
  Encoding e({});
  const std::vector<std::uint32_t> words = {4, 9}, ended = {4, 9, 0}, end = {0};
  const auto encoded = [&](const std::vector<std::uint32_t>& sentence, Ending ending) {
    const std::vector<Sentence> one = {sentence};
    return e.encoder.Encode(one, ending).values;
  };
  EXPECT_EQ(encoded(words, Ending::kEnd), encoded(ended, Ending::kNone));
  EXPECT_NE(encoded(words, Ending::kEnd), encoded(words, Ending::kNone));
  EXPECT_EQ(encoded({}, Ending::kNone), encoded(end, Ending::kNone));
}

TEST(SentenceEncoder, ReadsTextAsTheVocabularyHasIt) {
  const SkipThoughtsData data = SmallText(20, 40);
  Encoding e({});
  const std::vector<std::uint32_t> ids = {2, data::kUnknownWord, 5};
  const std::vector<Sentence> one = {ids};
  EXPECT_EQ(e.encoder.Encode({"W2 elephant w5"}, data.vocabulary, Ending::kEnd).values,
            e.encoder.Encode(one, Ending::kEnd).values);
}

// --- Neighbours ---

TEST(Neighbours, AreTheSmallestAnglesAndNeverTheSameWords) {
  const SentenceVectors vectors{.units = 2,
                                .values = {1.0f, 0.0f, 1.0f, 0.0f, 0.6f, 0.8f, 0.0f, 1.0f, 0.8f, 0.6f, 0.8f, 0.6f}};
  const std::vector<std::vector<std::uint32_t>> words = {{2}, {2}, {3}, {4}, {5}, {5}};
  const std::vector<Sentence> sentences(words.begin(), words.end());
  const std::vector<Neighbour> nearest = Nearest(vectors, sentences, 0, 2);
  ASSERT_EQ(nearest.size(), 2u);
  EXPECT_EQ(nearest[0].sentence, 4u);
  EXPECT_NEAR(nearest[0].cosine, 0.8, 1e-6);
  EXPECT_EQ(nearest[1].sentence, 2u);
  EXPECT_EQ(Nearest(vectors, sentences, 0, 99).size(), 3u);
  const data::Vocabulary vocabulary({"two", "three", "four", "five"});
  EXPECT_THAT(NeighboursText(vectors, sentences, vocabulary),
              HasSubstr("\ntwo\n  0.800  five\n  0.600  three\n  0.000  four\n"));
}

// --- Training ---

v1::SkipThoughtsConfig Config(v1::NormKind norm) {
  v1::JobSpec spec;
  v1::SkipThoughtsConfig& config = *spec.mutable_skip_thoughts();
  config.set_norm(norm);
  config.set_units(16);
  config.set_word_size(8);
  config.set_batch_size(8);
  config.set_updates(12);
  config.set_evaluation_interval(6);
  config.set_test_sentences(20);
  config.mutable_optimization()->set_learning_rate(2e-3);
  std::vector<FieldViolation> violations;
  const v1::JobSpec resolved = ResolveSpec(spec, violations);
  EXPECT_TRUE(violations.empty()) << ViolationsToStatus(violations);
  return resolved.skip_thoughts();
}

std::unique_ptr<Experiment> Make(const v1::SkipThoughtsConfig& config) {
  auto made = MakeSkipThoughts(config, 5, SmallText(400, 42));
  EXPECT_TRUE(made.ok()) << made.status();
  return std::move(made).value();
}

class EveryNorm : public testing::TestWithParam<v1::NormKind> {};

TEST_P(EveryNorm, RecordsAndIsTheSameForAnyThreadsAndResumed) {
  std::vector<std::string> bits;
  for (const int threads : {1, 2, 3, 8}) {
    SetThreads(threads);
    const auto first = Make(Config(GetParam())), second = Make(Config(GetParam()));
    Experiment* current = first.get();
    MemoryRecorder recorder;
    first->Begin(recorder);
    ASSERT_EQ(first->TotalSteps(), 12u);
    for (std::uint64_t step = 0; step < 12; ++step) {
      if (step == 8 && threads > 1) {  // as after kill -9
        CopyState(*first, *second);
        second->Restored(step);
        current = second.get();
      }
      EXPECT_EQ(current->Step(step, recorder), StepResult::kContinue);
    }
    bits.push_back(StateSha256(*current) + PointsSha256(recorder));
    EXPECT_THAT(recorder.Values("train/update"), ElementsAre(6.0, 12.0));
    for (const char* series : {"train/nll", "test/nll", "transfer/mr", "transfer/mr_deviation", "transfer/sick_pearson",
                               "transfer/sick_spearman", "transfer/sick_mse", "train/epoch"}) {
      EXPECT_THAT(recorder.Steps(series), ElementsAre(6, 12)) << series;
    }
    EXPECT_EQ(recorder.Values("train/gradient_norm").size(), 12u);
  }
  SetThreads(1);
  EXPECT_THAT(bits, Each(bits[0]));
}

INSTANTIATE_TEST_SUITE_P(SkipThoughts, EveryNorm,
                         testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_RMS,
                                         v1::NORM_KIND_WEIGHT),
                         [](const auto& info) { return v1::NormKind_Name(info.param); });

// A quarter of the words has the subject's: a loss a word of log(10) is all that can be known beside where sentences end. And
// vectors tell subjects apart.
TEST(SkipThoughtsTraining, LearnsTheSubjectOfATextAndVectorsTellIt) {
  for (const v1::NormKind norm : {v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER}) {
    SCOPED_TRACE(v1::NormKind_Name(norm));
    v1::SkipThoughtsConfig config = Config(norm);
    config.set_updates(300);
    config.set_evaluation_interval(150);
    const auto experiment = Make(config);
    MemoryRecorder recorder;
    for (std::uint64_t step = 0; step < experiment->TotalSteps(); ++step) {
      experiment->Step(step, recorder);
    }
    EXPECT_LT(recorder.Values("test/nll").back(), 2.6);
    EXPECT_GT(recorder.Values("test/nll").back(), 1.9);
    EXPECT_GT(recorder.Values("transfer/mr").back(), 0.9);
    EXPECT_GT(recorder.Values("transfer/sick_pearson").back(), 0.5);
  }
}

// The released optimiser: all values that have a gradient move by 0.1 / sqrt(0.001) times the rate at first.
TEST(SkipThoughtsTraining, AdamIsNotCorrectedAndGradientsAreClippedTogether) {
  const auto largest_move = [](bool corrected) {
    v1::SkipThoughtsConfig config = Config(v1::NORM_KIND_LAYER);
    EXPECT_FALSE(config.optimization().adam_bias_correction());
    EXPECT_EQ(config.optimization().clip_norm(), 5.0);
    EXPECT_EQ(config.optimization().clip(), v1::CLIP_KIND_GLOBAL_NORM);
    config.mutable_optimization()->set_adam_bias_correction(corrected);
    const auto experiment = Make(config);
    const NamedTensor bias = experiment->Weights()[0];  // the words' vectors
    const std::vector<float> before(bias.data, bias.data + CountValues(bias));
    MemoryRecorder recorder;
    experiment->Step(0, recorder);
    EXPECT_GT(recorder.Values("train/gradient_norm")[0], 5.0);
    float largest = 0.0f;
    for (std::size_t i = 0; i < before.size(); ++i) {
      largest = std::max(largest, std::abs(bias.data[i] - before[i]));
    }
    return largest / 2e-3f;
  };
  EXPECT_NEAR(largest_move(false), 0.1f / std::sqrt(0.001f), 0.01f);
  EXPECT_NEAR(largest_move(true), 1.0f, 0.01f);
}

TEST(SkipThoughtsTraining, TransferHasItsOwnIntervalAndCanBeOff) {
  v1::SkipThoughtsConfig config = Config(v1::NORM_KIND_NONE);
  config.set_evaluation_interval(3);
  config.set_transfer_interval(6);
  const auto steps = [](const v1::SkipThoughtsConfig& c) {
    const auto experiment = Make(c);
    MemoryRecorder recorder;
    for (std::uint64_t step = 0; step < experiment->TotalSteps(); ++step) {
      experiment->Step(step, recorder);
    }
    EXPECT_THAT(recorder.Steps("test/nll"), ElementsAre(3, 6, 9, 12));
    return recorder.Steps("transfer/mr");
  };
  EXPECT_THAT(steps(config), ElementsAre(6, 12));
  config.set_transfer_interval(100);
  EXPECT_THAT(steps(config), ElementsAre(12));
  config.set_transfer(v1::TRANSFER_KIND_OFF);
  EXPECT_THAT(steps(config), ElementsAre());
}

// Forty chapters of a book, of four sentences each; the last sentence of each has nine words.
data::TextCorpus Corpus() {
  std::string book = "BOOK One\n";
  for (int chapter = 0; chapter < 40; ++chapter) {
    book += fmt::format(
        "CHAPTER {}\nTEXT He came. She went home. Both said word{}. One two three four five six seven eight.\n",
        chapter, chapter);
  }
  auto corpus = data::TokenizeBooks(book, "book.txt");
  EXPECT_TRUE(corpus.ok()) << corpus.status();
  return std::move(corpus).value();
}

TEST(SkipThoughtsData, HasTheWordsSentencesAndHeldOutChaptersOfItsConfig) {
  v1::SkipThoughtsConfig config = Config(v1::NORM_KIND_NONE);
  const data::TextCorpus corpus = Corpus();
  SkipThoughtsData data = MakeSkipThoughtsData(config, corpus);
  EXPECT_EQ(data.train.size(), 76u);  // of 38 chapters the second and third sentences
  EXPECT_EQ(data.test.size(), 4u);
  const std::size_t all = data.vocabulary.Size();
  EXPECT_NE(data.vocabulary.Id("home"), data::kUnknownWord);
  config.set_max_words(8);
  EXPECT_EQ(MakeSkipThoughtsData(config, corpus).train.size(), 38u);
  config.set_vocabulary(10);
  data = MakeSkipThoughtsData(config, corpus);
  EXPECT_EQ(data.vocabulary.Size(), 10u);
  EXPECT_LT(data.vocabulary.Size(), all);
  EXPECT_GT(std::count(data.text.ids.begin(), data.text.ids.end(), data::kUnknownWord), 40);
}

TEST(SkipThoughtsTraining, ConfigsThatDoNotFitTheTextAreRefused) {
  v1::SkipThoughtsConfig config = Config(v1::NORM_KIND_NONE);
  config.set_train_sentences(1000);
  EXPECT_THAT(std::string(MakeSkipThoughts(config, 1, SmallText(400, 42)).status().message()),
              HasSubstr("skip_thoughts.train_sentences is 1000; the text has 359"));
  config.set_train_sentences(0);
  config.set_test_sentences(1000);
  EXPECT_THAT(std::string(MakeSkipThoughts(config, 1, SmallText(400, 42)).status().message()),
              HasSubstr("skip_thoughts.test_sentences is 1000; the text has 39"));
  EXPECT_FALSE(MakeSkipThoughts(config, 1, SmallText(2, 42)).ok());
  const ExperimentContext nowhere{.data_directories = {"/nonexistent"}, .facts = nullptr};
  EXPECT_EQ(MakeSkipThoughts(config, 1, nowhere).status().code(), absl::StatusCode::kNotFound);
}

TEST(SkipThoughtsTraining, DivergenceIsSeen) {
  v1::SkipThoughtsConfig config = Config(v1::NORM_KIND_NONE);
  config.mutable_optimization()->set_optimizer(v1::OPTIMIZER_KIND_SGD);
  config.mutable_optimization()->set_learning_rate(1000.0);
  config.mutable_optimization()->set_clip_norm(0.0);
  config.mutable_optimization()->set_weight_decay(100.0);
  const auto experiment = Make(config);
  MemoryRecorder recorder;
  StepResult result = StepResult::kContinue;
  for (std::uint64_t step = 0; step < experiment->TotalSteps() && result == StepResult::kContinue; ++step) {
    result = experiment->Step(step, recorder);
  }
  EXPECT_EQ(result, StepResult::kDiverged);
}

}  // namespace
}  // namespace normlab
