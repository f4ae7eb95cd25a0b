#include "proto/rules.h"

#include <fmt/format.h>

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

}  // namespace

void CheckRules(const v1::JobSpec& resolved, std::vector<FieldViolation>& violations) {
  if (resolved.has_mnist_mlp()) {
    CheckMnistMlp(resolved.mnist_mlp(), violations);
  }
}

}  // namespace normlab
