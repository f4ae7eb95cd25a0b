#include "results/judging/render_data.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "results/judging/selection.h"
#include "results/report/csv.h"
#include "results/report/json.h"

namespace normlab::judging {
namespace {

using report::Dump;
using report::Json;
using report::ToJson;

Json ToJson(const std::optional<stats::Interval>& interval) {
  return interval ? Json{ToJson(interval->lo), ToJson(interval->hi)} : Json(nullptr);
}
Json ToJson(const std::optional<ReferenceRow>& row) {
  return row ? Json{{"from", row->from}, {"to", row->to}, {"lo", row->lo}, {"hi", row->hi}} : Json(nullptr);
}

std::optional<stats::Interval> IntervalOf(const Cell& cell) {
  return cell.interval ? std::optional(cell.interval->interval) : std::nullopt;
}
std::string MethodOf(const Cell& cell) { return cell.interval ? std::string(ToString(cell.interval->method)) : ""; }

Json ArmsJson(const Item& item) {
  Json arms = Json::array();
  for (const Arm& arm : item.arms) {
    const Group& group = item.groups[static_cast<std::size_t>(arm.group)];
    arms.push_back({{"id", arm.id}, {"label", arm.label}, {"group", group.id}, {"group_label", group.label}});
  }
  return arms;
}

Json MetricsJson(const Item& item) {
  Json metrics = Json::array();
  for (const Metric& metric : item.metrics) {
    metrics.push_back({{"id", metric.id},
                       {"label", metric.label},
                       {"unit", metric.unit},
                       {"log", metric.log},
                       {"digits", metric.digits}});
  }
  return metrics;
}

Json PanelsJson(const Item& item) {
  Json panels = Json::array();
  for (const PanelSpec& panel : item.panels) {
    panels.push_back({{"title", panel.title},
                      {"metric", item.metrics[static_cast<std::size_t>(panel.metric)].id},
                      {"group", item.groups[static_cast<std::size_t>(panel.group)].id},
                      {"x", item.axis(panel.axis).label},
                      {"log_x", panel.log_x}});
  }
  return panels;
}

Json Head(const Manifest& manifest, const Measured& measured) {
  const Item& item = *measured.item;
  return {{"schema", 2},
          {"paper", manifest.id},
          {"item", item.id},
          {"title", item.title},
          {"place", item.place},
          {"budget", measured.budget->id},
          {"asked_seeds", measured.budget->asked_seeds},
          {"protocol", ToString(measured.protocol.tier)},
          {"deviations", measured.protocol.deviations},
          {"datasets", measured.datasets},
          {"not_run", measured.not_run},
          {"note", item.note},
          {"arms", ArmsJson(item)},
          {"metrics", MetricsJson(item)},
          {"panels", PanelsJson(item)}};
}

Json CellJson(const Item& item, const NamedCell& named) {
  const Metric& metric = *named.metric;
  const Cell& cell = named.cell;
  Json values = Json::array();
  for (double value : cell.values) {
    values.push_back(ToJson(value));
  }
  return {{"arm", named.arm->id},
          {"metric", metric.id},
          {"unit", metric.unit},
          {"at", ToJson(cell.at > 0 ? std::optional(cell.at) : std::nullopt)},
          {"select", cell.at > 0 ? SelectText(item, named.metric_index, cell.at) : ""},
          {"planned", cell.planned},
          {"submitted", cell.submitted},
          {"n", cell.values.size()},
          {"diverged", cell.diverged},
          {"not_there", cell.later},
          {"mean", ToJson(cell.mean)},
          {"mean_kind", metric.as_ratios() ? "geometric" : "arithmetic"},
          {"interval", ToJson(IntervalOf(cell))},
          {"confidence", kConfidence},
          {"method", MethodOf(cell)},
          {"values", std::move(values)},
          {"paper", ToJson(cell.paper)},
          {"paper_final", ToJson(cell.paper_final)}};
}

Json ClaimJson(const Item& item, const Judgement& j) {
  const Claim& claim = *j.claim;
  const Evidence& evidence = j.evidence;
  return {{"id", claim.id},
          {"statement", claim.statement},
          {"place", claim.place},
          {"verdict", ToString(j.verdict)},
          {"reason", j.reason},
          {"fact", claim.is_fact()},
          {"question", j.question},
          {"rule", j.rule},
          {"protocol", ToString(j.tier)},
          {"deviations", j.deviations},
          {"metric", item.not_run.empty() ? item.metrics[static_cast<std::size_t>(claim.metric)].id : ""},
          {"n", evidence.n},
          {"planned", j.planned},
          {"diverged", evidence.diverged},
          {"censored", evidence.censored},
          {"from", j.from},
          {"to", j.to},
          {"effect_kind", ToString(j.effect())},
          {"median", evidence.median},
          {"effect", ToJson(evidence.estimate)},
          {"interval", ToJson(evidence.interval)},
          {"confidence", j.confidence},
          {"paper", ToJson(j.paper)},
          {"margin", ToJson(j.margin)},
          {"method", ToString(evidence.method)},
          {"shown", ToString(evidence.shown)},
          {"p", ToJson(evidence.p)},
          {"p_exact", ToJson(evidence.p_exact)},
          {"p_holm", ToJson(j.p_holm)},
          {"family", j.family}};
}

Json RunsJson(const Measured& measured) {
  Json runs = Json::array();
  for (std::size_t a = 0; a < measured.item->arms.size(); ++a) {
    for (const Run& run : measured.runs[a]) {
      runs.push_back({{"arm", measured.item->arms[a].id},
                      {"seed", run.seed},
                      {"repetition", run.repetition},
                      {"job", run.status.job},
                      {"succeeded", run.status.succeeded},
                      {"diverged", run.status.diverged},
                      {"dataset", run.status.dataset},
                      {"fingerprint", run.status.fingerprint}});
    }
  }
  return runs;
}

std::string_view SourceOf(const FigureCurve& curve) {
  return curve.source == FigureCurve::Source::kPaper ? "paper" : "normlab";
}

// "mean" stands beside the seeds.
std::string SeedOf(const FigureCurve& curve) {
  switch (curve.source) {
    case FigureCurve::Source::kRun:
      return fmt::to_string(curve.seed);
    case FigureCurve::Source::kMean:
      return "mean";
    default:
      return "";
  }
}

std::pair<std::optional<double>, std::optional<double>> BandAt(const FigureCurve& curve, std::size_t i) {
  if (curve.band.empty() || std::isnan(curve.band[i].lo)) {
    return {};
  }
  return {curve.band[i].lo, curve.band[i].hi};
}

}  // namespace

std::string TableCsv(const Manifest& manifest, const ItemResult& result, const std::vector<NamedCell>& cells) {
  const Measured& measured = result.measured;
  report::CsvWriter csv;
  for (std::string_view name :
       {"paper",   "item",       "budget",   "data",     "arm",       "metric",         "unit",          "at",
        "planned", "n",          "diverged", "mean",     "mean_kind", "interval_lo",    "interval_hi",   "confidence",
        "method",  "paper_from", "paper_to", "paper_lo", "paper_hi",  "paper_final_lo", "paper_final_hi"}) {
    csv.Text(name);
  }
  csv.EndRow();
  const std::string data = fmt::format("{}", fmt::join(measured.datasets, "+"));
  for (const auto& [arm, metric, index, cell] : cells) {
    const auto interval = IntervalOf(cell);
    const auto of = [](const auto& thing, auto member) {
      return thing ? std::optional<double>((*thing).*member) : std::nullopt;
    };
    csv.Text(manifest.id).Text(measured.item->id).Text(measured.budget->id).Text(data).Text(arm->id).Text(metric->id);
    csv.Text(metric->unit).Number(cell.at > 0 ? std::optional(cell.at) : std::nullopt).Number(cell.planned);
    csv.Number(static_cast<double>(cell.values.size())).Number(cell.diverged).Number(cell.mean);
    csv.Text(metric->as_ratios() ? "geometric" : "arithmetic");
    csv.Number(of(interval, &stats::Interval::lo)).Number(of(interval, &stats::Interval::hi)).Number(kConfidence);
    csv.Text(MethodOf(cell)).Number(of(cell.paper, &ReferenceRow::from)).Number(of(cell.paper, &ReferenceRow::to));
    csv.Number(of(cell.paper, &ReferenceRow::lo)).Number(of(cell.paper, &ReferenceRow::hi));
    csv.Number(of(cell.paper_final, &ReferenceRow::lo)).Number(of(cell.paper_final, &ReferenceRow::hi));
    csv.EndRow();
  }
  return csv.Take();
}

std::string TableJson(const Manifest& manifest, const ItemResult& result, const std::vector<NamedCell>& cells) {
  Json json = Head(manifest, result.measured);
  json["cells"] = Json::array();
  for (const NamedCell& cell : cells) {
    json["cells"].push_back(CellJson(*result.measured.item, cell));
  }
  json["claims"] = Json::array();
  for (const Judgement& judgement : result.judgements) {
    json["claims"].push_back(ClaimJson(*result.measured.item, judgement));
  }
  json["runs"] = RunsJson(result.measured);
  return Dump(json);
}

std::string FigureCsv(const std::vector<FigureCurve>& curves) {
  report::CsvWriter csv;
  for (std::string_view name : {"source", "arm", "metric", "seed", "x", "value", "lo", "hi", "repetition"}) {
    csv.Text(name);
  }
  csv.EndRow();
  for (const FigureCurve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const auto [lo, hi] = BandAt(curve, i);
      csv.Text(SourceOf(curve)).Text(curve.arm->id).Text(curve.metric->id).Text(SeedOf(curve));
      csv.Number(curve.x[i]).Number(curve.value[i]).Number(lo).Number(hi).Text(curve.repetition).EndRow();
    }
  }
  return csv.Take();
}

std::string FigureJson(const Manifest& manifest, const Measured& measured, const std::vector<FigureCurve>& curves) {
  Json json = Head(manifest, measured);
  json["x"] = measured.item->x.label;
  json["points"] = Json::array();
  for (const FigureCurve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const auto [lo, hi] = BandAt(curve, i);
      json["points"].push_back({{"source", SourceOf(curve)},
                                {"arm", curve.arm->id},
                                {"metric", curve.metric->id},
                                {"seed", SeedOf(curve)},
                                {"x", curve.x[i]},
                                {"value", ToJson(std::optional(curve.value[i]))},
                                {"lo", ToJson(lo)},
                                {"hi", ToJson(hi)}});
      if (!curve.repetition.empty()) {
        json["points"].back()["repetition"] = curve.repetition;
      }
    }
  }
  return Dump(json);
}

}  // namespace normlab::judging
