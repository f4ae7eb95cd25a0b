#include "server/edge/paper_service.h"

#include <fmt/format.h>

#include "base/nearest.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
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

// A paper's runs of `items` as the store has them.
absl::StatusOr<StoredRuns> Runs(Core& core, const PaperOfCall& found, const std::vector<std::string>& items,
                                const std::string& budget) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<judging::PlannedRun> plan, found.paper->Plan(items, budget));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<PlannedJob> jobs, Resolve(core, found, plan));
  return StoredRuns(core.store, jobs);
}

// Why an item is not run; empty: it is.
std::string WhyNotRun(const judging::ItemInfo& item) {
  return item.not_run.empty() ? WhyNoExperiment(item.experiment) : item.not_run;
}

absl::Status Plan(Core& core, const v1::PlanReproductionRequest& request, v1::PlanReproductionResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const PaperOfCall found, FindPaper(core, request));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<judging::PlannedRun> plan,
                           found.paper->Plan({request.item_ids().begin(), request.item_ids().end()}, request.budget()));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<PlannedJob> jobs, Resolve(core, found, plan));
  response.set_paper_id(found.paper->id());
  for (const PlannedJob& planned : jobs) {
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
  return absl::OkStatus();
}

absl::Status Table(Core& core, const v1::GetTableRequest& request, v1::GetTableResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const PaperOfCall found, FindPaper(core, request));
  NORMLAB_ASSIGN_OR_RETURN(StoredRuns runs, Runs(core, found, {request.item_id()}, request.budget()));
  return Deliver(request.format(), report::Format::kTerminal, response,
                 [&](report::Format format) -> absl::StatusOr<std::string> {
                   NORMLAB_ASSIGN_OR_RETURN(judging::Rendered table,
                                            found.paper->Table(request.item_id(), request.budget(), runs, format));
                   for (const judging::Verdict verdict : table.verdicts) {
                     response.add_verdicts(std::string(judging::ToString(verdict)));
                   }
                   return std::move(table.content);
                 });
}

absl::Status Figure(Core& core, const v1::GetFigureRequest& request, v1::GetFigureResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const PaperOfCall found, FindPaper(core, request));
  NORMLAB_ASSIGN_OR_RETURN(StoredRuns runs, Runs(core, found, {request.item_id()}, request.budget()));
  return Deliver(request.format(), report::Format::kSvg, response,
                 [&](report::Format format) -> absl::StatusOr<std::string> {
                   NORMLAB_ASSIGN_OR_RETURN(judging::Rendered figure,
                                            found.paper->Figure(request.item_id(), request.budget(), runs, format));
                   return std::move(figure.content);
                 });
}

absl::Status Report(Core& core, const v1::GetReportRequest& request, v1::GetReportResponse& response) {
  const std::vector<std::string> items(request.item_ids().begin(), request.item_ids().end());
  NORMLAB_ASSIGN_OR_RETURN(const PaperOfCall found, FindPaper(core, request));
  NORMLAB_ASSIGN_OR_RETURN(StoredRuns runs, Runs(core, found, items, request.budget()));
  return Deliver(
      request.format(), report::Format::kHtml, response, [&](report::Format format) -> absl::StatusOr<std::string> {
        NORMLAB_ASSIGN_OR_RETURN(judging::Rendered report, found.paper->Report(items, request.budget(), runs, format));
        return std::move(report.content);
      });
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
  return core_.gate.Call(*context, "PaperService.PlanReproduction", CallKind::kShort,
                         [&](const Caller&) { return Plan(core_, *request, *response); });
}

grpc::Status PaperServiceImpl::GetTable(grpc::ServerContext* context, const v1::GetTableRequest* request,
                                        v1::GetTableResponse* response) {
  return core_.gate.Call(*context, "PaperService.GetTable", CallKind::kShort,
                         [&](const Caller&) { return Table(core_, *request, *response); });
}

grpc::Status PaperServiceImpl::GetFigure(grpc::ServerContext* context, const v1::GetFigureRequest* request,
                                         v1::GetFigureResponse* response) {
  return core_.gate.Call(*context, "PaperService.GetFigure", CallKind::kShort,
                         [&](const Caller&) { return Figure(core_, *request, *response); });
}

grpc::Status PaperServiceImpl::GetReport(grpc::ServerContext* context, const v1::GetReportRequest* request,
                                         v1::GetReportResponse* response) {
  return core_.gate.Call(*context, "PaperService.GetReport", CallKind::kShort,
                         [&](const Caller&) { return Report(core_, *request, *response); });
}

}  // namespace normlab::server
