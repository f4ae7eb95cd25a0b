#include "results/judging/render_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "results/judging/computed_by.h"
#include "results/judging/coverage.h"
#include "results/judging/format_value.h"
#include "results/judging/render_brief.h"
#include "results/judging/render_matrix.h"
#include "results/judging/selection.h"
#include "results/judging/summary.h"

namespace normlab::judging {
namespace {

using report::Align;

report::Tone ToneOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return report::Tone::kGood;
    case Verdict::kDirectionOnly:
      return report::Tone::kPartial;
    case Verdict::kDifferent:
    case Verdict::kOpposed:
      return report::Tone::kBad;
    case Verdict::kInconclusive:
    case Verdict::kNotRun:
      return report::Tone::kOpen;
  }
  return report::Tone::kOpen;
}

// "3", "2 of 3", "2 of 3, 1 diverged": nothing that was planned goes unsaid.
std::string CountText(const Cell& cell) {
  if (cell.submitted == 0) {
    return "NOT_RUN";
  }
  std::string text = fmt::format("{}", cell.values.size());
  if (static_cast<int>(cell.values.size()) < cell.planned) {
    text += fmt::format(" of {}", cell.planned);
  }
  if (cell.diverged > 0) {
    text += fmt::format(", {} diverged", cell.diverged);
  }
  if (cell.later > 0) {
    text += fmt::format(", {} not there", cell.later);
  }
  return text;
}

// What the paper shows at the cell's place, and where it shows it if not exactly there.
std::string PaperText(const Item& item, const Metric& metric, const Cell& cell) {
  if (!cell.paper) {
    return "–";
  }
  const std::string band = BandText(metric, *cell.paper);
  if (cell.at >= cell.paper->from && cell.at <= cell.paper->to) {
    return band;
  }
  return fmt::format("{} ({})", band, XRangeText(item.x, cell.paper->from, cell.paper->to));
}

report::Table MakeTable(const Measured& measured) {
  const Item& item = *measured.item;
  report::Table table;
  table.caption = fmt::format("{} ({}), budget {}", item.title, item.place, measured.budget->id);
  table.columns = {{"", Align::kLeft},         {"at", Align::kRight},          {"n", Align::kRight},
                   {"normlab", Align::kRight}, {"paper there", Align::kRight}, {"paper final", Align::kRight}};
  for (std::size_t m = 0; m < item.metrics.size(); ++m) {
    const Metric& metric = item.metrics[m];
    report::Table::Band band;
    band.heading = metric.unit.empty() ? metric.label : fmt::format("{} ({})", metric.label, metric.unit);
    for (std::size_t a = 0; a < item.arms.size(); ++a) {
      const Cell cell = Summarize(measured, static_cast<int>(a), static_cast<int>(m));
      band.rows.push_back({ArmText(item, static_cast<int>(a)),
                           cell.at > 0 ? SelectText(item, static_cast<int>(m), cell.at) : "–", CountText(cell),
                           CellText(metric, cell), PaperText(item, metric, cell),
                           cell.paper_final ? BandText(metric, *cell.paper_final) : "–"});
    }
    table.bands.push_back(std::move(band));
  }
  return table;
}

std::string MakeComputedByNote(const Measured& measured) {
  std::vector<ComputedRun> runs;
  for (const std::vector<Run>& arm : measured.runs) {
    for (const Run& run : arm) {
      if (run.finished()) {
        runs.push_back({run.status.job, run.status.computed_by});
      }
    }
  }
  return ComputedByNote(runs);
}

std::string ProtocolText(const Protocol& protocol) {
  if (protocol.tier == Tier::kExact) {
    return "Protocol exact: data, sizes and length as printed.";
  }
  return fmt::format("Protocol {}: {}. Claims can read DIRECTION_ONLY or OPPOSED here, not REPRODUCED or DIFFERENT.",
                     ToString(protocol.tier), fmt::join(protocol.deviations, "; "));
}

// "reduced, budget quick", to stand beside each verdict; empty: exact.
std::string LimitsText(const Measured& measured, Tier tier) {
  return tier == Tier::kExact ? "" : fmt::format("{}, budget {}", ToString(tier), measured.budget->id);
}

std::vector<std::string> MakeNotes(const Measured& measured) {
  const Item& item = *measured.item;
  std::vector<std::string> notes;
  if (!measured.not_run.empty()) {
    notes.push_back(fmt::format("Not run: {}.", measured.not_run));
  }
  if (item.in_words()) {
    notes.push_back(item.note);
    return notes;
  }
  std::string how = fmt::format(
      "normlab: mean over seeds with a 95 % interval (Student t below {} seeds, from there BCa bootstrap with a pinned "
      "generator)",
      stats::kBootstrapFrom);
  for (const Metric& metric : item.metrics) {
    if (metric.as_ratios()) {
      how += fmt::format("; {}: geometric mean", metric.label);
    }
  }
  notes.push_back(how +
                  ". n: runs with a value there. A run that diverged is counted, not averaged, and in claims it is "
                  "worse than any number.");
  if (!item.note.empty()) {
    notes.push_back(item.note);
  }
  for (const Tuned& tuned : measured.tuned) {
    if (!tuned.text.empty()) {
      notes.push_back(tuned.text + ".");
    }
  }
  if (!item.repeat.field.empty()) {
    notes.push_back(
        fmt::format("A seed's number is the mean over {} {}.", item.repeat.field, fmt::join(item.repeat.values, ", ")));
  }
  notes.push_back(ProtocolText(measured.protocol));
  if (std::string note = CoverageNote(measured); !note.empty()) {
    notes.push_back(std::move(note));
  }
  return notes;
}

// What the claim compared, for the name of its number.
std::string EffectName(const Metric& metric, const Judgement& j) {
  if (j.claim->is_fact()) {
    return j.claim->kind == ClaimKind::kBelow ? "largest [all]" : "smallest [all]";
  }
  const std::string unit = j.ratio || metric.unit.empty() ? "" : fmt::format(" ({})", metric.unit);
  const std::string what = j.effect() == Effect::kValue ? metric.label : j.ratio ? "ratio" : "difference";
  return fmt::format("{}{}{}", j.evidence.median ? "median " : "", what, unit);
}

// "6 pairs", "6 runs, 1 diverged, 2 not there yet"
std::string RunsText(const Judgement& j) {
  std::string text = fmt::format("{} {}", j.evidence.n, j.claim->compares_arms() ? "pairs" : "runs");
  if (j.evidence.diverged > 0) {
    text += fmt::format(", {} diverged", j.evidence.diverged);
  }
  if (j.evidence.censored > 0) {
    text += fmt::format(", {} censored", j.evidence.censored);
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> FactsOf(const Metric& metric, const Judgement& j) {
  std::vector<std::pair<std::string, std::string>> facts;
  const Evidence& evidence = j.evidence;
  if (evidence.n > 0) {
    facts.emplace_back(EffectName(metric, j), EffectText(metric, j));
  }
  if (j.paper && j.verdict != Verdict::kNotRun) {
    facts.emplace_back("paper",
                       fmt::format("{} (margin {} to {})", EffectValueText(metric, j, *j.paper),
                                   EffectValueText(metric, j, j.margin->lo), EffectValueText(metric, j, j.margin->hi)));
  }
  if (evidence.n > 0) {
    facts.emplace_back("n =", RunsText(j));
  }
  if (evidence.method != Method::kNone) {
    facts.emplace_back(std::string(ToString(evidence.method)), fmt::format("p {}", PText(*evidence.p)));
  }
  if (evidence.p_exact && evidence.method == Method::kStudent) {
    facts.emplace_back("exact p", PText(*evidence.p_exact));
  }
  if (j.p_holm) {
    facts.emplace_back("Holm p", fmt::format("{} of {}", PText(*j.p_holm), j.family));
  }
  return facts;
}

report::Finding MakeFinding(const Measured& measured, const Judgement& j) {
  const Item& item = *measured.item;
  report::Finding finding{
      .id = j.claim->id,
      .verdict = std::string(ToString(j.verdict)),
      .tone = ToneOf(j.verdict),
      .claim = j.claim->statement,
      .place = j.claim->place,
      .limits = LimitsText(measured, j.tier),
      .reason = j.reason,
      .facts = {},
      .rule = {},
      .effect = EffectLine(measured, j),
      .n = RunsLine(measured, j),
      .as_said = j.claim->is_fact() && (j.verdict == Verdict::kReproduced || j.verdict == Verdict::kDirectionOnly)};
  if (item.not_run.empty()) {
    finding.facts = FactsOf(item.metrics[static_cast<std::size_t>(j.claim->metric)], j);
    finding.rule = fmt::format("{}. {}", j.question, j.rule);
  }
  return finding;
}

std::string StateText(const RunStatus& status) {
  return status.job.empty() ? "NOT_RUN" : status.succeeded ? "succeeded" : status.diverged ? "diverged" : "unfinished";
}

report::Table MakeRunTable(const Measured& measured) {
  const Item& item = *measured.item;
  report::Table table;
  table.caption = "Runs behind it";
  table.columns = {{"arm", Align::kLeft},   {"seed", Align::kRight},    {"job", Align::kLeft},
                   {"state", Align::kLeft}, {"data set", Align::kLeft}, {"fingerprint", Align::kLeft}};
  report::Table::Band band;
  for (std::size_t a = 0; a < item.arms.size(); ++a) {
    for (const Run& run : measured.runs[a]) {
      constexpr std::size_t kShown = 12;
      band.rows.push_back({ArmText(item, static_cast<int>(a)), fmt::format("{}", run.seed),
                           run.status.job.empty() ? "–" : run.status.job, StateText(run.status),
                           run.status.dataset.empty() ? "–" : run.status.dataset,
                           run.status.fingerprint.empty() ? "–" : run.status.fingerprint.substr(0, kShown)});
    }
  }
  table.bands.push_back(std::move(band));
  return table;
}

// Facts first, then claims in the order of Verdict; what did not occur is left out.
std::vector<report::VerdictCount> Counts(const std::vector<Judgement>& judgements) {
  Summary summary;
  Add(judgements, summary);
  std::vector<report::VerdictCount> counts;
  if (summary.facts_hold > 0) {
    counts.push_back({"facts hold", report::Tone::kGood, summary.facts_hold});
  }
  if (const int broken = summary.facts - summary.facts_hold - summary.facts_open; broken > 0) {
    counts.push_back({"facts do not", report::Tone::kBad, broken});
  }
  if (summary.facts_open > 0) {
    counts.push_back({"facts not decided", report::Tone::kOpen, summary.facts_open});
  }
  for (std::size_t v = 0; v < summary.by_verdict.size(); ++v) {
    if (summary.by_verdict[v] > 0) {
      const auto verdict = static_cast<Verdict>(v);
      counts.push_back({std::string(ToString(verdict)), ToneOf(verdict), summary.by_verdict[v]});
    }
  }
  return counts;
}

}  // namespace

report::Section MakeSection(const ItemResult& result) {
  const Item& item = *result.measured.item;
  report::Section section{.id = item.id,
                          .title = fmt::format("{} ({})", item.title, item.place),
                          .budget = {},
                          .counts = Counts(result.judgements),
                          .table = {},
                          .notes = {},
                          .pictures = {},
                          .findings = {},
                          .runs = {},
                          .headline = Headline(result.measured),
                          .brief = {}};
  if (item.not_run.empty()) {
    section.budget = fmt::format("Budget {}: {}.", result.measured.budget->id, result.measured.budget->summary);
    section.table = item.table ? MakeMatrixTable(result.measured) : MakeTable(result.measured);
    section.notes = MakeNotes(result.measured);
    if (std::string note = MakeComputedByNote(result.measured); !note.empty()) {
      section.notes.push_back(std::move(note));
    }
    section.runs = MakeRunTable(result.measured);
  } else if (!item.note.empty()) {
    section.notes.push_back(item.note);
  }
  for (const Judgement& judgement : result.judgements) {
    section.findings.push_back(MakeFinding(result.measured, judgement));
  }
  return section;
}

report::Document MakeDocument(const Manifest& manifest, const std::vector<ItemResult>& results) {
  report::Document document;
  document.title = manifest.title;
  std::set<std::string> datasets, machines;
  std::string only;
  for (const ItemResult& result : results) {
    datasets.insert(result.measured.datasets.begin(), result.measured.datasets.end());
    machines.insert(result.measured.machines.begin(), result.measured.machines.end());
    only += fmt::format(" --only {}", result.measured.item->id);
    document.sections.push_back(MakeSection(result));
  }
  if (!manifest.citation.empty()) {
    document.about.emplace_back("paper", manifest.citation);
  }
  const auto run = std::find_if(results.begin(), results.end(),
                                [](const ItemResult& result) { return result.measured.item->not_run.empty(); });
  if (run != results.end()) {
    const Budget& budget = *run->measured.budget;
    document.about.emplace_back("budget",
                                results.size() == 1 ? fmt::format("{}: {}", budget.id, budget.summary) : budget.id);
    const bool all = results.size() > 1 && results.size() == manifest.items.size();
    const std::string seeds = budget.asked_seeds > 0 ? fmt::format(" --seeds {}", budget.asked_seeds) : "";
    document.command =
        fmt::format("normlab reproduce {}{} --budget {}{}", manifest.id, all ? "" : only, budget.id, seeds);
    document.details = fmt::format("normlab table {} {} --budget {}{} --verbose", manifest.id, run->measured.item->id,
                                   budget.id, seeds);
  }
  const bool any_data = std::any_of(results.begin(), results.end(),
                                    [](const ItemResult& result) { return !result.measured.item->dataset.empty(); });
  document.about.emplace_back("data", !any_data          ? "none is needed"
                                      : datasets.empty() ? "no run yet"
                                                         : fmt::format("{}", fmt::join(datasets, ", ")));
  if (!machines.empty()) {
    document.about.emplace_back("machine", fmt::format("{}", fmt::join(machines, "; ")));
  }
  Summary summary;
  for (const ItemResult& result : results) {
    Add(result.judgements, summary);
  }
  document.about.emplace_back("verdicts", SummaryText(summary));
  return document;
}

}  // namespace normlab::judging
