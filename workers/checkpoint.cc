#include "workers/checkpoint.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/failpoint.h"
#include "base/parse_number.h"

namespace normlab::workers {
namespace {

using Json = nlohmann::json;

constexpr char kFormat[] = "normlab-checkpoint-2";

TextMap Metadata(const RunLabel& label, std::uint64_t steps_done) {
  return {{"experiment", label.experiment},
          {"identity", label.identity},
          {"seed", std::to_string(label.seed)},
          {"numerics_revision", std::to_string(label.computed_by.revisions.numerics)},
          {"model_revision", std::to_string(label.computed_by.revisions.model)},
          {"arithmetic", label.computed_by.arithmetic},
          {"step", std::to_string(steps_done)}};
}

std::string Get(const TextMap& metadata, const char* key) {
  const auto it = metadata.find(key);
  return it != metadata.end() ? it->second : "";
}

std::string CurveToText(const CurveChains& curve) {
  Json json = Json::object();
  for (const auto& [name, chain] : curve.series()) {
    json[name] = {chain.points, chain.last_step, chain.digest};
  }
  return json.dump();
}

absl::StatusOr<CurveChains> CurveFromText(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::DataLossError("checkpoint metadata \"curve\" is not a JSON object");
  }
  std::map<std::string, SeriesChain, std::less<>> series;
  for (const auto& [name, entry] : json.items()) {
    if (!entry.is_array() || entry.size() != 3 || !entry[0].is_number_unsigned() || !entry[1].is_number_unsigned() ||
        !entry[2].is_string() || entry[2].get_ref<const std::string&>().size() != 64) {
      return absl::DataLossError(
          fmt::format("checkpoint metadata \"curve\", series \"{}\": expected [points, last step, SHA-256]", name));
    }
    series[name] = {entry[0].get<std::uint64_t>(), entry[1].get<std::uint64_t>(), entry[2].get<std::string>()};
  }
  return CurveChains(std::move(series));
}

absl::Status CheckLabel(const TextMap& metadata, const RunLabel& label) {
  if (const std::string format = Get(metadata, "format"); format != kFormat) {
    return absl::FailedPreconditionError(
        fmt::format("checkpoint format is \"{}\"; this worker reads \"{}\"", format, kFormat));
  }
  const auto number = [&](const char* key) { return ParseWhole<std::uint64_t>(Get(metadata, key)).value_or(0); };
  const ComputedBy there{{static_cast<int>(number("numerics_revision")), static_cast<int>(number("model_revision"))},
                         Get(metadata, "arithmetic")};
  if (there != label.computed_by) {
    return absl::AbortedError(
        fmt::format("the checkpoint was computed by {}, here computes {}", Shown(there), Shown(label.computed_by)));
  }
  const RunLabel found{Get(metadata, "experiment"), Get(metadata, "identity"), number("seed"), there};
  if (found != label) {
    return absl::FailedPreconditionError(
        fmt::format("the checkpoint belongs to {} seed {} identity {}; this run is {} seed {} identity {}: its "
                    "configuration or data has "
                    "changed since, submit it afresh",
                    found.experiment, found.seed, found.identity, label.experiment, label.seed, label.identity));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Shown(const ComputedBy& by) {
  return fmt::format("numerics revision {}, model revision {}, {}", by.revisions.numerics, by.revisions.model,
                     by.arithmetic);
}

absl::Status WriteCheckpoint(const RunLabel& label, std::uint64_t steps_done, const CurveChains& curve,
                             Experiment& experiment, const ByteSink& sink) {
  TextMap metadata = Metadata(label, steps_done);
  metadata["format"] = kFormat;
  metadata["curve"] = CurveToText(curve);
  const absl::Status written = WriteSafetensors(experiment.State(), metadata, sink);
  Pass(Failpoint::kCheckpointWritten);
  return written;
}

absl::Status WriteWeights(const RunLabel& label, std::uint64_t steps_done, Experiment& experiment,
                          const ByteSink& sink) {
  return WriteSafetensors(experiment.Weights(), Metadata(label, steps_done), sink);
}

absl::StatusOr<CurveChains> CheckpointedCurve(const ReadableFile& file) {
  NORMLAB_ASSIGN_OR_RETURN(const TensorIndex read, ReadSafetensors(file));
  return CurveFromText(Get(read.metadata, "curve"));
}

absl::StatusOr<Resumed> RestoreCheckpoint(const ReadableFile& file, const RunLabel& label, Experiment& experiment) {
  NORMLAB_ASSIGN_OR_RETURN(const TensorIndex read, ReadSafetensors(file));
  NORMLAB_RETURN_IF_ERROR(CheckLabel(read.metadata, label));
  Resumed resumed;
  NORMLAB_ASSIGN_OR_RETURN(resumed.curve, CurveFromText(Get(read.metadata, "curve")));
  const std::string step = Get(read.metadata, "step");
  const auto steps_done = ParseWhole<std::uint64_t>(step);
  if (!steps_done || *steps_done > experiment.TotalSteps()) {
    return absl::DataLossError(
        fmt::format("checkpoint step is \"{}\"; expected a number up to {}", step, experiment.TotalSteps()));
  }
  resumed.steps_done = *steps_done;
  NORMLAB_RETURN_IF_ERROR(CopyTensors(file, read, experiment.State()));
  experiment.Restored(resumed.steps_done);
  return resumed;
}

}  // namespace normlab::workers
