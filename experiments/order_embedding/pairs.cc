#include "experiments/order_embedding/pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "data/coco/coco.h"
#include "data/registry.h"
#include "experiments/order_embedding/scene_features.h"
#include "proto/spec.h"

namespace normlab {
namespace {

constexpr std::int64_t kTrainingScenes = 20000;

// Calls use(word) for each word of a caption.
template <typename Use>
void ForEachWord(std::string_view caption, Use use) {
  while (!caption.empty()) {
    const std::size_t end = std::min(caption.find(' '), caption.size());
    use(caption.substr(0, end));
    caption.remove_prefix(std::min(end + 1, caption.size()));
  }
}

PairSplit ToNumbers(const data::CaptionedImages& images, const data::Vocabulary& vocabulary) {
  PairSplit split{.features = images.features, .captions = {.ids = {}, .begin = {0}}};
  for (const std::string& caption : images.captions) {
    ForEachWord(caption, [&](std::string_view word) { split.captions.ids.push_back(vocabulary.Id(word)); });
    split.captions.begin.push_back(split.captions.ids.size());
  }
  return split;
}

std::int64_t TestImages(const v1::OrderEmbeddingConfig& config) {
  return std::int64_t{config.test_folds()} * config.evaluation_images();
}

std::vector<data::Scene> DrawScenes(std::string_view part, std::int64_t count) {
  std::vector<data::Scene> scenes;
  for (std::int64_t n = 0; n < count; ++n) {
    scenes.push_back(data::DrawScene(part, static_cast<std::uint64_t>(n)));
  }
  return scenes;
}

data::CaptionedImages Describe(std::string_view part, const std::vector<data::Scene>& scenes) {
  data::CaptionedImages images{.features = SceneFeatures(scenes), .captions = {}};
  for (std::size_t n = 0; n < scenes.size(); ++n) {
    for (std::string& caption : data::DescribeScene(scenes[n], part, n)) {
      images.captions.push_back(std::move(caption));
    }
  }
  return images;
}

void KeepFirst(std::int64_t count, data::CaptionedImages& images) {
  images.features.rows = count;
  images.captions.resize(static_cast<std::size_t>(data::kCaptionsPerImage * count));
}

}  // namespace

PairData MakePairs(data::CaptionData data) {
  data::WordCounter counter;
  for (const data::CaptionedImages* split : {&data.train, &data.validation}) {
    for (const std::string& caption : split->captions) {
      ForEachWord(caption, [&counter](std::string_view word) { counter.Add(word); });
    }
  }
  const data::Vocabulary vocabulary = counter.MostFrequent(std::numeric_limits<std::int32_t>::max());
  return {.train = ToNumbers(data.train, vocabulary),
          .validation = ToNumbers(data.validation, vocabulary),
          .test = ToNumbers(data.test, vocabulary),
          .words = static_cast<std::int64_t>(vocabulary.Size()),
          .validation_texts = std::move(data.validation.captions),
          .validation_scenes = {},
          .sha256 = std::move(data.sha256)};
}

absl::Status KeepUsed(const v1::OrderEmbeddingConfig& config, data::CaptionData& data) {
  const std::int64_t train = config.train_images() != 0 ? config.train_images() : data.train.images();
  if (train > data.train.images() || config.evaluation_images() > data.validation.images() ||
      TestImages(config) > data.test.images()) {
    return absl::InvalidArgumentError(
        fmt::format("order_embedding.train_images is {}, evaluation_images {} and test_folds {}; the data set has {} "
                    "images to train "
                    "on, {} to validate and {} to test",
                    config.train_images(), config.evaluation_images(), config.test_folds(), data.train.images(),
                    data.validation.images(), data.test.images()));
  }
  if (config.batch_size() > train) {
    return absl::InvalidArgumentError(fmt::format(
        "order_embedding.batch_size is {}; expected at most the {} training images", config.batch_size(), train));
  }
  KeepFirst(train, data.train);
  KeepFirst(config.evaluation_images(), data.validation);
  KeepFirst(TestImages(config), data.test);
  return absl::OkStatus();
}

absl::StatusOr<PairData> LoadPairs(const v1::OrderEmbeddingConfig& config, const ExperimentContext& context) {
  const bool scenes = config.dataset() == v1::ORDER_EMBEDDING_DATASET_SCENES;
  const std::string name = ConfigDatasetName(config);
  const data::DatasetInfo& dataset = *data::FindDataset(name);
  data::CaptionData data;
  std::vector<data::Scene> validation;
  if (scenes) {
    const std::int64_t train = config.train_images() != 0 ? config.train_images() : kTrainingScenes;
    validation = DrawScenes("validation", config.evaluation_images());
    data = {.train = Describe("train", DrawScenes("train", std::min(train, kTrainingScenes))),
            .validation = Describe("validation", validation),
            .test = Describe("test", DrawScenes("test", TestImages(config))),
            .sha256 = data::DatasetSha256(dataset)};
  } else {
    NORMLAB_ASSIGN_OR_RETURN(data, data::LoadCoco(dataset, context.data_directories));
  }
  NORMLAB_RETURN_IF_ERROR(KeepUsed(config, data));
  if (context.facts != nullptr) {
    (*context.facts)["data." + name] = data.sha256;
    (*context.facts)["data.train"] = fmt::format("{} images", data.train.images());
  }
  PairData pairs = MakePairs(std::move(data));
  pairs.validation_scenes = std::move(validation);
  return pairs;
}

void CaptionBatchMemory::Reserve(const data::SentenceIds& captions, std::int64_t batch) {
  std::size_t longest = 0;
  for (std::size_t c = 0; c < captions.Sentences(); ++c) {
    longest = std::max(longest, captions.Sentence(c).size());
  }
  words_.reserve((longest + 1) * static_cast<std::size_t>(batch));
  mask_.reserve((longest + 1) * static_cast<std::size_t>(batch));
}

// The end of a caption is a step of its own, and the number of all padding.
void CaptionBatchMemory::Fill(const data::SentenceIds& captions, std::span<const std::uint32_t> chosen) {
  std::size_t longest = 0;
  for (const std::uint32_t caption : chosen) {
    longest = std::max(longest, captions.Sentence(caption).size());
  }
  steps_ = static_cast<nn::Index>(longest) + 1;
  batch_ = static_cast<nn::Index>(chosen.size());
  words_.assign(static_cast<std::size_t>(steps_ * batch_), static_cast<std::int32_t>(data::kEndOfSentence));
  mask_.assign(words_.size(), 0.0f);
  for (std::size_t b = 0; b < chosen.size(); ++b) {
    const std::span<const std::uint32_t> words = captions.Sentence(chosen[b]);
    for (std::size_t t = 0; t <= words.size(); ++t) {
      const std::size_t column = t * chosen.size() + b;
      words_[column] = static_cast<std::int32_t>(t < words.size() ? words[t] : data::kEndOfSentence);
      mask_[column] = 1.0f;
    }
  }
}

CaptionBatch<float> CaptionBatchMemory::get() const {
  return {.steps = steps_, .batch = batch_, .words = words_, .mask = mask_.data()};
}

}  // namespace normlab
