#include "data/mnist.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/idx.h"
#include "data/locate.h"

namespace normlab::data {
namespace {

constexpr int kClasses = 10;

absl::StatusOr<IdxArray> LoadFile(const DatasetInfo& dataset, std::size_t index,
                                  const std::vector<std::string>& directories) {
  const DataFile& file = dataset.files[index];
  NORMLAB_ASSIGN_OR_RETURN(std::string content, LocateAndRead(dataset, file, directories));
  return ParseIdx(std::move(content), file.name);
}

// Images of shape {n, rows, columns} and labels of shape {n}, each 0..9.
absl::Status CheckPair(const IdxArray& images, const IdxArray& labels, const DataFile& image_file,
                       const DataFile& label_file) {
  if (images.shape.size() != 3) {
    return absl::DataLossError(fmt::format("{}: byte 3: {} dimensions ({}), expected 3: images, rows, columns",
                                           image_file.name, images.shape.size(), fmt::join(images.shape, " x ")));
  }
  if (labels.shape.size() != 1 || labels.shape[0] != images.shape[0]) {
    return absl::DataLossError(fmt::format("{}: labels of shape {} do not match the {} images of {}", label_file.name,
                                           fmt::join(labels.shape, " x "), images.shape[0], image_file.name));
  }
  for (std::size_t i = 0; i < labels.values.size(); ++i) {
    if (const int label = static_cast<unsigned char>(labels.values[i]); label >= kClasses) {
      return absl::DataLossError(
          fmt::format("{}: byte {}: label {}, expected 0 to {}", label_file.name, 8 + i, label, kClasses - 1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LabelledImages> LoadPair(const DatasetInfo& dataset, std::size_t image_index, std::size_t label_index,
                                        const std::vector<std::string>& directories) {
  NORMLAB_ASSIGN_OR_RETURN(IdxArray images, LoadFile(dataset, image_index, directories));
  NORMLAB_ASSIGN_OR_RETURN(IdxArray labels, LoadFile(dataset, label_index, directories));
  NORMLAB_RETURN_IF_ERROR(CheckPair(images, labels, dataset.files[image_index], dataset.files[label_index]));
  const ImageShape shape{.channels = 1, .height = images.shape[1], .width = images.shape[2]};
  return LabelledImages(shape, std::move(images.values), std::move(labels.values));
}

}  // namespace

absl::StatusOr<ImageData> LoadMnist(const DatasetInfo& dataset, const std::vector<std::string>& directories,
                                    std::int64_t held_out) {
  NORMLAB_ASSIGN_OR_RETURN(LabelledImages train, LoadPair(dataset, 0, 1, directories));
  NORMLAB_ASSIGN_OR_RETURN(LabelledImages test, LoadPair(dataset, 2, 3, directories));
  if (train.features() != test.features() || train.size() <= held_out) {
    return absl::DataLossError(fmt::format(
        "{}: {} training images of {} pixels and {} test images of {} pixels; expected equal sizes and more "
        "than {} training images",
        dataset.name, train.size(), train.features(), test.size(), test.features(), held_out));
  }
  train.DropFirst(held_out);
  return ImageData{std::move(train), std::move(test), DatasetSha256(dataset)};
}

}  // namespace normlab::data
