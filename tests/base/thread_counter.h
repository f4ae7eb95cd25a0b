// thread_counter.h - how many threads this process has started: the executable's pthread_create counts and passes on.
#pragma once

#include "tests/sanitizer.h"

namespace normlab {

// 0 in a build with a sanitizer; see kCountsThreads.
long ThreadsStarted();

inline constexpr bool kCountsThreads = !kSanitized;

}  // namespace normlab
