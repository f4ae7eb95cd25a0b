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
std::vector<std::string> Differences(const Item& item, const Extent& here, const Extent& paper) {
  std::vector<std::string> differences;
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
      differences.push_back(FieldText(name, mine, theirs));
      length_said = length_said || (mine && *mine == report::Exact(here.end));
    }
  }
  if (here.end != paper.end && !length_said) {
    differences.push_back(fmt::format("{} instead of {}", XText(item.x, here.end), XText(item.x, paper.end)));
  }
  return differences;
}

// Differences that all groups share are said once, others with their group.
void AddDifferences(const Item& item, const Budget& budget, const Budget& paper, Protocol& protocol) {
  std::vector<std::vector<std::string>> by_group;
  for (std::size_t g = 0; g < budget.extents.size(); ++g) {
    by_group.push_back(Differences(item, budget.extents[g], paper.extents[g]));
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
                                  const std::vector<std::vector<std::string>>& datasets) {
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
    for (const std::string& other : used) {
      substitutes.insert(fmt::format("data set {} stands in for {}", other, paper));
    }
  }
  return substitutes;
}

}  // namespace

Protocol ProtocolOf(const Item& item, const Budget& budget, const std::vector<std::vector<std::string>>& datasets) {
  Protocol protocol;
  const Budget* paper = item.exact_budget();
  if (paper == nullptr) {
    protocol.deviations.push_back("no budget of this manifest is the paper's own protocol");
  } else if (!budget.exact) {
    AddDifferences(item, budget, *paper, protocol);
  }
  protocol.deviations.insert(protocol.deviations.end(), item.deviations.begin(), item.deviations.end());
  protocol.tier = protocol.deviations.empty() ? Tier::kExact : Tier::kReduced;
  for (const std::string& substitute : Substitutes(item, budget, datasets)) {
    protocol.tier = Tier::kSubstitute;
    protocol.deviations.push_back(substitute);
  }
  return protocol;
}

}  // namespace normlab::judging
