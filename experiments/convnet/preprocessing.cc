#include "experiments/convnet/preprocessing.h"

#include <algorithm>
#include <functional>

#include "nn/kernels/gemm.h"
#include "nn/whitening.h"

namespace normlab {
namespace {

// Images whose products are summed in float, before they are added in double.
constexpr std::int64_t kBlock = 1000;

// Of each pixel over all images.
std::vector<float> MeanImage(const data::LabelledImages& images) {
  const auto features = static_cast<std::size_t>(images.features());
  std::vector<double> sums(features, 0.0);
  std::vector<float> image(features);
  for (std::int64_t i = 0; i < images.size(); ++i) {
    std::int32_t label = 0;
    images.GatherRange(i, i + 1, image.data(), &label);
    std::transform(sums.begin(), sums.end(), image.begin(), sums.begin(), [](double s, float v) { return s + v; });
  }
  std::transform(sums.begin(), sums.end(), image.begin(),
                 [&](double s) { return static_cast<float>(s / static_cast<double>(images.size())); });
  return image;
}

}  // namespace

Preprocessing::Preprocessing(const v1::ConvnetConfig& config, const data::LabelledImages& train,
                             std::int64_t largest_batch)
    : shape_(train.shape()),
      mean_image_(config.subtract_mean() ? MeanImage(train)
                                         : std::vector<float>(static_cast<std::size_t>(train.features()), 0.0f)) {
  if (config.whitening()) {
    whitening_ = nn::whitening_matrix(train.features(), Covariance(train), config.whitening_eps());
    unwhitened_.resize(static_cast<std::size_t>(train.features() * largest_batch));
  }
}

void Preprocessing::SubtractMean(float* columns, std::int64_t count) const {
  const auto features = static_cast<std::ptrdiff_t>(mean_image_.size());
  for (float* image = columns; image != columns + count * features; image += features) {
    std::transform(image, image + features, mean_image_.begin(), image, std::minus<>());
  }
}

std::vector<double> Preprocessing::Covariance(const data::LabelledImages& train) const {
  const std::int64_t features = train.features();
  std::vector<double> covariance(static_cast<std::size_t>(features * features), 0.0);
  std::vector<float> products(covariance.size());
  std::vector<float> block(static_cast<std::size_t>(features * std::min(kBlock, train.size())));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(kBlock));
  const double share = 1.0 / static_cast<double>(train.size());
  for (std::int64_t begin = 0; begin < train.size(); begin += kBlock) {
    const std::int64_t count = std::min(kBlock, train.size() - begin);
    train.GatherRange(begin, begin + count, block.data(), labels.data());
    SubtractMean(block.data(), count);
    nn::kernels::gemm(nn::kernels::Trans::kYes, nn::kernels::Trans::kNo, features, features, count, block.data(),
                      features, block.data(), features, products.data(), features);
    std::transform(covariance.begin(), covariance.end(), products.begin(), covariance.begin(),
                   [share](double sum, float product) { return sum + share * static_cast<double>(product); });
  }
  return covariance;
}

void Preprocessing::Apply(float* columns, std::int64_t count) {
  SubtractMean(columns, count);
  if (whitening_.empty()) {
    return;
  }
  const std::int64_t features = shape_.features();
  std::copy_n(columns, features * count, unwhitened_.begin());
  nn::kernels::gemm(nn::kernels::Trans::kNo, nn::kernels::Trans::kNo, count, features, features, unwhitened_.data(),
                    features, whitening_.data(), features, columns, features);
}

std::vector<NamedTensor> Preprocessing::Constants() {
  std::vector<NamedTensor> constants = {
      {"mean_image", {shape_.height, shape_.width, shape_.channels}, mean_image_.data()}};
  if (!whitening_.empty()) {
    constants.push_back({"whitening", {shape_.features(), shape_.features()}, whitening_.data()});
  }
  return constants;
}

}  // namespace normlab
