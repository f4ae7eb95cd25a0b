#include "results/store/job_changes.h"

#include <fmt/format.h>

#include <optional>

#include "base/log.h"
#include "results/store/file_rows.h"
#include "results/store/jobs.h"
#include "results/store/series.h"

namespace normlab::store {
namespace {

using Lane = Writer::Lane;

absl::Status RunAll(Connection& db, const Details& details) {
  for (const auto& detail : details) {
    NORMLAB_RETURN_IF_ERROR(detail(db));
  }
  return absl::OkStatus();
}

}  // namespace

Details JobChanges::EndOf(JobId id, std::vector<std::string>& files) {
  return {[id](Connection& db) -> absl::Status {
            NORMLAB_ASSIGN_OR_RETURN(const JobState state, StateOf(db, id));
            return IsTerminal(state) ? SealJob(db, id) : absl::OkStatus();
          },
          [id, &files](Connection& db) -> absl::Status {
            NORMLAB_ASSIGN_OR_RETURN(files, DeleteUnneededCheckpoints(db, id));
            return absl::OkStatus();
          }};
}

absl::StatusOr<Job> JobChanges::Make(JobId id, const Change& change) {
  std::vector<std::string> files;
  const Details end = EndOf(id, files);
  Job job;
  const absl::Status whole = writer_.Run(Lane::kState, 0, [&](Connection& db) -> absl::Status {
    Details details;
    NORMLAB_RETURN_IF_ERROR(change(db, details));
    NORMLAB_RETURN_IF_ERROR(RunAll(db, details));
    NORMLAB_RETURN_IF_ERROR(RunAll(db, end));
    NORMLAB_ASSIGN_OR_RETURN(job, LoadJob(db, id));
    return absl::OkStatus();
  });
  if (whole.ok()) {
    files_.Remove(Folder::kCheckpoints, files);
    return job;
  }
  if (!absl::IsDataLoss(whole)) {
    return whole;
  }
  files.clear();
  Details details;
  NORMLAB_RETURN_IF_ERROR(writer_.Run(Lane::kState, 0, [&](Connection& db) {
    details.clear();
    return change(db, details);
  }));
  details.insert(details.end(), end.begin(), end.end());
  NORMLAB_ASSIGN_OR_RETURN(const std::string left_out, RunApart(details));
  files_.Remove(Folder::kCheckpoints, files);
  if (!left_out.empty()) {
    NORMLAB_RETURN_IF_ERROR(RunApart({[&](Connection& db) { return NoteDamage(db, id, left_out); }}).status());
  }
  return readers_.Read([id](Connection& db) { return LoadWhole(db, id); });
}

absl::StatusOr<std::string> JobChanges::RunApart(const Details& details) {
  std::string left_out;
  for (const auto& detail : details) {
    const absl::Status status = writer_.Run(Lane::kState, 0, detail);
    if (absl::IsDataLoss(status)) {
      left_out += (left_out.empty() ? "" : "; ") + Message(status);
    } else {
      NORMLAB_RETURN_IF_ERROR(status);
    }
  }
  return left_out;
}

absl::StatusOr<std::vector<AnsweredJob>> JobChanges::Once(const Request& request, std::string_view method,
                                                          std::int64_t now_ms, const Carry& carry, const Holds& holds) {
  Answer answer;
  const auto find = [&](Connection& db) -> absl::StatusOr<Found> {
    NORMLAB_ASSIGN_OR_RETURN(Found found, FindAnswer(db, request, method));
    return found.has_value() && holds(db, *found) ? std::move(found) : std::nullopt;
  };
  const auto save = [&](Connection& db) {
    return answer.keep ? SaveAnswer(db, request, method, answer.jobs, now_ms) : absl::OkStatus();
  };
  const absl::Status whole = writer_.Run(Lane::kState, 0, [&](Connection& db) -> absl::Status {
    NORMLAB_ASSIGN_OR_RETURN(Found found, find(db));
    if (found.has_value()) {
      answer.jobs = *std::move(found);
      return absl::OkStatus();
    }
    Details details;
    NORMLAB_ASSIGN_OR_RETURN(answer, carry(db, details));
    NORMLAB_RETURN_IF_ERROR(RunAll(db, details));
    return save(db);
  });
  if (!absl::IsDataLoss(whole)) {
    NORMLAB_RETURN_IF_ERROR(whole);
    return std::move(answer.jobs);
  }
  absl::StatusOr<Found> found = readers_.Read(find);
  if (found.ok() && found->has_value()) {
    return **std::move(found);
  }
  if (!found.ok() && !absl::IsDataLoss(found.status())) {
    return found.status();
  }
  Details details;
  NORMLAB_RETURN_IF_ERROR(writer_.Run(Lane::kState, 0, [&](Connection& db) -> absl::Status {
    details.clear();
    NORMLAB_ASSIGN_OR_RETURN(answer, carry(db, details));
    return absl::OkStatus();
  }));
  details.push_back(save);
  NORMLAB_ASSIGN_OR_RETURN(const std::string left_out, RunApart(details));
  if (!left_out.empty()) {
    Log(LogLevel::kError, "answer_not_kept", {{"method", method}, {"error", left_out}});
  }
  return std::move(answer.jobs);
}

absl::StatusOr<std::vector<CreatedJob>> JobChanges::Show(const std::vector<AnsweredJob>& answer) {
  return readers_.Read([&](Connection& db) -> absl::StatusOr<std::vector<CreatedJob>> {
    std::vector<CreatedJob> jobs;
    jobs.reserve(answer.size());
    for (const AnsweredJob& entry : answer) {
      NORMLAB_ASSIGN_OR_RETURN(Job job, LoadWhole(db, entry.job));
      jobs.push_back({std::move(job), entry.reused});
    }
    return jobs;
  });
}

}  // namespace normlab::store
