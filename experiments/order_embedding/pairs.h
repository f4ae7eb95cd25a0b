// pairs.h - images and their captions as the model takes them: features, and numbers of words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/captioned_images.h"
#include "data/scenes/scene.h"
#include "data/text/vocabulary.h"
#include "experiments/experiment.h"
#include "experiments/order_embedding/network.h"

namespace normlab {

struct PairSplit {
  data::FeatureRows features;
  data::SentenceIds captions;  // 5 i to 5 i + 4 are of image i

  std::int64_t images() const { return features.rows; }
};

struct PairData {
  PairSplit train, validation, test;
  std::int64_t words =
      0;  // numbers of words: all words of training and validation captions, the end and the unknown one
  std::vector<std::string> validation_texts;
  std::vector<data::Scene> validation_scenes;  // to be drawn; empty: the images are not here
  std::string sha256;
};

// Numbers the words of `data`, whose splits have at least one image.
PairData MakePairs(data::CaptionData data);

// Cuts the splits to what the config uses. kInvalidArgument if there is less.
absl::Status KeepUsed(const v1::OrderEmbeddingConfig& config, data::CaptionData& data);

// What the config asks for, verified; the hash is reported in context.facts as "data.<name>". Errors as KeepUsed, and kNotFound: the
// data is not here, the message says how to get it.
absl::StatusOr<PairData> LoadPairs(const v1::OrderEmbeddingConfig& config, const ExperimentContext& context);

// Captions side by side. Owns the memory that the network borrows; fill it again for the next batch.
class CaptionBatchMemory {
 public:
  // For batches of at most so many of these captions, which then allocate nothing.
  void Reserve(const data::SentenceIds& captions, std::int64_t batch);
  void Fill(const data::SentenceIds& captions, std::span<const std::uint32_t> chosen);
  CaptionBatch<float> get() const;

 private:
  nn::Index steps_ = 0, batch_ = 0;
  std::vector<std::int32_t> words_;
  std::vector<float> mask_;
};

}  // namespace normlab
