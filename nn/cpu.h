// cpu.h - what computes here. Results of different instruction sets differ in their last bits, so a job's record and its
// checkpoints name it.
#pragma once

#include <string>

namespace normlab::nn {

// Highway's name of the best set that this binary was compiled for and this processor has: "AVX3", "AVX2", "NEON".
std::string instruction_set();

// The instruction set and the C library's functions, "AVX3/libm.5c1f09ab": the same code gives the same bits wherever this
// is equal. The C library chooses exp, log, pow, sin, cos by processor too (with or without fused multiply-add) and changes
// them between versions; the number is a hash of what they return.
std::string arithmetic();

}  // namespace normlab::nn
