// paper.h - a paper as a manifest: which runs feed each table and figure, what was printed, and how claims are judged.
//
// The manifest of a known paper is compiled into the program (results/papers/<id>/); a user's own is loaded from a
// file. This module knows no jobs and no server: runs are named by (item, arm, seed), and read through a CurveSource.
//
// Thread safety: a Paper is immutable after loading. Rendering is a pure function of the paper, the budget and what the
// CurveSource returns: the same input gives the same bytes (no clock, no locale, no machine path).
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "results/judging/curve_source.h"
#include "results/judging/judge.h"
#include "results/judging/power.h"
#include "results/judging/result_data.h"
#include "results/report/format.h"
#include "results/stats/paired.h"

namespace normlab::judging {

// One training run a table or figure needs. `fields` are configuration fields as text ("norm", "layer"); the caller
// turns them into a typed spec, so this module knows no configuration message.
struct PlannedRun {
  std::string item;  // "mnist"
  std::string arm;   // "layer_128"
  std::string experiment;
  std::vector<std::pair<std::string, std::string>> fields;
  std::uint64_t seed = 0;
  int part = 0;             // see RunName
  double core_seconds = 0;  // as the manifest says, of another machine; 0: it does not
  Labels labels = {};       // of the run of another program, which cannot be planned but found; empty: normlab's own
};

using report::Format;

struct ItemInfo {
  std::string id;
  std::string title;
  std::string place;       // "Figure 6"
  std::string not_run;     // why it cannot be run; empty: it can
  std::string experiment;  // that it runs, which may not exist
  std::vector<std::string> budgets;
};

// Which runs: those of a budget, with at least so many seeds of every arm; 0: as the manifest has it.
struct BudgetChoice {
  template <std::convertible_to<std::string_view> Id>
  BudgetChoice(const Id& name, int least = 0)  // NOLINT: a name alone will do
      : id(std::string_view(name)), seeds(least) {}

  std::string id;
  int seeds;
};
inline constexpr int kMostSeeds = stats::kMaxFlipPairs;  // that can be asked for

// Claims, arms and metrics are borrowed from the paper.
struct Rendered {
  std::string content;
  const Item* item = nullptr;         // of a table or figure
  std::vector<Judgement> judgements;  // in table order
  std::vector<NamedCell> cells;       // of a table
  std::vector<FigureCurve> curves;    // of a figure
};

struct ItemPower {
  std::string item;
  std::vector<ClaimPower> claims;
};

class Paper {
 public:
  // kInvalidArgument with line and column, and every problem at once, for a manifest that is not well-formed. `files`
  // are the contents of files it may name (the paper's curves, "fig6_mnist.csv"); this module opens none itself.
  static absl::StatusOr<std::unique_ptr<Paper>> Parse(
      std::string_view manifest_yaml, std::string_view file_name,
      const std::map<std::string, std::string, std::less<>>& files = {});
  virtual ~Paper() = default;

  virtual const std::string& id() const = 0;
  virtual const std::string& title() const = 0;
  virtual std::vector<ItemInfo> Items() const = 0;
  // Whether a metric of an item that runs `experiment` says of `series` that higher is better.
  virtual bool HigherIsBetter(std::string_view experiment, std::string_view series) const = 0;

  // The runs that feed `items` (empty: all) under `budget`, cheap and informative ones first. kNotFound names what
  // exists; kInvalidArgument: not 0 to kMostSeeds seeds.
  virtual absl::StatusOr<std::vector<PlannedRun>> Plan(const std::vector<std::string>& items,
                                                       const BudgetChoice& budget) const = 0;
  // How likely the claims of those of `items` that can be run are to be decided: see power.h.
  virtual absl::StatusOr<std::vector<ItemPower>> Power(const std::vector<std::string>& items,
                                                       const BudgetChoice& budget,
                                                       const std::function<bool()>& cancelled) const = 0;

  // kTerminal, kMarkdown, kLatex, kCsv, kJson, kHtml.
  virtual absl::StatusOr<Rendered> Table(std::string_view item, const BudgetChoice& budget, CurveSource& runs,
                                         Format format) const = 0;
  // kSvg, kCsv, kJson: our curves with the paper's own beside them. Without a format: the curves alone.
  virtual absl::StatusOr<Rendered> Figure(std::string_view item, const BudgetChoice& budget, CurveSource& runs,
                                          std::optional<Format> format) const = 0;
  // kHtml (self-contained: table, figures and verdicts), kMarkdown.
  virtual absl::StatusOr<Rendered> Report(const std::vector<std::string>& items, const BudgetChoice& budget,
                                          CurveSource& runs, Format format) const = 0;
};

// The papers compiled in, by id.
const std::vector<std::unique_ptr<Paper>>& BuiltInPapers();

}  // namespace normlab::judging
