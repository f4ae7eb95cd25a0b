#include "server/experiment_service.h"

#include <fmt/format.h>

#include "proto/spec.h"
#include "proto/spec_text.h"
#include "server/errors.h"

namespace normlab::server {
namespace {

void ToWire(const ExperimentInfo& info, v1::Experiment& wire) {
  wire.set_name(info.name);
  wire.set_summary(info.summary);
  for (const FieldInfo& field : info.fields) {
    v1::Field& out = *wire.add_fields();
    out.set_name(field.name);
    out.set_type(field.type);
    out.set_default_value(field.default_value);
    out.set_range(field.range);
    out.set_unit(field.unit);
    out.set_meaning(field.meaning);
    for (const ChoiceInfo& choice : field.choices) {
      out.add_choices()->set_name(choice.name);
      out.mutable_choices()->rbegin()->set_meaning(choice.meaning);
    }
  }
}

absl::Status Describe(const std::string& name, v1::Experiment& wire) {
  std::vector<std::string> names;
  for (const ExperimentInfo& info : Experiments()) {
    if (info.name == name) {
      ToWire(info, wire);
      return absl::OkStatus();
    }
    names.push_back(info.name);
  }
  const std::string near = Nearest(name, names);
  return absl::NotFoundError(fmt::format("no experiment {}; there is {}{}", Shown(name), fmt::join(names, ", "),
                                         near.empty() ? "" : fmt::format("; did you mean {}?", near)));
}

}  // namespace

grpc::Status ExperimentServiceImpl::ListExperiments(grpc::ServerContext* context, const v1::ListExperimentsRequest*,
                                                    v1::ListExperimentsResponse* response) {
  return core_.gate.Call(*context, "ListExperiments", CallKind::kShort, [&] {
    for (const ExperimentInfo& info : Experiments()) {
      ToWire(info, *response->add_experiments());
    }
    return absl::OkStatus();
  });
}

grpc::Status ExperimentServiceImpl::DescribeExperiment(grpc::ServerContext* context,
                                                       const v1::DescribeExperimentRequest* request,
                                                       v1::DescribeExperimentResponse* response) {
  return core_.gate.Call(*context, "DescribeExperiment", CallKind::kShort,
                         [&] { return Describe(request->name(), *response->mutable_experiment()); });
}

}  // namespace normlab::server
