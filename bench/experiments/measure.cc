#include "bench/experiments/measure.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/rng.h"
#include "bench/fma_peak.h"
#include "nn/denormals.h"

namespace normlab {

namespace {

int threads = 1;

}  // namespace

void UseThreads(int wanted) { threads = std::max(wanted, 1); }

void PrepareThread() {
  SetThreads(threads);
  nn::flush_denormals();
}

void Rates(benchmark::State& state, double flops) {
  static const double peak = fma_peak() * threads;
  state.counters["GF/s"] = benchmark::Counter(flops / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = benchmark::Counter(flops / 1e9 / peak, benchmark::Counter::kIsIterationInvariantRate);
}

data::LabelledImages NoiseImages(std::int64_t count, const data::ImageShape& shape) {
  Rng rng(1, "bench/images");
  std::string pixels(static_cast<std::size_t>(count * shape.features()), '\0');
  for (char& pixel : pixels) {
    pixel = static_cast<char>(rng.Next32() % 5 == 0 ? rng.Next32() & 0xff : 0);
  }
  std::string labels(static_cast<std::size_t>(count), '\0');
  for (char& label : labels) {
    label = static_cast<char>(rng.Below(10));
  }
  return data::LabelledImages(shape, std::move(pixels), std::move(labels));
}

}  // namespace normlab
