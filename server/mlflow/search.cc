#include "server/mlflow/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/edge/convert.h"
#include "server/edge/stream.h"
#include "server/mlflow/experiments.h"
#include "server/mlflow/filter.h"
#include "server/mlflow/paging.h"
#include "server/mlflow/runs.h"

namespace normlab::server {
namespace {

constexpr int kUsual = 1000;  // runs of a page, as MLflow has it
constexpr int kMost = 50'000;
constexpr int kJobsAtOnce = 500;
constexpr std::size_t kMaxAnswer = 2 << 20;  // bytes: an answer must fit into one message of 4 MiB, and a run is small

struct Search {
  std::vector<Clause> clauses;
  std::vector<Order> orders;
  mlflow::ViewType view;
  bool metrics = false;  // are needed to tell

  bool Shows(const store::Job& job) const {
    const bool removed = job.external && job.external->removed;
    return view == mlflow::ALL || removed == (view == mlflow::DELETED_ONLY);
  }
};

absl::Status FindIn(Core& core, const Caller& caller, const std::string& experiment, const Search& search,
                    std::vector<RunView>& found) {
  std::optional<store::JobId> before;
  do {
    if (caller.cancelled()) {
      return ReaderGone();
    }
    store::JobFilter filter;
    filter.experiment = experiment;
    NORMLAB_ASSIGN_OR_RETURN(store::JobPage page, core.store.ListJobs(filter, before, kJobsAtOnce));
    before = page.next_before;
    for (store::Job& job : page.jobs) {
      if (!search.Shows(job)) {
        continue;
      }
      RunView run = MakeRunView(std::move(job));
      if (search.metrics) {
        absl::StatusOr<std::vector<store::SeriesInfo>> series = core.store.ListSeries(run.job.id);
        if (absl::IsNotFound(series.status())) {
          continue;  // deleted since
        }
        NORMLAB_RETURN_IF_ERROR(series.status());
        run.series = *std::move(series);
      }
      if (Matches(search.clauses, [&run](const Subject& subject) { return Find(run, subject); })) {
        found.push_back(std::move(run));
      }
    }
  } while (before);
  return absl::OkStatus();
}

// As asked, then the latest start first, then the newest job.
void Sort(const Search& search, std::vector<RunView>& runs) {
  static const Order kLatest{.subject = {Subject::Of::kAttribute, "start_time"}, .descending = true};
  std::vector<Order> orders = search.orders;
  orders.push_back(kLatest);
  std::stable_sort(runs.begin(), runs.end(), [&orders](const RunView& a, const RunView& b) {
    const int less = CompareBy(orders, [&](const Subject& s) { return std::pair(Find(a, s), Find(b, s)); });
    return less != 0 ? less < 0 : a.job.id > b.job.id;
  });
}

}  // namespace

absl::Status SearchRuns(Core& core, const Caller& caller, const mlflow::SearchRunsRequest& request,
                        mlflow::SearchRunsResponse& response) {
  NORMLAB_ASSIGN_OR_RETURN(const std::size_t limit,
                           ReadLimit(request.has_max_results() ? request.max_results() : kUsual, kUsual, kMost));
  Search search{.clauses = {}, .orders = {}, .view = request.run_view_type()};
  NORMLAB_ASSIGN_OR_RETURN(search.clauses, ParseFilter(request.filter(), RunAttributes(), "filter"));
  NORMLAB_ASSIGN_OR_RETURN(search.orders, ReadOrders(request.order_by(), RunAttributes()));
  search.metrics = NeedMetrics(search.clauses, search.orders);
  std::vector<RunView> found;
  for (const std::string& id :
       std::set<std::string>(request.experiment_ids().begin(), request.experiment_ids().end())) {
    const absl::StatusOr<mlflow::Experiment> experiment = FindExperiment(core, id);
    if (absl::IsNotFound(experiment.status())) {
      continue;  // as MLflow: it has no runs
    }
    NORMLAB_RETURN_IF_ERROR(experiment.status());
    NORMLAB_RETURN_IF_ERROR(FindIn(core, caller, experiment->name(), search, found));
  }
  Sort(search, found);
  const auto name = [](const RunView& run) { return JobName(run.job.id); };
  NORMLAB_ASSIGN_OR_RETURN(Page page, CutPage(found, limit, request.page_token(), name));
  std::size_t bytes = 0;
  for (std::size_t i = page.begin; i < page.end; ++i) {
    if (caller.cancelled()) {
      return ReaderGone();
    }
    mlflow::Run run;
    const std::string id = name(found[i]);
    NORMLAB_RETURN_IF_ERROR(ToWire(core, std::move(found[i]), run));
    bytes += run.ByteSizeLong();
    *response.add_runs() = std::move(run);
    if (bytes > kMaxAnswer && i + 1 < page.end) {
      page.next = id;
      break;
    }
  }
  if (!page.next.empty()) {
    response.set_next_page_token(page.next);
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
