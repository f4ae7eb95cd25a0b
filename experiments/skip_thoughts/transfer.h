// transfer.h - what a trained encoder's vectors are worth elsewhere: MR, CR, SUBJ, MPQA and SICK [LN sec 6.3].
//
// Recorded, at step = updates done:
//   transfer/mr, transfer/cr, transfer/subj, transfer/mpqa             mean accuracy over the ten parts, 0 to 1
//   transfer/mr_deviation, ...                                         of the ten accuracies: the bands of Figure 3
//   transfer/sick_pearson, transfer/sick_spearman, transfer/sick_mse   on the test pairs
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/text/sentence_sets.h"
#include "data/text/sick.h"
#include "experiments/experiment.h"
#include "experiments/skip_thoughts/encoder.h"

namespace normlab {

// What is there of the five.
struct TransferData {
  std::map<std::string, std::vector<data::LabelledSentence>> sets;  // "mr" -> ...
  std::optional<data::SickData> sick;
};

// What of them is on this machine; each is said in `facts` (or null) with its hash, or that it is not here. kNotFound: one is
// missing and `required`. kDataLoss: a file is damaged.
absl::StatusOr<TransferData> LoadTransfer(const std::vector<std::string>& directories, bool required,
                                          std::map<std::string, std::string>* facts);

class Transfer {
 public:
  // Sets are shuffled as their lists are sorted by label; always alike, whatever a run's seed.
  Transfer(const TransferData& data, const data::Vocabulary& vocabulary);

  bool empty() const { return sets_.empty() && !sick_; }
  void Evaluate(SentenceEncoder& encoder, std::uint64_t updates, Recorder& recorder) const;

 private:
  using Words = std::vector<std::uint32_t>;
  struct Set {
    std::string name;
    std::vector<Words> sentences;
    std::vector<std::uint8_t> labels;
  };
  struct Pairs {
    std::vector<Words> a, b;
    std::vector<double> relatedness;
  };
  struct Sick {
    Pairs train, trial, test;
  };
  static Set MakeSet(const std::string& name, const std::vector<data::LabelledSentence>& sentences,
                     const data::Vocabulary& vocabulary);
  static Pairs MakePairs(const std::vector<data::SickPair>& pairs, const data::Vocabulary& vocabulary, bool shuffled);

  std::vector<Set> sets_;
  std::optional<Sick> sick_;
};

}  // namespace normlab
