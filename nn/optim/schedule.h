// schedule.h - the learning rate over the updates of a run, as a pure function.
//
// Updates count from 0. Threads: any. Errors: nn::Error for a schedule that means nothing.
#pragma once

#include <cstdint>
#include <vector>

namespace normlab::nn {

enum class ScheduleKind {
  kConstant,
  kCosine,             // half a cosine from the end of the warm-up to `floor` at `total`, and `floor` from there on
  kInverseSquareRoot,  // sqrt(warmup / (update + 1)) after the warm-up (Vaswani et al. 2017)
  kStep,               // times `step_factor` every `step_every` updates, or at each of `milestones`
};

struct Schedule {
  ScheduleKind kind = ScheduleKind::kConstant;
  // Of every kind: that many updates rise linearly, (update + 1) / warmup.
  std::uint64_t warmup = 0;
  // kCosine:
  std::uint64_t total = 0;
  double floor = 0.0;  // a fraction of the learning rate
  // kStep, counted from update 0 whatever the warm-up; one of the two:
  double step_factor = 0.1;
  std::uint64_t step_every = 0;
  std::vector<std::uint64_t> milestones = {};  // ascending; a milestone is the first update with the smaller rate
};

// Throws unless the fields that the kind reads make sense.
void require_valid(const Schedule& schedule);

// What the learning rate is multiplied with at `update`. 1 at the end of a warm-up.
double schedule_factor(const Schedule& schedule, std::uint64_t update);

}  // namespace normlab::nn
