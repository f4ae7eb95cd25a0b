// network.h - images and their captions as points of one order [LN sec 6.1], after Vendrov et al. 2016.
//
//   h_t = GRU(w_t, h_{t-1})           over the word vectors w_t of a caption and its end; [LN eq 23-25], normalised [LN eq 26-28]
//   s   = h_T / ||h_T||,  i = (W x + b) / ||W x + b||                                                                 units x B
//   order    s and i made positive, |s| and |i|;  E(s, i) = sum over units of max(0, s - i)^2: a caption lies above its image
//   cosine   E(s, i) = -s . i
//   loss = sum over the wrong pairs of a batch of max(0, margin - E(wrong) + E(right)), against the right pair of the same caption
//          and that of the same image
//
// Parameters: "words" [words x word_size], "gru" (nn/cells/gru.h), "image.weight" [units x features], "image.bias".
//
// Threads: one. Borrows the scope's store, which outlives it. Errors: nn::Error for shapes.
#pragma once

#include <cstdint>
#include <span>

#include "nn/cells/gru.h"
#include "nn/layers/linear.h"

namespace normlab {

enum class PairScore { kOrder, kCosine };

struct OrderEmbeddingSpec {
  nn::Index words = 0;     // numbers of words, the end of a caption included
  nn::Index features = 0;  // of an image
  nn::Index word_size = 300;
  nn::Index units = 1024;
  PairScore score = PairScore::kOrder;
  double margin = 0.05;
  nn::NormSpec norm = {};
  double init_range = 0.1;  // of word vectors and input weights
};

// Captions side by side, padded to the longest: word t of all captions, then word t + 1. Borrowed until the tape's reset().
template <typename T>
struct CaptionBatch {
  nn::Index steps = 0, batch = 0;       // T, with the end of the caption; B
  std::span<const std::int32_t> words;  // T B
  const T* mask = nullptr;              // 1 x (T B): 1 where the step is part of its caption
};

template <typename T>
class BasicOrderEmbedding {
 public:
  using Var = nn::BasicVar<T>;

  BasicOrderEmbedding(const nn::BasicScope<T>& scope, const OrderEmbeddingSpec& spec);

  // units x B. A padded step passes the state on.
  Var Captions(nn::BasicTape<T>& tape, const CaptionBatch<T>& captions, const nn::Step& step);
  // units x B from features x B.
  Var Images(Var features, const nn::Step& step);
  // E of all pairs, S x B: captions down, images across.
  Var Penalties(Var captions, Var images) const;
  // 1 x 1, of a batch whose caption b belongs to image b.
  Var Loss(Var captions, Var images) const;

  const OrderEmbeddingSpec& spec() const { return spec_; }

 private:
  Var ToPoint(Var x) const;

  OrderEmbeddingSpec spec_;
  nn::BasicParameter<T>& words_;
  nn::BasicGru<T> gru_;
  nn::BasicLinear<T> image_;
};

using OrderEmbedding = BasicOrderEmbedding<float>;

extern template class BasicOrderEmbedding<float>;
extern template class BasicOrderEmbedding<double>;

}  // namespace normlab
