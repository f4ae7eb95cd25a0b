#include "results/judging/item_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "results/judging/claim_reader.h"
#include "results/judging/products.h"
#include "results/judging/reference.h"
#include "results/stats/paired.h"

namespace normlab::judging {
namespace {

constexpr std::size_t kMostGridPoints = 64;

class ItemReader {
 public:
  ItemReader(const YamlNode* node, const std::string& path, const Files& files, Problems& problems)
      : map_(node, path, problems),
        products_(map_.Optional("sets"), path + ".sets", problems),
        files_(files),
        problems_(problems) {}

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
    item_.deviations = map_.Texts("deviations");
    ReadAxes();
    ReadGroups();
    ReadMetrics();
    ReadArms();
    ReadRepeat();
    ReadReference();
    item_.noise = ReadNoise(map_.Optional("noise"), Path("noise"));
    ReadPanels();
    ReadBudgets();
    ReadClaims(map_, products_, chosen_, item_, problems_);
    CheckTuning();
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

  XAxis ReadAxis(const std::string& id, const YamlNode* node, const std::string& path) {
    MapReader reader(node, path, problems_);
    XAxis axis;
    axis.id = id;
    if (reader.Has("of")) {
      axis.of = reader.Choice("of", {"updates", "cpu_seconds"}) == 0 ? XAxis::Of::kUpdates : XAxis::Of::kCpuSeconds;
      axis.times = axis.of == XAxis::Of::kUpdates ? reader.Text("times", "") : "";
    } else {
      axis.series = reader.Text("series");
    }
    axis.unit = reader.Text("unit");
    axis.units = reader.Text("units", axis.unit);
    axis.label = reader.Text("label", axis.units);
    if (reader.Has("paper")) {
      MapReader paper(reader.Optional("paper"), path + ".paper", problems_);
      axis.paper_label = paper.Text("label");
      axis.paper_unit = paper.Number("unit", 1e-9, 1e9);
      axis.paper_first = paper.Number("first", -1e9, 1e9, 0);
      paper.Finish();
    }
    reader.Finish();
    return axis;
  }

  void ReadAxes() {
    item_.x = ReadAxis("x", map_.Required("x"), Path("x"));
    for (const Entry& entry : products_.Names(map_.Optional("axes"), Path("axes"))) {
      if (entry.name == item_.x.id) {
        problems_.Add(entry.mark, Path("axes.x") + " is the item's own axis; give it another name");
      }
      item_.axes.push_back(ReadAxis(entry.name, &entry.value, Path("axes." + entry.name)));
    }
  }

  std::vector<std::string> AxisIds() const {
    std::vector<std::string> ids = IdsOf(item_.axes);
    ids.insert(ids.begin(), item_.x.id);
    return ids;
  }

  // A manifest without groups has one, without a name.
  void ReadGroups() {
    for (const Entry& entry : products_.Names(map_.Optional("groups"), Path("groups"))) {
      MapReader group(&entry.value, Path("groups." + entry.name), problems_);
      item_.groups.push_back({entry.name, group.Text("label"), group.Text("dataset", ""),
                              NamedValues(group.Optional("fields"), group.path() + ".fields", problems_)});
      group.Finish();
    }
    if (item_.groups.empty()) {
      item_.groups.push_back({"", "", "", {}});
    }
  }

  void ReadMetrics() {
    const std::vector<Entry> entries = products_.Names(map_.Required("metrics"), Path("metrics"));
    for (const Entry& entry : entries) {
      MapReader reader(&entry.value, Path("metrics." + entry.name), problems_);
      const YamlNode* select = reader.Optional("select");
      const bool costs = select != nullptr && select->Find("cpu_seconds_of") != nullptr;  // no curve is read
      Metric metric;
      metric.id = entry.name;
      metric.label = reader.Text("label");
      metric.unit = reader.Text("unit", "");
      metric.series = costs ? "" : reader.Text("series");
      metric.scale = reader.Number("scale", 1e-12, 1e12, 1);
      metric.log = reader.Bool("log", false);
      metric.floor = reader.Number("floor", metric.log ? 1e-300 : -kHuge, kHuge, metric.log ? 1e-12 : 0);
      metric.digits = reader.Integer("digits", 0, 12, 2);
      metric.higher_is_better = reader.Choice("better", {"lower", "higher"}, 0) == 1;
      reader.Optional("difference");
      reader.Finish();
      item_.metrics.push_back(std::move(metric));
      chosen_.metrics.push_back(entry.chosen);
    }
    for (std::size_t m = 0; m < entries.size(); ++m) {
      if (entries[m].value.Find("difference") != nullptr) {
        differences_.insert(static_cast<int>(m));
      }
    }
    for (std::size_t m = 0; m < entries.size(); ++m) {  // of metrics that may stand below
      ReadDifference(entries[m].value.Find("difference"), Path("metrics." + entries[m].name), item_.metrics[m]);
      ReadSelect(entries[m].value.Find("select"), Path("metrics." + entries[m].name), m);
    }
  }

  // difference: {of: test_nll, less: train_nll}
  void ReadDifference(const YamlNode* node, const std::string& path, Metric& metric) {
    if (node == nullptr) {
      return;
    }
    MapReader reader(node, path + ".difference", problems_);
    metric.of = ReadPart(reader, "of");
    metric.less = ReadPart(reader, "less");
    if (metric.log) {
      reader.Problem("of", "is of a log metric, which has ratios; expected one that is not log");
    }
    reader.Finish();
  }

  // A metric that the paper prints itself.
  int ReadPart(MapReader& reader, const char* key) {
    const int part = reader.Choice(key, IdsOf(item_.metrics));
    if (differences_.contains(part) || (!item_.metrics.empty() && item_.metrics[static_cast<std::size_t>(part)].log)) {
      reader.Problem(key, "is a difference itself, or log; expected a metric that is neither");
    }
    return part;
  }

  // noise: {pace: 0.12, every: 1, of: {test_error: {level: 0.06, jitter: 0.2}}}
  std::optional<Noise> ReadNoise(const YamlNode* node, const std::string& path) {
    if (node == nullptr) {
      return std::nullopt;
    }
    MapReader reader(node, path, problems_);
    Noise noise;
    noise.pace = reader.Number("pace", 0, 10, 0);
    noise.every = reader.Number("every", 1e-9, 1e12, 1);
    MapReader of(reader.Required("of"), path + ".of", problems_);
    for (std::size_t m = 0; m < item_.metrics.size(); ++m) {
      const std::string& id = item_.metrics[m].id;
      if (of.Has(id)) {
        MapReader metric(of.Optional(id), path + ".of." + id, problems_);
        noise.of[static_cast<int>(m)] = {metric.Number("level", 0, kHuge, 0), metric.Number("jitter", 0, kHuge, 0)};
        metric.Finish();
      }
    }
    of.Finish();
    reader.Finish();
    return noise;
  }

  void ReadSelect(const YamlNode* node, const std::string& path, std::size_t metric) {
    Select& select = item_.metrics[metric].select;
    const bool word = node != nullptr && node->kind == YamlNode::Kind::kScalar;
    if (node == nullptr || (word && node->scalar == "last")) {
      return;
    }
    if (word && node->scalar == "best") {
      select.kind = Select::Kind::kBest;
      return;
    }
    if (node->kind != YamlNode::Kind::kMap) {
      problems_.Add(node->mark, fmt::format("{}.select is expected to be last, best, {{mean_of_last: share}}, "
                                            "{{at_best_of: metric}}, {{at: x}}, {{time_to: level or best}} or "
                                            "{{cpu_seconds_of: updates}}",
                                            path));
      return;
    }
    MapReader reader(node, path + ".select", problems_);
    if (reader.Has("mean_of_last")) {
      select.kind = Select::Kind::kMeanOfLast;
      select.share = reader.Number("mean_of_last", 1e-6, 1);
    } else if (reader.Has("at_best_of")) {
      select.kind = Select::Kind::kAtBestOf;
      select.metric = reader.Choice("at_best_of", IdsOf(item_.metrics));
      if (item_.metrics[static_cast<std::size_t>(select.metric)].series == item_.metrics[metric].series) {
        reader.Problem("at_best_of", "names a metric of the same series: what is reported may not choose");
      }
    } else if (reader.Has("at")) {
      select.kind = Select::Kind::kAt;
      select.at = reader.Number("at", 1e-9, 1e12);
    } else if (reader.Has("time_to")) {
      select.kind = Select::Kind::kTimeTo;
      if (reader.Text("time_to") != "best") {
        select.level = reader.Number("time_to", -kHuge, kHuge);
      }
      select.axis = reader.Choice("on", AxisIds(), 0);
    } else if (reader.Has("cpu_seconds_of")) {
      select.kind = Select::Kind::kCost;
      select.updates = reader.Number("cpu_seconds_of", 1, 1e12);
    }
    reader.Finish();
  }

  void ReadArms() {
    const Fields common = NamedValues(map_.Optional("fields"), Path("fields"), problems_);
    for (const Entry& entry : products_.Names(map_.Required("arms"), Path("arms"))) {
      MapReader reader(&entry.value, Path("arms." + entry.name), problems_);
      Arm arm{
          .id = entry.name, .label = reader.Text("label"), .group = 0, .fields = common, .tuning = {}, .labels = {}};
      if (!item_.groups.front().id.empty()) {
        arm.group = reader.Choice("group", IdsOf(item_.groups));
      }
      Override(arm.fields, item_.groups[static_cast<std::size_t>(arm.group)].fields);
      Override(arm.fields, NamedValues(reader.Optional("fields"), reader.path() + ".fields", problems_));
      if (reader.Has("tune")) {
        arm.tuning = ReadTuning(reader.Optional("tune"), reader.path() + ".tune");
      }
      if (reader.Has("labels")) {
        ReadLabels(reader, arm);
      }
      reader.Finish();
      item_.arms.push_back(std::move(arm));
      chosen_.arms.push_back(entry.chosen);
    }
    item_.reference.assign(item_.arms.size(), std::vector<ReferenceCurve>(item_.metrics.size()));
  }

  // labels: {program: torch-ln}. Such runs are found, not planned: there is nothing to configure.
  void ReadLabels(MapReader& reader, Arm& arm) {
    for (const auto& [key, value] : NamedValues(reader.Optional("labels"), reader.path() + ".labels", problems_)) {
      arm.labels[key] = value;
    }
    if (arm.labels.empty()) {
      reader.Problem("labels", "is expected to name the labels of an external program's runs");
    }
    if (reader.Has("fields") || reader.Has("tune")) {
      reader.Problem("labels", "chooses runs of other programs, for which there are no fields and tune");
    }
  }

  // tune: {by: valid_error, over: {learning_rate: [1e-4, 1e-3]}}
  Tuning ReadTuning(const YamlNode* node, const std::string& path) {
    MapReader reader(node, path, problems_);
    Tuning tuning;
    tuning.by = reader.Choice("by", IdsOf(item_.metrics));
    const YamlNode* over = reader.Required("over");
    MapReader fields(over, path + ".over", problems_);
    tuning.grid = {{}};
    for (const auto& [name, values] : NamedEntries(over, path + ".over", problems_)) {
      std::vector<Fields> more;
      const std::vector<std::string> texts = fields.Texts(name);
      if (texts.size() * tuning.grid.size() > kMostGridPoints || texts.empty()) {
        fields.Problem(name, fmt::format("is expected to hold values, of which the grid makes at most {} points",
                                         kMostGridPoints));
        continue;
      }
      for (const Fields& point : tuning.grid) {
        for (const std::string& text : texts) {
          more.push_back(point);
          more.back().emplace_back(name, text);
        }
      }
      tuning.grid = std::move(more);
    }
    reader.Finish();
    return tuning;
  }

  // What chooses may not be what is reported.
  void CheckTuning() {
    for (const Arm& arm : item_.arms) {
      if (arm.tuning.by < 0 || item_.metrics.empty()) {
        continue;
      }
      const std::string& series = item_.metrics[static_cast<std::size_t>(arm.tuning.by)].series;
      const auto reports = [&](int metric) { return item_.metrics[static_cast<std::size_t>(metric)].series == series; };
      const auto index = static_cast<int>(&arm - item_.arms.data());
      for (const Claim& claim : item_.claims) {
        if ((claim.arm == index || (claim.compares_arms() && claim.than == index)) && reports(claim.metric)) {
          map_.Problem("arms", fmt::format("{}: {} chooses its grid point and claim {} judges it: what is reported may "
                                           "not choose",
                                           arm.id, series, claim.id));
        }
      }
    }
  }

  void ReadRepeat() {
    if (!map_.Has("repeat")) {
      return;
    }
    MapReader reader(map_.Optional("repeat"), Path("repeat"), problems_);
    item_.repeat.field = reader.Text("field");
    item_.repeat.values = reader.Texts("values");
    if (item_.repeat.values.empty() || item_.repeat.values.size() > kMostGridPoints) {
      reader.Problem("values", fmt::format("is expected to hold 1 to {} values", kMostGridPoints));
    }
    if (std::any_of(item_.arms.begin(), item_.arms.end(), [](const Arm& arm) { return !arm.labels.empty(); })) {
      map_.Problem("repeat", "cannot be asked of runs of other programs, which an arm chooses by labels");
    }
    reader.Finish();
  }

  void ReadReference() {
    if (!map_.Has("reference")) {
      return;
    }
    const YamlNode* node = map_.Optional("reference");
    const bool one = node->kind == YamlNode::Kind::kScalar;
    for (const std::string& name : one ? std::vector<std::string>{node->scalar} : map_.Texts("reference")) {
      const auto file = files_.find(name);
      if (file == files_.end()) {
        map_.Problem("reference", fmt::format("names the file '{}', which is not beside the manifest", name));
        continue;
      }
      ParseReference(file->second, item_,
                     [&](int line, const std::string& text) { problems_.AddLine(name, line, text); });
    }
  }

  // Each metric of each group, if nothing is said.
  void ReadPanels() {
    const std::vector<Entry> entries = products_.Items(map_.Optional("panels"), Path("panels"));
    for (std::size_t p = 0; p < entries.size(); ++p) {
      MapReader reader(&entries[p].value, Path(fmt::format("panels[{}]", p)), problems_);
      PanelSpec panel;
      panel.metric = reader.Choice("metric", IdsOf(item_.metrics));
      panel.group = reader.Choice("group", IdsOf(item_.groups), 0);
      panel.axis = reader.Choice("x", AxisIds(), 0);
      panel.log_x = reader.Bool("log_x", false);
      panel.title = reader.Text("title", TitleOf(panel));
      reader.Finish();
      item_.panels.push_back(std::move(panel));
    }
    for (std::size_t m = 0; entries.empty() && m < item_.metrics.size(); ++m) {
      for (std::size_t g = 0; g < item_.groups.size(); ++g) {
        PanelSpec& panel = item_.panels.emplace_back();
        panel.metric = static_cast<int>(m);
        panel.group = static_cast<int>(g);
        panel.title = TitleOf(panel);
      }
    }
  }

  std::string TitleOf(const PanelSpec& panel) const {
    if (item_.metrics.empty()) {
      return "";
    }
    const std::string& metric = item_.metrics[static_cast<std::size_t>(panel.metric)].label;
    const std::string& group = item_.groups[static_cast<std::size_t>(panel.group)].label;
    return group.empty() ? metric : fmt::format("{}, {}", metric, group);
  }

  // What `map` says of an extent, over what `base` says.
  Extent ReadExtent(MapReader& map, const Extent& base) {
    Extent extent = base;
    extent.seeds = map.Integer("seeds", 1, stats::kMaxFlipPairs, base.seeds);
    extent.end = map.Number("end", 1e-9, 1e12, base.end);
    extent.x_per_value = map.Number("x_per_value", 1e-9, 1e9, base.x_per_value);
    extent.core_seconds = map.Number("core_seconds", 0, 1e12, base.core_seconds);
    Override(extent.fields, NamedValues(map.Optional("fields"), map.path() + ".fields", problems_));
    return extent;
  }

  void ReadBudgets() {
    for (const Entry& entry : products_.Names(map_.Required("budgets"), Path("budgets"))) {
      MapReader reader(&entry.value, Path("budgets." + entry.name), problems_);
      Budget budget;
      budget.id = entry.name;
      budget.summary = reader.Text("summary");
      budget.exact = reader.Bool("exact", false);
      budget.noise = ReadNoise(reader.Optional("noise"), reader.path() + ".noise");
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
    const std::vector<std::string> ids = IdsOf(item_.groups);
    const auto found = std::find(ids.begin(), ids.end(), group);
    if (found == ids.end()) {
      return problems_.Add(node->mark, fmt::format("{} is not a group{}", path, DidYouMean(group, ids)));
    }
    MapReader reader(node, path, problems_);
    Extent& extent = budget.extents[static_cast<std::size_t>(found - ids.begin())];
    extent = ReadExtent(reader, extent);
    reader.Finish();
  }

  MapReader map_;
  Products products_;
  const Files& files_;
  Problems& problems_;
  ChosenOf chosen_;
  std::set<int> differences_;  // metrics
  Item item_;
};

}  // namespace

Item ReadItem(const std::string& id, const YamlNode* node, const Files& files, Problems& problems) {
  return ItemReader(node, "items." + id, files, problems).Read(id);
}

}  // namespace normlab::judging
