// manifest_fuzz.cc - any text must come out of the reader of manifests as a paper whose indices hold, or as an error with
// file, line and column. What follows a NUL byte is the paper's reference curve.
#include <algorithm>

#include "results/judging/manifest.h"
#include "tests/fuzz/require.h"

namespace {

using namespace normlab::judging;
using normlab::Require;

void RequireIndicesHold(const Item& item) {
  const auto in = [](int index, const auto& of) { return index >= 0 && index < static_cast<int>(of.size()); };
  for (const Arm& arm : item.arms) {
    Require(in(arm.group, item.groups));
    Require(arm.tuning.grid.empty() || in(arm.tuning.by, item.metrics));
  }
  for (const Claim& claim : item.claims) {
    Require(!item.not_run.empty() || (in(claim.metric, item.metrics) && in(claim.arm, item.arms)));
    Require(!claim.compares_arms() || !item.not_run.empty() || in(claim.than, item.arms));
  }
  for (const Metric& metric : item.metrics) {
    Require(metric.select.kind != Select::Kind::kAtBestOf || in(metric.select.metric, item.metrics));
    Require(metric.select.axis >= 0 && metric.select.axis <= static_cast<int>(item.axes.size()));
  }
  for (const PanelSpec& panel : item.panels) {
    Require(in(panel.metric, item.metrics) && in(panel.group, item.groups));
    Require(panel.axis >= 0 && panel.axis <= static_cast<int>(item.axes.size()));
  }
  for (const PrintedTable::Row& row : item.table ? item.table->rows : std::vector<PrintedTable::Row>()) {
    Require(row.arm < 0 || in(row.arm, item.arms));
    Require(row.cells.size() == item.table->columns.size());
  }
  for (const Budget& budget : item.budgets) {
    Require(budget.extents.size() == item.groups.size());
  }
  Require(item.reference.empty() || item.reference.size() == item.arms.size());
  for (const auto& of_arm : item.reference) {
    Require(of_arm.size() == item.metrics.size());
    for (const ReferenceCurve& curve : of_arm) {
      Require(std::is_sorted(curve.begin(), curve.end(), [](const auto& a, const auto& b) { return a.from < b.from; }));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view yaml = all.substr(0, all.find('\0'));
  const std::string curve(all.substr(std::min(size, yaml.size() + 1)));
  const auto manifest = ParseManifest(yaml, "fuzz", {{"tiny.csv", curve}});
  if (!manifest.ok()) {
    Require(normlab::Message(manifest.status()).find("fuzz") != std::string::npos ||
            normlab::Message(manifest.status()).find("tiny.csv") != std::string::npos);
    return 0;
  }
  std::for_each(manifest->items.begin(), manifest->items.end(), RequireIndicesHold);
  return 0;
}
