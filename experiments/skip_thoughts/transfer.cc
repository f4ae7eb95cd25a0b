#include "experiments/skip_thoughts/transfer.h"

#include <fmt/format.h>

#include <numeric>

#include "base/rng.h"
#include "data/registry.h"
#include "experiments/skip_thoughts/cross_validation.h"
#include "experiments/skip_thoughts/relatedness.h"

namespace normlab {
namespace {

constexpr std::uint64_t kSeed = 1234;  // that of the released evaluation
constexpr std::size_t kFewest = 100;   // sentences for ten parts of ten parts

void Say(std::map<std::string, std::string>* facts, const std::string& name, const std::string& what) {
  if (facts != nullptr) {
    (*facts)["transfer." + name] = what;
  }
}

// Whether the set is there. Its absence is an error if it is required.
absl::StatusOr<bool> IsThere(const absl::Status& loaded, const std::string& name, bool required,
                             std::map<std::string, std::string>* facts) {
  if (absl::IsNotFound(loaded) && !required) {
    Say(facts, name, "not here, not measured");
    return false;
  }
  NORMLAB_RETURN_IF_ERROR(loaded);
  return true;
}

std::vector<Sentence> Views(const std::vector<std::vector<std::uint32_t>>& sentences) {
  return {sentences.begin(), sentences.end()};
}

}  // namespace

absl::StatusOr<TransferData> LoadTransfer(const std::vector<std::string>& directories, bool required,
                                          std::map<std::string, std::string>* facts) {
  TransferData data;
  for (const char* name : {"mr", "cr", "subj", "mpqa"}) {
    auto set = data::LoadSentenceSet(*data::FindDataset(name), directories);
    NORMLAB_ASSIGN_OR_RETURN(const bool there, IsThere(set.status(), name, required, facts));
    if (!there) {
      continue;
    }
    if (set->sentences.size() < kFewest) {
      return absl::InvalidArgumentError(
          fmt::format("data set {} has {} sentences; expected {} at least, for ten parts of ten parts", name,
                      set->sentences.size(), kFewest));
    }
    Say(facts, name, set->sha256);
    data.sets[name] = std::move(set->sentences);
  }
  auto sick = data::LoadSick(*data::FindDataset("sick"), directories);
  NORMLAB_ASSIGN_OR_RETURN(const bool there, IsThere(sick.status(), "sick", required, facts));
  if (there) {
    Say(facts, "sick", sick->sha256);
    data.sick = *std::move(sick);
  }
  return data;
}

Transfer::Transfer(const TransferData& data, const data::Vocabulary& vocabulary) {
  for (const auto& [name, sentences] : data.sets) {
    sets_.push_back(MakeSet(name, sentences, vocabulary));
  }
  if (data.sick) {
    sick_ = {.train = MakePairs(data.sick->train, vocabulary, true),
             .trial = MakePairs(data.sick->trial, vocabulary, false),
             .test = MakePairs(data.sick->test, vocabulary, false)};
  }
}

Transfer::Set Transfer::MakeSet(const std::string& name, const std::vector<data::LabelledSentence>& sentences,
                                const data::Vocabulary& vocabulary) {
  Set set{.name = name, .sentences = {}, .labels = {}};
  for (const std::uint32_t i : Rng(kSeed, "transfer").Permutation(static_cast<std::uint32_t>(sentences.size()))) {
    set.sentences.push_back(data::ToIds(sentences[i].text, vocabulary));
    set.labels.push_back(static_cast<std::uint8_t>(sentences[i].label));
  }
  return set;
}

Transfer::Pairs Transfer::MakePairs(const std::vector<data::SickPair>& pairs, const data::Vocabulary& vocabulary,
                                    bool shuffled) {
  std::vector<std::uint32_t> order(pairs.size());
  std::iota(order.begin(), order.end(), 0u);
  if (shuffled) {
    order = Rng(kSeed, "transfer").Permutation(static_cast<std::uint32_t>(pairs.size()));
  }
  Pairs made;
  for (const std::uint32_t i : order) {
    made.a.push_back(data::ToIds(pairs[i].a, vocabulary));
    made.b.push_back(data::ToIds(pairs[i].b, vocabulary));
    made.relatedness.push_back(pairs[i].relatedness);
  }
  return made;
}

void Transfer::Evaluate(SentenceEncoder& encoder, std::uint64_t updates, Recorder& recorder) const {
  for (const Set& set : sets_) {
    const CrossValidation result =
        NestedCrossValidation(encoder.Encode(Views(set.sentences), Ending::kNone), set.labels);
    recorder.Point("transfer/" + set.name, updates, result.Mean());
    recorder.Point("transfer/" + set.name + "_deviation", updates, result.Deviation());
  }
  if (sick_) {
    const auto rated = [&](const Pairs& pairs) {
      return RatedPairs{.u = encoder.Encode(Views(pairs.a), Ending::kEnd),
                        .v = encoder.Encode(Views(pairs.b), Ending::kEnd),
                        .relatedness = pairs.relatedness};
    };
    const Relatedness result = MeasureRelatedness(rated(sick_->train), rated(sick_->trial), rated(sick_->test), kSeed);
    recorder.Point("transfer/sick_pearson", updates, result.pearson);
    recorder.Point("transfer/sick_spearman", updates, result.spearman);
    recorder.Point("transfer/sick_mse", updates, result.mse);
  }
}

}  // namespace normlab
