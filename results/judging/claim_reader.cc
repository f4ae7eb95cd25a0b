#include "results/judging/claim_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/parse_number.h"

namespace normlab::judging {
namespace {

class ClaimsReader {
 public:
  ClaimsReader(MapReader& map, Products& products, const ChosenOf& chosen, Item& item, Problems& problems)
      : map_(map), products_(products), chosen_(chosen), item_(item), problems_(problems) {}

  void Read() {
    ReadTable();
    const std::string path = map_.path() + ".claims";
    std::size_t i = 0;
    for (const Entry& entry : products_.Items(map_.Optional("claims"), path)) {
      MapReader reader(&entry.value, fmt::format("{}[{}]", path, i++), problems_);
      Add(ReadClaim(reader), entry.mark);
      reader.Finish();
    }
  }

 private:
  const Metric& MetricOf(const Claim& claim) const { return item_.metrics[static_cast<std::size_t>(claim.metric)]; }

  void Add(Claim claim, const YamlMark& mark) {
    const std::vector<std::string> ids = IdsOf(item_.claims);
    if (std::find(ids.begin(), ids.end(), claim.id) != ids.end()) {
      problems_.Add(mark, fmt::format("{}.claims: id '{}' is given twice", map_.path(), claim.id));
    }
    item_.claims.push_back(std::move(claim));
  }

  Claim ReadClaim(MapReader& reader) {
    Claim claim;
    claim.id = reader.Text("id");
    claim.statement = reader.Text("statement");
    claim.place = reader.Text("place", item_.place);
    claim.kind = static_cast<ClaimKind>(
        reader.Choice("rule", {"lower", "higher", "reaches", "close", "value", "below", "above"}));
    claim.metric = reader.Choice("metric", IdsOf(item_.metrics));
    claim.arm = reader.Choice("arm", IdsOf(item_.arms));
    const bool direction = claim.kind == ClaimKind::kLower || claim.kind == ClaimKind::kHigher;
    claim.against_bound = direction && reader.Has("bound") && !reader.Has("than");
    if (claim.compares_arms()) {
      claim.than = reader.Choice("than", IdsOf(item_.arms));
    }
    if (item_.metrics.empty() || item_.arms.empty()) {
      return claim;  // which has been reported
    }
    if (claim.kind == ClaimKind::kReaches || (claim.kind == ClaimKind::kClose && reader.Has("target"))) {
      ReadTarget(reader, claim);
    }
    if (claim.is_size()) {
      ReadSize(reader, claim);
    }
    if (claim.is_fact() || claim.against_bound) {
      claim.bound = reader.Number("bound", claim.against_bound && MetricOf(claim).as_ratios() ? 1e-300 : -kHuge, kHuge);
    }
    if (!claim.is_time() && !MetricOf(claim).is_time() && reader.Has("over")) {
      MapReader over(reader.Optional("over"), reader.path() + ".over", problems_);
      claim.from = over.Number("from", 0, 1e12);
      claim.to = over.Number("to", std::max(claim.from, 1e-9), 1e12);
      over.Finish();
    }
    claim.needs = reader.Number("needs", 0, 1e12, claim.to);
    CheckEnd(reader, claim);
    return claim;
  }

  // A level of the metric, or the other arm's best; a time on one of the axes.
  void ReadTarget(MapReader& reader, Claim& claim) {
    if (reader.Text("target") == "best") {
      claim.best_of_other = true;
    } else {
      claim.target = reader.Number("target", -kHuge, kHuge);
    }
    std::vector<std::string> axes = IdsOf(item_.axes);
    axes.insert(axes.begin(), item_.x.id);
    claim.axis = reader.Choice("on", axes, 0);
    if (MetricOf(claim).is_time()) {
      reader.Problem("metric", "selects a time; a target is a level of a curve");
    }
  }

  // What is claimed, and how near is near: of ratios a factor, so that 1 is no difference.
  void ReadSize(MapReader& reader, Claim& claim) {
    const bool ratios = MetricOf(claim).as_ratios();
    const bool factor = ratios || claim.is_time();
    if (claim.kind == ClaimKind::kValue) {
      claim.value = reader.Number("value", ratios ? 1e-300 : -kHuge, kHuge);
    } else if (factor) {
      claim.value = reader.Number("ratio", 1e-12, 1e12, 1);
    } else {
      claim.value = reader.Number("difference", -kHuge, kHuge, 0);
    }
    claim.within = ReadMargin(reader, factor);
  }

  // A margin of nothing can never be met.
  static double ReadMargin(MapReader& reader, bool factor) {
    return reader.Number("within", factor ? 1 + 1e-9 : 1e-300, 1e12);
  }

  // A stretch that the paper's own budget does not cover could never be judged as claimed.
  void CheckEnd(MapReader& reader, const Claim& claim) {
    const Budget* exact = item_.exact_budget();
    if (exact == nullptr) {
      return;
    }
    const int group = item_.arms[static_cast<std::size_t>(claim.arm)].group;
    const double end = exact->extents[static_cast<std::size_t>(group)].end;
    if (std::max(claim.to, claim.needs) > end) {
      reader.Problem(claim.to > end ? "over" : "needs",
                     fmt::format("goes to {}; budget {} ends at {}", std::max(claim.to, claim.needs), exact->id, end));
    }
  }

  // What a cell's claim is called, and of words what it says.
  struct CellClaims {
    std::string id, place, statement;
    struct OfWord {
      double bound = 0;
      std::string statement;
    };
    OfWord yes, no;
    std::vector<std::string> within;  // of numbers, by column; "-": not judged
    YamlMark mark;
  };

  void ReadTable() {
    if (!map_.Has("table")) {
      return;
    }
    MapReader reader(map_.Optional("table"), map_.path() + ".table", problems_);
    PrintedTable& table = item_.table.emplace();
    table.caption = reader.Text("caption", "");
    table.place = reader.Text("place", item_.place);
    if (reader.Has("words")) {
      MapReader words(reader.Optional("words"), reader.path() + ".words", problems_);
      table.words = {words.Number("below", -kHuge, kHuge), words.Text("yes"), words.Text("no")};
      words.Finish();
    }
    table.columns = reader.Choices("columns", IdsOf(item_.metrics));
    if (!reader.Has("columns")) {
      for (std::size_t m = 0; m < item_.metrics.size(); ++m) {
        table.columns.push_back(static_cast<int>(m));
      }
    }
    const CellClaims claims = ReadCellClaims(reader, table);
    const YamlNode* rows = reader.Optional("rows");
    ReadRows(rows, reader.path() + ".rows", claims, table);
    ReadForeignRows(reader.Optional("also"), reader.path() + ".also", table);
    reader.Finish();
  }

  CellClaims ReadCellClaims(MapReader& reader, const PrintedTable& table) {
    CellClaims claims;
    claims.within = reader.Texts("within");
    if (!claims.within.empty() && (claims.within.size() != table.columns.size() || table.words)) {
      reader.Problem("within", fmt::format("has {} margins; expected one for each of {} columns of numbers",
                                           claims.within.size(), table.columns.size()));
      claims.within.clear();
    }
    const YamlNode* node = reader.Optional("claims");
    if (node == nullptr) {
      return claims;
    }
    claims.mark = node->mark;
    MapReader map(node, reader.path() + ".claims", problems_);
    claims.id = map.Text("id", "");
    claims.place = map.Text("place", "");
    if (table.words) {
      for (const auto& [key, word] : {std::pair("yes", &claims.yes), std::pair("no", &claims.no)}) {
        MapReader of(map.Required(key), fmt::format("{}.{}", map.path(), key), problems_);
        *word = {of.Number("bound", -kHuge, kHuge), of.Text("statement")};
        of.Finish();
      }
    } else {
      claims.statement = map.Text("statement", "");
    }
    map.Finish();
    return claims;
  }

  // Cells of one row; empty, with a problem, if they are not one a column.
  std::vector<std::string> ReadCells(const YamlNode& node, const std::string& path, const PrintedTable& table) {
    std::vector<std::string> cells;
    for (const YamlNode& cell : node.items) {
      cells.push_back(cell.scalar);
      const bool word = cell.scalar == "yes" || cell.scalar == "no";
      if (!cell.scalar.empty() && (table.words ? !word : !ParseReal(cell.scalar))) {
        problems_.Add(cell.mark, fmt::format("{}: {} is expected to be {}", path, cell.scalar,
                                             table.words ? "yes or no" : "a number, or nothing"));
        return {};
      }
    }
    if (node.kind != YamlNode::Kind::kList || cells.size() != table.columns.size()) {
      problems_.Add(node.mark, fmt::format("{} is expected to be a list of {} cells", path, table.columns.size()));
      return {};
    }
    return cells;
  }

  void ReadRows(const YamlNode* rows, const std::string& path, const CellClaims& claims, PrintedTable& table) {
    const std::vector<std::string> arms = IdsOf(item_.arms);
    for (const auto& [name, node] : NamedEntries(rows, path, problems_)) {
      const auto arm = std::find(arms.begin(), arms.end(), name);
      if (arm == arms.end()) {
        problems_.Add(node->mark, fmt::format("{}.{} is no arm{}; a row that is not ours stands in also", path, name,
                                              DidYouMean(name, arms)));
        continue;
      }
      PrintedTable::Row row{static_cast<int>(arm - arms.begin()), "", ReadCells(*node, path + "." + name, table)};
      for (std::size_t c = 0; c < row.cells.size(); ++c) {
        if (!row.cells[c].empty()) {
          AddCellClaim(row, c, claims, *node, table);
        }
      }
      if (!row.cells.empty()) {
        table.rows.push_back(std::move(row));
      }
    }
  }

  // also: {"Sym (Vendrov et al.)": [45.4, ...]}
  void ReadForeignRows(const YamlNode* rows, const std::string& path, PrintedTable& table) {
    if (rows != nullptr && rows->kind != YamlNode::Kind::kMap) {
      return problems_.Add(rows->mark, path + " is expected to be a mapping of labels to cells");
    }
    for (const auto& [label, mark, node] : rows == nullptr ? std::vector<YamlNode::Entry>() : rows->entries) {
      if (auto cells = ReadCells(node, fmt::format("{}.{}", path, label), table); !cells.empty()) {
        table.rows.push_back({-1, label, std::move(cells)});
      }
    }
  }

  void AddCellClaim(const PrintedTable::Row& row, std::size_t c, const CellClaims& of, const YamlNode& node,
                    const PrintedTable& table) {
    Claim claim;
    claim.arm = row.arm;
    claim.metric = table.columns[c];
    const Arm& arm = item_.arms[static_cast<std::size_t>(claim.arm)];
    const Metric& metric = MetricOf(claim);
    std::string statement = of.statement;
    if (table.words) {
      const CellClaims::OfWord& word = row.cells[c] == "yes" ? of.yes : of.no;
      claim.kind = row.cells[c] == "yes" ? ClaimKind::kBelow : ClaimKind::kAbove;
      claim.bound = word.bound;
      statement = word.statement;
    } else if (of.within.empty() || of.within[c] == "-") {
      return;  // printed, not judged
    } else {
      claim.kind = ClaimKind::kValue;
      claim.value = *ParseReal(row.cells[c]);
      const bool factor = metric.as_ratios();
      const auto within = ParseReal(of.within[c]);
      if (!within || *within <= (factor ? 1 : 0) || (factor && claim.value <= 0)) {
        return problems_.Add(node.mark, fmt::format("{}.table: {} within {} of {} is no {}", map_.path(), metric.id,
                                                    of.within[c], row.cells[c], factor ? "factor" : "margin"));
      }
      claim.within = *within;
    }
    Chosen chosen = chosen_.arms[static_cast<std::size_t>(claim.arm)];
    const Chosen& of_metric = chosen_.metrics[static_cast<std::size_t>(claim.metric)];
    chosen.insert(of_metric.begin(), of_metric.end());
    const auto fill = [&](const std::string& text) {
      return products_.Fill(text, chosen, of.mark, map_.path() + ".table.claims");
    };
    claim.id = of.id.empty() ? fmt::format("{}-{}", arm.id, metric.id) : fill(of.id);
    claim.place = of.place.empty() ? table.place : fill(of.place);
    claim.statement = statement.empty() ? fmt::format("{}: {} is {}{}, to {}", arm.label, metric.label, row.cells[c],
                                                      metric.unit.empty() ? "" : " " + metric.unit, of.within[c])
                                        : fill(statement);
    claim.needs = NeedsOf(claim);
    Add(std::move(claim), node.mark);
  }

  // A number as printed is of a run as long as the paper's; a fact is of every value there is.
  double NeedsOf(const Claim& claim) const {
    const Budget* exact = item_.exact_budget();
    const int group = item_.arms[static_cast<std::size_t>(claim.arm)].group;
    return claim.is_fact() || exact == nullptr ? 0 : exact->extents[static_cast<std::size_t>(group)].end;
  }

  MapReader& map_;
  Products& products_;
  const ChosenOf& chosen_;
  Item& item_;
  Problems& problems_;
};

}  // namespace

void ReadClaims(MapReader& map, Products& products, const ChosenOf& chosen, Item& item, Problems& problems) {
  ClaimsReader(map, products, chosen, item, problems).Read();
}

}  // namespace normlab::judging
