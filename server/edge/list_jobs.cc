#include "server/edge/list_jobs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/nearest.h"
#include "proto/names.h"
#include "proto/spec_text.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/page_token.h"
#include "server/edge/request_id.h"

namespace normlab::server {
namespace {

using By = store::JobOrder::By;
using google::protobuf::util::FieldMaskUtil;

constexpr int kDefaultPage = 50;
constexpr int kMaxPage = 1000;

constexpr std::array<std::pair<std::string_view, By>, 4> kColumns = {
    {{"created", By::kCreated}, {"started", By::kStarted}, {"finished", By::kFinished}, {"priority", By::kPriority}}};

constexpr std::array<std::string_view, 5> kOfCurves = {"best", "worst", "last", "lowest", "highest"};

// What a page token is bound to.
std::string FilterText(v1::ListJobsRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  request.clear_read_mask();
  return Deterministic(request);
}

void Add(const store::Job& job, const v1::ListJobsRequest& request, v1::ListJobsResponse& response) {
  v1::Job& wire = *response.add_jobs();
  ToWire(job, wire);
  Trim(request.read_mask(), wire);
}

absl::Status ListByAge(Core& core, const v1::ListJobsRequest& request, const store::JobFilter& filter, int limit,
                       v1::ListJobsResponse& response) {
  const std::string filter_text = FilterText(request);
  std::optional<store::JobId> before;
  if (!request.page_token().empty()) {
    NORMLAB_ASSIGN_OR_RETURN(before, ReadPageToken(request.page_token(), filter_text));
  }
  NORMLAB_ASSIGN_OR_RETURN(const store::JobPage page, core.store.ListJobs(filter, before, limit));
  for (const store::Job& job : page.jobs) {
    Add(job, request, response);
  }
  if (page.next_before) {
    response.set_next_page_token(MakePageToken(*page.next_before, filter_text));
  }
  return absl::OkStatus();
}

absl::Status ListByOrder(Core& core, const v1::ListJobsRequest& request, const store::JobFilter& filter,
                         const store::JobOrder& order, int limit, v1::ListJobsResponse& response) {
  const std::string filter_text = FilterText(request);
  std::optional<store::JobPlace> after;
  if (!request.page_token().empty()) {
    NORMLAB_ASSIGN_OR_RETURN(after, ReadPlaceToken(request.page_token(), filter_text));
  }
  NORMLAB_ASSIGN_OR_RETURN(const store::OrderedPage page, core.store.ListOrdered(filter, order, after, limit));
  for (const store::Job& job : page.jobs) {
    Add(job, request, response);
  }
  if (!order.series.empty()) {
    response.mutable_sort_values()->Add(page.values.begin(), page.values.end());
  }
  if (page.next) {
    response.set_next_page_token(MakePlaceToken(*page.next, filter_text));
  }
  return absl::OkStatus();
}

// Of a curve. `way` is one of kOfCurves.
store::JobOrder OrderByCurve(std::string_view way, std::string_view series) {
  const bool higher = HigherIsBetter(series);
  store::JobOrder order{.series = std::string(series)};
  if (way == "last") {
    order.by = By::kLast;
    order.descending = higher;
  } else {
    const bool lowest = way == "lowest" || (way == "best" && !higher) || (way == "worst" && higher);
    order.by = lowest ? By::kLowest : By::kHighest;
    order.descending = way == "highest" || (way != "lowest" && higher);
  }
  return order;
}

}  // namespace

bool HigherIsBetter(std::string_view series) {
  constexpr std::array<std::string_view, 8> kSuccesses = {"accuracy", "answered", "answerable", "recall",
                                                          "image",    "caption",  "pearson",    "spearman"};
  return std::any_of(kSuccesses.begin(), kSuccesses.end(),
                     [series](std::string_view word) { return series.find(word) != std::string_view::npos; });
}

store::JobOrder ReadOrder(std::string_view text, std::vector<FieldViolation>& violations) {
  constexpr std::string_view kDescending = " desc";
  std::string_view key = text;
  const bool turned = key.ends_with(kDescending);
  key.remove_suffix(turned ? kDescending.size() : 0);
  const std::size_t blank = key.find(' ');
  const std::string_view way = key.substr(0, blank);
  const std::string_view series = blank == key.npos ? "" : key.substr(blank + 1);
  store::JobOrder order;
  const auto column = std::find_if(kColumns.begin(), kColumns.end(), [&](const auto& c) { return c.first == key; });
  if (column != kColumns.end()) {
    order.by = column->second;
  } else if (std::find(kOfCurves.begin(), kOfCurves.end(), way) != kOfCurves.end() && IsName(series, true)) {
    order = OrderByCurve(way, series);
  } else {
    violations.push_back({"order_by", fmt::format("is {}; expected created, started, finished, priority or one of {} "
                                                  "with a series, such as best test/error; each may end in \" desc\"",
                                                  Shown(text), fmt::join(kOfCurves, ", "))});
  }
  order.descending = order.descending != turned;
  return order;
}

void CheckMask(const google::protobuf::FieldMask& mask, std::vector<FieldViolation>& violations) {
  for (int i = 0; i < mask.paths_size(); ++i) {
    if (!FieldMaskUtil::IsValidPath<v1::Job>(mask.paths(i))) {
      violations.push_back(
          {fmt::format("read_mask.paths[{}]", i),
           fmt::format("is {}; expected a field of Job such as state or spec.seed", Shown(mask.paths(i)))});
    }
  }
}

void Trim(const google::protobuf::FieldMask& mask, v1::Job& job) {
  if (mask.paths_size() > 0) {
    FieldMaskUtil::TrimMessage(mask, &job);
  }
}

absl::Status ListJobs(Core& core, const v1::ListJobsRequest& request, v1::ListJobsResponse& response) {
  std::vector<FieldViolation> violations;
  const store::JobFilter filter = ReadFilter(request, violations);
  if (request.page_size() < 0) {
    violations.push_back({"page_size", fmt::format("is {}; expected 0 to {}", request.page_size(), kMaxPage)});
  }
  CheckMask(request.read_mask(), violations);
  const store::JobOrder order =
      request.order_by().empty() ? store::JobOrder() : ReadOrder(request.order_by(), violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  const int limit = request.page_size() == 0 ? kDefaultPage : std::min(request.page_size(), kMaxPage);
  return request.order_by().empty() ? ListByAge(core, request, filter, limit, response)
                                    : ListByOrder(core, request, filter, order, limit, response);
}

}  // namespace normlab::server
