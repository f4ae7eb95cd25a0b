#include "results/store/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

#include "results/store/jobs.h"

namespace normlab::store {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

bool IsOfSeries(JobOrder::By by) { return by >= JobOrder::By::kLowest; }

// Whether `a` is listed before `b`. No two places are equal.
bool Before(const JobPlace& a, const JobPlace& b, bool descending) {
  if (std::isnan(a.value) != std::isnan(b.value)) {
    return std::isnan(b.value);
  }
  if (std::isnan(a.value) || a.value == b.value) {
    return a.id > b.id;
  }
  return descending ? a.value > b.value : a.value < b.value;
}

// The ids that have every label, rising; absent: none is asked for.
absl::StatusOr<std::optional<std::vector<JobId>>> Labelled(Connection& db, const JobFilter& filter) {
  std::optional<std::vector<JobId>> ids;
  for (const auto& [key, value] : filter.labels) {
    NORMLAB_ASSIGN_OR_RETURN(std::vector<JobId> some,
                             db.Ints("SELECT job FROM label WHERE key = ?1 AND value = ?2 ORDER BY job", key, value));
    if (ids.has_value()) {
      std::vector<JobId> both;
      std::set_intersection(ids->begin(), ids->end(), some.begin(), some.end(), std::back_inserter(both));
      some = std::move(both);
    }
    ids = std::move(some);
  }
  return ids;
}

// A time of 0 has not come yet.
double ValueOf(const Query& row, JobOrder::By by) {
  const std::int64_t value = row.Int(3 + static_cast<int>(by));
  return value == 0 && by != JobOrder::By::kPriority ? kNone : static_cast<double>(value);
}

// The places of all jobs that match, by id, rising; without a value where a series gives it.
absl::StatusOr<std::vector<JobPlace>> Places(Connection& db, const JobFilter& filter, JobOrder::By by) {
  NORMLAB_ASSIGN_OR_RETURN(const std::optional<std::vector<JobId>> labelled, Labelled(db, filter));
  std::vector<JobId> named = filter.ids;
  std::sort(named.begin(), named.end());
  std::vector<JobPlace> places;
  Query row = db.Ask(
      "SELECT id, state, experiment, created_ms, started_ms, finished_ms, priority FROM job INDEXED BY job_summary "
      "ORDER BY id");
  while (row.Next()) {
    const JobId id = row.Int(0);
    const auto state = static_cast<JobState>(row.Int(1));
    const auto& states = filter.states;
    const bool matches = (states.empty() || std::find(states.begin(), states.end(), state) != states.end()) &&
                         (filter.experiment.empty() || row.View(2) == filter.experiment) &&
                         (named.empty() || std::binary_search(named.begin(), named.end(), id)) &&
                         (!labelled || std::binary_search(labelled->begin(), labelled->end(), id));
    if (matches) {
      places.push_back({.id = id, .value = IsOfSeries(by) ? kNone : ValueOf(row, by)});
    }
  }
  NORMLAB_RETURN_IF_ERROR(row.status());
  return places;
}

absl::Status PutValues(Connection& db, const JobOrder& order, std::vector<JobPlace>& places) {
  const char* const sql =
      order.by == JobOrder::By::kLowest
          ? "SELECT job, min_bits FROM series INDEXED BY series_by_name WHERE name = ?1 ORDER BY job"
      : order.by == JobOrder::By::kHighest
          ? "SELECT job, max_bits FROM series INDEXED BY series_by_name WHERE name = ?1 ORDER BY job"
          : "SELECT job, last_bits FROM series INDEXED BY series_by_name WHERE name = ?1 ORDER BY job";
  auto place = places.begin();
  Query row = db.Ask(sql, order.series);
  while (row.Next()) {
    while (place != places.end() && place->id < row.Int(0)) {
      ++place;
    }
    if (place != places.end() && place->id == row.Int(0)) {
      place->value = row.Exact(1);
    }
  }
  return row.status();
}

}  // namespace

absl::StatusOr<OrderedPage> ListOrdered(Connection& db, const JobFilter& filter, const JobOrder& order,
                                        const std::optional<JobPlace>& after, int limit) {
  if (limit <= 0) {
    return absl::InvalidArgumentError(fmt::format("a page of {} jobs was asked for; expected at least 1", limit));
  }
  NORMLAB_ASSIGN_OR_RETURN(std::vector<JobPlace> places, Places(db, filter, order.by));
  if (IsOfSeries(order.by)) {
    NORMLAB_RETURN_IF_ERROR(PutValues(db, order, places));
  }
  const auto before = [&order](const JobPlace& a, const JobPlace& b) { return Before(a, b, order.descending); };
  if (after.has_value()) {
    std::erase_if(places, [&](const JobPlace& place) { return !before(*after, place); });
  }
  const std::size_t shown = std::min(places.size(), static_cast<std::size_t>(limit));
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(shown), places.end(), before);
  OrderedPage page;
  if (shown < places.size()) {
    page.next = places[shown - 1];
  }
  for (std::size_t i = 0; i < shown; ++i) {
    absl::StatusOr<Job> job = LoadWhole(db, places[i].id);
    if (job.ok()) {
      page.jobs.push_back(*std::move(job));
      page.values.push_back(places[i].value);
    } else if (!absl::IsDataLoss(job.status())) {
      return job.status();
    }
  }
  return page;
}

}  // namespace normlab::store
