#include "client/commands/write_results.h"

#include <algorithm>

#include "client/output.h"

namespace normlab::client {
namespace {

struct Rendering {
  v1::Format format;
  const char* file;
};
constexpr Rendering kReports[] = {{v1::FORMAT_HTML, "report.html"}, {v1::FORMAT_MARKDOWN, "report.md"}};
constexpr Rendering kTables[] = {{v1::FORMAT_MARKDOWN, "table.md"},
                                 {v1::FORMAT_LATEX, "table.tex"},
                                 {v1::FORMAT_CSV, "table.csv"},
                                 {v1::FORMAT_JSON, "table.json"}};
constexpr Rendering kFigures[] = {
    {v1::FORMAT_SVG, "figure.svg"}, {v1::FORMAT_PNG, "figure.png"}, {v1::FORMAT_CSV, "figure.csv"}};

absl::Status WriteOne(const std::string& path, std::string_view content, const std::stop_token& stop,
                      WrittenResults& results) {
  NORMLAB_RETURN_IF_ERROR(WriteFile(path, content, stop));
  results.files.push_back(path);
  return absl::OkStatus();
}

absl::StatusOr<v1::GetTableResponse> GetTable(Client& client, const ResultsOf& what, const std::string& item,
                                              v1::Format format) {
  v1::GetTableRequest request;
  SetPaper(what.paper, request);
  request.set_item_id(item);
  request.set_budget(what.budget);
  request.set_seeds(what.seeds);
  request.set_format(format);
  return client.Table(request);
}

absl::Status WriteItem(Client& client, const ResultsOf& what, const std::string& item, const std::string& folder,
                       const std::stop_token& stop, WrittenResults& results) {
  NORMLAB_ASSIGN_OR_RETURN(
      const auto text, GetTable(client, what, item, what.verbose ? v1::FORMAT_TERMINAL_VERBOSE : v1::FORMAT_TERMINAL));
  ItemResult result{item, {}, text.content(), nullptr};
  for (const v1::ClaimVerdict& claim : text.claims()) {
    result.verdicts.push_back(VerdictName(claim.verdict()));
  }
  results.different = results.different || AnyDifferent(text);
  for (const Rendering& rendering : kTables) {
    NORMLAB_ASSIGN_OR_RETURN(const auto table, GetTable(client, what, item, rendering.format));
    NORMLAB_RETURN_IF_ERROR(WriteOne(folder + "/" + rendering.file, table.content(), stop, results));
    if (rendering.format == v1::FORMAT_JSON) {
      result.table_json = Json::parse(table.content(), nullptr, /*allow_exceptions=*/false);
      if (result.table_json.is_discarded()) {
        return absl::InternalError("the server's JSON table of " + item + " is not JSON");
      }
    }
  }
  for (const Rendering& rendering : kFigures) {
    v1::GetFigureRequest request;
    SetPaper(what.paper, request);
    request.set_item_id(item);
    request.set_budget(what.budget);
    request.set_seeds(what.seeds);
    request.set_format(rendering.format);
    const auto figure = client.Figure(request);
    if (absl::IsNotFound(figure.status())) {
      break;  // a table alone
    }
    NORMLAB_RETURN_IF_ERROR(figure.status());
    NORMLAB_RETURN_IF_ERROR(WriteOne(folder + "/" + rendering.file, figure->content(), stop, results));
  }
  results.items.push_back(std::move(result));
  return absl::OkStatus();
}

}  // namespace

std::string VerdictName(v1::Verdict verdict) {
  constexpr std::size_t kPrefix = std::string_view("VERDICT_").size();
  return v1::Verdict_Name(verdict).substr(kPrefix);
}

bool AnyDifferent(const v1::GetTableResponse& table) {
  return std::any_of(table.claims().begin(), table.claims().end(),
                     [](const v1::ClaimVerdict& claim) { return claim.verdict() == v1::VERDICT_DIFFERENT; });
}

absl::StatusOr<WrittenResults> WriteResults(Client& client, const ResultsOf& what, const std::string& directory,
                                            const std::stop_token& stop) {
  WrittenResults results;
  NORMLAB_RETURN_IF_ERROR(PrepareFolder(directory));
  for (const Rendering& rendering : kReports) {
    v1::GetReportRequest request;
    SetPaper(what.paper, request);
    request.mutable_item_ids()->Add(what.report_items.begin(), what.report_items.end());
    request.set_budget(what.budget);
    request.set_seeds(what.seeds);
    request.set_format(rendering.format);
    NORMLAB_ASSIGN_OR_RETURN(const auto report, client.Report(request));
    NORMLAB_RETURN_IF_ERROR(WriteOne(directory + "/" + rendering.file, report.content(), stop, results));
  }
  for (const std::string& item : what.items) {
    const std::string folder = what.items.size() == 1 ? directory : directory + "/" + item;
    NORMLAB_RETURN_IF_ERROR(PrepareFolder(folder));
    NORMLAB_RETURN_IF_ERROR(WriteItem(client, what, item, folder, stop, results));
  }
  return results;
}

}  // namespace normlab::client
