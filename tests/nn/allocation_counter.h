// allocation_counter.h - counts what a test program takes from the heap.
//
// Linking allocation_counter.cc replaces operator new and delete of the whole program.
#pragma once

namespace normlab::nn {

// Calls of operator new since the program started, on all threads.
long allocations();

}  // namespace normlab::nn
