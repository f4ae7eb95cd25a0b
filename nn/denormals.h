// denormals.h - makes tiny results zero, on every thread that computes: arithmetic on denormal numbers is a hundred
// times slower, and late in training (losses of 1e-10) there are many.
#pragma once

namespace normlab::nn {

// Sets flush-to-zero and denormals-are-zero on the calling thread and on the team its parallel loops use, whose threads
// must agree: else bits would depend on which of them did a piece. Call it in the thread that will train, after
// SetThreads() and again if that changes. Does nothing on processors without such a mode.
void flush_denormals();

// Whether the calling thread flushes denormal results to zero.
bool flushes_denormals();

}  // namespace normlab::nn
