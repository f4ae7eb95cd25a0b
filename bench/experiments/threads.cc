// What more threads give one job: time of a training step at the paper's sizes on 1, 2, 4 and 8 threads.
//
//   experiments_threads                    all, in 7 rounds
//   experiments_threads draw 15            one experiment, in 15
//
// A round takes one time with each number of threads, one after the other, so that a slow moment of the machine hits
// them all. Printed are medians: of the step's time, and of its ratio to one thread in the same round.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <thread>
#include <vector>

#include "base/parallel.h"
#include "bench/experiments/measure.h"
#include "nn/denormals.h"

namespace normlab {
namespace {

constexpr std::array kThreads = {1, 2, 4, 8};

struct Case {
  std::string_view name;
  int steps;  // per time taken: a few tenths of a second
  std::function<Updates()> make;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"mnist_mlp, layer norm, batch 128", 60, [] { return MnistUpdates(v1::NORM_KIND_LAYER, 128); }},
      {"draw, layer norm, batch 128", 1, [] { return DrawUpdates(v1::NORM_KIND_LAYER, true); }},
      {"handwriting, layer norm, batch 8", 1, [] { return HandwritingUpdates(v1::NORM_KIND_LAYER); }}};
  return cases;
}

double MillisecondsPerStep(Updates& updates, int steps) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) {
    updates.Next();
  }
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count() / steps;
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void Measure(const Case& c, int rounds) {
  Updates updates = c.make();
  std::array<std::vector<double>, kThreads.size()> times, speedups;
  for (int round = -1; round < rounds; ++round) {  // the first one warms up
    for (std::size_t k = 0; k < kThreads.size(); ++k) {
      SetThreads(kThreads[k]);
      nn::flush_denormals();
      const double time = MillisecondsPerStep(updates, c.steps);
      if (round >= 0) {
        times[k].push_back(time);
        speedups[k].push_back(times[0].back() / time);
      }
    }
  }
  fmt::print("{}\n", c.name);
  for (std::size_t k = 0; k < kThreads.size(); ++k) {
    fmt::print("  {} threads {:9.2f} ms a step {:6.2f}x\n", kThreads[k], Median(times[k]), Median(speedups[k]));
  }
}

}  // namespace
}  // namespace normlab

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  if (argc > 3 || rounds < 1) {
    fmt::print(stderr, "usage: {} [part of an experiment's name] [rounds, at least 1]\n", argv[0]);
    return 2;
  }
  fmt::print("{} processors, {} rounds\n", std::thread::hardware_concurrency(), rounds);
  for (const normlab::Case& c : normlab::Cases()) {
    if (c.name.find(wanted) != std::string_view::npos) {
      normlab::Measure(c, rounds);
    }
  }
}
