#include "testing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/paths.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "data/cloze/cloze_file.h"
#include "proto/names.h"
#include "proto/spec.h"

namespace normlab {
namespace {

data::LabelledImages SyntheticImages(std::int64_t count, std::uint64_t part) {
  constexpr std::int64_t kPixels = 784;
  Rng shapes(7, "synthetic/shapes");  // the same ten digits for training and test
  std::vector<double> centres(10 * kPixels);
  std::generate(centres.begin(), centres.end(), [&] { return std::max(0.0, 300.0 * (shapes.Uniform() - 0.75)); });
  Rng noise(7, "synthetic/noise", part);
  std::string pixels;
  std::string labels;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int64_t>(noise.Below(10));
    labels.push_back(static_cast<char>(label));
    for (std::int64_t p = 0; p < kPixels; ++p) {
      const double centre = centres[static_cast<std::size_t>(label * kPixels + p)];
      const double value = centre > 0 ? centre + 40.0 * noise.Normal() : 0.0;
      pixels.push_back(static_cast<char>(static_cast<unsigned char>(std::clamp(value, 0.0, 255.0))));
    }
  }
  return data::LabelledImages({.channels = 1, .height = 28, .width = 28}, std::move(pixels), std::move(labels));
}

}  // namespace

void MemoryRecorder::Point(std::string_view series, std::uint64_t step, double value) {
  EXPECT_TRUE(IsName(series, true)) << series;
  points_.push_back({std::string(series), step, value});
}

void MemoryRecorder::Artifact(std::string_view name, std::string_view media_type, std::uint64_t, std::string) {
  EXPECT_TRUE(IsName(name, false)) << name;
  EXPECT_TRUE(IsMediaType(media_type)) << media_type;
}

std::vector<double> MemoryRecorder::Values(std::string_view series) const {
  std::vector<double> values;
  for (const RecordedPoint& point : points_) {
    if (point.series == series) {
      values.push_back(point.value);
    }
  }
  return values;
}

std::vector<std::uint64_t> MemoryRecorder::Steps(std::string_view series) const {
  std::vector<std::uint64_t> steps;
  for (const RecordedPoint& point : points_) {
    if (point.series == series) {
      steps.push_back(point.step);
    }
  }
  return steps;
}

std::int64_t CountValues(const NamedTensor& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
}

void CopyState(Experiment& from, Experiment& to) {
  const std::vector<NamedTensor> source = from.State();
  const std::vector<NamedTensor> target = to.State();
  ASSERT_EQ(source.size(), target.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    ASSERT_EQ(source[i].name, target[i].name);
    ASSERT_EQ(source[i].shape, target[i].shape);
    std::copy(source[i].data, source[i].data + CountValues(source[i]), target[i].data);
  }
}

std::string StateSha256(Experiment& experiment) {
  Sha256 hash;
  for (const NamedTensor& tensor : experiment.State()) {
    hash.Update(tensor.name);
    for (const std::int64_t extent : tensor.shape) {
      hash.Update(std::to_string(extent));
    }
    const auto bytes = static_cast<std::size_t>(CountValues(tensor)) * sizeof(float);
    hash.Update(std::string_view(reinterpret_cast<const char*>(tensor.data), bytes));
  }
  return hash.Hex();
}

std::string PointsSha256(const MemoryRecorder& recorder) {
  Sha256 hash;
  for (const MemoryRecorder::RecordedPoint& point : recorder.points()) {
    hash.Update(point.series);
    hash.Update(std::to_string(point.step));
    hash.Update(std::to_string(std::bit_cast<std::uint64_t>(point.value)));
  }
  return hash.Hex();
}

data::ImageData SyntheticData(std::int64_t train, std::int64_t test) {
  return {SyntheticImages(train, 0), SyntheticImages(test, 1), "synthetic"};
}

data::BinaryImages Stripes(std::int64_t count, std::uint64_t part) {
  Rng rng(3, "stripes", part);
  std::string pixels;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t at = rng.Below(22);
    for (std::uint64_t p = 0; p < 784; ++p) {
      const bool inside = p % 28 >= at && p % 28 < at + 5 && p / 28 > 4 && p / 28 < 24;
      pixels.push_back(rng.Uniform() < (inside ? 0.95 : 0.02) ? '1' : '0');
    }
  }
  return data::BinaryImages(784, std::move(pixels));
}

const absl::StatusOr<TestData>& SharedTestData() {
  static const absl::StatusOr<TestData> shared = []() -> absl::StatusOr<TestData> {
    absl::Status first;
    for (const char* name : {"mnist", "fashion_mnist"}) {
      auto loaded = data::LoadMnist(*data::FindDataset(name), DataDirectories());
      if (loaded.ok()) {
        return TestData{name, std::move(loaded).value()};
      }
      if (!absl::IsNotFound(loaded.status())) {
        return loaded.status();
      }
      first.Update(loaded.status());
    }
    return first;
  }();
  return shared;
}

std::string SyntheticClozes(int train, bool ragged) {
  constexpr std::uint32_t kNames = 6, kThings = 8;
  std::string content;
  for (int i = 0; i < train + 2 * (train / 3); ++i) {
    Rng rng(1, "clozes", static_cast<std::uint64_t>(i));
    const std::vector<std::uint32_t> names = rng.Permutation(kNames), things = rng.Permutation(kThings);
    const std::size_t sentences = ragged ? 3 + rng.Below(3) : 4, asked = rng.Below(sentences);
    std::string passage;
    for (std::size_t s = 0; s < sentences; ++s) {
      passage += fmt::format("{}@entity{} likes thing{} .", s == 0 ? "" : " ", names[s], things[s]);
    }
    const std::string question =
        fmt::format("@placeholder likes thing{}{}", things[asked], ragged && i % 2 == 0 ? " ?" : "");
    const std::string answer = fmt::format("@entity{}", names[asked]);
    data::AppendClozeRecord({.part = i < train               ? data::ClozePart::kTraining
                                     : i < train + train / 3 ? data::ClozePart::kValidation
                                                             : data::ClozePart::kTest,
                             .passage = passage,
                             .question = question,
                             .answer = answer},
                            content);
  }
  return content;
}

v1::MnistMlpConfig DefaultConfig() {
  v1::JobSpec spec;
  spec.mutable_mnist_mlp();
  std::vector<FieldViolation> violations;
  return ResolveSpec(spec, violations).mnist_mlp();
}

}  // namespace normlab
