#include "proto/spec_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/nearest.h"
#include "base/yaml.h"
#include "proto/field.h"
#include "proto/read_message.h"

namespace normlab {
namespace {

using google::protobuf::FieldDescriptor;
using ProtoMessage = google::protobuf::Message;

const FieldDescriptor* ExperimentField(const v1::JobSpec& spec) {
  return spec.GetDescriptor()->FindFieldByName(ExperimentName(spec));
}

std::string ValueOf(const ProtoMessage& message, const ConfigField& field) {
  return field::ValueText(field.HolderIn(message), *field.field);
}

// Calls visit(message, field) for every set scalar field, the experiment's own first, then the spec's (seed).
template <typename Visit>
void VisitSetFields(const v1::JobSpec& spec, Visit visit) {
  const auto scalars = [&visit](const ProtoMessage& message) {
    for (const ConfigField& field : FieldsOf(*message.GetDescriptor())) {
      if (!field.is_message() && field.IsSetIn(message)) {
        visit(message, field);
      }
    }
  };
  if (const FieldDescriptor* experiment = ExperimentField(spec)) {
    scalars(spec.GetReflection()->GetMessage(spec, experiment));
  }
  scalars(spec);
}

std::string Plain(std::string_view word) {
  std::string plain;
  for (const char c : word.substr(0, 64)) {
    plain += c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return plain;
}

}  // namespace

v1::JobSpec ParseSpec(std::string_view text, std::vector<FieldViolation>& violations) {
  v1::JobSpec spec;
  constexpr YamlLimits kLimits{.bytes = 64 * 1024};
  YamlProblem problem;
  const std::optional<YamlNode> tree = ParseYaml(text, kLimits, problem);
  if (!tree) {
    violations.push_back({"", problem.mark.line == 0 ? problem.text
                                                     : fmt::format("line {}, column {}: {}", problem.mark.line,
                                                                   problem.mark.column, problem.text)});
    return spec;
  }
  ReadMessage(*tree, "", spec, violations);
  return spec;
}

v1::JobSpec SpecFromPairs(std::string_view experiment, const std::vector<std::pair<std::string, std::string>>& pairs,
                          std::vector<FieldViolation>& violations) {
  v1::JobSpec spec;
  const std::string name = Plain(experiment);
  const auto* oneof = spec.GetDescriptor()->FindOneofByName("experiment");
  std::vector<std::string> names;
  for (int i = 0; i < oneof->field_count(); ++i) {
    names.push_back(oneof->field(i)->name());
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    violations.push_back({"experiment", fmt::format("is {}; expected one of {}{}", Shown(experiment),
                                                    fmt::join(names, ", "), DidYouMean(Nearest(name, names)))});
    return spec;
  }
  const FieldDescriptor* seed = spec.GetDescriptor()->FindFieldByName("seed");
  ProtoMessage& config = *spec.GetReflection()->MutableMessage(&spec, spec.GetDescriptor()->FindFieldByName(name));
  std::set<const FieldDescriptor*> seen;
  for (const auto& [key, value] : pairs) {
    const bool is_seed = key == seed->name();
    const std::optional<ConfigField> field =
        is_seed ? ConfigField{seed} : FindField(*config.GetDescriptor(), key, name, {}, violations);
    if (!field) {
      continue;
    }
    const std::string path = is_seed ? seed->name() : fmt::format("{}.{}", name, field->name());
    ProtoMessage& holder = field->HolderIn(is_seed ? spec : config);
    if (!seen.insert(field->field).second) {
      violations.push_back({path, "is given twice; expected once"});
    } else if (std::string problem = field::SetFromText(holder, *field->field, value); !problem.empty()) {
      violations.push_back({path, std::move(problem)});
    }
  }
  return spec;
}

std::string SummarizeSpec(const v1::JobSpec& resolved) {
  std::string summary;
  VisitSetFields(resolved, [&summary](const ProtoMessage& message, const ConfigField& field) {
    const std::unique_ptr<ProtoMessage> defaults(message.New());
    field::SetFromText(field.HolderIn(*defaults), *field.field, field.default_value());
    const std::string value = ValueOf(message, field);
    if (value != ValueOf(*defaults, field)) {
      summary += fmt::format("{}{}={}", summary.empty() ? "" : " ", field.name(), value);
    }
  });
  return summary;
}

std::vector<std::pair<std::string, std::string>> ConfigFields(const v1::JobSpec& spec) {
  std::vector<std::pair<std::string, std::string>> fields;
  VisitSetFields(spec, [&](const ProtoMessage& message, const ConfigField& field) {
    if (&message != &spec) {
      fields.emplace_back(field.name(), ValueOf(message, field));
    }
  });
  return fields;
}

std::string SpecToYaml(const v1::JobSpec& spec) {
  std::string own;
  std::string config;
  VisitSetFields(spec, [&](const ProtoMessage& message, const ConfigField& field) {
    if (&message == &spec) {
      own += fmt::format("{}: {}\n", field.name(), ValueOf(message, field));
    } else {
      config += fmt::format("  {}: {}\n", field.name(), ValueOf(message, field));
    }
  });
  const std::string experiment = ExperimentName(spec);
  return experiment.empty() ? own : fmt::format("{}{}:{}\n{}", own, experiment, config.empty() ? " {}" : "", config);
}

std::string Nearest(std::string_view word, const std::vector<std::string>& names) {
  std::vector<std::string> plain;
  std::transform(names.begin(), names.end(), std::back_inserter(plain), Plain);
  const std::string nearest = NearestWord(Plain(word), plain);
  const auto found = std::find(plain.begin(), plain.end(), nearest);
  return nearest.empty() ? "" : names[static_cast<std::size_t>(found - plain.begin())];
}

std::string Shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  if (text.empty()) {
    return "empty";
  }
  std::string shown;
  for (const char c : text.substr(0, kLongest)) {
    if (c >= ' ' && c <= '~') {
      shown += c;
    } else {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text.size() > kLongest ? shown + "..." : shown;
}

}  // namespace normlab
