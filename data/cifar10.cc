#include "data/cifar10.h"

#include <fmt/format.h>

#include <utility>

#include "data/locate.h"

namespace normlab::data {
namespace {

constexpr ImageShape kShape{.channels = 3, .height = 32, .width = 32};
constexpr std::size_t kPositions = 32 * 32;
constexpr std::size_t kRecord = 1 + 3 * kPositions;
constexpr int kClasses = 10;

}  // namespace

absl::StatusOr<LabelledImages> ParseCifar10(std::string_view records, std::string_view source) {
  if (records.empty() || records.size() % kRecord != 0) {
    return absl::DataLossError(fmt::format("{}: {} bytes; expected records of {} bytes, the last one ends at byte {}",
                                           source, records.size(), kRecord, records.size() / kRecord * kRecord));
  }
  std::string pixels, labels;
  pixels.reserve(records.size());
  for (std::size_t at = 0; at < records.size(); at += kRecord) {
    if (const int label = static_cast<unsigned char>(records[at]); label >= kClasses) {
      return absl::DataLossError(
          fmt::format("{}: byte {}: label {}, expected 0 to {}", source, at, label, kClasses - 1));
    }
    labels += records[at];
    const std::string_view planes = records.substr(at + 1, kRecord - 1);
    for (std::size_t p = 0; p < kPositions; ++p) {
      pixels += {planes[p], planes[kPositions + p], planes[2 * kPositions + p]};
    }
  }
  return LabelledImages(kShape, std::move(pixels), std::move(labels));
}

absl::StatusOr<ImageData> LoadCifar10(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  std::string train, test;
  for (const DataFile& file : dataset.files) {
    NORMLAB_ASSIGN_OR_RETURN(const std::string content, LocateAndRead(dataset, file, directories));
    (&file == &dataset.files.back() ? test : train) += content;
  }
  NORMLAB_ASSIGN_OR_RETURN(LabelledImages train_images, ParseCifar10(train, dataset.name));
  NORMLAB_ASSIGN_OR_RETURN(LabelledImages test_images, ParseCifar10(test, dataset.files.back().name));
  return ImageData{std::move(train_images), std::move(test_images), DatasetSha256(dataset)};
}

}  // namespace normlab::data
