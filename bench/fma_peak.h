// fma_peak.h - what the multiply-add units of one core give: the yardstick of the kernel benchmarks.
#pragma once

namespace normlab {

// GFLOP/s of independent vector multiply-adds on registers, the best of several short runs: measured anew on every
// call, because clocks move and a virtual core may share its units with a neighbour.
double fma_peak();

}  // namespace normlab
