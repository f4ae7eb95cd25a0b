// workspace.h - scratch memory of the calling thread: grows to the largest request, freed when the thread ends.
#pragma once

#include "nn/kernels/aligned.h"

namespace normlab::nn::kernels {

struct Workspace {
  AlignedBuffer rows, columns;  // packed by the caller of a product, read by every piece of it
  AlignedBuffer pieces;         // as much for each thread of the loop, packed and read by one piece at a time
};

// Never hold a pointer into it across a call of another kernel.
inline Workspace& ThreadWorkspace() {
  thread_local Workspace workspace;
  return workspace;
}

}  // namespace normlab::nn::kernels
