// network.h - skip-thoughts (Kiros et al. 2015) [LN sec 6.3]: a GRU reads a sentence, two others write the sentences after and
// before it from the vector that is left.
//
//   e_t  = E[x_t]                               embedding of word t, word_size values
//   h_t  = GRU(e_t, h_{t-1}), h_0 = 0           encoder [LN eq 23-25], or with a norm [LN eq 26-28]
//   s    = h_T                                  the sentence's vector, T the end of the sentence
//   d_t  = GRU(E[y_{t-1}], d_{t-1}), d_0 = s    a decoder for each neighbour y; E[y_0] is 0
//   p_t  = softmax(V d_t + b)                   of word t of y, the same V and b for both
//   loss = sum over both neighbours, their words and the batch of -log(p_t[y_t] + 1e-8)
//
// Conditioned at every step, as in 2015 and not in the code released later, a decoder's input sums are W e + C s. With tied
// output weights V d is E (P d). A norm stands in all three GRUs.
//
// Parameters: "embedding.weight" [words x word_size], "encoder", "next", "previous" (nn/cells/gru.h), "next.condition.weight"
// [3 units x units] and "previous.condition.weight", "output.weight" [words x units], or tied "output.projection.weight"
// [word_size x units], "output.bias" [words]. At the paper's sizes 126 million values.
//
// Threads: one. Borrows the scope's store, which outlives it. Errors: nn::Error for shapes and word numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nn/cells/gru.h"
#include "nn/layers/shared_linear.h"

namespace normlab {

// Where the sentence's vector enters a decoder.
enum class Conditioning { kInitialState, kEveryStep };

struct SkipThoughtsShape {
  nn::Index words = 20000;  // end of sentence and unknown word included
  nn::Index word_size = 620;
  nn::Index units = 2400;  // of each of the three
  nn::NormSpec norm = {};
  Conditioning conditioning = Conditioning::kInitialState;
  bool tied = false;
};

// Sentences side by side: word t of all, then word t + 1; each ends with the end of the sentence, number 0. Borrowed until the
// tape's reset().
template <typename T>
struct SentenceBatch {
  nn::Index steps = 0;  // of the longest
  nn::Index batch = 0;
  std::span<const std::int32_t> ids;  // steps * batch
  const T* mask = nullptr;            // 1 x (steps batch): 1 where the step is part of its sentence
};

template <typename T>
struct TripletBatch {
  SentenceBatch<T> sentence, next, previous;  // ids and mask of `previous` lie in memory right behind those of `next`
};

template <typename T>
class BasicSkipThoughts {
 public:
  using Var = nn::BasicVar<T>;

  BasicSkipThoughts(const nn::BasicScope<T>& scope, const SkipThoughtsShape& shape);

  // The sentences' vectors: units x B.
  Var Encode(nn::BasicTape<T>& tape, const SentenceBatch<T>& sentences, nn::Mode mode);

  // The loss in nats, a sum: 1 x 1.
  Var Loss(nn::BasicTape<T>& tape, const TripletBatch<T>& triplets, nn::Mode mode);

  const SkipThoughtsShape& shape() const { return shape_; }

 private:
  struct Decoder {
    Decoder(const nn::BasicScope<T>& scope, const SkipThoughtsShape& shape);
    nn::BasicGru<T> gru;
    std::optional<nn::BasicSharedLinear<T>> condition;  // C
  };

  Var Embed(nn::BasicTape<T>& tape, std::span<const std::int32_t> ids);
  // Adds d_t of all steps to states_.
  void Decode(Decoder& decoder, Var thought, const SentenceBatch<T>& sentences, nn::Mode mode);

  SkipThoughtsShape shape_;
  nn::BasicParameter<T>& embedding_;
  nn::BasicGru<T> encoder_;
  Decoder next_, previous_;
  std::optional<nn::BasicSharedLinear<T>> projection_;  // tied
  nn::BasicParameter<T>* output_ = nullptr;             // V, not tied
  nn::BasicParameter<T>& output_bias_;
  std::vector<Var> states_;  // of a pass; kept for its memory
};

using SkipThoughts = BasicSkipThoughts<float>;

extern template class BasicSkipThoughts<float>;
extern template class BasicSkipThoughts<double>;

}  // namespace normlab
