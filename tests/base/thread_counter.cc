#include "tests/base/thread_counter.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>

namespace {

std::atomic<long> started{0};

}  // namespace

#if !NORMLAB_SANITIZED
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) noexcept {
  static const auto create = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  started.fetch_add(1, std::memory_order_relaxed);
  return create(thread, attributes, run, argument);
}
#endif

namespace normlab {

long ThreadsStarted() { return started; }

}  // namespace normlab
