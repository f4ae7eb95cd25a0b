// thread_counter.h - how many threads this process has started: the executable's pthread_create counts and passes on.
#pragma once

namespace normlab {

// 0 in a build with a sanitizer, which has a pthread_create of its own; see kCountsThreads.
long ThreadsStarted();

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NORMLAB_COUNTS_THREADS 0
#elif defined(__has_feature)
#define NORMLAB_COUNTS_THREADS !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#else
#define NORMLAB_COUNTS_THREADS 1
#endif
inline constexpr bool kCountsThreads = NORMLAB_COUNTS_THREADS;

}  // namespace normlab
