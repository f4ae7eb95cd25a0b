#include "proto/catalog.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/nearest.h"
#include "proto/spec.h"
#include "proto/spec_text.h"

namespace normlab {
namespace {

v1::Field ToMessage(const FieldInfo& field) {
  v1::Field message;
  message.set_name(field.name);
  message.set_type(field.type);
  message.set_default_value(field.default_value);
  message.set_range(field.range);
  message.set_unit(field.unit);
  message.set_meaning(field.meaning);
  for (const ChoiceInfo& choice : field.choices) {
    v1::Field::Choice& out = *message.add_choices();
    out.set_name(choice.name);
    out.set_meaning(choice.meaning);
  }
  return message;
}

}  // namespace

std::vector<v1::Experiment> ExperimentCatalog() {
  std::vector<v1::Experiment> catalog;
  for (const ExperimentInfo& info : Experiments()) {
    v1::Experiment& experiment = catalog.emplace_back();
    experiment.set_name(info.name);
    experiment.set_summary(info.summary);
    for (const FieldInfo& field : info.fields) {
      *experiment.add_fields() = ToMessage(field);
    }
  }
  return catalog;
}

absl::StatusOr<v1::Experiment> DescribeExperiment(const std::string& name) {
  std::vector<std::string> names;
  for (v1::Experiment& experiment : ExperimentCatalog()) {
    if (experiment.name() == name) {
      return std::move(experiment);
    }
    names.push_back(experiment.name());
  }
  return absl::NotFoundError(fmt::format("no experiment {}; there is {}{}", Shown(name), fmt::join(names, ", "),
                                         DidYouMean(Nearest(name, names))));
}

}  // namespace normlab
