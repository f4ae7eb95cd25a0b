// error.h - how nn and model code fail: shape and contract errors throw this, at the call that is wrong.
//
// It is never thrown by a kernel or inside a parallel region, and caught once, by the worker's runner. A diverged loss
// is a result, not an error.
#pragma once

#include <stdexcept>

namespace normlab::nn {

// what() names the op or object, the variables involved, their shapes, and what was expected.
class Error : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace normlab::nn
