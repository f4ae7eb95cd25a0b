// sanitizer.h - whether this is a build with a sanitizer, whose runtime has a malloc and a pthread_create of its own and keeps
// what was freed: there, allocations, threads and memory are not counted.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NORMLAB_SANITIZED 1
#elif defined(__has_feature)
#define NORMLAB_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define NORMLAB_SANITIZED 0
#endif

namespace normlab {

inline constexpr bool kSanitized = NORMLAB_SANITIZED;

}  // namespace normlab
