// A job's identity holds the revisions of engine and model. Here a short run of every experiment and norm must have the bits
// that golden_bits.txt holds for it, on every instruction set that this processor has: when bits change, a revision must.
//
// To change bits on purpose: raise kNumericsRevision (base/numerics.h) or the experiment's `revision`
// (proto/normlab/v1/experiments.proto), then run each ctest entry of this program with UPDATE_GOLDEN=1, which refuses bits
// that are new under an old revision. Lines of processors that are not at hand stay as they are, and fail there until they
// are made there.
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/sha256.h"
#include "experiments/attentive_reader/reader_training.h"
#include "experiments/convnet/convnet_training.h"
#include "experiments/draw/draw_training.h"
#include "experiments/handwriting/training.h"
#include "experiments/invariance/invariance.h"
#include "experiments/mnist_mlp/mnist_training.h"
#include "experiments/order_embedding/order_embedding_training.h"
#include "experiments/skip_thoughts/training.h"
#include "nn/cpu.h"
#include "nn/denormals.h"
#include "proto/config_fields.h"
#include "proto/field.h"
#include "proto/spec.h"
#include "proto/spec_text.h"
#include "small_text.h"
#include "testing.h"

namespace normlab {
namespace {

// --- The runs ---

v1::JobSpec Spec(const std::string& yaml) {
  std::vector<FieldViolation> violations;
  const v1::JobSpec spec = ResolveSpec(ParseSpec(yaml, violations), violations);
  EXPECT_TRUE(violations.empty()) << yaml << ViolationsToStatus(violations);
  return spec;
}

absl::StatusOr<std::unique_ptr<Experiment>> Make(const v1::JobSpec& spec) {
  switch (spec.experiment_case()) {
    case v1::JobSpec::kMnistMlp:
      return MakeMnistMlp(spec.mnist_mlp(), spec.seed(), SyntheticData(300, 100));
    case v1::JobSpec::kDraw:
      return MakeDraw(spec.draw(), spec.seed(), data::BinarizedMnistData{Stripes(64, 0), Stripes(40, 1), "stripes"});
    case v1::JobSpec::kHandwriting:
      return MakeHandwriting(spec.handwriting(), spec.seed(),
                             ExperimentContext{.data_directories = {}, .facts = nullptr});
    case v1::JobSpec::kConvnet:
      return MakeConvnet(spec.convnet(), spec.seed(), SyntheticData(100, 40));
    case v1::JobSpec::kSkipThoughts:
      return MakeSkipThoughts(spec.skip_thoughts(), spec.seed(), SmallText(120, 42));
    case v1::JobSpec::kOrderEmbedding:
      return MakeOrderEmbedding(spec.order_embedding(), spec.seed(),
                                ExperimentContext{.data_directories = {}, .facts = nullptr});
    case v1::JobSpec::kAttentiveReader:
      return MakeAttentiveReader(
          spec.attentive_reader(), spec.seed(),
          data::EncodeClozes(SyntheticClozes(40), "test", ClozeOptionsOf(spec.attentive_reader())).value());
    default:
      return MakeInvariance(spec.invariance(), spec.seed());
  }
}

std::map<std::string, v1::JobSpec> Runs() {
  const std::string mnist = "hidden_units: 72, batch_size: 50, passes: 1, train_images: 300, test_images: 100";
  const std::string draw =
      "glimpses: 4, units: 40, latent_size: 6, batch_size: 32, epochs: 2, train_images: 64, test_images: 40";
  const std::string pen =
      "dataset: synthetic_pen, units: 40, components: 3, gaussians: 3, updates: 4, max_steps: 40, train_lines: 30, "
      "test_lines: 5, evaluation_interval: 4";
  const std::string skip =
      "units: 24, word_size: 10, batch_size: 8, updates: 4, evaluation_interval: 2, train_sentences: 90, "
      "test_sentences: 5";
  const std::string order =
      "dataset: scenes, units: 20, word_size: 6, batch_size: 8, updates: 6, train_images: 30, evaluation_images: 10, "
      "test_folds: 2, evaluation_interval: 3";
  const std::string reader =
      "units: 40, batch_size: 8, updates: 4, evaluation_interval: 4, learning_rate: 1e-2, statistics_batches: 3";
  std::map<std::string, v1::JobSpec> runs;
  const auto add = [&](const std::string& experiment, const std::string& options, const std::string& norm) {
    runs[experiment + "." + norm] = Spec(fmt::format("{{seed: 5, {}: {{norm: {}, {}}}}}", experiment, norm, options));
  };
  for (const char* norm : {"none", "batch", "layer", "weight", "rms"}) {
    add("mnist_mlp", mnist, norm);
    add("handwriting", pen, norm);
    add("invariance", "trials: 2, precision: float", norm);
    add("attentive_reader", reader, norm);
    if (norm != std::string_view("batch")) {
      add("draw", draw, norm);
      add("skip_thoughts", skip, norm);
      add("order_embedding", order, norm);
    }
  }
  for (const char* norm :
       {"none", "batch", "layer", "layer_position", "layer_channel", "group", "instance", "weight", "rms"}) {
    add("convnet", "channels: 8, batch_size: 25, epochs: 1, train_images: 100, test_images: 40", norm);
  }
  return runs;
}

// Hash of all that the run recorded and of its state at the end.
std::string Bits(const v1::JobSpec& spec) {
  auto made = Make(spec);
  EXPECT_TRUE(made.ok()) << made.status();
  Experiment& experiment = **made;
  MemoryRecorder recorder;
  experiment.Begin(recorder);
  for (std::uint64_t step = 0; step < experiment.TotalSteps(); ++step) {
    EXPECT_EQ(experiment.Step(step, recorder), StepResult::kContinue);
  }
  return Sha256Hex(PointsSha256(recorder) + StateSha256(experiment)).substr(0, 16);
}

// --- Every option is one ---

// Values other than the runs above have, in whose place each must change the run's bits.
struct Change {
  const char* run;
  const char* field;
  const char* value;
  const char* beside = "";  // "field=value ..." that the run has as well, before and after: what makes the field matter
};
// How gradients become updates, which every experiment that trains has.
constexpr Change kOptimizerChanges[] = {
    {"", "optimizer", "sgd"},
    {"", "learning_rate", "2e-3"},
    {"", "beta1", "0.8"},
    {"", "beta2", "0.9"},
    {"", "adam_eps", "1e-3"},
    {"", "adam_bias_correction", "false", "adam_bias_correction=true"},
    {"", "momentum", "0.5", "optimizer=sgd"},
    {"", "rmsprop_decay", "0.5", "optimizer=rmsprop"},
    {"", "rmsprop_eps", "1e-2", "optimizer=rmsprop_graves"},
    {"", "weight_decay", "0.1", "optimizer=adamw"},
    {"", "rate_schedule", "cosine"},
    {"", "warmup_updates", "3"},
    {"", "rate_floor", "0.5", "rate_schedule=cosine"},
    {"", "rate_interval", "2", "rate_schedule=step"},
    {"", "rate_factor", "0.5", "rate_schedule=step rate_interval=1"},
    {"", "clip_norm", "0.1"},
    {"", "clip", "value", "clip_norm=0.01"},
};
constexpr Change kChanges[] = {
    {"mnist_mlp.layer", "norm", "rms"},
    {"mnist_mlp.layer", "batch_size", "60"},
    {"mnist_mlp.layer", "passes", "2"},
    {"mnist_mlp.layer", "hidden_units", "71"},
    {"mnist_mlp.layer", "init", "he_normal"},
    {"mnist_mlp.layer", "norm_eps", "1e-2"},
    {"mnist_mlp.layer", "norm_eps_placement", "outside_sqrt"},
    {"mnist_mlp.batch", "batch_norm_logits", "false"},
    {"mnist_mlp.batch", "batch_norm_variance", "unbiased"},
    {"mnist_mlp.batch", "batch_norm_statistics", "population"},
    {"mnist_mlp.batch", "batch_norm_decay", "0.5"},
    {"mnist_mlp.layer", "train_images", "200"},
    {"mnist_mlp.layer", "test_images", "90"},
    {"draw.layer", "norm", "rms"},
    {"draw.layer", "attention", "false"},
    {"draw.layer", "glimpses", "3"},
    {"draw.layer", "units", "39"},
    {"draw.layer", "latent_size", "5"},
    {"draw.layer", "read_size", "3"},
    {"draw.layer", "write_size", "4"},
    {"draw.layer", "batch_size", "31"},
    {"draw.layer", "epochs", "1"},
    {"draw.layer", "init", "he_normal"},
    {"draw.layer", "start", "learned_states"},
    {"draw.layer", "start", "learned"},
    {"draw.layer", "forget_bias", "1"},
    {"draw.layer", "norm_eps", "1e-2"},
    {"draw.layer", "evaluation_interval", "1"},
    {"draw.layer", "train_images", "63"},
    {"draw.layer", "test_images", "39"},
    {"draw.layer", "lstm_bias", "torch_uniform"},
    {"draw.layer", "norm_eps_placement", "outside_sqrt"},
    {"handwriting.layer", "norm", "rms"},
    {"handwriting.layer", "batch_size", "7"},
    {"handwriting.layer", "updates", "3"},
    {"handwriting.layer", "max_steps", "30"},
    {"handwriting.layer", "min_steps", "450", "max_steps=2000"},
    {"handwriting.layer", "units", "39"},
    {"handwriting.layer", "gaussians", "2"},
    {"handwriting.layer", "components", "2"},
    {"handwriting.layer", "peepholes", "true"},
    {"handwriting.layer", "clip_outputs", "0.01"},
    {"handwriting.layer", "init", "he_normal"},
    {"handwriting.layer", "forget_bias", "1"},
    {"handwriting.layer", "norm_eps", "1e-2"},
    {"handwriting.layer", "norm_eps_placement", "outside_sqrt"},
    {"handwriting.layer", "alphabet", "full"},
    {"handwriting.layer", "scale", "per_line"},
    {"handwriting.layer", "train_lines", "29"},
    {"handwriting.layer", "test_lines", "4"},
    {"handwriting.layer", "evaluation_interval", "2"},
    {"handwriting.layer", "clip_cells", "0.01"},
    {"handwriting.layer", "lstm_bias", "zeros"},
    {"handwriting.layer", "window_size_bias", "-1"},
    {"handwriting.layer", "window_sharpness_bias", "0"},
    {"handwriting.layer", "window_advance_bias", "-2"},
    {"handwriting.layer", "ink_deviations", "1"},
    {"handwriting.layer", "outlier_steps", "1"},
    {"handwriting.layer", "points_per_second", "50"},
    {"handwriting.layer", "least_log_sigma", "0"},
    {"handwriting.layer", "most_rho", "1e-3"},
    {"handwriting.batch", "batch_norm_gain", "1"},
    {"handwriting.batch", "batch_norm_decay", "0.5"},
    {"handwriting.layer", "longest_gap", "0", "outlier_steps=1"},
    {"handwriting.layer", "most_resampling", "0", "points_per_second=50"},
    {"convnet.layer", "network", "convpool"},
    {"convnet.layer", "norm", "rms"},
    {"convnet.group", "groups", "4"},
    {"convnet.layer", "padding", "circular"},
    {"convnet.layer", "channels", "16"},
    {"convnet.layer", "batch_size", "20"},
    {"convnet.layer", "epochs", "2"},
    {"convnet.layer", "dropout", "0.5"},
    {"convnet.layer", "input_noise", "0.1"},
    {"convnet.layer", "subtract_mean", "false"},
    {"convnet.layer", "init", "he_normal"},
    {"convnet.layer", "norm_eps", "1e-2"},
    {"convnet.batch", "batch_norm_statistics", "population"},
    {"convnet.batch", "batch_norm_decay", "0.5"},
    {"convnet.layer", "train_images", "75"},
    {"convnet.layer", "test_images", "30"},
    {"convnet.layer", "evaluation_interval", "2"},
    {"convnet.layer", "whitening", "true"},
    {"convnet.layer", "whitening_eps", "1e-3", "whitening=true"},
    {"convnet.layer", "leak", "0.1"},
    {"skip_thoughts.layer", "norm", "rms"},
    {"skip_thoughts.layer", "conditioning", "every_step"},
    {"skip_thoughts.layer", "units", "23"},
    {"skip_thoughts.layer", "word_size", "9"},
    {"skip_thoughts.layer", "tied_output", "true"},
    {"skip_thoughts.layer", "batch_size", "7"},
    {"skip_thoughts.layer", "updates", "3"},
    {"skip_thoughts.layer", "norm_eps", "1e-2"},
    {"skip_thoughts.layer", "norm_eps_placement", "outside_sqrt"},
    {"skip_thoughts.layer", "train_sentences", "80"},
    {"skip_thoughts.layer", "test_sentences", "4"},
    {"skip_thoughts.layer", "evaluation_interval", "1"},
    {"skip_thoughts.layer", "transfer", "off"},
    {"skip_thoughts.layer", "transfer_interval", "4"},
    {"order_embedding.layer", "norm", "rms"},
    {"order_embedding.layer", "score", "cosine"},
    {"order_embedding.layer", "margin", "0.1"},
    {"order_embedding.layer", "units", "19"},
    {"order_embedding.layer", "word_size", "5"},
    {"order_embedding.layer", "batch_size", "7"},
    {"order_embedding.layer", "updates", "5"},
    {"order_embedding.layer", "init_range", "0.2"},
    {"order_embedding.layer", "norm_eps", "1e-2"},
    {"order_embedding.layer", "norm_eps_placement", "outside_sqrt"},
    {"order_embedding.layer", "train_images", "29"},
    {"order_embedding.layer", "evaluation_images", "9"},
    {"order_embedding.layer", "test_folds", "1"},
    {"order_embedding.layer", "evaluation_interval", "2"},
    {"attentive_reader.layer", "norm", "rms"},
    {"attentive_reader.layer", "norm_readout", "true"},
    {"attentive_reader.layer", "units", "39"},
    {"attentive_reader.layer", "batch_size", "7"},
    {"attentive_reader.layer", "updates", "3"},
    {"attentive_reader.layer", "vocabulary", "9"},
    {"attentive_reader.layer", "max_words", "7"},
    {"attentive_reader.layer", "dropout", "0.2"},
    {"attentive_reader.layer", "init", "distinct"},
    {"attentive_reader.layer", "learn_initial_state", "false"},
    {"attentive_reader.layer", "bias_twice", "false"},
    {"attentive_reader.layer", "similarity", "false"},
    {"attentive_reader.layer", "mean_term", "false"},
    {"attentive_reader.layer", "permute_names", "false"},
    {"attentive_reader.layer", "shuffle", "true"},
    {"attentive_reader.layer", "norm_eps", "1e-2"},
    {"attentive_reader.layer", "norm_eps_placement", "outside_sqrt"},
    {"attentive_reader.layer", "norm_gain", "0.1"},
    {"attentive_reader.batch", "batch_norm_gain", "1"},
    {"attentive_reader.batch", "batch_norm_statistics", "running"},
    {"attentive_reader.batch", "statistics_batches", "1"},
    {"attentive_reader.batch", "batch_norm_decay", "0.5", "batch_norm_statistics=running"},
    {"attentive_reader.layer", "train_questions", "20"},
    {"attentive_reader.layer", "valid_questions", "10"},
    {"attentive_reader.layer", "test_questions", "9"},
    {"attentive_reader.layer", "evaluation_interval", "2"},
    {"invariance.layer", "norm", "batch"},
    {"invariance.layer", "precision", "double"},
    {"invariance.layer", "norm_eps", "1e-2"},
    {"invariance.layer", "inputs", "47"},
    {"invariance.layer", "units", "63"},
    {"invariance.layer", "examples", "31"},
    {"invariance.layer", "trials", "3"},
    {"invariance.layer", "weight_scale", "0.3"},
};

// The runs above are given their data instead.
const std::set<std::string> kUnused = {"mnist_mlp.dataset",       "draw.dataset",
                                       "handwriting.dataset",     "convnet.dataset",
                                       "skip_thoughts.dataset",   "skip_thoughts.vocabulary",
                                       "skip_thoughts.max_words", "order_embedding.dataset",
                                       "attentive_reader.dataset"};

void Set(v1::JobSpec& spec, const std::string& field, const std::string& value) {
  const auto& member = *spec.GetDescriptor()->FindFieldByName(ExperimentName(spec));
  google::protobuf::Message& config = *spec.GetReflection()->MutableMessage(&spec, &member);
  for (const ConfigField& known : FieldsOf(*config.GetDescriptor())) {
    if (known.name() == field) {
      ASSERT_EQ(field::SetFromText(known.HolderIn(config), *known.field, value), "") << field;
      return;
    }
  }
  FAIL() << ExperimentName(spec) << " has no " << field;
}

std::vector<Change> Changes() {
  std::vector<Change> changes(std::begin(kChanges), std::end(kChanges));
  for (const char* run : {"mnist_mlp.layer", "draw.layer", "handwriting.layer", "convnet.layer", "skip_thoughts.layer",
                          "order_embedding.layer", "attentive_reader.layer"}) {
    for (const Change& change : kOptimizerChanges) {
      changes.push_back({run, change.field, change.value, change.beside});
    }
  }
  return changes;
}

TEST(Options, EachChangesBits) {
  const auto runs = Runs();
  std::map<std::string, std::string> bits;
  std::set<std::string> changed = kUnused;
  for (const auto& [run, field, value, beside] : Changes()) {
    v1::JobSpec spec = runs.at(run);
    const std::vector<std::string> more_fields = absl::StrSplit(beside, ' ', absl::SkipEmpty());
    for (const std::string& more : more_fields) {
      Set(spec, more.substr(0, more.find('=')), more.substr(more.find('=') + 1));
    }
    const auto [base, is_new] = bits.try_emplace(fmt::format("{} {}", run, beside));
    base->second = is_new ? Bits(spec) : base->second;
    Set(spec, field, value);
    EXPECT_NE(Bits(spec), base->second) << run << " with " << field << ": " << value;
    changed.insert(ExperimentName(spec) + "." + field);
  }
  for (const ExperimentInfo& info : Experiments()) {
    for (const FieldInfo& field : info.fields) {
      EXPECT_TRUE(changed.contains(info.name + "." + field.name)) << info.name << "." << field.name << " is not tried";
    }
  }
}

TEST(Options, SeedsChangeBits) {
  for (const auto& [name, spec] : Runs()) {
    v1::JobSpec other = spec;
    other.set_seed(spec.seed() + 1);
    EXPECT_NE(Bits(other), Bits(spec)) << name;
  }
}

// --- The file: a line "<arithmetic> <run> <numerics revision> <model revision> <bits>" each, sorted ---

constexpr char kFile[] = NORMLAB_TEST_SOURCE_DIR "/golden_bits.txt";

struct Golden {
  Revisions revisions;
  std::string bits;
};
using Goldens = std::map<std::pair<std::string, std::string>, Golden>;  // by arithmetic and run

Goldens ReadGoldens() {
  Goldens goldens;
  std::ifstream file(kFile);
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string arithmetic, run;
    Golden golden;
    fields >> arithmetic >> run >> golden.revisions.numerics >> golden.revisions.model >> golden.bits;
    EXPECT_TRUE(fields) << kFile << ": " << line;
    goldens[{arithmetic, run}] = golden;
  }
  return goldens;
}

void WriteGoldens(const Goldens& goldens) {
  std::ofstream file(kFile);
  for (const auto& [key, golden] : goldens) {
    file << fmt::format("{} {} {} {} {}\n", key.first, key.second, golden.revisions.numerics, golden.revisions.model,
                        golden.bits);
  }
}

std::string_view WhatToRaise() {
  return "bits changed under an unchanged revision: raise kNumericsRevision (base/numerics.h) or the experiment's "
         "revision "
         "(experiments.proto), then UPDATE_GOLDEN=1. If no bit was to change, this is a bug";
}

TEST(GoldenBitsRuns, NameEveryExperiment) {
  const auto runs = Runs();
  for (const ExperimentInfo& info : Experiments()) {
    EXPECT_TRUE(runs.contains(info.name + ".layer")) << info.name;
  }
}

// --- The tests, one for each instruction set ---

class GoldenBits : public testing::TestWithParam<const char*> {
 protected:
  // Runs on the set the test is named after from here on; false: this processor or binary has none of it.
  static bool Choose() {
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      if (hwy::TargetName(target) == std::string_view(GetParam())) {
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        return true;
      }
    }
    return false;
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

TEST_P(GoldenBits, AreThoseOfTheirRevision) {
  if (!Choose()) {
    GTEST_SKIP() << "this processor, or this binary, has no " << GetParam();
  }
  ASSERT_EQ(nn::instruction_set(), GetParam());
  nn::flush_denormals();
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  const std::string arithmetic = nn::arithmetic();
  Goldens goldens = ReadGoldens();
  const auto some = goldens.lower_bound({arithmetic, ""});
  if (!update && (some == goldens.end() || some->first.first != arithmetic)) {
    GTEST_SKIP() << "golden_bits.txt has none of " << arithmetic << " (another C library?); UPDATE_GOLDEN=1 adds them";
  }
  for (const auto& [name, spec] : Runs()) {
    SCOPED_TRACE(arithmetic + " " + name);
    const auto old = goldens.find({arithmetic, name});
    const Golden now{RevisionsOf(spec), Bits(spec)};
    if (old != goldens.end() && old->second.revisions == now.revisions) {
      EXPECT_EQ(old->second.bits, now.bits) << WhatToRaise();
    } else if (update) {
      goldens[{arithmetic, name}] = now;
    } else if (old == goldens.end()) {
      ADD_FAILURE() << "there are no golden bits of this run; UPDATE_GOLDEN=1 adds them";
    } else {
      ADD_FAILURE() << "the golden bits are of revision " << old->second.revisions.numerics << "."
                    << old->second.revisions.model << ", the code of " << now.revisions.numerics << "."
                    << now.revisions.model << "; UPDATE_GOLDEN=1 makes them anew";
    }
  }
  if (update && !HasFailure()) {
    WriteGoldens(goldens);
  }
}

INSTANTIATE_TEST_SUITE_P(Experiments, GoldenBits, testing::Values("SSE4", "AVX2", "AVX3", "NEON"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace normlab
