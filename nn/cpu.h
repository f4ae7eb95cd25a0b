// cpu.h - which instruction set the kernels run on here. Results of different sets differ in their last bits, so a
// job's record names it.
#pragma once

#include <string>

namespace normlab::nn {

// Highway's name of the best set that this binary was compiled for and this processor has: "AVX3", "AVX2", "NEON".
std::string instruction_set();

}  // namespace normlab::nn
