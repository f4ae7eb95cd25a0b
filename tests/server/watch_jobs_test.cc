#include <map>
#include <set>

#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;

class WatchJobsTest : public ServerTest {
 protected:
  // Reads to the end of the stream; the states of each job in the order in which they came.
  std::map<std::string, std::vector<v1::JobState>> ReadAll(grpc::ClientReader<v1::WatchJobsResponse>& reader) {
    std::map<std::string, std::vector<v1::JobState>> states;
    v1::WatchJobsResponse message;
    while (reader.Read(&message)) {
      for (const v1::Job& job : message.jobs()) {
        states[job.job_id()].push_back(job.state());
      }
    }
    return states;
  }
};

TEST_F(WatchJobsTest, SendsTheCurrentStateThenChangesAndEndsWithTheJob) {
  const v1::Job job = Create(1);
  CallContext context;
  v1::WatchJobsRequest request;
  request.add_job_ids(job.job_id());
  const auto reader = jobs_->WatchJobs(&context, request);
  v1::WatchJobsResponse message;
  ASSERT_TRUE(reader->Read(&message));
  ASSERT_EQ(message.jobs_size(), 1);
  EXPECT_EQ(message.jobs(0).state(), v1::JOB_STATE_QUEUED);
  Create(2);  // another job's changes are not sent
  const auto lease = LeaseOne();
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.jobs(0).state(), v1::JOB_STATE_RUNNING);
  ASSERT_TRUE(Finish(lease.attempt()).ok());
  const auto rest = ReadAll(*reader);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest.at(job.job_id()).back(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(WatchJobsTest, ATerminalJobIsSentOnce) {
  const v1::Job job = Create(1);
  ASSERT_TRUE(Finish(LeaseOne().attempt(), v1::OUTCOME_FAILED).ok());
  CallContext context;
  v1::WatchJobsRequest request;
  request.add_job_ids(job.job_id());
  const auto reader = jobs_->WatchJobs(&context, request);
  const auto states = ReadAll(*reader);
  EXPECT_THAT(states.at(job.job_id()), ElementsAre(v1::JOB_STATE_FAILED));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(WatchJobsTest, ResumesAfterARevision) {
  const v1::Job first = Create(1);
  const v1::Job second = Create(2);
  for (const bool named : {true, false}) {
    CallContext context;
    v1::WatchJobsRequest request;
    request.set_after_revision(first.revision());
    if (named) {
      request.add_job_ids(first.job_id());
      request.add_job_ids(second.job_id());
    }
    const auto reader = jobs_->WatchJobs(&context, request);
    v1::WatchJobsResponse message;
    ASSERT_TRUE(reader->Read(&message));
    ASSERT_EQ(message.jobs_size(), 1);
    EXPECT_EQ(message.jobs(0).job_id(), second.job_id());
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

TEST_F(WatchJobsTest, WithoutNamesEveryJobIsFollowed) {
  const v1::Job before = Create(1);
  CallContext context;
  const auto reader = jobs_->WatchJobs(&context, {});
  std::set<std::string> seen;
  v1::WatchJobsResponse message;
  ASSERT_TRUE(reader->Read(&message));
  seen.insert(message.jobs(0).job_id());
  const v1::Job after = Create(2);
  ASSERT_TRUE(reader->Read(&message));
  seen.insert(message.jobs(0).job_id());
  EXPECT_EQ(seen, (std::set<std::string>{before.job_id(), after.job_id()}));
  context.TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// A hundred jobs run to their end while a follower is cut off again and again: revisions rise, every end is seen.
TEST_F(WatchJobsTest, AFollowerThatIsCutOffSeesEveryEnd) {
  v1::WatchJobsRequest request;
  constexpr std::uint64_t kJobs = 100;
  for (std::uint64_t seed = 1; seed <= kJobs; ++seed) {
    request.add_job_ids(Create(seed).job_id());
  }
  std::thread worker([this] {
    for (std::uint64_t i = 0; i < kJobs; ++i) {
      EXPECT_TRUE(Finish(LeaseOne().attempt()).ok());
    }
  });
  std::set<std::string> ended;
  bool done = false;
  while (!done) {
    CallContext context;
    const auto reader = jobs_->WatchJobs(&context, request);
    v1::WatchJobsResponse message;
    int messages = 0;
    while (messages < 3 && reader->Read(&message)) {
      ++messages;
      for (const v1::Job& job : message.jobs()) {
        request.set_after_revision(std::max(request.after_revision(), job.revision()));
        if (job.state() == v1::JOB_STATE_SUCCEEDED) {
          EXPECT_TRUE(ended.insert(job.job_id()).second) << "the end of " << job.job_id() << " was sent twice";
        }
      }
    }
    context.TryCancel();
    done = reader->Finish().ok() || ended.size() == kJobs;
  }
  worker.join();
  EXPECT_EQ(ended.size(), kJobs);
}

TEST_F(WatchJobsTest, UnknownAndMalformedNames) {
  const auto status_for = [this](const std::string& id) {
    CallContext context;
    v1::WatchJobsRequest request;
    request.add_job_ids(id);
    const auto reader = jobs_->WatchJobs(&context, request);
    v1::WatchJobsResponse message;
    EXPECT_FALSE(reader->Read(&message));
    return reader->Finish();
  };
  EXPECT_EQ(status_for("j5").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(WrongFields(status_for("5")), ElementsAre("job_ids[0]"));
}

// Cancelled and deleted between two looks of the follower, a job leaves nothing behind that would tell. A follower that
// looks in between sends the end instead, and has only the kept job left. Neither may wait for ever.
TEST_F(WatchJobsTest, AJobThatIsDeletedEndsTheStream) {
  const v1::Job kept = Create(1);
  for (std::uint64_t seed = 2; seed < 10; ++seed) {
    const v1::Job job = Create(seed);
    CallContext context;
    v1::WatchJobsRequest request;
    request.add_job_ids(kept.job_id());
    request.add_job_ids(job.job_id());
    const auto reader = jobs_->WatchJobs(&context, request);
    v1::WatchJobsResponse message;
    EXPECT_TRUE(reader->Read(&message));
    CallContext cancel_context, delete_context;
    v1::CancelJobRequest cancel;
    cancel.set_job_id(job.job_id());
    v1::CancelJobResponse cancelled;
    EXPECT_TRUE(jobs_->CancelJob(&cancel_context, cancel, &cancelled).ok());
    v1::DeleteJobRequest remove;
    remove.set_job_id(job.job_id());
    v1::DeleteJobResponse removed;
    EXPECT_TRUE(jobs_->DeleteJob(&delete_context, remove, &removed).ok());
    bool end_was_sent = false;
    while (reader->Read(&message)) {
      end_was_sent = true;
      context.TryCancel();
    }
    const grpc::Status status = reader->Finish();
    if (!end_was_sent) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << status.error_message();
      EXPECT_THAT(status.error_message(), testing::HasSubstr(job.job_id()));
    }
  }
}

class FewStreamsTest : public WatchJobsTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = WatchJobsTest::Options();
    options.limits.streams = 2;
    return options;
  }
};

TEST_F(FewStreamsTest, StreamsBeyondTheLimitAreToldWhenToComeBack) {
  Create(1);
  CallContext contexts[2];
  std::unique_ptr<grpc::ClientReader<v1::WatchJobsResponse>> readers[2];
  v1::WatchJobsResponse message;
  for (int i = 0; i < 2; ++i) {
    readers[i] = jobs_->WatchJobs(&contexts[i], {});
    ASSERT_TRUE(readers[i]->Read(&message));
  }
  CallContext context;
  const auto third = jobs_->WatchJobs(&context, {});
  EXPECT_FALSE(third->Read(&message));
  const grpc::Status status = third->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 0);
  Create(2);  // short calls still have room
  CallContext read_context;
  v1::ReadCurveRequest read;
  read.set_job_id("j1");
  read.set_series("train/nll");
  v1::ReadCurveResponse curve;
  const auto reading = curves_->ReadCurve(&read_context, read);
  while (reading->Read(&curve)) {
  }
  EXPECT_EQ(reading->Finish().error_code(), grpc::StatusCode::NOT_FOUND) << "reads too: there is no such series yet";
  contexts[0].TryCancel();
  EXPECT_EQ(readers[0]->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] {  // its place becomes free
    CallContext again;
    const auto reader = jobs_->WatchJobs(&again, {});
    return reader->Read(&message);
  }));
  contexts[1].TryCancel();
}

}  // namespace
}  // namespace normlab::server
