// fixture.h - a store in a folder of its own, and short ways to say what tests say often.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "results/store/sqlite.h"
#include "results/store/sqlite_store.h"
#include "results/store/store.h"
#include "tests/scratch_folder.h"

namespace normlab::store {

inline NewJob MakeJob(std::string identity, int priority = 0) {
  NewJob job;
  job.spec = "spec of " + identity;
  job.experiment = "mnist_mlp";
  job.identity = std::move(identity);
  job.dataset = "mnist";
  job.priority = priority;
  return job;
}

inline PointColumns Column(std::string series, std::vector<std::uint64_t> steps, std::vector<double> values) {
  PointColumns column;
  column.series = std::move(series);
  for (const std::uint64_t step : steps) {
    column.wall_ms.push_back(static_cast<std::int64_t>(1'700'000'000'000u + step * 7));
  }
  column.steps = std::move(steps);
  column.values = std::move(values);
  return column;
}

// Points first, first + 1, ..., with values that differ from step to step.
inline PointColumns Ramp(std::string series, std::uint64_t first, std::size_t n) {
  std::vector<std::uint64_t> steps;
  std::vector<double> values;
  for (std::size_t i = 0; i < n; ++i) {
    steps.push_back(first + i);
    values.push_back(1.0 / static_cast<double>(first + i + 1));
  }
  return Column(std::move(series), std::move(steps), std::move(values));
}

inline JobFilter OfIds(std::vector<JobId> ids, std::vector<JobState> states = {}) {
  JobFilter filter;
  filter.ids = std::move(ids);
  filter.states = std::move(states);
  return filter;
}
inline JobFilter OfStates(std::vector<JobState> states) { return OfIds({}, std::move(states)); }
inline JobFilter OfExperiment(std::string experiment) {
  JobFilter filter;
  filter.experiment = std::move(experiment);
  return filter;
}
inline JobFilter OfLabels(std::map<std::string, std::string> labels) {
  JobFilter filter;
  filter.labels = std::move(labels);
  return filter;
}

MATCHER_P(HasCode, code, "") {
  *result_listener << arg.ToString();
  return arg.code() == code;
}
#define EXPECT_OK(expression) EXPECT_EQ((expression).ToString(), "OK")
#define ASSERT_OK(expression) ASSERT_EQ((expression).ToString(), "OK")

class StoreTest : public testing::Test {
 protected:
  StoreTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    StoreOptions options = options_;
    options.now_ms = [this] { return now_ms_; };
    options.fs = fs_;
    absl::StatusOr<std::unique_ptr<Store>> opened = OpenStore(folder_.path(), options, {});
    ASSERT_OK(opened.status());
    store_ = *std::move(opened);
  }

  JobId Create(const std::string& identity, int priority = 0) {
    const auto created = store_->CreateJobs({}, {MakeJob(identity, priority)});
    EXPECT_OK(created.status());
    return created.ok() ? created->front().job.id : 0;
  }

  // Leases the next job, which must be there.
  AttemptId LeaseOne() {
    const auto lease = store_->LeaseNext({}, {"host:1"});
    EXPECT_OK(lease.status());
    EXPECT_TRUE(lease.ok() && lease->has_value());
    return {(*lease)->job.id, (*lease)->job.attempt};
  }

  AttemptId CreateAndLease(const std::string& identity) {
    Create(identity);
    return LeaseOne();
  }

  absl::StatusOr<Job> FinishAs(AttemptId attempt, JobState state) {
    FinishInfo info;
    info.state = state;
    return store_->Finish(attempt, info);
  }

  absl::Status PutCheckpoint(AttemptId attempt, std::uint64_t step, const std::string& bytes) {
    NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, store_->NewCheckpointFile(attempt, step));
    NORMLAB_RETURN_IF_ERROR(file->Append(bytes));
    return store_->PutCheckpoint(attempt, {step, bytes.size(), Crc32c(bytes)}, std::move(file));
  }

  absl::Status PutArtifact(AttemptId attempt, ArtifactInfo info, const std::string& bytes) {
    NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, store_->NewArtifactFile(attempt, info.name));
    NORMLAB_RETURN_IF_ERROR(file->Append(bytes));
    info.size = bytes.size();
    info.crc32c = Crc32c(bytes);
    return store_->PutArtifact(attempt, info, std::move(file));
  }

  // What a job's newest checkpoint of at most `step` updates holds.
  std::string CheckpointBytes(JobId job, std::uint64_t step = std::numeric_limits<std::uint64_t>::max()) {
    const auto checkpoint = store_->OpenCheckpoint(job, step);
    EXPECT_OK(checkpoint.status());
    return checkpoint.ok() ? *ReadSmall(*checkpoint->file, 1 << 20) : "";
  }

  std::string ArtifactBytes(JobId job, std::string_view name) {
    const auto artifact = store_->OpenArtifact(job, name);
    EXPECT_OK(artifact.status());
    return artifact.ok() ? *ReadSmall(*artifact->file, 1 << 20) : "";
  }

  JobState StateOf(JobId id) { return store_->GetJob(id)->state; }

  ScratchFolder folder_;
  FileSystem* fs_ = nullptr;
  StoreOptions options_;  // taken by Reopen, but for the clock and the file system
  std::int64_t now_ms_ = 1'000;
  std::unique_ptr<Store> store_;
};

}  // namespace normlab::store
