#include "results/judging/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "results/judging/format_value.h"
#include "results/report/number.h"

namespace normlab::judging {
namespace {

constexpr std::string_view kDataset = "dataset";

const std::string* Find(const Fields& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
  return found == fields.end() ? nullptr : &found->second;
}

std::string FieldText(const std::string& name, const std::string* here, const std::string* there) {
  return fmt::format("{} {} instead of {}", name, here ? *here : "as by default", there ? *there : "the default");
}

// What one group's runs do otherwise. The data set is not among it: it has a tier of its own.
struct Differences {
  std::vector<std::string> texts;
  bool of_length_alone = true;
};

Differences DifferencesOf(const Item& item, const Extent& here, const Extent& paper) {
  Differences differences;
  std::set<std::string> names;
  for (const Fields* fields : {&here.fields, &paper.fields}) {
    for (const auto& [name, value] : *fields) {
      names.insert(name);
    }
  }
  bool length_said = false;
  for (const std::string& name : names) {
    const std::string *mine = Find(here.fields, name), *theirs = Find(paper.fields, name);
    const bool same = mine && theirs ? *mine == *theirs : mine == theirs;
    if (name != kDataset && !same) {
      const bool of_length = mine && *mine == report::Exact(here.end);
      differences.texts.push_back(FieldText(name, mine, theirs));
      differences.of_length_alone = differences.of_length_alone && of_length;
      length_said = length_said || of_length;
    }
  }
  if (here.end != paper.end && !length_said) {
    differences.texts.push_back(fmt::format("{} instead of {}", XText(item.x, here.end), XText(item.x, paper.end)));
  }
  return differences;
}

// Differences that all groups share are said once, others with their group.
void AddDifferences(const Item& item, const Budget& budget, const Budget& paper, Protocol& protocol) {
  std::vector<std::vector<std::string>> by_group;
  for (std::size_t g = 0; g < budget.extents.size(); ++g) {
    Differences differences = DifferencesOf(item, budget.extents[g], paper.extents[g]);
    protocol.same_curve[g] = protocol.same_curve[g] && differences.of_length_alone;
    by_group.push_back(std::move(differences.texts));
  }
  const bool alike =
      std::all_of(by_group.begin(), by_group.end(), [&](const auto& d) { return d == by_group.front(); });
  for (std::size_t g = 0; g < (alike ? 1 : by_group.size()); ++g) {
    for (const std::string& difference : by_group[g]) {
      protocol.deviations.push_back(alike ? difference : fmt::format("{}: {}", item.groups[g].label, difference));
    }
  }
}

// "data set fashion_mnist stands in for mnist", each once.
std::set<std::string> Substitutes(const Item& item, const Budget& budget,
                                  const std::vector<std::vector<std::string>>& datasets, Protocol& protocol) {
  std::set<std::string> substitutes;
  for (std::size_t g = 0; g < item.groups.size(); ++g) {
    const std::string& paper = item.dataset_of(static_cast<int>(g));
    if (paper.empty()) {
      continue;
    }
    std::set<std::string> used(datasets[g].begin(), datasets[g].end());
    if (const std::string* planned = Find(budget.extents[g].fields, kDataset)) {
      used.insert(*planned);
    }
    used.erase(paper);
    protocol.same_curve[g] = protocol.same_curve[g] && used.empty();
    for (const std::string& other : used) {
      substitutes.insert(fmt::format("data set {} stands in for {}", other, paper));
    }
  }
  return substitutes;
}

// "arm PyTorch: runs of another program, chosen by their labels (program=torch), which nobody here has verified"
void AddExternalArms(const Item& item, Protocol& protocol) {
  for (const Arm& arm : item.arms) {
    if (arm.labels.empty()) {
      continue;
    }
    std::vector<std::string> labels;
    for (const auto& [key, value] : arm.labels) {
      labels.push_back(fmt::format("{}={}", key, value));
    }
    protocol.deviations.push_back(
        fmt::format("arm {}: runs of another program, chosen by their labels ({}), which nobody here has verified",
                    arm.label, fmt::join(labels, ", ")));
    protocol.same_curve[static_cast<std::size_t>(arm.group)] = false;
  }
}

}  // namespace

Protocol ProtocolOf(const Item& item, const Budget& budget, const std::vector<std::vector<std::string>>& datasets) {
  Protocol protocol;
  protocol.same_curve.assign(item.groups.size(), item.exact_budget() != nullptr && item.deviations.empty());
  const Budget* paper = item.exact_budget();
  if (paper == nullptr) {
    protocol.deviations.push_back("no budget of this manifest is the paper's own protocol");
  } else if (!budget.exact) {
    AddDifferences(item, budget, *paper, protocol);
  }
  protocol.deviations.insert(protocol.deviations.end(), item.deviations.begin(), item.deviations.end());
  AddExternalArms(item, protocol);
  protocol.tier = protocol.deviations.empty() ? Tier::kExact : Tier::kReduced;
  for (const std::string& substitute : Substitutes(item, budget, datasets, protocol)) {
    protocol.tier = Tier::kSubstitute;
    protocol.deviations.push_back(substitute);
  }
  return protocol;
}

}  // namespace normlab::judging
