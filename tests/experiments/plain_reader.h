// plain_reader.h - the loss of an attentive reader by loops over single numbers, from nothing but its parameters by name; and the
// mistakes one makes in it. Shares no code with nn/ or experiments/.
#pragma once

#include <complex>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace normlab {

// Complex, so that the imaginary part of f(x + ih) / h is the derivative of f without a difference's rounding.
using Number = std::complex<double>;
using Numbers = std::vector<Number>;

struct PlainReader {
  enum class Norm { kNone, kBatch, kLayer, kRms, kWeight };
  enum class Mistake {
    kNone,
    kPaddingIsNormalised,     // padded steps count in batch statistics
    kPaddingIsAttended,       // and in the softmax of attention
    kStatisticsOverAllSteps,  // one mean and variance for all time steps
    kForgetIsInput,           // the gates f and i change places
    kUpdateForForget,         // c = (1 - f) c + i g
    kSimilarityNormalised,    // s_t before the readout norm
  };

  std::size_t units = 0;
  Norm norm = Norm::kNone;
  bool norm_readout = false, similarity = true, mean_term = true, learn_initial_state = true, bias_twice = true;
  Mistake mistake = Mistake::kNone;
  double eps = 1e-5;

  // A question as numbers of words, and what dropout multiplies each value with: H a word, and H for the readout.
  struct Example {
    std::vector<std::int32_t> passage, question;
    std::int32_t answer = 0;
    std::vector<double> keep_passage = {}, keep_question = {}, keep_readout = {};
  };

  // Mean of -log(p + 1e-8) in training.
  Number Loss(const std::map<std::string, Numbers>& parameters, const std::vector<Example>& examples) const;
};

}  // namespace normlab
