// reader_init.h - the initial weights of an attentive reader, as its released code has them, and otherwise.
#pragma once

#include <cstdint>

#include "nn/init.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

// One initializer for each kind of matrix. Biases and initial states start at 0.
struct ReaderInit {
  nn::Initializer embedding = nn::init::glorot_uniform(), output = nn::init::glorot_uniform();
  nn::Initializer input = nn::init::glorot_uniform(),
                  recurrent = nn::init::glorot_uniform();  // of the LSTMs, four gates
  nn::Initializer similarity = nn::init::glorot_uniform(), attention_passage = nn::init::glorot_uniform();
  nn::Initializer others = nn::init::glorot_uniform();  // of attention and readout
};

// Of a run with this seed.
ReaderInit ReaderInitOf(v1::ReaderInitKind kind, std::uint64_t seed);

}  // namespace normlab
