#include "server/tensorboard/hparams.h"

#include <array>
#include <functional>
#include <optional>

#include "base/parse_number.h"
#include "proto/spec_text.h"
#include "tensorboard/hparams.pb.h"

namespace normlab::server {
namespace {

namespace tb = ::tensorboard::data;
using tensorboard::hparams::HParamsPluginData;

// A number or a truth value sorts and filters as one.
google::protobuf::Value ValueOf(const std::string& text) {
  google::protobuf::Value value;
  if (text == "true" || text == "false") {
    value.set_bool_value(text == "true");
  } else if (const std::optional<double> number = ParseReal(text)) {
    value.set_number_value(*number);
  } else {
    value.set_string_value(text);
  }
  return value;
}

HParamsPluginData Start(const Run& run) {
  HParamsPluginData data;
  auto& start = *data.mutable_session_start_info();
  start.set_group_name(run.job.external ? run.name : ConfigurationName(run.spec));
  start.set_start_time_secs(Seconds(run.job.started_ms));
  (*start.mutable_hparams())["experiment"].set_string_value(run.job.experiment);
  if (run.job.external) {
    for (const auto& [name, text] : run.job.external->params) {
      (*start.mutable_hparams())[name] = ValueOf(text);
    }
  }
  for (const auto& [name, text] : ConfigFields(run.spec)) {
    (*start.mutable_hparams())[name] = ValueOf(text);
  }
  return data;
}

tensorboard::hparams::Status StatusOf(store::JobState state) {
  if (state == store::JobState::kSucceeded) {
    return tensorboard::hparams::STATUS_SUCCESS;
  }
  return store::IsTerminal(state) ? tensorboard::hparams::STATUS_FAILURE : tensorboard::hparams::STATUS_RUNNING;
}

HParamsPluginData End(const Run& run) {
  HParamsPluginData data;
  auto& end = *data.mutable_session_end_info();
  end.set_status(StatusOf(run.job.state));
  end.set_end_time_secs(Seconds(run.job.finished_ms));
  return data;
}

struct Tag {
  const char* name;
  HParamsPluginData (*content)(const Run&);
};
constexpr std::array kTags = {Tag{"_hparams_/session_start_info", &Start}, Tag{"_hparams_/session_end_info", &End}};

// Calls add_to(run, tag, entry) for each pair that `query` wants, with the entry of its tag in the response.
template <typename Response, typename Add>
absl::Status ForEach(Core& core, const Caller& caller, const Query& query, Response& response, const Add& add) {
  const auto fill = [&](const Run& run, typename Response::RunEntry& entry) {
    for (const Tag& tag : kTags) {
      if (query.Wants(tag.name)) {
        auto& wire = *entry.add_tags();
        wire.set_tag_name(tag.name);
        add(run, tag, wire);
      }
    }
    return absl::OkStatus();
  };
  return AddRuns(core, caller, query, response, fill);
}

}  // namespace

absl::Status ListTensors(Core& core, const Caller& caller, const Query& query, tb::ListTensorsResponse& response) {
  const auto add = [](const Run& run, const Tag& tag, tb::ListTensorsResponse::TagEntry& wire) {
    wire.mutable_metadata()->set_max_wall_time(LastAtWork(run.job));
    auto& summary = *wire.mutable_metadata()->mutable_summary_metadata();
    summary.set_data_class(tensorboard::DATA_CLASS_TENSOR);
    summary.mutable_plugin_data()->set_plugin_name(kHparams);
    summary.mutable_plugin_data()->set_content(tag.content(run).SerializeAsString());
  };
  return ForEach(core, caller, query, response, add);
}

absl::Status ReadTensors(Core& core, const Caller& caller, const Query& query, tb::ReadTensorsResponse& response) {
  const auto add = [](const Run& run, const Tag&, tb::ReadTensorsResponse::TagEntry& wire) {
    auto& data = *wire.mutable_data();
    data.add_step(0);
    data.add_wall_time(Seconds(run.job.started_ms));
    auto& tensor = *data.add_value();
    tensor.set_dtype(tensorboard::DT_FLOAT);
    tensor.mutable_tensor_shape()->add_dim()->set_size(0);
  };
  return ForEach(core, caller, query, response, add);
}

}  // namespace normlab::server
