// manifest.h - what a manifest says, as plain values. docs in results/papers/README.md.
//
// Arms, groups and metrics are referred to by index once a manifest is parsed: whoever holds an Item may trust them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace normlab::judging {

using Fields = std::vector<std::pair<std::string, std::string>>;  // "norm" -> "layer"
using Labels = std::map<std::string, std::string>;
// Sets in `fields` what `with` says; the rest stays, in its order.
void Override(Fields& fields, const Fields& with);

// How one number is taken from a run's curve: by table cells, claims and figures alike.
struct Select {
  enum class Kind {
    kLast,        // the last one
    kMeanOfLast,  // the mean of the last `share` of the run, at least one unit of x
    kBest,        // the best one so far
    kAtBestOf,    // the one where another metric is best so far: validation
    kAt,          // the one at x = `at`
    kTimeTo,      // where on `axis` the metric first comes to `level`, or, without one, is best
    kCost,        // no value of a curve: CPU seconds that `updates` updates take
  };
  Kind kind = Kind::kLast;
  double share = 0;
  int metric = -1;
  double at = 0;
  std::optional<double> level = std::nullopt;
  int axis = 0;
  double updates = 0;
};

struct Metric {
  std::string id;      // "test_error"
  std::string label;   // "Test error"
  std::string unit;    // "%"
  std::string series;  // "test/error"
  double scale = 1;    // unit per recorded value: 100 makes a fraction a percentage
  bool log = false;    // compared as ratios, averaged geometrically, drawn on a log axis
  bool higher_is_better = false;
  double floor = 0;  // of a log metric: smaller values count as this
  int digits = 2;    // after the point; significant digits of a log metric
  int of = -1;       // it is this metric,
  int less = -1;     // less this one, where the paper prints those; -1: it is its own
  Select select;

  // What is selected is a time: it is compared as ratios, less of it is better, and it is in the axis's unit.
  bool is_time() const { return select.kind == Select::Kind::kTimeTo || select.kind == Select::Kind::kCost; }
  bool as_ratios() const { return log || is_time(); }
  bool more_is_better() const { return higher_is_better && !is_time(); }
  // Of two values of the series.
  bool IsBetter(double a, double b) const { return higher_is_better ? a > b : a < b; }
};

// Where a measurement lies: the axis of curves and the "at" of tables. The first one of an item is x.
struct XAxis {
  enum class Of {
    kSeries,      // a series recorded at the same steps as the metrics
    kUpdates,     // updates done; of examples, times a field
    kCpuSeconds,  // updates done times the CPU seconds that the run took for one
  };
  std::string id;  // "x"
  Of of = Of::kSeries;
  std::string series;  // "train/pass"
  std::string times;   // "batch_size": the configuration field that an update counts for; empty: 1
  std::string unit;    // "pass"
  std::string units;   // "passes"
  std::string label;   // "passes over the training images"
  // The paper's own axis: its value u lies at `paper_first + u * paper_unit` of ours. Empty label: the same axis.
  std::string paper_label;
  double paper_unit = 1;
  double paper_first = 0;
};

// Arms drawn and listed together.
struct Group {
  std::string id;       // "batch_128"
  std::string label;    // "batch size 128"
  std::string dataset;  // what the paper used here; empty: the item's
  Fields fields;        // of its arms
};

// An arm that is run over a grid, of which a validation metric chooses one point.
struct Tuning {
  int by = -1;               // the metric; -1: not tuned
  std::vector<Fields> grid;  // empty: not tuned
};

struct Arm {
  std::string id;     // "layer_128"
  std::string label;  // "LayerNorm"; the same label has the same colour in every group
  int group = 0;
  Fields fields;
  Tuning tuning;
  Labels labels;  // of runs of other programs, which are this arm's; empty: they are normlab's own, of these fields

  int points() const { return tuning.grid.empty() ? 1 : static_cast<int>(tuning.grid.size()); }
};

// A second repetition factor, as folds are one: a seed's number is the mean over it.
struct Repeat {
  std::string field;                // "fold"; empty: there is none
  std::vector<std::string> values;  // "1" .. "5"

  int count() const { return field.empty() ? 1 : static_cast<int>(values.size()); }
};

// The paper's curve of one arm and metric: what it printed for x in [from, to] lies between lo and hi.
struct ReferenceRow {
  double from = 0;
  double to = 0;
  double lo = 0;
  double hi = 0;
};
using ReferenceCurve = std::vector<ReferenceRow>;  // rising in x

// How runs differ from seed to seed, which tells how many of them decide a claim. Of log metrics: of the logarithm.
struct Noise {
  struct Of {
    double level = 0;   // sd of a run's level
    double jitter = 0;  // sd of one evaluation
  };
  double every = 1;      // x from one evaluation to the next
  double pace = 0;       // sd of the logarithm of a run's speed along x
  std::map<int, Of> of;  // by metric; of the others nothing is known
};

// How one group of arms is run under a budget.
struct Extent {
  int seeds = 0;            // claims that compare two groups take those that both have
  double end = 0;           // x at the end of a run
  double x_per_value = 1;   // x per recorded value of XAxis::series: 0.2 when a run's pass is a fifth of the paper's
  double core_seconds = 0;  // that a run took where the manifest was written; 0: not said
  Fields fields;
};

struct Budget {
  std::string id;
  std::string summary;
  bool exact = false;           // the paper's own protocol, as printed; others are compared with it
  std::vector<Extent> extents;  // by group
  std::optional<Noise> noise;   // absent: the item's
  int asked_seeds = 0;          // somebody asked for at least so many seeds of every arm; 0: as the manifest has it

  const Extent& extent(const Arm& arm) const { return extents[static_cast<std::size_t>(arm.group)]; }
  // This budget with at least so many seeds of every arm; 0: as it is.
  Budget WithSeeds(int least) const;
};

enum class ClaimKind {
  kLower,    // direction: the arm lies below the other, or below a bound
  kHigher,   // direction: above
  kReaches,  // direction: it comes to a target in less x
  kClose,    // size: the difference to the other arm (log: the ratio; with a target: the ratio of times)
  kValue,    // size: the arm's number
  kBelow,    // fact: every value lies below a bound
  kAbove,    // fact: above
};

struct Claim {
  std::string id;
  std::string statement;
  std::string place;
  ClaimKind kind = ClaimKind::kLower;
  int metric = 0;
  int arm = 0;
  int than = 0;     // the other arm, where compares_arms()
  double from = 0;  // over x in [from, to]; both 0: what the metric selects at the end
  double to = 0;
  double needs = 0;              // x that every run must reach
  std::optional<double> target;  // kReaches, kClose: what is compared is where the metric comes to it,
  bool best_of_other = false;    // or to the other arm's best, seed by seed,
  int axis = 0;                  // on this axis
  double value = 0;              // kClose, kValue: the claimed difference, ratio or number
  double within = 0;             // kClose, kValue: how near (of ratios: a factor)
  double bound = 0;              // kBelow, kAbove; where against_bound
  bool against_bound = false;    // kLower, kHigher: there is no other arm

  bool compares_arms() const { return kind != ClaimKind::kValue && !is_fact() && !against_bound; }
  bool is_size() const { return kind == ClaimKind::kClose || kind == ClaimKind::kValue; }
  // A fact of arithmetic, not of samples: it asks for no number of seeds and is in no family.
  bool is_fact() const { return kind == ClaimKind::kBelow || kind == ClaimKind::kAbove; }
  bool at_end() const { return to == 0; }
  bool is_time() const { return target.has_value() || best_of_other; }
};

// A table of arms and columns as the paper prints it.
struct PrintedTable {
  // Cells that are words, as an invariance is one: `yes` where every value of every run is below the bound, else `no`.
  struct Words {
    double below = 0;
    std::string yes, no;
  };
  struct Row {
    int arm = -1;                    // -1: printed, and nothing of ours
    std::string label;               // of a row that is not ours
    std::vector<std::string> cells;  // by column, as printed; empty: not printed
  };
  std::string caption;  // of words: what the numbers beside them are
  std::string place;    // "Table 2"
  std::optional<Words> words;
  std::vector<int> columns;  // metrics
  std::vector<Row> rows;

  // What is printed of an arm and metric; empty: nothing.
  std::string Printed(int arm, int metric) const;
};

// What a panel of the item's figure shows: the arms of a group.
struct PanelSpec {
  std::string title;
  int metric = 0;
  int group = 0;
  int axis = 0;
  bool log_x = false;
};

struct Item {
  std::string id;
  std::string title;
  std::string place;
  std::string experiment;
  std::string dataset;  // what the paper used; another one caps verdicts
  std::string note;     // what a reader must know about the paper's side: "its curves are single runs"
  std::string not_run;  // why it is not run; then there is one claim, what it shows, and nothing else below
  std::vector<std::string> deviations;  // from the paper's protocol, by every budget, as its author knows
  std::optional<PrintedTable> table;
  XAxis x;
  std::vector<XAxis> axes;  // others
  Repeat repeat;
  std::vector<Group> groups;
  std::vector<Metric> metrics;
  std::vector<Arm> arms;
  std::vector<std::vector<ReferenceCurve>> reference;  // [arm][metric]
  std::optional<Noise> noise;
  std::vector<PanelSpec> panels;  // by metric and group, if the manifest says nothing
  std::vector<Budget> budgets;
  std::vector<Claim> claims;

  bool in_words() const { return table && table->words; }
  const XAxis& axis(int index) const { return index == 0 ? x : axes[static_cast<std::size_t>(index) - 1]; }
  const std::string& dataset_of(int group) const;
  // A run's fields under `extent`, of one point of the arm's grid and one repetition.
  Fields FieldsOf(int arm, const Extent& extent, int point, int repetition) const;
  const Budget* FindBudget(std::string_view id) const;
  const Budget* exact_budget() const;  // the first one; nullptr: none is the paper's own
};

struct Manifest {
  std::string id;
  std::string title;
  std::string citation;
  std::vector<Item> items;
};

// Content of the files a manifest may name, by name.
using Files = std::map<std::string, std::string, std::less<>>;

// kInvalidArgument with one line per problem: "fig.yaml:12:5: items.mnist.claims[2].metrik is not a field; did you mean
// metric?". Limits: 256 KiB and those of base/yaml.h.
absl::StatusOr<Manifest> ParseManifest(std::string_view yaml, std::string_view file_name, const Files& files);

}  // namespace normlab::judging
