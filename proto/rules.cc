#include "proto/rules.h"

#include <fmt/format.h>

#include "proto/convnet.h"

namespace normlab {
namespace {

void CheckMnistMlp(const v1::MnistMlpConfig& config, std::vector<FieldViolation>& violations) {
  if (config.batch_size() > config.train_images()) {
    violations.push_back({"mnist_mlp.batch_size", fmt::format("is {}; expected at most train_images ({})",
                                                              config.batch_size(), config.train_images())});
  }
  if (config.norm() == v1::NORM_KIND_BATCH && config.batch_size() < 2) {
    violations.push_back(
        {"mnist_mlp.batch_size", "is 1; expected at least 2 with norm batch, whose variance needs two examples"});
  }
}

void CheckConvnet(const v1::ConvnetConfig& config, std::vector<FieldViolation>& violations) {
  const int channels = FirstChannels(config);
  if (config.norm() == v1::CONVNET_NORM_GROUP && channels % config.groups() != 0) {
    violations.push_back(
        {"convnet.groups", fmt::format("is {}; expected a divisor of the {} channels", config.groups(), channels)});
  }
  if (config.whitening() && !config.subtract_mean()) {
    violations.push_back({"convnet.whitening", "is true; expected subtract_mean to be true too"});
  }
  if (config.train_images() != 0 && config.batch_size() > config.train_images()) {
    violations.push_back({"convnet.batch_size", fmt::format("is {}; expected at most train_images ({})",
                                                            config.batch_size(), config.train_images())});
  }
}

void CheckSkipThoughts(const v1::SkipThoughtsConfig& config, std::vector<FieldViolation>& violations) {
  if (config.norm() == v1::NORM_KIND_BATCH) {
    violations.push_back({"skip_thoughts.norm", "is batch; expected none, layer, weight or rms"});
  }
}

void CheckOrderEmbedding(const v1::OrderEmbeddingConfig& config, std::vector<FieldViolation>& violations) {
  if (config.norm() == v1::NORM_KIND_BATCH) {
    violations.push_back(
        {"order_embedding.norm", "is batch, which is not offered; expected none, layer, weight or rms"});
  }
  if (config.train_images() != 0 && config.batch_size() > config.train_images()) {
    violations.push_back({"order_embedding.batch_size", fmt::format("is {}; expected at most train_images ({})",
                                                                    config.batch_size(), config.train_images())});
  }
}

void CheckAttentiveReader(const v1::AttentiveReaderConfig& config, std::vector<FieldViolation>& violations) {
  if (config.norm() == v1::NORM_KIND_BATCH && config.batch_size() < 2) {
    violations.push_back({"attentive_reader.batch_size",
                          "is 1; expected at least 2 with norm batch, whose statistics need two questions"});
  }
}

}  // namespace

void CheckRules(const v1::JobSpec& resolved, std::vector<FieldViolation>& violations) {
  if (resolved.has_mnist_mlp()) {
    CheckMnistMlp(resolved.mnist_mlp(), violations);
  }
  if (resolved.has_convnet()) {
    CheckConvnet(resolved.convnet(), violations);
  }
  if (resolved.has_skip_thoughts()) {
    CheckSkipThoughts(resolved.skip_thoughts(), violations);
  }
  if (resolved.has_order_embedding()) {
    CheckOrderEmbedding(resolved.order_embedding(), violations);
  }
  if (resolved.has_attentive_reader()) {
    CheckAttentiveReader(resolved.attentive_reader(), violations);
  }
}

}  // namespace normlab
