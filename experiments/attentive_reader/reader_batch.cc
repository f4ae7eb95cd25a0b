#include "experiments/attentive_reader/reader_batch.h"

#include <algorithm>

namespace normlab {

ReaderBatchMemory::ReaderBatchMemory(const data::ClozeData& data, std::int64_t batch) {
  std::size_t passage = 0, question = 0;
  for (const data::ClozeSet* set : {&data.train, &data.valid, &data.test}) {
    passage = std::max(passage, set->LongestPassage());
    question = std::max(question, set->LongestQuestion());
  }
  passage_.Reserve(passage * static_cast<std::size_t>(batch));
  question_.Reserve(question * static_cast<std::size_t>(batch));
  answers_.reserve(static_cast<std::size_t>(batch));
}

void ReaderBatchMemory::Side::Reserve(std::size_t columns) {
  words.reserve(columns);
  mask.reserve(columns);
}

void ReaderBatchMemory::Side::Clear(std::size_t longest, std::size_t batch) {
  steps = static_cast<std::int64_t>(longest);
  words.assign(longest * batch, 0);
  mask.assign(longest * batch, 0.0f);
}

void ReaderBatchMemory::Fill(const data::ClozeSet& set, std::span<const std::uint32_t> questions,
                             std::span<const std::uint32_t> order) {
  batch_ = static_cast<std::int64_t>(questions.size());
  std::size_t passage = 0, question = 0;
  for (const std::uint32_t i : questions) {
    passage = std::max(passage, set[i].passage.size());
    question = std::max(question, set[i].question.size());
  }
  passage_.Clear(passage, questions.size());
  question_.Clear(question, questions.size());
  answers_.clear();
  const auto called = [order](std::uint32_t word) {  // names are 1 .. order.size()
    const bool is_name = word != data::kUnknownClozeWord && word <= order.size();
    return static_cast<std::int32_t>(is_name ? order[word - 1] + 1 : word);
  };
  const auto put = [&](std::span<const std::uint32_t> words, std::size_t b, Side& side) {
    for (std::size_t t = 0; t < words.size(); ++t) {
      side.words[t * questions.size() + b] = called(words[t]);
      side.mask[t * questions.size() + b] = 1.0f;
    }
  };
  for (std::size_t b = 0; b < questions.size(); ++b) {
    const data::Cloze cloze = set[questions[b]];
    put(cloze.passage, b, passage_);
    put(cloze.question, b, question_);
    answers_.push_back(called(cloze.answer));
  }
}

ReaderBatch<float> ReaderBatchMemory::get() const {
  return {.steps = passage_.steps,
          .question_steps = question_.steps,
          .batch = batch_,
          .passage = passage_.words,
          .question = question_.words,
          .passage_mask = passage_.mask.data(),
          .question_mask = question_.mask.data()};
}

}  // namespace normlab
