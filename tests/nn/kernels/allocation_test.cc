// No kernel allocates or starts a thread in steady state. An executable of its own: it replaces malloc's C++ doors for the whole process.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>

#include "base/parallel.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/gemm_sparse.h"
#include "nn/kernels/modulate.h"
#include "nn/kernels/norm.h"
#include "nn/kernels/pointwise.h"
#include "nn/kernels/update.h"
#include "tests/base/thread_counter.h"
#include "tests/nn/kernels/kernel_testing.h"

namespace {
std::atomic<long> allocations{0};

void* Counted(void* p) {
  ++allocations;
  return p ? p : throw std::bad_alloc();
}
}  // namespace

// Both doors the code uses: plain, and aligned for kernels' memory.
void* operator new(std::size_t bytes) { return Counted(std::malloc(bytes)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  return Counted(std::aligned_alloc(a, (bytes + a - 1) / a * a));
}
// Inlined, GCC takes the free for that of memory from another door.
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }

namespace normlab::nn::kernels {
namespace {

long AllocationsOf(const std::function<void()>& body) {
  const long before = allocations;
  body();
  return allocations - before;
}

TEST(Kernels, DoNotAllocateOnceWarm) {
  const Index batch = 128, in = 300, out = 200;
  const auto x = Uniform(batch * in, 1), w = Uniform(out * in, 2), dy = Uniform(batch * out, 3);
  std::vector<float> y(dy.size()), dx(x.size()), dw(w.size()), m(w.size()), v(w.size(), 1.0f);
  std::vector<float> mean(batch), inv(batch), dgain(in), dbias(in), parameters = w;
  const std::array runs = {UpdateRun{0, out * in / 2, false}, UpdateRun{out * in / 2, out * in, false}};
  const Index kManyRows = 66'000;  // more than are summed in row order
  const auto many = Uniform(kManyRows * 2, 5);
  std::vector<float> many_dx(many.size()), w_sums(2 * x.size());
  PackedMatrix packed;
  const auto step = [&](Index b) {
    gemm(Trans::kNo, Trans::kYes, b, out, in, x.data(), in, w.data(), in, y.data(), out);
    gemm(Trans::kNo, Trans::kNo, b, in, out, dy.data(), out, w.data(), in, dx.data(), in);
    gemm(Trans::kYes, Trans::kNo, out, in, b, dy.data(), out, x.data(), in, dw.data(), in);
    gemm_sparse(Trans::kNo, Trans::kYes, Trans::kNo, b, out, in, x.data(), in, w.data(), in, y.data(), out);
    gemm_sparse(Trans::kYes, Trans::kNo, Trans::kYes, in, out, b, x.data(), in, dy.data(), out, dw.data(), in);
    packed.pack(Trans::kYes, in, out, w.data(), in);
    gemm_packed(Trans::kNo, b, x.data(), in, packed, y.data(), out);
    layer_norm_forward(b, in, x.data(), nullptr, nullptr, 1e-5f, EpsPlace::kInsideSqrt, dx.data(), mean.data(),
                       inv.data());
    layer_norm_backward(b, in, x.data(), x.data(), mean.data(), inv.data(), nullptr, 1e-5f, EpsPlace::kInsideSqrt,
                        dx.data(), false, dgain.data(), dbias.data());
    column_moments(b, in, x.data(), dgain.data(), dbias.data());
    group_norm_forward({b / 4, 4, in, 3}, true, x.data(), nullptr, nullptr, 1e-5f, EpsPlace::kInsideSqrt, dx.data(),
                       mean.data(), inv.data());
    group_norm_backward({b / 4, 4, in, 3}, true, x.data(), x.data(), mean.data(), inv.data(), nullptr, 1e-5f,
                        EpsPlace::kInsideSqrt, dx.data(), false, w_sums.data(), w_sums.data() + b * in / 4);
    modulate_forward({b / 4, 4, in}, x.data(), x.data(), nullptr, dx.data());
    modulate_backward({b / 4, 4, in}, x.data(), x.data(), x.data(), dx.data(), false, w_sums.data(), nullptr);
    add_column_sums(kManyRows, 2, many.data(), dgain.data());
    column_moments(kManyRows, 2, many.data(), dgain.data(), dbias.data());
    batch_norm_backward(kManyRows, 2, many.data(), many.data(), dgain.data(), dbias.data(), nullptr, {}, many_dx.data(),
                        false, dgain.data(), dbias.data());
    log_softmax_rows(b, out, y.data(), y.data());
    adam_update(runs, {}, adam_scalars(1e-3, 0.9, 0.999, 1e-8, 1, true), dw.data(), parameters.data(), m.data(),
                v.data());
  };
  for (const int threads : {1, 2, 3, 5, 8}) {
    SetThreads(threads);
    for (const Index b : {batch, Index{4}}) {
      step(b);
      const float* packed_at = packed.data();
      const long started = ThreadsStarted();
      EXPECT_EQ(AllocationsOf([&] {
                  for (int i = 0; i < 20; ++i) {
                    step(b);
                  }
                }),
                0)
          << threads << " threads, batch " << b;
      EXPECT_EQ(ThreadsStarted(), started) << threads << " threads, batch " << b;
      EXPECT_EQ(packed.data(), packed_at);
    }
  }
  SetThreads(1);
}

TEST(Kernels, AllocateWhenAShapeGrowsAndOnlyThen) {
  AlignedBuffer buffer;
  EXPECT_EQ(AllocationsOf([&] { buffer.reserve(1000); }), 1);
  EXPECT_EQ(AllocationsOf([&] { buffer.reserve(10); }), 0);
  EXPECT_EQ(AllocationsOf([&] { buffer.reserve(1001); }), 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
}

}  // namespace
}  // namespace normlab::nn::kernels
