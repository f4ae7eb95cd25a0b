#include "results/judging/manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/judging/item_reader.h"
#include "results/judging/map_reader.h"

namespace normlab::judging {
namespace {

template <typename T>
const T* FindIf(const std::vector<T>& things, auto matches) {
  const auto found = std::find_if(things.begin(), things.end(), matches);
  return found == things.end() ? nullptr : &*found;
}

}  // namespace

void Override(Fields& fields, const Fields& with) {
  for (const auto& [name, value] : with) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&key = name](const auto& f) { return f.first == key; });
    if (found == fields.end()) {
      fields.emplace_back(name, value);
    } else {
      found->second = value;
    }
  }
}

std::string PrintedTable::Printed(int arm, int metric) const {
  const Row* row = FindIf(rows, [&](const Row& r) { return r.arm == arm; });
  const auto column = std::find(columns.begin(), columns.end(), metric) - columns.begin();
  return row == nullptr || column == std::ssize(columns) ? "" : row->cells[static_cast<std::size_t>(column)];
}

Budget Budget::WithSeeds(int least) const {
  Budget budget = *this;
  budget.asked_seeds = least;
  if (least > 0) {
    budget.summary += fmt::format("; at least {} seeds of every arm were asked for", least);
  }
  for (Extent& extent : budget.extents) {
    extent.seeds = std::max(extent.seeds, least);
  }
  return budget;
}

const Budget* Item::FindBudget(std::string_view id) const {
  return FindIf(budgets, [&](const Budget& b) { return b.id == id; });
}

const Budget* Item::exact_budget() const {
  return FindIf(budgets, [](const Budget& b) { return b.exact; });
}

const std::string& Item::dataset_of(int group) const {
  const std::string& own = groups[static_cast<std::size_t>(group)].dataset;
  return own.empty() ? dataset : own;
}

Fields Item::FieldsOf(int arm, const Extent& extent, int point, int repetition) const {
  const Arm& of = arms[static_cast<std::size_t>(arm)];
  Fields fields = of.fields;
  Override(fields, extent.fields);
  if (!of.tuning.grid.empty()) {
    Override(fields, of.tuning.grid[static_cast<std::size_t>(point)]);
  }
  if (!repeat.field.empty()) {
    Override(fields, {{repeat.field, repeat.values[static_cast<std::size_t>(repetition)]}});
  }
  return fields;
}

absl::StatusOr<Manifest> ParseManifest(std::string_view yaml, std::string_view file_name, const Files& files) {
  constexpr YamlLimits kLimits{.bytes = 256 * 1024};
  Problems problems(file_name);
  YamlProblem problem;
  const std::optional<YamlNode> document = ParseYaml(yaml, kLimits, problem);
  if (!document) {
    problems.Add(problem.mark, problem.text);
    return problems.ToStatus();
  }
  MapReader map(&*document, "manifest", problems);
  if (map.Integer("schema", 1, 2) == 1) {
    map.Problem("schema",
                "is 1; schema 2 is read. Write exact for full_scale; a metric's select for end_share; claims of "
                "direction without tie; claims of size with the value they name (value, difference or ratio); table "
                "with words for matrix");
    return problems.ToStatus();
  }
  Manifest manifest{map.Text("id"), map.Text("title"), map.Text("citation", ""), {}};
  for (const auto& [id, node] : NamedEntries(map.Required("items"), "items", problems)) {
    manifest.items.push_back(ReadItem(id, node, files, problems));
  }
  map.Finish();
  NORMLAB_RETURN_IF_ERROR(problems.ToStatus());
  return manifest;
}

}  // namespace normlab::judging
