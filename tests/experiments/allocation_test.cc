// Training allocates nothing in steady state. An executable of its own, because it counts every allocation of the
// process: malloc and its relatives are replaced by versions that count and pass on to glibc's.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "base/parallel.h"
#include "experiments/draw/draw_training.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "proto/spec.h"
#include "testing.h"

namespace {
std::atomic<long> allocations{0};
}  // namespace

// The sanitizers bring their own malloc, which must not be replaced a second time: they build this file without the
// counters, and the test then only runs the steps.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
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

class SteadyState : public testing::TestWithParam<std::tuple<v1::NormKind, int>> {};

TEST_P(SteadyState, AllocatesNothing) {
  const auto [norm, threads] = GetParam();
  SetThreads(threads);
  v1::MnistMlpConfig config = DefaultConfig();
  config.set_norm(norm);
  config.set_batch_size(64);
  config.set_train_images(1024);
  config.set_test_images(100);
  auto experiment = MakeMnistMlp(config, 1, SyntheticData(1024, 100));
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  NullRecorder recorder;
  (*experiment)->Step(0, recorder);
  (*experiment)->Step(1, recorder);
  const long before = allocations;
  for (std::uint64_t step = 2; step < 12; ++step) {
    (*experiment)->Step(step, recorder);
  }
  EXPECT_EQ(allocations - before, 0);
  SetThreads(1);
}

TEST(SteadyStateOfDraw, AllocatesNothing) {
  v1::JobSpec spec;
  v1::DrawConfig& config = *spec.mutable_draw();
  config.set_norm(v1::NORM_KIND_LAYER);
  config.set_glimpses(3);
  config.set_units(32);
  config.set_batch_size(32);
  config.set_train_images(320);
  config.set_test_images(1);
  std::vector<FieldViolation> violations;
  config = ResolveSpec(spec, violations).draw();
  const data::BinaryImages images(784, std::string(784 * 320, '1'));
  auto experiment = MakeDraw(config, 1, data::BinarizedMnistData{images, images, "ones"});
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  NullRecorder recorder;
  (*experiment)->Step(0, recorder);
  (*experiment)->Step(1, recorder);
  const long before = allocations;
  for (std::uint64_t step = 2; step < 9; ++step) {
    (*experiment)->Step(step, recorder);
  }
  EXPECT_EQ(allocations - before, 0);
}

INSTANTIATE_TEST_SUITE_P(Experiments, SteadyState,
                         testing::Combine(testing::Values(v1::NORM_KIND_NONE, v1::NORM_KIND_BATCH, v1::NORM_KIND_LAYER,
                                                          v1::NORM_KIND_WEIGHT, v1::NORM_KIND_RMS),
                                          testing::Values(1, 2)),
                         [](const auto& info) {
                           return v1::NormKind_Name(std::get<0>(info.param)) + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace normlab
