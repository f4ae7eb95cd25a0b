#include "server/edge/paper_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/convert_results.h"
#include "server/edge/deliver.h"
#include "server/edge/errors.h"
#include "server/render/planned_runs.h"

namespace normlab::server {
namespace {

// A paper of ours, or the caller's own for as long as the call lasts.
struct PaperOfCall {
  const judging::Paper* paper = nullptr;
  std::unique_ptr<judging::Paper> own = {};
};

absl::StatusOr<PaperOfCall> ReadManifest(const Core& core, const v1::PaperManifest& manifest) {
  constexpr std::size_t kMostBytes = 2 << 20;
  std::map<std::string, std::string, std::less<>> files(manifest.files().begin(), manifest.files().end());
  std::size_t bytes = 0;
  for (const auto& [name, content] : files) {
    bytes += content.size();
  }
  if (bytes > kMostBytes) {
    return BadField("manifest.files", fmt::format("have {} bytes; expected at most {}", bytes, kMostBytes));
  }
  PaperOfCall result;
  NORMLAB_ASSIGN_OR_RETURN(result.own, judging::Paper::Parse(manifest.text(), manifest.file_name(), files));
  result.paper = result.own.get();
  for (const auto& paper : core.papers) {
    if (paper->id() == result.paper->id()) {
      return absl::InvalidArgumentError(fmt::format("{}: id {} is that of a paper that is built in; give yours another",
                                                    manifest.file_name(), paper->id()));
    }
  }
  return result;
}

template <typename Request>
absl::StatusOr<PaperOfCall> FindPaper(const Core& core, const Request& request) {
  if (request.has_manifest()) {
    return request.paper_id().empty() ? ReadManifest(core, request.manifest())
                                      : BadField("paper_id", "is given beside a manifest; expected one of them");
  }
  std::vector<std::string> ids;
  for (const auto& paper : core.papers) {
    if (paper->id() == request.paper_id()) {
      return PaperOfCall{paper.get()};
    }
    ids.push_back(paper->id());
  }
  return absl::NotFoundError(fmt::format("no paper {}; there is {}{}", Shown(request.paper_id()), fmt::join(ids, ", "),
                                         DidYouMean(Nearest(request.paper_id(), ids))));
}

// A run that is not valid is our own mistake in a paper of ours, and the caller's in his.
absl::StatusOr<std::vector<PlannedJob>> Resolve(const Core& core, const PaperOfCall& found,
                                                const std::vector<judging::PlannedRun>& plan) {
  auto jobs = ResolvePlan(plan, core.data);
  return found.own != nullptr && absl::IsInternal(jobs.status()) ? absl::InvalidArgumentError(jobs.status().message())
                                                                 : jobs;
}

template <typename Request>
absl::StatusOr<judging::BudgetChoice> ReadBudget(const Request& request) {
  if (request.seeds() < 0 || request.seeds() > judging::kMostSeeds) {
    return BadField("seeds", fmt::format("is {}; expected 1 to {}, or 0 for those of the budget", request.seeds(),
                                         judging::kMostSeeds));
  }
  return judging::BudgetChoice(request.budget(), request.seeds());
}

// What a table, figure or report is made of.
struct Results {
  PaperOfCall found;
  judging::BudgetChoice budget;
  StoredRuns runs;
};

template <typename Request>
absl::StatusOr<Results> FindResults(Core& core, const Request& request, const std::vector<std::string>& items) {
  NORMLAB_ASSIGN_OR_RETURN(PaperOfCall found, FindPaper(core, request));
  NORMLAB_ASSIGN_OR_RETURN(judging::BudgetChoice budget, ReadBudget(request));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<judging::PlannedRun> plan, found.paper->Plan(items, budget));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<PlannedJob> jobs, Resolve(core, found, plan));
  return Results{std::move(found), std::move(budget), StoredRuns(core.store, jobs)};
}

// Why an item is not run; empty: it is.
std::string WhyNotRun(const judging::ItemInfo& item) {
  return item.not_run.empty() ? WhyNoExperiment(item.experiment) : item.not_run;
}

// Of those that are asked for, the ones that can be run; the others are named.
std::vector<std::string> ChooseRun(const judging::Paper& paper, const std::vector<std::string>& asked,
                                   v1::PlanReproductionResponse& response) {
  std::vector<std::string> run;
  for (const judging::ItemInfo& item : paper.Items()) {
    if (!asked.empty() && std::find(asked.begin(), asked.end(), item.id) == asked.end()) {
      continue;
    }
    const std::string why = WhyNotRun(item);
    if (why.empty()) {
      run.push_back(item.id);
    } else {
      v1::NotRunItem& wire = *response.add_not_run();
      wire.set_item_id(item.id);
      wire.set_reason(why);
    }
  }
  return run;
}

absl::Status Plan(Core& core, const Caller& caller, const v1::PlanReproductionRequest& request,
                  v1::PlanReproductionResponse& response) {
  const std::vector<std::string> items(request.item_ids().begin(), request.item_ids().end());
  NORMLAB_ASSIGN_OR_RETURN(const PaperOfCall found, FindPaper(core, request));
  NORMLAB_ASSIGN_OR_RETURN(const judging::BudgetChoice budget, ReadBudget(request));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<judging::PlannedRun> plan, found.paper->Plan(items, budget));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<PlannedJob> jobs, Resolve(core, found, plan));
  response.set_paper_id(found.paper->id());
  for (const PlannedJob& planned : jobs) {
    if (!planned.run.labels.empty()) {
      continue;  // nobody can submit it
    }
    v1::PlannedRun& wire = *response.add_runs();
    wire.set_item_id(planned.run.item);
    wire.set_arm(planned.run.arm);
    *wire.mutable_spec() = planned.job.spec;
    wire.set_identity(planned.job.identity);
    wire.set_core_seconds(planned.run.core_seconds);
    NORMLAB_ASSIGN_OR_RETURN(const std::optional<store::Job> stored, core.store.FindByIdentity(planned.job.identity));
    if (stored) {
      ToWire(*stored, *wire.mutable_job());
    }
  }
  const std::vector<std::string> run = ChooseRun(*found.paper, items, response);
  if (!request.power() || run.empty()) {
    return absl::OkStatus();
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<judging::ItemPower> powers,
                           found.paper->Power(run, budget, [&] { return caller.cancelled(); }));
  for (const judging::ItemPower& item : powers) {
    for (const judging::ClaimPower& claim : item.claims) {
      ToWire(item.item, claim, *response.add_power());
    }
  }
  return absl::OkStatus();
}

absl::Status Table(Core& core, const v1::GetTableRequest& request, grpc::ServerWriter<v1::GetTableResponse>& writer) {
  NORMLAB_ASSIGN_OR_RETURN(Results of, FindResults(core, request, {request.item_id()}));
  judging::Rendered table;
  v1::GetTableResponse answer;
  NORMLAB_RETURN_IF_ERROR(Deliver(
      request.format(), report::Format::kTerminal, answer, [&](report::Format format) -> absl::StatusOr<std::string> {
        NORMLAB_ASSIGN_OR_RETURN(table, of.found.paper->Table(request.item_id(), of.budget, of.runs, format));
        return std::move(table.content);
      }));
  NORMLAB_RETURN_IF_ERROR(SendInPieces(std::move(answer), writer));
  for (const judging::Judgement& judgement : table.judgements) {
    v1::GetTableResponse piece;
    ToWire(*table.item, judgement, *piece.add_claims());
    NORMLAB_RETURN_IF_ERROR(Send(piece, writer));
  }
  for (const judging::NamedCell& cell : table.cells) {
    v1::GetTableResponse piece;
    ToWire(cell, *piece.add_cells());
    NORMLAB_RETURN_IF_ERROR(Send(piece, writer));
  }
  return absl::OkStatus();
}

absl::Status SendCurves(const std::vector<judging::FigureCurve>& curves,
                        grpc::ServerWriter<v1::GetFigureResponse>& writer) {
  constexpr std::size_t kMostPoints = 4096;  // of a message
  for (const judging::FigureCurve& curve : curves) {
    for (std::size_t begin = 0; begin < curve.x.size(); begin += kMostPoints) {
      v1::GetFigureResponse piece;
      ToWire(curve, begin, std::min(curve.x.size(), begin + kMostPoints), *piece.add_curves());
      NORMLAB_RETURN_IF_ERROR(Send(piece, writer));
    }
  }
  return absl::OkStatus();
}

absl::Status Figure(Core& core, const v1::GetFigureRequest& request,
                    grpc::ServerWriter<v1::GetFigureResponse>& writer) {
  NORMLAB_ASSIGN_OR_RETURN(Results of, FindResults(core, request, {request.item_id()}));
  judging::Rendered figure;
  if (request.curves() && request.format() == v1::FORMAT_UNSPECIFIED) {
    NORMLAB_ASSIGN_OR_RETURN(figure, of.found.paper->Figure(request.item_id(), of.budget, of.runs, std::nullopt));
    return SendCurves(figure.curves, writer);
  }
  v1::GetFigureResponse answer;
  NORMLAB_RETURN_IF_ERROR(Deliver(
      request.format(), report::Format::kSvg, answer, [&](report::Format format) -> absl::StatusOr<std::string> {
        NORMLAB_ASSIGN_OR_RETURN(figure, of.found.paper->Figure(request.item_id(), of.budget, of.runs, format));
        return std::move(figure.content);
      }));
  NORMLAB_RETURN_IF_ERROR(SendInPieces(std::move(answer), writer));
  return request.curves() ? SendCurves(figure.curves, writer) : absl::OkStatus();
}

absl::Status Report(Core& core, const v1::GetReportRequest& request,
                    grpc::ServerWriter<v1::GetReportResponse>& writer) {
  const std::vector<std::string> items(request.item_ids().begin(), request.item_ids().end());
  NORMLAB_ASSIGN_OR_RETURN(Results of, FindResults(core, request, items));
  v1::GetReportResponse answer;
  NORMLAB_RETURN_IF_ERROR(Deliver(
      request.format(), report::Format::kHtml, answer, [&](report::Format format) -> absl::StatusOr<std::string> {
        NORMLAB_ASSIGN_OR_RETURN(judging::Rendered report, of.found.paper->Report(items, of.budget, of.runs, format));
        return std::move(report.content);
      }));
  return SendInPieces(std::move(answer), writer);
}

void List(const Core& core, v1::ListPapersResponse& response) {
  for (const auto& paper : core.papers) {
    v1::Paper& wire = *response.add_papers();
    wire.set_paper_id(paper->id());
    wire.set_title(paper->title());
    for (const judging::ItemInfo& item : paper->Items()) {
      v1::Paper::Item& out = *wire.add_items();
      out.set_item_id(item.id);
      out.set_title(item.title);
      out.set_place(item.place);
      out.set_not_run(WhyNotRun(item));
      out.mutable_budgets()->Add(item.budgets.begin(), item.budgets.end());
    }
  }
}

}  // namespace

grpc::Status PaperServiceImpl::ListPapers(grpc::ServerContext* context, const v1::ListPapersRequest*,
                                          v1::ListPapersResponse* response) {
  return core_.gate.Call(*context, "PaperService.ListPapers", CallKind::kShort, [&](const Caller&) {
    List(core_, *response);
    return absl::OkStatus();
  });
}

grpc::Status PaperServiceImpl::PlanReproduction(grpc::ServerContext* context,
                                                const v1::PlanReproductionRequest* request,
                                                v1::PlanReproductionResponse* response) {
  return core_.gate.Call(*context, "PaperService.PlanReproduction",
                         request->power() ? CallKind::kCompare : CallKind::kShort,
                         [&](const Caller& caller) { return Plan(core_, caller, *request, *response); });
}

grpc::Status PaperServiceImpl::GetTable(grpc::ServerContext* context, const v1::GetTableRequest* request,
                                        grpc::ServerWriter<v1::GetTableResponse>* writer) {
  return core_.gate.Call(*context, "PaperService.GetTable", CallKind::kRead,
                         [&](const Caller&) { return Table(core_, *request, *writer); });
}

grpc::Status PaperServiceImpl::GetFigure(grpc::ServerContext* context, const v1::GetFigureRequest* request,
                                         grpc::ServerWriter<v1::GetFigureResponse>* writer) {
  return core_.gate.Call(*context, "PaperService.GetFigure", CallKind::kRead,
                         [&](const Caller&) { return Figure(core_, *request, *writer); });
}

grpc::Status PaperServiceImpl::GetReport(grpc::ServerContext* context, const v1::GetReportRequest* request,
                                         grpc::ServerWriter<v1::GetReportResponse>* writer) {
  return core_.gate.Call(*context, "PaperService.GetReport", CallKind::kRead,
                         [&](const Caller&) { return Report(core_, *request, *writer); });
}

}  // namespace normlab::server
