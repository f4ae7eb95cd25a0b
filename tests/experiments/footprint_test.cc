// What proto/footprint.h says of a spec, against the experiments themselves.
#include "proto/footprint.h"

#include <gtest/gtest.h>

#include "experiments/attentive_reader/reader_training.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "experiments/skip_thoughts/training.h"
#include "proto/spec.h"
#include "small_text.h"
#include "testing.h"

namespace normlab {
namespace {

std::uint64_t Bytes(const std::vector<NamedTensor>& tensors) {
  std::uint64_t bytes = 0;
  for (const NamedTensor& tensor : tensors) {
    bytes += sizeof(float) * static_cast<std::uint64_t>(CountValues(tensor));
  }
  return bytes;
}

// Never less than there is, and a tenth more at most.
void ExpectCovers(std::uint64_t estimate, std::uint64_t actual, const char* what) {
  EXPECT_GE(estimate, actual) << what;
  EXPECT_LE(estimate, actual + actual / 10) << what;
}

v1::JobSpec Resolved(const v1::JobSpec& spec) {
  std::vector<FieldViolation> violations;
  v1::JobSpec resolved = ResolveSpec(spec, violations);
  EXPECT_TRUE(violations.empty());
  return resolved;
}

void ExpectFits(const v1::JobSpec& spec, Experiment& experiment) {
  const Footprint footprint = FootprintOf(spec);
  ExpectCovers(footprint.weights_bytes, Bytes(experiment.Weights()), "weights");
  ExpectCovers(footprint.checkpoint_bytes, Bytes(experiment.State()), "state");
  EXPECT_GT(footprint.memory_bytes, footprint.checkpoint_bytes);
}

TEST(FootprintTest, CoversTheMlp) {
  for (const v1::NormKind norm : {v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_BATCH, v1::NORM_KIND_WEIGHT}) {
    for (const v1::OptimizerKind optimizer : {v1::OPTIMIZER_KIND_ADAM, v1::OPTIMIZER_KIND_SGD,
                                              v1::OPTIMIZER_KIND_RMSPROP, v1::OPTIMIZER_KIND_RMSPROP_GRAVES}) {
      v1::JobSpec spec;
      spec.mutable_mnist_mlp()->set_hidden_units(300);
      spec.mutable_mnist_mlp()->set_norm(norm);
      spec.mutable_mnist_mlp()->mutable_optimization()->set_optimizer(optimizer);
      spec.mutable_mnist_mlp()->set_train_images(200);
      spec.mutable_mnist_mlp()->set_test_images(20);
      spec = Resolved(spec);
      const auto experiment = MakeMnistMlp(spec.mnist_mlp(), 1, SyntheticData(200, 20));
      ASSERT_TRUE(experiment.ok()) << experiment.status();
      ExpectFits(spec, **experiment);
    }
  }
}

TEST(FootprintTest, CoversHandwriting) {
  for (const v1::NormKind norm : {v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER}) {
    for (const bool peepholes : {false, true}) {
      v1::JobSpec spec;
      v1::HandwritingConfig& config = *spec.mutable_handwriting();
      config.set_dataset(v1::HANDWRITING_DATASET_SYNTHETIC_PEN);
      config.set_scale(v1::PEN_SCALE_PER_LINE);
      config.set_norm(norm);
      config.set_peepholes(peepholes);
      config.set_units(200);
      config.set_train_lines(8);
      config.set_test_lines(4);
      spec = Resolved(spec);
      const auto experiment = MakeExperiment(spec, {.data_directories = {}, .facts = nullptr});
      ASSERT_TRUE(experiment.ok()) << experiment.status();
      ExpectFits(spec, **experiment);
    }
  }
}

TEST(FootprintTest, CoversSkipThoughts) {
  for (const v1::NormKind norm : {v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_WEIGHT}) {
    for (const bool tied : {false, true}) {
      for (const v1::SentenceConditioning conditioning :
           {v1::SENTENCE_CONDITIONING_INITIAL_STATE, v1::SENTENCE_CONDITIONING_EVERY_STEP}) {
        v1::JobSpec spec;
        v1::SkipThoughtsConfig& config = *spec.mutable_skip_thoughts();
        config.set_norm(norm);
        config.set_tied_output(tied);
        config.set_conditioning(conditioning);
        config.set_units(200);
        config.set_word_size(100);
        config.set_vocabulary(2002);
        config.set_test_sentences(1);
        spec = Resolved(spec);
        const auto experiment = MakeSkipThoughts(spec.skip_thoughts(), 1, SmallText(100, 2002));
        ASSERT_TRUE(experiment.ok()) << experiment.status();
        ExpectFits(spec, **experiment);
      }
    }
  }
}

// At the paper's sizes a job fits in 12 GiB.
TEST(FootprintTest, SkipThoughtsOfThePaperFitsInTwelveGibibytes) {
  v1::JobSpec spec;
  spec.mutable_skip_thoughts()->set_norm(v1::NORM_KIND_LAYER);
  const Footprint footprint = FootprintOf(Resolved(spec));
  EXPECT_GT(footprint.weights_bytes, std::uint64_t{500'000'000});
  EXPECT_LT(footprint.memory_bytes, std::uint64_t{12} << 30);
}

TEST(FootprintTest, CoversOrderEmbeddingsOfScenes) {
  for (const v1::NormKind norm : {v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_WEIGHT}) {
    v1::JobSpec spec;
    v1::OrderEmbeddingConfig& config = *spec.mutable_order_embedding();
    config.set_dataset(v1::ORDER_EMBEDDING_DATASET_SCENES);
    config.set_norm(norm);
    config.set_units(200);
    config.set_train_images(300);
    config.set_evaluation_images(10);
    spec = Resolved(spec);
    const auto experiment = MakeExperiment(spec, {.data_directories = {}, .facts = nullptr});
    ASSERT_TRUE(experiment.ok()) << experiment.status();
    ExpectFits(spec, **experiment);
  }
}

TEST(FootprintTest, CoversTheAttentiveReader) {
  for (const v1::NormKind norm : {v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_BATCH}) {
    v1::JobSpec spec;
    v1::AttentiveReaderConfig& config = *spec.mutable_attentive_reader();
    config.set_norm(norm);
    config.set_norm_readout(norm == v1::NORM_KIND_BATCH);
    config.set_units(100);
    config.set_batch_size(2);
    config.set_vocabulary(5000);
    config.set_max_words(60);
    spec = Resolved(spec);
    data::ClozeData data{
        .train = {}, .valid = {}, .test = {}, .words = std::vector<std::string>(5001), .names = 2, .sha256 = ""};
    const std::vector<std::uint32_t> words(60, 1);
    data.train.Add(words, words, 1);
    data.train.Add(words, words, 1);
    data.valid.Add(words, words, 1);
    const auto experiment = MakeAttentiveReader(spec.attentive_reader(), 1, std::move(data));
    ASSERT_TRUE(experiment.ok()) << experiment.status();
    ExpectFits(spec, **experiment);
  }
}

TEST(FootprintTest, GrowsWithEveryFieldItNames) {
  v1::JobSpec spec;
  spec.mutable_draw();
  spec = Resolved(spec);
  const std::uint64_t base = FootprintOf(spec).memory_bytes;
  for (const auto grow : {+[](v1::DrawConfig& c) { c.set_units(2 * c.units()); },
                          +[](v1::DrawConfig& c) { c.set_glimpses(2 * c.glimpses()); },
                          +[](v1::DrawConfig& c) { c.set_batch_size(2 * c.batch_size()); }}) {
    v1::JobSpec larger = spec;
    grow(*larger.mutable_draw());
    EXPECT_GT(FootprintOf(larger).memory_bytes, base + base / 2);
  }
  EXPECT_EQ(FootprintOf(spec).memory_fields, "draw.units, glimpses, batch_size");
}

TEST(FootprintTest, EveryExperimentAtItsLargestIsCountedWithoutOverflow) {
  v1::JobSpec spec;
  spec.mutable_draw()->set_units(16384);
  spec.mutable_draw()->set_glimpses(1024);
  spec.mutable_draw()->set_batch_size(50000);
  EXPECT_GT(FootprintOf(Resolved(spec)).memory_bytes, std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace normlab
