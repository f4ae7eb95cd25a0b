#include "proto/footprint.h"

#include "proto/convnet.h"

namespace normlab {
namespace {

constexpr double kFloat = 4;  // bytes
constexpr double kProcess = 64 << 20;
constexpr double kPixels = 28 * 28;
constexpr double kWhitening = 40;  // bytes for each value of the matrix, while it is worked out
constexpr double kKeptByUnit = 8, kKeptByCell = 24, kKeptByGru = 20;

// In floats, but for `data`.
struct Needs {
  double weights = 0;
  double kept = 0;        // beside the weights, and published with them: those of the best evaluation
  double statistics = 0;  // in checkpoints alone: running averages, where they are large
  double tape = 0;
  double moments = 2;    // of the optimiser, for each weight
  double data = 0;       // bytes
  double constants = 0;  // beside the published weights
};

// The matrices of an LSTM, and its vectors: bias, gains and shifts of three norms, peepholes.
double Lstm(double inputs, double units) { return 4 * units * (inputs + units) + 26 * units; }

// The matrices of a GRU, and its vectors: bias, gains and shifts of two norms.
double Gru(double inputs, double units) { return 3 * units * (inputs + units) + 16 * units; }

double Moments(const v1::OptimizerConfig& config) {
  switch (config.optimizer()) {
    case v1::OPTIMIZER_KIND_SGD:
      return 1;
    case v1::OPTIMIZER_KIND_RMSPROP_GRAVES:
      return 3;
    default:
      return 2;
  }
}

Needs Of(const v1::MnistMlpConfig& config) {
  const double h = config.hidden_units(), classes = 10;
  return {.weights = kPixels * h + h * h + classes * h + 8 * h + 4 * classes,
          .tape = config.batch_size() * (2 * kPixels + 2 * kKeptByUnit * h),
          .moments = Moments(config.optimization()),
          .data = 70'000 * kPixels};
}

Needs Of(const v1::DrawConfig& config) {
  const double u = config.units(), latent = config.latent_size();
  const double read = 2.0 * config.read_size() * config.read_size(), patch = config.write_size() * config.write_size();
  const double seen = config.attention() ? read : 2 * kPixels, window = 5;
  const double written = config.attention() ? 2 * window + patch : kPixels;
  return {.weights = Lstm(seen + u, u) + Lstm(latent, u) + (u + 4) * (2 * latent + written),
          .tape = static_cast<double>(config.batch_size()) * config.glimpses() *
                  (2 * kKeptByCell * u + 2 * (seen + u) + 10 * latent + kPixels + 2 * written),
          .moments = Moments(config.optimization()),
          .data = 70'000 * kPixels};
}

Needs Of(const v1::HandwritingConfig& config) {
  const double u = config.units(), symbols = config.alphabet() == v1::PEN_ALPHABET_FULL ? 96 : 57;
  const double outputs = 6.0 * config.components() + 1, window = 3.0 * config.gaussians();
  return {.weights = Lstm(3 + symbols, u) + 2 * Lstm(3 + u + symbols, u) + (u + 2) * window + (3 * u + 2) * outputs,
          .tape = static_cast<double>(config.batch_size()) * config.max_steps() *
                  (3 * kKeptByCell * u + 12 * u + 6 * symbols + 4 * window + 4 * outputs),
          .moments = Moments(config.optimization()),
          .data = 300e6};
}

Needs Of(const v1::InvarianceConfig& config) {
  const double units = config.units();
  return {.weights = 0, .tape = 2 * (units * config.inputs() + 8.0 * config.examples() * (units + config.inputs()))};
}

Needs Of(const v1::ConvnetConfig& config) {
  const bool caffe = !IsConvPool(config);
  const double c = FirstChannels(config);
  const double colours = 3, side = 32, classes = 10, pixels = colours * side * side;
  const double whitening = config.whitening() ? pixels * pixels : 0;
  const double taps = caffe ? 25 * (colours * c + c * c + 2 * c * c) + 32 * c * 2 * c
                            : 9 * (colours * c + 2 * c * c + 2 * c * c + 8 * c * c + 4 * c * c) + 8 * c * c;
  // Summed inputs, what the norm makes of them, what is active and what is pooled of it, with their gradients.
  const double kept = 9 * side * side * (caffe ? c * (1 + 1.0 / 4 + 2.0 / 16) : c * (3 + 6.0 / 4 + 6.0 / 16));
  return {.weights = taps + 2 * classes * c + 40 * c + 8 * classes,
          .tape = config.batch_size() * (pixels + kept),
          .moments = Moments(config.optimization()),
          .data = 2 * 60'000 * pixels + kWhitening * whitening,
          .constants = pixels + whitening};
}

Needs Of(const v1::SkipThoughtsConfig& config) {
  const double u = config.units(), e = config.word_size(), words = config.vocabulary();
  const double condition = config.conditioning() == v1::SENTENCE_CONDITIONING_EVERY_STEP ? 6 * u * u : 0;
  const double output = config.tied_output() ? e * u : words * u;
  const double steps = config.batch_size() * (config.max_words() + 1.0);
  return {.weights = words * (e + 1) + 3 * Gru(e, u) + condition + output,
          // Three GRUs with the words they read; states and logits of two decoders.
          .tape = steps * (3 * (kKeptByGru * u + 2 * e) + 2 * (3 * u + words)),
          .moments = Moments(config.optimization()),
          .data = 300e6};
}

Needs Of(const v1::OrderEmbeddingConfig& config) {
  const bool scenes = config.dataset() == v1::ORDER_EMBEDDING_DATASET_SCENES;
  const double u = config.units(), w = config.word_size();
  // Of COCO more than it has: its words, and the steps of its longest captions.
  const double words = scenes ? 64 : 12'500, steps = scenes ? 32 : 60, features = 4096, captions = 5;
  const double evaluated = config.evaluation_images(), folds = 1 + config.test_folds();
  const double train = config.train_images() != 0 ? config.train_images() : 20'000;
  const double weights = words * w + 3 * u * (w + u) + u * features + 20 * u;
  return {.weights = weights,
          .kept = weights,
          .tape = config.batch_size() * (steps * (2 * w + 18 * u) + 2 * features + 12 * u) +
                  evaluated * (captions + 1) * u + captions * evaluated * evaluated,
          .moments = Moments(config.optimization()),
          .data = scenes ? kFloat * features * (train + evaluated * folds) : 300e6};
}

Needs Of(const v1::AttentiveReaderConfig& config) {
  // 0 for vocabulary: all there are. The CNN corpus has some 120,000.
  const double h = config.units(), words = config.vocabulary() != 0 ? config.vocabulary() + 1 : 150'000;
  // Two LSTMs have means and variances of 9 H sums for each time step.
  const bool batch = config.norm() == v1::NORM_KIND_BATCH;
  return {.weights = 2 * words * h + words + 2 * Lstm(h, h) + 6 * h * h + 20 * h,
          .statistics = batch ? 2 * 2 * 9 * h * config.max_words() : 0,
          .tape = config.batch_size() * (2.0 * config.max_words() * (kKeptByCell + kKeptByUnit) * h + words),
          .moments = Moments(config.optimization()),
          .data = config.dataset() == v1::READER_DATASET_CNN           ? 1.2e9
                  : config.dataset() == v1::READER_DATASET_CLOZE_BOOKS ? 0.6e9
                                                                       : 0.1e9};
}

Footprint Sum(const Needs& needs, const std::string& experiment, const std::string& wide, const std::string& long_too) {
  const auto bytes = [](double count) { return static_cast<std::uint64_t>(count); };
  return {.weights_bytes = bytes(kFloat * (needs.weights + needs.kept + needs.constants)),
          .checkpoint_bytes = bytes(kFloat * (needs.weights * (1 + needs.moments) + needs.kept + needs.statistics)),
          .memory_bytes =
              bytes(kProcess + needs.data +
                    kFloat * ((3 + needs.moments) * needs.weights + needs.kept + needs.statistics + needs.tape)),
          .weights_fields = experiment + "." + wide,
          .memory_fields = experiment + "." + wide + long_too};
}

}  // namespace

Footprint FootprintOf(const v1::JobSpec& resolved) {
  switch (resolved.experiment_case()) {
    case v1::JobSpec::kMnistMlp:
      return Sum(Of(resolved.mnist_mlp()), "mnist_mlp", "hidden_units", ", batch_size");
    case v1::JobSpec::kDraw:
      return Sum(Of(resolved.draw()), "draw", "units", ", glimpses, batch_size");
    case v1::JobSpec::kHandwriting:
      return Sum(Of(resolved.handwriting()), "handwriting", "units", ", max_steps, batch_size");
    case v1::JobSpec::kConvnet:
      return Sum(Of(resolved.convnet()), "convnet", "channels", ", batch_size");
    case v1::JobSpec::kSkipThoughts:
      return Sum(Of(resolved.skip_thoughts()), "skip_thoughts", "units, vocabulary", ", max_words, batch_size");
    case v1::JobSpec::kOrderEmbedding:
      return Sum(Of(resolved.order_embedding()), "order_embedding", "units", ", batch_size, evaluation_images");
    case v1::JobSpec::kAttentiveReader:
      return Sum(Of(resolved.attentive_reader()), "attentive_reader", "units, vocabulary", ", max_words, batch_size");
    case v1::JobSpec::kInvariance:
      return Sum(Of(resolved.invariance()), "invariance", "units", ", inputs, examples");
    default:
      return {};
  }
}

}  // namespace normlab
