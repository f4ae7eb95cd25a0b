// require.h - what a fuzz target demands of its reader; a fuzzer keeps the input for which it does not hold.
#pragma once

#include <cstdlib>

namespace normlab {

inline void Require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

}  // namespace normlab
