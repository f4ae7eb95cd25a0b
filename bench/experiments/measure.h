// measure.h - what the benchmarks of training steps share.
#pragma once

#include <benchmark/benchmark.h>

#include <limits>
#include <memory>
#include <utility>

#include "data/labelled_images.h"
#include "experiments/experiment.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

// Forgets everything.
class NullRecorder final : public Recorder {
 public:
  void Point(std::string_view, std::uint64_t, double) override {}
  void Artifact(std::string_view, std::string_view, std::uint64_t, std::string) override {}
};

// The updates of an experiment in order, but for those that an evaluation follows. The first two are done: the tape finds out how
// much memory a step takes, and pages of it are met for the first time, which takes longer than the step for a large network.
class Updates {
 public:
  explicit Updates(std::unique_ptr<Experiment> experiment,
                   std::uint64_t evaluation_interval = std::numeric_limits<std::uint64_t>::max())
      : experiment_(std::move(experiment)), evaluation_interval_(evaluation_interval) {
    Next();
    Next();
  }

  void Next() {
    step_ += (step_ + 1) % evaluation_interval_ == 0 ? 1 : 0;
    experiment_->Step(step_++, recorder_);
  }

 private:
  std::unique_ptr<Experiment> experiment_;
  std::uint64_t evaluation_interval_;
  std::uint64_t step_ = 0;
  NullRecorder recorder_;
};

// At the paper's sizes, on images and lines of noise.
Updates MnistUpdates(v1::NormKind norm, int batch_size);
Updates DrawUpdates(v1::NormKind norm, bool attention);
Updates HandwritingUpdates(v1::NormKind norm);

// Of every measurement from now on; at least one.
void UseThreads(int threads);
// Those threads, one if nobody said, in the mode in which workers train: denormals are zero.
void PrepareThread();

// Counters GF/s, and of_peak: its share of what fused multiply-adds reach on as many cores in the same run. `flops` are the
// multiplications and additions of an iteration's matrix products.
void Rates(benchmark::State& state, double flops);

// Images of noise: every fifth value is not 0.
data::LabelledImages NoiseImages(std::int64_t count, const data::ImageShape& shape);

void RegisterConvnet();
void RegisterMnist();
void RegisterDraw();
void RegisterHandwriting();
void RegisterSkipThoughts();
void RegisterOrderEmbedding();
void RegisterReader();

}  // namespace normlab
