// fma_peak.h - what one core can do: fused multiply-adds on registers alone, with the instruction set the kernels use.
#pragma once

namespace normlab {

// Billions of floating-point operations a second on the calling thread, the best of several short runs.
double MeasureFmaPeak();

}  // namespace normlab
