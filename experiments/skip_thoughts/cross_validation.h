// cross_validation.h - how well a linear classifier tells two kinds of sentences apart by their vectors: nested 10-fold
// cross-validation of logistic regression, as released code judges MR, CR, SUBJ and MPQA [LN sec 6.3].
//
// Each of ten parts of the examples is tested on once. Of the other nine, ten parts again say which C of 1, 2, 4, ..., 256 has the
// best mean accuracy, the least of equals; with it all nine are trained on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "experiments/skip_thoughts/encoder.h"

namespace normlab {

struct CrossValidation {
  std::vector<double> accuracies;  // by outer part, 0 to 1
  std::vector<double> c;           // chosen for it

  double Mean() const;
  double Deviation() const;  // of the accuracies, over the parts
};

// Labels 0 or 1, one for each vector; at least 100 of them. The parts are consecutive: shuffle examples before.
CrossValidation NestedCrossValidation(const SentenceVectors& vectors, std::span<const std::uint8_t> labels);

}  // namespace normlab
