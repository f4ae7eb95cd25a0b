#include "server/edge/collect_garbage.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

constexpr int kPage = 1'000;
constexpr std::size_t kSlice = 500;  // jobs deleted at a time
constexpr std::uint64_t kMostSeconds = std::uint64_t{100} * 366 * 24 * 60 * 60;

store::JobFilter ReadWhich(const v1::CollectGarbageRequest& request, std::vector<FieldViolation>& violations) {
  store::JobFilter filter;
  if (request.has_filter()) {
    filter = ReadFilter(request.filter(), violations);
  }
  if (filter.states.empty()) {
    filter.states = {store::JobState::kSucceeded, store::JobState::kFailed, store::JobState::kCancelled,
                     store::JobState::kDiverged};
  }
  for (const store::JobState state : filter.states) {
    if (!store::IsTerminal(state)) {
      violations.push_back(
          {"filter.states", fmt::format("holds {}; expected states of jobs that have ended", store::StateName(state))});
    }
  }
  if (request.older_than_seconds() > kMostSeconds) {
    violations.push_back(
        {"older_than_seconds", fmt::format("is {}; expected at most a hundred years", request.older_than_seconds())});
  }
  if (!request.has_filter() && !request.has_older_than_seconds() && request.keep_newest() == 0) {
    violations.push_back(
        {"filter", "is absent, as are older_than_seconds and keep_newest; that would delete every job that has ended"});
  }
  return filter;
}

// Newest first.
absl::StatusOr<std::vector<store::Job>> Garbage(Core& core, const store::JobFilter& filter, std::int64_t before_ms,
                                                std::uint32_t keep_newest) {
  std::vector<store::Job> garbage;
  std::uint32_t kept = 0;
  std::optional<store::JobId> before;
  do {
    NORMLAB_ASSIGN_OR_RETURN(store::JobPage page, core.store.ListJobs(filter, before, kPage));
    for (store::Job& job : page.jobs) {
      if (kept < keep_newest) {
        ++kept;
      } else if (job.finished_ms <= before_ms) {
        garbage.push_back(std::move(job));
      }
    }
    before = page.next_before;
  } while (before);
  return garbage;
}

absl::StatusOr<std::uint64_t> ArtifactBytes(Core& core, store::JobId job) {
  std::uint64_t bytes = 0;
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::ArtifactInfo> artifacts, core.store.ListArtifacts(job));
  for (const store::ArtifactInfo& artifact : artifacts) {
    bytes += artifact.size;
  }
  return bytes;
}

}  // namespace

absl::Status CollectGarbage(Core& core, const v1::CollectGarbageRequest& request, const Caller& caller,
                            v1::CollectGarbageResponse& response) {
  std::vector<FieldViolation> violations;
  const store::JobFilter filter = ReadWhich(request, violations);
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  const std::int64_t before_ms = UnixMs() - static_cast<std::int64_t>(request.older_than_seconds()) * 1000;
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<store::Job> garbage,
                           Garbage(core, filter, before_ms, request.keep_newest()));
  for (std::size_t begin = 0; begin < garbage.size(); begin += kSlice) {
    if (caller.cancelled()) {
      return ReaderGone();
    }
    store::JobFilter slice;
    for (std::size_t i = begin; i < std::min(garbage.size(), begin + kSlice); ++i) {
      slice.ids.push_back(garbage[i].id);
    }
    std::uint64_t bytes = 0;
    for (const store::JobId id : slice.ids) {
      bytes += ArtifactBytes(core, id).value_or(0);
    }
    NORMLAB_ASSIGN_OR_RETURN(
        const std::vector<store::BulkOutcome> outcomes,
        core.store.ChangeJobs({}, slice, {.kind = store::BulkChange::Kind::kDelete}, request.validate_only()));
    for (const store::BulkOutcome& outcome : outcomes) {
      if (outcome.left.ok()) {
        response.add_job_ids(JobName(outcome.job.id));
      }
    }
    response.set_bytes(response.bytes() + bytes);
  }
  if (!request.validate_only() && response.job_ids_size() > 0) {
    core.news.JobDeleted();
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
