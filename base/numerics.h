// numerics.h - the revision of the engine's arithmetic, part of every job's identity.
//
// Raise it with any change below experiments/ (base/, data/, nn/) that changes a bit of what any job computes. A change of
// one experiment alone raises that experiment's `revision` in proto/normlab/v1/experiments.proto instead.
// tests/experiments/golden_bits_test.cc fails when bits change and neither number does, and says how to go on.
#pragma once

namespace normlab {

inline constexpr int kNumericsRevision = 1;

}  // namespace normlab
