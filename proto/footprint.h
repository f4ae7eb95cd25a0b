// footprint.h - what a job needs beside time: sizes of its files and of its worker's memory, from its spec alone, so
// that what cannot be finished is refused before anything trains.
//
// With W floats of weights and A floats that live during an update, each of 4 bytes:
//   weights      4 W
//   checkpoint   12 W: the weights and the optimiser's two moments (8 W with sgd's one)
//   memory       64 MiB + data + 4 (5 W + A): weights, gradients, moments, the copy that products read; the tape
// An experiment that keeps the weights of its best evaluation beside the last ones has 4 W more of each.
// W counts the matrices exactly and vectors generously. A counts, for each example and time step, the rows that the
// tape keeps and their gradients: a layer of H normalised units keeps about 8 H, an LSTM of H cells about 24 H.
//
// Thread safety: a free function, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "normlab/v1/experiments.pb.h"

namespace normlab {

struct Footprint {
  std::uint64_t weights_bytes = 0;
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t memory_bytes = 0;
  // The fields that decide: "mnist_mlp.hidden_units", and for the memory also "mnist_mlp.batch_size".
  std::string weights_fields;
  std::string memory_fields;
};

// Of a resolved spec whose fields are in range.
Footprint FootprintOf(const v1::JobSpec& resolved);

}  // namespace normlab
