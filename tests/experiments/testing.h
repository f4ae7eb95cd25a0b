// testing.h - what the tests of the experiments share: data to train on, specs with their defaults, a recorder.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/binarized_mnist.h"
#include "data/mnist.h"
#include "experiments/experiment.h"

namespace normlab {

// Keeps what was recorded, in order; refuses names as the server would.
class MemoryRecorder : public Recorder {
 public:
  struct RecordedPoint {
    std::string series;
    std::uint64_t step;
    double value;
  };
  void Point(std::string_view series, std::uint64_t step, double value) override;
  void Artifact(std::string_view name, std::string_view media_type, std::uint64_t step, std::string bytes) override;

  // The values of one series, and the steps they stand at.
  std::vector<double> Values(std::string_view series) const;
  std::vector<std::uint64_t> Steps(std::string_view series) const;
  const std::vector<RecordedPoint>& points() const { return points_; }

 private:
  std::vector<RecordedPoint> points_;
};

std::int64_t CountValues(const NamedTensor& tensor);

// What a checkpoint does: the state of one experiment becomes that of another one of the same configuration.
void CopyState(Experiment& from, Experiment& to);

// SHA-256 over the bits of every tensor of State(), names and shapes included.
std::string StateSha256(Experiment& experiment);
// SHA-256 over series, steps and the bits of the values.
std::string PointsSha256(const MemoryRecorder& recorder);

// Real images: MNIST if it is on this machine, else Fashion-MNIST; `name` says which. kNotFound with what gets MNIST if
// neither is here; another error if one is here and damaged.
struct TestData {
  std::string name;
  data::ImageData data;
};
const absl::StatusOr<TestData>& SharedTestData();
// Digits made from noise, in MNIST's form (784 pixels, four fifths of them zero): `train` and `test` images.
data::ImageData SyntheticData(std::int64_t train, std::int64_t test);

// Noisy upright bars of 28 x 28 pixels.
data::BinaryImages Stripes(std::int64_t count, std::uint64_t part);

// A cloze file whose passages are sentences "@entity3 likes thing5 .": so many training questions, a third as many for validation
// and for tests, always the same. Of three to five sentences, or of four each.
std::string SyntheticClozes(int train, bool ragged = true);

// The defaults of experiments.proto with `change` applied.
v1::MnistMlpConfig DefaultConfig();

}  // namespace normlab
