#include "results/judging/manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "results/judging/map_reader.h"
#include "results/judging/reference.h"
#include "results/stats/paired.h"

namespace normlab::judging {
namespace {

constexpr double kHuge = 1e300;
constexpr std::size_t kMaxManifestBytes = 256 * 1024;

template <typename T>
std::vector<std::string> Ids(const std::vector<T>& things) {
  std::vector<std::string> ids;
  for (const T& thing : things) {
    ids.push_back(thing.id);
  }
  return ids;
}

// Fields of an experiment's configuration: any names, single values, kept as text.
Fields ReadFields(const YamlNode* node, const std::string& path, Problems& problems) {
  Fields fields;
  for (const auto& [name, value] : NamedEntries(node, path, problems)) {
    if (value->kind == YamlNode::Kind::kScalar) {
      fields.emplace_back(name, value->scalar);
    } else {
      problems.Add(value->mark, fmt::format("{}.{} is expected to be a single value", path, name));
    }
  }
  return fields;
}

class ItemReader {
 public:
  ItemReader(const YamlNode* node, const std::string& path, const Files& files, Problems& problems)
      : map_(node, path, problems), files_(files), problems_(problems) {}

  Item Read(const std::string& id) {
    item_.id = id;
    item_.title = map_.Text("title");
    item_.place = map_.Text("place");
    item_.note = map_.Text("note", "");
    if (map_.Has("not_run")) {
      ReadNotRun();
      map_.Finish();
      return std::move(item_);
    }
    item_.experiment = map_.Text("experiment");
    item_.dataset = map_.Text("dataset", "");
    ReadMatrix();
    item_.deviations = map_.Texts("deviations");
    ReadX();
    ReadGroups();
    ReadMetrics();
    ReadArms();
    ReadReference();
    ReadBudgets();
    ReadClaims();
    map_.Finish();
    return std::move(item_);
  }

 private:
  std::string Path(std::string_view key) const { return fmt::format("{}.{}", map_.path(), key); }

  void ReadNotRun() {
    item_.not_run = map_.Text("not_run");
    Claim claim;
    claim.id = item_.id;
    claim.statement = map_.Text("statement");
    claim.place = item_.place;
    item_.claims.push_back(std::move(claim));
  }

  void ReadMatrix() {
    if (!map_.Has("matrix")) {
      return;
    }
    MapReader matrix(map_.Optional("matrix"), Path("matrix"), problems_);
    item_.matrix = MatrixWords{.caption = matrix.Text("caption"),
                               .below = matrix.Number("below", -kHuge, kHuge),
                               .yes = matrix.Text("yes"),
                               .no = matrix.Text("no")};
    matrix.Finish();
  }

  void ReadX() {
    MapReader x(map_.Required("x"), Path("x"), problems_);
    item_.x.series = x.Text("series");
    item_.x.unit = x.Text("unit");
    item_.x.units = x.Text("units", item_.x.unit);
    item_.x.label = x.Text("label", item_.x.units);
    if (x.Has("paper")) {
      MapReader paper(x.Optional("paper"), Path("x.paper"), problems_);
      item_.x.paper_label = paper.Text("label");
      item_.x.paper_unit = paper.Number("unit", 1e-9, 1e9);
      item_.x.paper_first = paper.Number("first", -1e9, 1e9, 0);
      paper.Finish();
    }
    x.Finish();
  }

  // A manifest without groups has one, without a name.
  void ReadGroups() {
    for (const auto& [id, node] : NamedEntries(map_.Optional("groups"), Path("groups"), problems_)) {
      MapReader group(node, Path("groups." + id), problems_);
      item_.groups.push_back({id, group.Text("label")});
      group.Finish();
    }
    if (item_.groups.empty()) {
      item_.groups.push_back({"", ""});
    }
  }

  void ReadMetrics() {
    std::vector<std::pair<std::size_t, const YamlNode*>> selects;
    for (const auto& [id, node] : NamedEntries(map_.Required("metrics"), Path("metrics"), problems_)) {
      MapReader reader(node, Path("metrics." + id), problems_);
      Metric metric;
      metric.id = id;
      metric.label = reader.Text("label");
      metric.unit = reader.Text("unit", "");
      metric.series = reader.Text("series");
      metric.scale = reader.Number("scale", 1e-12, 1e12, 1);
      metric.log = reader.Bool("log", false);
      metric.floor = reader.Number("floor", metric.log ? 1e-300 : -kHuge, kHuge, metric.log ? 1e-12 : 0);
      metric.digits = reader.Integer("digits", 0, 12, 2);
      metric.higher_is_better = reader.Choice("better", {"lower", "higher"}, 0) == 1;
      selects.emplace_back(item_.metrics.size(), reader.Optional("select"));
      reader.Finish();
      item_.metrics.push_back(std::move(metric));
    }
    for (const auto& [metric, node] : selects) {  // of a metric that may stand below
      item_.metrics[metric].select = ReadSelect(node, fmt::format("metrics.{}", item_.metrics[metric].id));
    }
  }

  Select ReadSelect(const YamlNode* node, const std::string& path) {
    Select select;
    const bool word = node != nullptr && node->kind == YamlNode::Kind::kScalar;
    if (node == nullptr || (word && node->scalar == "last")) {
      return select;
    }
    if (word && node->scalar == "best") {
      select.kind = Select::Kind::kBest;
      return select;
    }
    if (node->kind != YamlNode::Kind::kMap || node->entries.size() != 1) {
      problems_.Add(node->mark, fmt::format("{} is expected to be last, best, {{mean_of_last: share}}, "
                                            "{{at_best_of: metric}} or {{at: x}}",
                                            Path(path + ".select")));
      return select;
    }
    MapReader reader(node, Path(path + ".select"), problems_);
    if (reader.Has("mean_of_last")) {
      select.kind = Select::Kind::kMeanOfLast;
      select.share = reader.Number("mean_of_last", 1e-6, 1);
    } else if (reader.Has("at_best_of")) {
      select.kind = Select::Kind::kAtBestOf;
      select.metric = reader.Choice("at_best_of", Ids(item_.metrics));
    } else if (reader.Has("at")) {
      select.kind = Select::Kind::kAt;
      select.at = reader.Number("at", 1e-9, 1e12);
    }
    reader.Finish();
    return select;
  }

  void ReadArms() {
    const Fields common = ReadFields(map_.Optional("fields"), Path("fields"), problems_);
    for (const auto& [id, node] : NamedEntries(map_.Required("arms"), Path("arms"), problems_)) {
      MapReader reader(node, Path("arms." + id), problems_);
      Arm arm{.id = id, .label = reader.Text("label"), .group = 0, .fields = common};
      if (!item_.groups.front().id.empty()) {
        arm.group = reader.Choice("group", Ids(item_.groups));
      }
      Override(arm.fields, ReadFields(reader.Optional("fields"), reader.path() + ".fields", problems_));
      reader.Finish();
      item_.arms.push_back(std::move(arm));
    }
    item_.reference.assign(item_.arms.size(), std::vector<ReferenceCurve>(item_.metrics.size()));
  }

  void ReadReference() {
    if (!map_.Has("reference")) {
      return;
    }
    const std::string name = map_.Text("reference");
    const auto file = files_.find(name);
    if (file == files_.end()) {
      return map_.Problem("reference", fmt::format("names the file '{}', which is not beside the manifest", name));
    }
    ParseReference(file->second, item_,
                   [&](int line, const std::string& text) { problems_.AddLine(name, line, text); });
  }

  // What `map` says of an extent, over what `base` says.
  Extent ReadExtent(MapReader& map, const Extent& base) {
    Extent extent = base;
    extent.seeds = map.Integer("seeds", 1, stats::kMaxFlipPairs, base.seeds);
    extent.end = map.Number("end", 1e-9, 1e12, base.end);
    extent.x_per_value = map.Number("x_per_value", 1e-9, 1e9, base.x_per_value);
    extent.core_seconds = map.Number("core_seconds", 0, 1e12, base.core_seconds);
    Override(extent.fields, ReadFields(map.Optional("fields"), map.path() + ".fields", problems_));
    return extent;
  }

  void ReadBudgets() {
    for (const auto& [id, node] : NamedEntries(map_.Required("budgets"), Path("budgets"), problems_)) {
      MapReader reader(node, Path("budgets." + id), problems_);
      Budget budget{id, reader.Text("summary"), reader.Bool("exact", false), {}};
      const Extent common = ReadExtent(reader, Extent());
      budget.extents.assign(item_.groups.size(), common);
      for (const auto& [group, own] : NamedEntries(reader.Optional("groups"), reader.path() + ".groups", problems_)) {
        ReadGroupExtent(group, own, reader.path() + ".groups." + group, budget);
      }
      for (std::size_t g = 0; g < item_.groups.size(); ++g) {
        if (budget.extents[g].seeds == 0) {
          reader.Problem("seeds", "is missing");
        }
        if (budget.extents[g].end == 0) {
          reader.Problem("end", fmt::format("is missing, here or in groups.{}", item_.groups[g].id));
        }
      }
      reader.Finish();
      item_.budgets.push_back(std::move(budget));
    }
  }

  void ReadGroupExtent(const std::string& group, const YamlNode* node, const std::string& path, Budget& budget) {
    const std::vector<std::string> ids = Ids(item_.groups);
    const auto found = std::find(ids.begin(), ids.end(), group);
    if (found == ids.end()) {
      return problems_.Add(node->mark, fmt::format("{} is not a group{}", path, DidYouMean(group, ids)));
    }
    MapReader reader(node, path, problems_);
    Extent& extent = budget.extents[static_cast<std::size_t>(found - ids.begin())];
    extent = ReadExtent(reader, extent);
    reader.Finish();
  }

  void ReadClaims() {
    const YamlNode* list = map_.Optional("claims");
    if (list == nullptr) {
      return;
    }
    if (list->kind != YamlNode::Kind::kList) {
      return map_.Problem("claims", "is expected to be a list");
    }
    std::vector<std::string> seen;
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      MapReader reader(&list->items[i], Path(fmt::format("claims[{}]", i)), problems_);
      Claim claim = ReadClaim(reader);
      if (std::find(seen.begin(), seen.end(), claim.id) != seen.end()) {
        reader.Problem("id", fmt::format("'{}' is given twice", claim.id));
      }
      seen.push_back(claim.id);
      reader.Finish();
      item_.claims.push_back(std::move(claim));
    }
  }

  Claim ReadClaim(MapReader& reader) {
    Claim claim;
    claim.id = reader.Text("id");
    claim.statement = reader.Text("statement");
    claim.place = reader.Text("place", item_.place);
    claim.kind = static_cast<ClaimKind>(
        reader.Choice("rule", {"lower", "higher", "reaches", "close", "value", "below", "above"}));
    claim.metric = reader.Choice("metric", Ids(item_.metrics));
    claim.arm = reader.Choice("arm", Ids(item_.arms));
    if (claim.compares_arms()) {
      claim.than = reader.Choice("than", Ids(item_.arms));
    }
    if (claim.kind == ClaimKind::kReaches || (claim.kind == ClaimKind::kClose && reader.Has("target"))) {
      claim.target = reader.Number("target", -kHuge, kHuge);
    }
    if (claim.is_size()) {
      ReadSize(reader, claim);
    }
    if (claim.is_fact()) {
      claim.bound = reader.Number("bound", -kHuge, kHuge);
    }
    if (!claim.target && reader.Has("over")) {
      MapReader over(reader.Optional("over"), reader.path() + ".over", problems_);
      claim.from = over.Number("from", 0, 1e12);
      claim.to = over.Number("to", std::max(claim.from, 1e-9), 1e12);
      over.Finish();
    }
    claim.needs = reader.Number("needs", 0, 1e12, claim.to);
    CheckEnd(reader, claim);
    return claim;
  }

  // What is claimed, and how near is near: of ratios a factor, so that 1 is no difference.
  void ReadSize(MapReader& reader, Claim& claim) {
    const bool log = !item_.metrics.empty() && item_.metrics[static_cast<std::size_t>(claim.metric)].log;
    const bool factor = log || claim.target;
    if (claim.kind == ClaimKind::kValue) {
      claim.value = reader.Number("value", log ? 1e-300 : -kHuge, kHuge);
    } else if (factor) {
      claim.value = reader.Number("ratio", 1e-12, 1e12, 1);
    } else {
      claim.value = reader.Number("difference", -kHuge, kHuge, 0);
    }
    // A margin of nothing can never be met.
    claim.within = reader.Number("within", factor ? 1 + 1e-9 : 1e-300, 1e12);
  }

  // A stretch that the paper's own budget does not cover could never be judged as claimed.
  void CheckEnd(MapReader& reader, const Claim& claim) {
    const Budget* exact = item_.exact_budget();
    if (exact == nullptr || item_.arms.empty()) {
      return;
    }
    const int group = item_.arms[static_cast<std::size_t>(claim.arm)].group;
    const double end = exact->extents[static_cast<std::size_t>(group)].end;
    if (std::max(claim.to, claim.needs) > end) {
      reader.Problem(claim.to > end ? "over" : "needs",
                     fmt::format("goes to {}; budget {} ends at {}", std::max(claim.to, claim.needs), exact->id, end));
    }
  }

  MapReader map_;
  const Files& files_;
  Problems& problems_;
  Item item_;
};

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

const Budget* Item::FindBudget(std::string_view id) const {
  const auto found = std::find_if(budgets.begin(), budgets.end(), [&](const Budget& b) { return b.id == id; });
  return found == budgets.end() ? nullptr : &*found;
}

const Budget* Item::exact_budget() const {
  const auto found = std::find_if(budgets.begin(), budgets.end(), [](const Budget& b) { return b.exact; });
  return found == budgets.end() ? nullptr : &*found;
}

absl::StatusOr<Manifest> ParseManifest(std::string_view yaml, std::string_view file_name, const Files& files) {
  Problems problems(file_name);
  YamlProblem problem;
  const std::optional<YamlNode> document = ParseYaml(yaml, {.bytes = kMaxManifestBytes}, problem);
  if (!document) {
    problems.Add(problem.mark, problem.text);
    return problems.ToStatus();
  }
  MapReader map(&*document, "manifest", problems);
  if (map.Integer("schema", 1, 2) == 1) {
    map.Problem(
        "schema",
        "is 1; schema 2 is read. Write exact for full_scale; a metric's select for end_share; claims of direction "
        "without tie; claims of size with the value they name (value, difference or ratio)");
    return problems.ToStatus();
  }
  Manifest manifest{map.Text("id"), map.Text("title"), map.Text("citation", ""), {}};
  for (const auto& [id, node] : NamedEntries(map.Required("items"), "items", problems)) {
    manifest.items.push_back(ItemReader(node, "items." + id, files, problems).Read(id));
  }
  map.Finish();
  NORMLAB_RETURN_IF_ERROR(problems.ToStatus());
  return manifest;
}

}  // namespace normlab::judging
