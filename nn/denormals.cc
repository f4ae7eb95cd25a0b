#include "nn/denormals.h"

#include "base/parallel.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace normlab::nn {
namespace {

#if defined(__SSE2__)
constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;  // bits of MXCSR
unsigned read_mode() { return _mm_getcsr(); }
void set_mode() { _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero); }
#elif defined(__aarch64__)
constexpr unsigned long kFlushToZero = 1ul << 24;  // bit FZ of FPCR: inputs and results
unsigned long read_mode() {
  unsigned long mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
void set_mode() { __asm__ volatile("msr fpcr, %0" ::"r"(read_mode() | kFlushToZero)); }
#else
constexpr unsigned kFlushToZero = 0;
unsigned read_mode() { return 0; }
void set_mode() {}
#endif

}  // namespace

void flush_denormals() { on_each_thread(set_mode); }

bool flushes_denormals() { return (read_mode() & kFlushToZero) != 0; }

}  // namespace normlab::nn
