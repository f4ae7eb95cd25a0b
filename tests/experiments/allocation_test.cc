// Training allocates nothing and starts no thread in steady state, that is after its first step. An executable of its own, because it counts every allocation of the
// process: malloc and its relatives are replaced by versions that count and pass on to glibc's.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "base/parallel.h"
#include "base/rng.h"
#include "experiments/attentive_reader/reader_training.h"
#include "experiments/draw/draw_training.h"
#include "experiments/handwriting/training.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "experiments/order_embedding/order_embedding_training.h"
#include "experiments/skip_thoughts/training.h"
#include "proto/spec.h"
#include "small_text.h"
#include "testing.h"
#include "tests/base/thread_counter.h"
#include "tests/sanitizer.h"

namespace {
std::atomic<long> allocations{0};
}  // namespace

// The sanitizers bring their own malloc, which must not be replaced a second time: they build this file without the
// counters, and the test then only runs the steps.
#if NORMLAB_SANITIZED
constexpr bool kCounting = false;
#else
constexpr bool kCounting = true;
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t n, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(n, size);
}
void* realloc(void* memory, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  *memory = __libc_memalign(alignment, size);
  return *memory != nullptr ? 0 : ENOMEM;
}
}
#endif

namespace normlab {
namespace {

class NullRecorder final : public Recorder {
 public:
  void Point(std::string_view, std::uint64_t, double) override {}
  void Artifact(std::string_view, std::string_view, std::uint64_t, std::string) override {}
};

TEST(AllocationCounter, SeesNewAndMalloc) {
  if (!kCounting) {
    GTEST_SKIP() << "a sanitizer owns malloc; build the release or dev preset to count allocations";
  }
  const long before = allocations;
  void* volatile kept = operator new(8);  // volatile, or the compiler leaves the pair out
  operator delete(kept);
  kept = aligned_alloc(64, 64);
  free(kept);
  EXPECT_EQ(allocations - before, 2);
}

// More threads than most machines have cores: those that missed the first step must need nothing later either.
void ExpectSteady(std::unique_ptr<Experiment> experiment, int threads) {
  SetThreads(threads);
  NullRecorder recorder;
  experiment->Step(0, recorder);
  const long allocated = allocations, started = ThreadsStarted();
  for (std::uint64_t step = 1; step < 10; ++step) {
    experiment->Step(step, recorder);
  }
  EXPECT_EQ(allocations - allocated, 0);
  EXPECT_EQ(ThreadsStarted() - started, 0);
  SetThreads(1);
}

class SteadyState : public testing::TestWithParam<std::tuple<v1::NormKind, int>> {};

TEST_P(SteadyState, OfMnist) {
  const auto [norm, threads] = GetParam();
  v1::MnistMlpConfig config = DefaultConfig();
  config.set_norm(norm);
  config.set_batch_size(64);
  config.set_train_images(1024);
  config.set_test_images(100);
  ExpectSteady(MakeMnistMlp(config, 1, SyntheticData(1024, 100)).value(), threads);
}

class SteadyStateOfDraw : public SteadyState {};  // which has no place for batch normalisation

TEST_P(SteadyStateOfDraw, StaysSo) {
  const auto [norm, threads] = GetParam();
  v1::JobSpec spec;
  spec.mutable_draw()->set_norm(norm);
  spec.mutable_draw()->set_glimpses(3);
  spec.mutable_draw()->set_units(128);
  spec.mutable_draw()->set_batch_size(64);
  spec.mutable_draw()->set_train_images(1024);
  spec.mutable_draw()->set_test_images(1);
  std::vector<FieldViolation> violations;
  const data::BinaryImages images(784, std::string(784 * 1024, '1'));
  ExpectSteady(
      MakeDraw(ResolveSpec(spec, violations).draw(), 1, data::BinarizedMnistData{images, images, "ones"}).value(),
      threads);
}

TEST_P(SteadyState, OfHandwriting) {
  const auto [norm, threads] = GetParam();
  v1::JobSpec spec;
  spec.mutable_handwriting()->set_norm(norm);
  spec.mutable_handwriting()->set_units(96);
  spec.mutable_handwriting()->set_evaluation_interval(1000);
  std::vector<FieldViolation> violations;
  data::HandwritingData data;
  Rng rng(1, "lines");
  for (int n = 0; n < 96; ++n) {
    data::PenSequence& line = data.train.emplace_back();
    for (int t = 0; t < 40; ++t) {
      line.steps.push_back({static_cast<float>(rng.Normal()), static_cast<float>(rng.Normal()), 0.0f});
    }
    line.text.assign(5, 1);
  }
  data.test.push_back(data.train.front());
  ExpectSteady(MakeHandwriting(ResolveSpec(spec, violations).handwriting(), 1, std::move(data)).value(), threads);
}

class SteadyStateOfSkipThoughts : public SteadyState {};  // which has none either

// Sentences of one length between others of that length, so that batches are of one size.
TEST_P(SteadyStateOfSkipThoughts, StaysSo) {
  const auto [norm, threads] = GetParam();
  v1::JobSpec spec;
  spec.mutable_skip_thoughts()->set_norm(norm);
  spec.mutable_skip_thoughts()->set_units(96);
  spec.mutable_skip_thoughts()->set_word_size(64);
  spec.mutable_skip_thoughts()->set_batch_size(32);
  spec.mutable_skip_thoughts()->set_updates(1000);
  spec.mutable_skip_thoughts()->set_evaluation_interval(1000);
  spec.mutable_skip_thoughts()->set_test_sentences(1);
  std::vector<FieldViolation> violations;
  SkipThoughtsData data = SmallText(200'000, 2002);
  std::erase_if(data.train, [&](std::uint32_t i) {
    return data.text.Sentence(i).size() != 7 ||
           std::min(data.text.Sentence(i - 1).size(), data.text.Sentence(i + 1).size()) != 7;
  });
  ExpectSteady(MakeSkipThoughts(ResolveSpec(spec, violations).skip_thoughts(), 1, std::move(data)).value(), threads);
}

// Captions of one length: longer batches than any before take more memory.
PairSplit EqualCaptions(std::int64_t images) {
  constexpr std::int64_t kFeatures = 300;
  const auto memory = std::make_shared<std::vector<float>>(static_cast<std::size_t>(images * kFeatures));
  Rng rng(1, "pairs");
  std::generate(memory->begin(), memory->end(), [&] { return static_cast<float>(rng.Normal()); });
  PairSplit split{.features = {.data = memory->data(), .rows = images, .columns = kFeatures, .owner = memory},
                  .captions = {.ids = {}, .begin = {0}}};
  for (std::int64_t caption = 0; caption < data::kCaptionsPerImage * images; ++caption) {
    for (int t = 0; t < 7; ++t) {
      split.captions.ids.push_back(static_cast<std::uint32_t>(rng.Below(50)));
    }
    split.captions.begin.push_back(split.captions.ids.size());
  }
  return split;
}

class SteadyStateOfOrderEmbedding : public SteadyState {};

TEST_P(SteadyStateOfOrderEmbedding, StaysSo) {
  const auto [norm, threads] = GetParam();
  v1::JobSpec spec;
  v1::OrderEmbeddingConfig& config = *spec.mutable_order_embedding();
  config.set_norm(norm);
  config.set_units(96);
  config.set_word_size(40);
  config.set_batch_size(48);
  config.set_evaluation_interval(1000);
  config.set_evaluation_images(2);
  config.set_test_folds(1);
  std::vector<FieldViolation> violations;
  PairData data{.train = EqualCaptions(480),
                .validation = EqualCaptions(2),
                .test = EqualCaptions(2),
                .words = 50,
                .validation_texts = {},
                .validation_scenes = {},
                .sha256 = ""};
  ExpectSteady(MakeOrderEmbedding(ResolveSpec(spec, violations).order_embedding(), 1, std::move(data)).value(),
               threads);
}

// Passages of one length: a longer one than any before may take memory.
TEST_P(SteadyState, OfTheAttentiveReader) {
  const auto [norm, threads] = GetParam();
  v1::JobSpec spec;
  spec.mutable_attentive_reader()->set_norm(norm);
  spec.mutable_attentive_reader()->set_norm_readout(true);
  spec.mutable_attentive_reader()->set_units(96);
  spec.mutable_attentive_reader()->set_shuffle(true);
  std::vector<FieldViolation> violations;
  ExpectSteady(MakeAttentiveReader(ResolveSpec(spec, violations).attentive_reader(), 1,
                                   data::EncodeClozes(SyntheticClozes(1024, /*ragged=*/false), "test", {}).value())
                   .value(),
               threads);
}

const auto kThreadCounts = testing::Values(1, 2, 3, 5, 8);

std::string NameOf(const testing::TestParamInfo<std::tuple<v1::NormKind, int>>& info) {
  return v1::NormKind_Name(std::get<0>(info.param)) + "_" + std::to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Experiments, SteadyState,
                         testing::Combine(testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_BATCH, v1::NORM_KIND_LAYER,
                                                          v1::NORM_KIND_WEIGHT, v1::NORM_KIND_RMS),
                                          kThreadCounts),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Experiments, SteadyStateOfDraw,
                         testing::Combine(testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_WEIGHT,
                                                          v1::NORM_KIND_RMS),
                                          kThreadCounts),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Experiments, SteadyStateOfOrderEmbedding,
                         testing::Combine(testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_WEIGHT,
                                                          v1::NORM_KIND_RMS),
                                          kThreadCounts),
                         NameOf);

INSTANTIATE_TEST_SUITE_P(Experiments, SteadyStateOfSkipThoughts,
                         testing::Combine(testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_LAYER, v1::NORM_KIND_WEIGHT,
                                                          v1::NORM_KIND_RMS),
                                          kThreadCounts),
                         NameOf);

}  // namespace
}  // namespace normlab
