#include "server/edge/watch_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/list_jobs.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

constexpr int kMaxNamed = 1000;
constexpr int kMaxChanges = 64;  // of one look into the store; a job is about 1 KB on the wire

// What one reader has seen.
class Follower {
 public:
  Follower(Core& core, grpc::ServerWriter<v1::WatchJobsResponse>& writer) : core_(core), writer_(writer) {}

  absl::Status Begin(const v1::WatchJobsRequest& request);
  // Sends what changed since the last look. True if there may be more at once.
  absl::StatusOr<bool> SendChanges();
  bool Done() const {
    return !named_.empty() &&
           std::all_of(named_.begin(), named_.end(), [](const auto& n) { return n.second.terminal; });
  }

 private:
  struct Seen {
    std::uint64_t revision = 0;
    bool terminal = false;
  };

  absl::StatusOr<std::uint64_t> LatestRevision();
  // kNotFound if a job whose end was not sent is gone. Looks only when some job was deleted since it last looked.
  absl::Status CheckPresent();
  absl::Status Send(const std::vector<store::Job>& jobs);

  Core& core_;
  grpc::ServerWriter<v1::WatchJobsResponse>& writer_;
  std::map<store::JobId, Seen> named_;  // empty: all jobs are followed
  google::protobuf::FieldMask mask_;
  std::uint64_t cursor_ = 0;     // changes up to this revision were looked at
  std::uint64_t deletions_ = 0;  // as many were known when presence was last checked
};

absl::Status Follower::Begin(const v1::WatchJobsRequest& request) {
  deletions_ = core_.news.deletions();
  std::vector<FieldViolation> violations;
  if (request.job_ids_size() > kMaxNamed) {
    violations.push_back(
        {"job_ids", fmt::format("names {} jobs; expected at most {}", request.job_ids_size(), kMaxNamed)});
  }
  for (int i = 0; i < request.job_ids_size(); ++i) {
    named_[ReadJobId(request.job_ids(i), fmt::format("job_ids[{}]", i), violations)].revision =
        request.after_revision();
  }
  cursor_ = ReadCount(request.after_revision(), "after_revision", violations);
  CheckMask(request.read_mask(), violations);
  mask_ = request.read_mask();
  NORMLAB_RETURN_IF_ERROR(BadRequest(violations));
  if (named_.empty()) {
    return absl::OkStatus();
  }
  // Every change after the second reading has a later revision than any seen in the first: nothing falls between.
  NORMLAB_ASSIGN_OR_RETURN(cursor_, LatestRevision());
  std::vector<store::Job> jobs;
  for (auto& [id, seen] : named_) {
    NORMLAB_ASSIGN_OR_RETURN(store::Job job, core_.store.GetJob(id));
    seen.terminal = store::IsTerminal(job.state);
    if (job.revision > seen.revision) {
      jobs.push_back(std::move(job));
    }
  }
  return Send(jobs);
}

absl::StatusOr<std::uint64_t> Follower::LatestRevision() {
  std::uint64_t latest = 0;
  for (const auto& [id, seen] : named_) {
    NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core_.store.GetJob(id));
    latest = std::max(latest, job.revision);
  }
  return latest;
}

absl::Status Follower::CheckPresent() {
  const std::uint64_t deletions = core_.news.deletions();
  if (deletions != deletions_) {
    deletions_ = deletions;
    for (const auto& [id, seen] : named_) {
      if (!seen.terminal) {
        NORMLAB_RETURN_IF_ERROR(core_.store.GetJob(id).status());
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Follower::SendChanges() {
  NORMLAB_RETURN_IF_ERROR(CheckPresent());
  NORMLAB_ASSIGN_OR_RETURN(std::vector<store::Job> changed, core_.store.ChangedSince(cursor_, kMaxChanges));
  if (changed.empty()) {
    return false;
  }
  const bool more = changed.size() == kMaxChanges;
  cursor_ = changed.back().revision;
  std::erase_if(changed, [this](const store::Job& job) {
    const auto found = named_.find(job.id);
    return !named_.empty() && (found == named_.end() || job.revision <= found->second.revision);
  });
  NORMLAB_RETURN_IF_ERROR(Send(changed));
  return more;
}

absl::Status Follower::Send(const std::vector<store::Job>& jobs) {
  for (std::size_t begin = 0; begin < jobs.size(); begin += kMaxChanges) {
    v1::WatchJobsResponse response;
    for (std::size_t i = begin; i < std::min(jobs.size(), begin + kMaxChanges); ++i) {
      v1::Job& wire = *response.add_jobs();
      ToWire(jobs[i], wire);
      Trim(mask_, wire);
      if (const auto found = named_.find(jobs[i].id); found != named_.end()) {
        found->second = {.revision = jobs[i].revision, .terminal = store::IsTerminal(jobs[i].state)};
      }
    }
    NORMLAB_RETURN_IF_ERROR(server::Send(response, writer_));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status StreamJobs(Core& core, const v1::WatchJobsRequest& request, const Caller& caller,
                        grpc::ServerWriter<v1::WatchJobsResponse>& writer) {
  Follower follower(core, writer);
  NORMLAB_RETURN_IF_ERROR(follower.Begin(request));
  while (!follower.Done()) {
    const std::uint64_t seen = core.news.Current();
    const auto looked = std::chrono::steady_clock::now();
    NORMLAB_ASSIGN_OR_RETURN(const bool more, follower.SendChanges());
    if (core.gate.draining()) {
      return Stopping();
    }
    if (!more && !follower.Done()) {
      NORMLAB_RETURN_IF_ERROR(WaitForNews(core, caller, seen, looked));
    }
  }
  return absl::OkStatus();
}

}  // namespace normlab::server
