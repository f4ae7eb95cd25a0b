// reference_hand.h - the handwriting network once more, as loops over the equations, in double: what the engine is
// compared with. Shares no code with it but the names of the parameters.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/handwriting/sequence.h"
#include "nn/normalizer.h"

namespace normlab {

struct ReferenceHand {
  // Mistakes that were made for real; the tests must tell each from the right thing.
  enum class Mutation { kNone, kOnePassVariance, kNoLogSumExp, kUnmaskedPadding };

  int units = 0, gaussians = 0, components = 0, alphabet = 0;
  nn::NormKind norm = nn::NoNorm{};  // none, layer or rms
  Mutation mutation = Mutation::kNone;
  std::map<std::string, std::vector<double>> parameters;  // weights [out x in] row-major

  // Mean over the lines of the NLL of all their points, in nats. Lines are padded with zeros to `padded` steps, which
  // only Mutation::kUnmaskedPadding counts.
  double Loss(const std::vector<data::PenSequence>& lines, std::size_t padded) const;
};

}  // namespace normlab
