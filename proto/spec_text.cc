#include "proto/spec_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "proto/field.h"
#include "proto/read_message.h"
#include "proto/text_tree.h"

namespace normlab {
namespace {

using google::protobuf::FieldDescriptor;
using ProtoMessage = google::protobuf::Message;

const FieldDescriptor* ExperimentField(const v1::JobSpec& spec) {
  return spec.GetDescriptor()->FindFieldByName(ExperimentName(spec));
}

// Calls visit(message, field) for every set scalar field, the experiment's own first, then the spec's (seed).
template <typename Visit>
void VisitSetFields(const v1::JobSpec& spec, Visit visit) {
  const auto scalars = [&visit](const ProtoMessage& message) {
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE && message.GetReflection()->HasField(message, &field)) {
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

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

v1::JobSpec ParseSpec(std::string_view text, std::vector<FieldViolation>& violations) {
  v1::JobSpec spec;
  const absl::StatusOr<TextNode> tree = ParseTextTree(text);
  if (!tree.ok()) {
    violations.push_back({"", Message(tree.status())});
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
    const std::string near = Nearest(name, names);
    violations.push_back(
        {"experiment", fmt::format("is {}; expected one of {}{}", Shown(experiment), fmt::join(names, ", "),
                                   near.empty() ? "" : fmt::format("; did you mean {}?", near))});
    return spec;
  }
  const FieldDescriptor* seed = spec.GetDescriptor()->FindFieldByName("seed");
  ProtoMessage& config = *spec.GetReflection()->MutableMessage(&spec, spec.GetDescriptor()->FindFieldByName(name));
  std::set<const FieldDescriptor*> seen;
  for (const auto& [key, value] : pairs) {
    const bool is_seed = key == seed->name();
    const FieldDescriptor* field = is_seed ? seed : FindField(*config.GetDescriptor(), key, name, violations);
    if (field == nullptr) {
      continue;
    }
    const std::string path = is_seed ? seed->name() : fmt::format("{}.{}", name, field->name());
    if (!seen.insert(field).second) {
      violations.push_back({path, "is given twice; expected once"});
    } else if (std::string problem = field::SetFromText(is_seed ? spec : config, *field, value); !problem.empty()) {
      violations.push_back({path, std::move(problem)});
    }
  }
  return spec;
}

std::string SummarizeSpec(const v1::JobSpec& resolved) {
  std::string summary;
  VisitSetFields(resolved, [&summary](const ProtoMessage& message, const FieldDescriptor& field) {
    const std::unique_ptr<ProtoMessage> defaults(message.New());
    field::SetFromText(*defaults, field, field::Meta(field).default_value());
    const std::string value = field::ValueText(message, field);
    if (value != field::ValueText(*defaults, field)) {
      summary += fmt::format("{}{}={}", summary.empty() ? "" : " ", field.name(), value);
    }
  });
  return summary;
}

std::string SpecToYaml(const v1::JobSpec& spec) {
  std::string own;
  std::string config;
  VisitSetFields(spec, [&](const ProtoMessage& message, const FieldDescriptor& field) {
    if (&message == &spec) {
      own += fmt::format("{}: {}\n", field.name(), field::ValueText(message, field));
    } else {
      config += fmt::format("  {}: {}\n", field.name(), field::ValueText(message, field));
    }
  });
  const std::string experiment = ExperimentName(spec);
  return experiment.empty() ? own : fmt::format("{}{}:{}\n{}", own, experiment, config.empty() ? " {}" : "", config);
}

std::string Nearest(std::string_view word, const std::vector<std::string>& names) {
  const std::string plain = Plain(word);
  std::string nearest;
  std::size_t best = std::max<std::size_t>(1, plain.size() / 3) + 1;  // further away is no misspelling
  for (const std::string& name : names) {
    if (const std::size_t distance = EditDistance(plain, Plain(name)); distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
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
