#include "results/judging/paper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "results/judging/embedded.h"
#include "results/judging/format_value.h"
#include "results/judging/judge.h"
#include "results/judging/manifest.h"
#include "results/judging/measure.h"
#include "results/judging/plan.h"
#include "results/judging/render_brief.h"
#include "results/judging/render_data.h"
#include "results/judging/render_document.h"
#include "results/judging/render_figure.h"

namespace normlab::judging {
namespace {

report::Picture MakePicture(const Measured& measured) {
  const Item& item = *measured.item;
  const std::string paper = item.note.empty() ? "" : fmt::format(" {}", item.note);
  return {item.id, fmt::format("Solid: normlab; dashed: {} of the paper.{}", item.place, paper),
          report::RenderSvg(MakeFigure(measured))};
}

// What the first run of each arm drew last, as far as a page should hold it.
absl::Status AddRunPictures(const Measured& measured, CurveSource& source, report::Section& section) {
  constexpr std::size_t kMostBytes = 512 * 1024;
  const Item& item = *measured.item;
  for (std::size_t a = 0; a < item.arms.size(); ++a) {
    const auto run =
        std::find_if(measured.runs[a].begin(), measured.runs[a].end(), [](const Run& r) { return r.submitted(); });
    if (run == measured.runs[a].end()) {
      continue;
    }
    NORMLAB_ASSIGN_OR_RETURN(std::vector<RunPicture> pictures,
                             source.Pictures({.item = item.id, .arm = item.arms[a].id, .seed = run->seed}));
    for (RunPicture& picture : pictures) {
      if (picture.bytes.size() <= kMostBytes) {
        section.pictures.push_back(
            {.name = fmt::format("{}-{}-{}", item.id, item.arms[a].id, picture.name),
             .caption = fmt::format("{}: {} of seed {} ({}) after {} updates.", ArmText(item, static_cast<int>(a)),
                                    picture.name, run->seed, run->status.job, picture.step),
             .svg = "",
             .media_type = picture.media_type,
             .bytes = std::move(picture.bytes)});
      }
    }
  }
  return absl::OkStatus();
}

std::vector<Judgement> JudgementsOf(std::vector<ItemResult> results) {
  std::vector<Judgement> all;
  for (ItemResult& result : results) {
    std::move(result.judgements.begin(), result.judgements.end(), std::back_inserter(all));
  }
  return all;
}

class ManifestPaper : public Paper {
 public:
  explicit ManifestPaper(Manifest manifest) : manifest_(std::move(manifest)) {}

  const std::string& id() const override { return manifest_.id; }
  const std::string& title() const override { return manifest_.title; }
  std::vector<ItemInfo> Items() const override;
  bool HigherIsBetter(std::string_view experiment, std::string_view series) const override;
  absl::StatusOr<std::vector<PlannedRun>> Plan(const std::vector<std::string>& items,
                                               const BudgetChoice& budget) const override;
  absl::StatusOr<std::vector<ItemPower>> Power(const std::vector<std::string>& items, const BudgetChoice& budget,
                                               const std::function<bool()>& cancelled) const override;
  absl::StatusOr<Rendered> Table(std::string_view item, const BudgetChoice& budget, CurveSource& runs,
                                 Format format) const override;
  absl::StatusOr<Rendered> Figure(std::string_view item, const BudgetChoice& budget, CurveSource& runs,
                                  std::optional<Format> format) const override;
  absl::StatusOr<Rendered> Report(const std::vector<std::string>& items, const BudgetChoice& budget, CurveSource& runs,
                                  Format format) const override;

 private:
  absl::StatusOr<std::vector<const Item*>> Select(const std::vector<std::string>& ids) const;
  absl::StatusOr<std::shared_ptr<const Budget>> FindBudget(const Item& item, const BudgetChoice& choice) const;
  absl::StatusOr<std::vector<ItemResult>> Evaluate(const std::vector<std::string>& items, const BudgetChoice& budget,
                                                   CurveSource& runs) const;

  Manifest manifest_;
};

std::vector<ItemInfo> ManifestPaper::Items() const {
  std::vector<ItemInfo> infos;
  for (const Item& item : manifest_.items) {
    ItemInfo& info = infos.emplace_back(ItemInfo{item.id, item.title, item.place, item.not_run, item.experiment, {}});
    for (const Budget& budget : item.budgets) {
      info.budgets.push_back(budget.id);
    }
  }
  return infos;
}

bool ManifestPaper::HigherIsBetter(std::string_view experiment, std::string_view series) const {
  return std::any_of(manifest_.items.begin(), manifest_.items.end(), [&](const Item& item) {
    return item.experiment == experiment && std::any_of(item.metrics.begin(), item.metrics.end(), [&](const Metric& m) {
             return m.higher_is_better && m.series == series;
           });
  });
}

absl::StatusOr<std::vector<const Item*>> ManifestPaper::Select(const std::vector<std::string>& ids) const {
  std::vector<const Item*> selected;
  std::vector<std::string> names;
  for (const Item& item : manifest_.items) {
    names.push_back(item.id);
    if (ids.empty() || std::find(ids.begin(), ids.end(), item.id) != ids.end()) {
      selected.push_back(&item);
    }
  }
  for (const std::string& id : ids) {
    if (std::find(names.begin(), names.end(), id) == names.end()) {
      return absl::NotFoundError(
          fmt::format("paper {} has no item '{}'; it has {}", manifest_.id, id, fmt::join(names, ", ")));
    }
  }
  return selected;
}

absl::StatusOr<std::shared_ptr<const Budget>> ManifestPaper::FindBudget(const Item& item,
                                                                        const BudgetChoice& choice) const {
  if (choice.seeds < 0 || choice.seeds > kMostSeeds) {
    return absl::InvalidArgumentError(
        fmt::format("{} seeds cannot be asked for; expected 1 to {}", choice.seeds, kMostSeeds));
  }
  if (!item.not_run.empty()) {
    Budget none;
    none.exact = true;
    return std::make_shared<const Budget>(none);
  }
  if (const Budget* budget = item.FindBudget(choice.id)) {
    return std::make_shared<const Budget>(budget->WithSeeds(choice.seeds));
  }
  std::vector<std::string> names;
  for (const Budget& budget : item.budgets) {
    names.push_back(budget.id);
  }
  return absl::NotFoundError(fmt::format("item {} of paper {} has no budget '{}'; it has {}", item.id, manifest_.id,
                                         choice.id, fmt::join(names, ", ")));
}

absl::StatusOr<std::vector<PlannedRun>> ManifestPaper::Plan(const std::vector<std::string>& items,
                                                            const BudgetChoice& choice) const {
  std::vector<PlannedRun> plan;
  NORMLAB_ASSIGN_OR_RETURN(const auto selected, Select(items));
  for (const Item* item : selected) {
    NORMLAB_ASSIGN_OR_RETURN(const auto budget, FindBudget(*item, choice));
    const std::vector<PlannedRun> runs = PlanItem(*item, *budget);
    plan.insert(plan.end(), runs.begin(), runs.end());
  }
  return plan;
}

absl::StatusOr<std::vector<ItemPower>> ManifestPaper::Power(const std::vector<std::string>& items,
                                                            const BudgetChoice& choice,
                                                            const std::function<bool()>& cancelled) const {
  std::vector<ItemPower> powers;
  NORMLAB_ASSIGN_OR_RETURN(const auto selected, Select(items));
  for (const Item* item : selected) {
    if (item->not_run.empty()) {
      NORMLAB_ASSIGN_OR_RETURN(const auto budget, FindBudget(*item, choice));
      NORMLAB_ASSIGN_OR_RETURN(std::vector<ClaimPower> claims, WorkOutPower(*item, *budget, cancelled));
      powers.push_back({item->id, std::move(claims)});
    }
  }
  return powers;
}

absl::StatusOr<std::vector<ItemResult>> ManifestPaper::Evaluate(const std::vector<std::string>& items,
                                                                const BudgetChoice& choice, CurveSource& runs) const {
  std::vector<ItemResult> results;
  NORMLAB_ASSIGN_OR_RETURN(const auto selected, Select(items));
  for (const Item* item : selected) {
    NORMLAB_ASSIGN_OR_RETURN(auto budget, FindBudget(*item, choice));
    NORMLAB_ASSIGN_OR_RETURN(Measured measured, Measure(*item, *budget, runs));
    std::vector<Judgement> judgements = Judge(measured);
    results.push_back({std::move(budget), std::move(measured), std::move(judgements)});
  }
  return results;
}

absl::StatusOr<Rendered> ManifestPaper::Table(std::string_view item, const BudgetChoice& budget, CurveSource& runs,
                                              Format format) const {
  NORMLAB_ASSIGN_OR_RETURN(auto results, Evaluate({std::string(item)}, budget, runs));
  const ItemResult& result = results.front();
  std::vector<NamedCell> cells = CellsOf(result.measured);
  std::optional<std::string> content;
  if (format == Format::kCsv || format == Format::kJson) {
    content = format == Format::kCsv ? TableCsv(manifest_, result, cells) : TableJson(manifest_, result, cells);
  } else {
    report::Document document = MakeDocument(manifest_, results);
    if (format == Format::kTerminal && result.measured.item->not_run.empty()) {
      document.sections.front().brief = MakeBriefTable(result.measured);
    }
    content = report::RenderAs(document, format);
  }
  if (!content) {
    return report::WrongFormat("table", "terminal, markdown, latex, csv, json, html");
  }
  const Item* const of = result.measured.item;
  return Rendered{std::move(*content), of, JudgementsOf(std::move(results)), std::move(cells), {}};
}

absl::StatusOr<Rendered> ManifestPaper::Figure(std::string_view item, const BudgetChoice& budget, CurveSource& runs,
                                               std::optional<Format> format) const {
  NORMLAB_ASSIGN_OR_RETURN(const auto results, Evaluate({std::string(item)}, budget, runs));
  const Measured& measured = results.front().measured;
  if (!measured.item->not_run.empty()) {
    return absl::NotFoundError(fmt::format("{} has no figure here: {}", item, measured.item->not_run));
  }
  if (measured.item->in_words()) {
    return absl::NotFoundError(fmt::format("{} is a table of words and has no figure", item));
  }
  Rendered rendered{"", measured.item, {}, {}, CurvesOf(measured)};
  if (!format) {
    return rendered;
  }
  switch (*format) {
    case Format::kSvg:
      rendered.content = report::RenderSvg(MakeFigure(measured));
      break;
    case Format::kCsv:
      rendered.content = FigureCsv(rendered.curves);
      break;
    case Format::kJson:
      rendered.content = FigureJson(manifest_, measured, rendered.curves);
      break;
    default:
      return report::WrongFormat("figure", "svg, csv, json");
  }
  return rendered;
}

absl::StatusOr<Rendered> ManifestPaper::Report(const std::vector<std::string>& items, const BudgetChoice& budget,
                                               CurveSource& runs, Format format) const {
  NORMLAB_ASSIGN_OR_RETURN(auto results, Evaluate(items, budget, runs));
  report::Document document = MakeDocument(manifest_, results);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].measured.item->not_run.empty() || results[i].measured.item->in_words()) {
      continue;  // nothing to draw, or words in a table
    }
    document.sections[i].pictures.push_back(MakePicture(results[i].measured));
    if (format == Format::kHtml) {
      NORMLAB_RETURN_IF_ERROR(AddRunPictures(results[i].measured, runs, document.sections[i]));
    }
  }
  switch (format) {
    case Format::kHtml:
      return Rendered{report::RenderHtml(document), nullptr, JudgementsOf(std::move(results)), {}, {}};
    case Format::kMarkdown:
      return Rendered{report::RenderMarkdown(document), nullptr, JudgementsOf(std::move(results)), {}, {}};
    default:
      return report::WrongFormat("report", "html, markdown");
  }
}

// The manifests compiled in are tested; one that does not parse is a defect of this program.
std::unique_ptr<Paper> ParseEmbedded(const EmbeddedPaper& embedded) {
  auto manifest = ParseManifest(embedded.files.at("manifest.yaml"), embedded.id + "/manifest.yaml", embedded.files);
  if (!manifest.ok()) {
    std::fprintf(stderr, "the paper compiled into this program cannot be read:\n%s\n",
                 Message(manifest.status()).c_str());
    std::abort();
  }
  return std::make_unique<ManifestPaper>(std::move(*manifest));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Paper>> Paper::Parse(std::string_view manifest_yaml, std::string_view file_name,
                                                    const std::map<std::string, std::string, std::less<>>& files) {
  NORMLAB_ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(manifest_yaml, file_name, files));
  return std::make_unique<ManifestPaper>(std::move(manifest));
}

const std::vector<std::unique_ptr<Paper>>& BuiltInPapers() {
  static const auto* papers = [] {
    auto* all = new std::vector<std::unique_ptr<Paper>>;
    for (const EmbeddedPaper& embedded : EmbeddedPapers()) {
      all->push_back(ParseEmbedded(embedded));
    }
    return all;
  }();
  return *papers;
}

}  // namespace normlab::judging
