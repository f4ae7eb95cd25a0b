#include "data/binarized_mnist.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rng.h"
#include "data/locate.h"

namespace normlab::data {
namespace {

constexpr std::int64_t kPixels = 28 * 28;
constexpr std::int64_t kTrainImages = 50000;

// Of the binarisation alone, whatever the seed of a run: changing it makes another data set (registry.cc, version).
constexpr std::uint64_t kSamplingSeed = 1;

absl::StatusOr<BinaryImages> LoadAmat(const DatasetInfo& dataset, const DataFile& file,
                                      const std::vector<std::string>& directories) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, LocateAndRead(dataset, file, directories));
  return ParseAmat(text, kPixels, file.name);
}

absl::StatusOr<BinarizedMnistData> SampleMnist(const DatasetInfo& dataset,
                                               const std::vector<std::string>& directories) {
  NORMLAB_ASSIGN_OR_RETURN(ImageData mnist, LoadMnist(dataset, directories, 0));
  mnist.train.KeepFirst(std::min(kTrainImages, mnist.train.size()));
  return BinarizedMnistData{SampleBinary(mnist.train, "train"), SampleBinary(mnist.test, "test"), mnist.sha256};
}

}  // namespace

void BinaryImages::KeepSpread(std::int64_t count) {
  std::string kept;
  kept.reserve(static_cast<std::size_t>(count * features_));
  for (std::int64_t i = 0; i < count; ++i) {
    kept.append(pixels_, static_cast<std::size_t>(i * size() / count * features_), static_cast<std::size_t>(features_));
  }
  pixels_ = std::move(kept);
}

void BinaryImages::GatherOne(std::int64_t example, float* column) const {
  const char* pixels = pixels_.data() + example * features_;
  for (std::int64_t f = 0; f < features_; ++f) {
    column[f] = static_cast<float>(pixels[f] - '0');
  }
}

void BinaryImages::Gather(std::span<const std::uint32_t> examples, float* columns) const {
  for (std::size_t i = 0; i < examples.size(); ++i) {
    GatherOne(examples[i], columns + static_cast<std::int64_t>(i) * features_);
  }
}

void BinaryImages::GatherRange(std::int64_t begin, std::int64_t end, float* columns) const {
  for (std::int64_t i = begin; i < end; ++i) {
    GatherOne(i, columns + (i - begin) * features_);
  }
}

absl::StatusOr<BinaryImages> ParseAmat(std::string_view text, std::int64_t features, std::string_view source) {
  const auto line_bytes = static_cast<std::size_t>(2 * features);
  if (text.empty() || text.size() % line_bytes != 0) {
    return absl::DataLossError(fmt::format("{}: {} bytes; expected lines of {} values, each of {} bytes", source,
                                           text.size(), features, line_bytes));
  }
  std::string pixels(text.size() / 2, '0');
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const char separator = (i + 2) % line_bytes == 0 ? '\n' : ' ';
    if ((text[i] != '0' && text[i] != '1') || text[i + 1] != separator) {
      return absl::DataLossError(
          fmt::format("{}: line {}, byte {}: expected 0 or 1 and then {}, found \\x{:02x}\\x{:02x}", source,
                      1 + i / line_bytes, i, separator == ' ' ? "a blank" : "a new line",
                      static_cast<unsigned char>(text[i]), static_cast<unsigned char>(text[i + 1])));
    }
    pixels[i / 2] = text[i];
  }
  return BinaryImages(features, std::move(pixels));
}

BinaryImages SampleBinary(const LabelledImages& images, std::string_view part) {
  std::vector<float> grey(static_cast<std::size_t>(images.features()));
  std::string pixels;
  pixels.reserve(static_cast<std::size_t>(images.size() * images.features()));
  const std::string purpose = fmt::format("binarisation/{}", part);
  for (std::int64_t i = 0; i < images.size(); ++i) {
    std::int32_t label = 0;
    images.GatherRange(i, i + 1, grey.data(), &label);
    Rng rng(kSamplingSeed, purpose, static_cast<std::uint64_t>(i));
    for (const float level : grey) {
      pixels.push_back(rng.Uniform() < static_cast<double>(level) ? '1' : '0');
    }
  }
  return BinaryImages(images.features(), std::move(pixels));
}

absl::StatusOr<BinarizedMnistData> LoadBinarizedMnist(const DatasetInfo& dataset,
                                                      const std::vector<std::string>& directories) {
  if (dataset.name == "sampled_mnist") {
    return SampleMnist(dataset, directories);
  }
  NORMLAB_ASSIGN_OR_RETURN(BinaryImages train, LoadAmat(dataset, dataset.files[0], directories));
  NORMLAB_ASSIGN_OR_RETURN(BinaryImages test, LoadAmat(dataset, dataset.files[2], directories));
  return BinarizedMnistData{std::move(train), std::move(test), DatasetSha256(dataset)};
}

}  // namespace normlab::data
