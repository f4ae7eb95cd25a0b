// coco.h - COCO's captions and VGG features as they were released with order-embeddings (Vendrov et al. 2016), on Karpathy's
// splits: 113,287 images to train on, 5,000 to choose by and 5,000 to test on, five captions each. Any images and captions
// in the same files are taken alike.
//
// Stored by the import: {train,validation,test}.txt, a caption a line, {...}.npy, a row of features an image, and SHA256SUMS.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/captioned_images.h"
#include "data/registry.h"

namespace normlab::data {

inline constexpr std::array<std::string_view, 3> kCocoSplits = {"train", "validation", "test"};

// What the import stored, every file checked against its hash. Features stay in their files and are mapped. kNotFound: not on this
// machine, the message says how to get it. kDataLoss: a file that is not what was imported.
absl::StatusOr<CaptionData> LoadCoco(const DatasetInfo& dataset, const std::vector<std::string>& directories);

struct CocoReport {
  struct Split {
    std::int64_t images = 0, features = 0;
    std::int64_t rescaled = 0;          // images whose features had not length 1, and were scaled to it
    std::int64_t without_features = 0;  // images whose features are all 0, kept
    std::int64_t without_words = 0;     // captions, kept
  };
  std::array<Split, 3> splits;
  std::string stored;  // the folder
  std::string sha256;  // of its SHA256SUMS
};

// Takes the files as released from `folder`:
//   captions   train.txt, dev.txt or val.txt, test.txt in it or in captions/, or NAME_caps.txt as coco_train_caps.txt
//   features   train.npy, ... in it, in images/ or in images/10crop/, or NAME_ims.npy
// checks them and stores them under `directory`/coco; nothing is stored if one is wrong. Five captions an image. Memory: the
// captions and a few images. `progress` gets bytes of features done and in all.
// kNotFound names what is missing; kDataLoss the file and the place of what is wrong.
absl::StatusOr<CocoReport> ImportCoco(const std::string& folder, const std::string& directory,
                                      const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace normlab::data
