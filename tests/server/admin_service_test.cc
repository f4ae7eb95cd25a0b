// Looking after a server, over the wire: status, metrics, draining, backups, checks, and old jobs.
#include <filesystem>
#include <fstream>
#include <limits>

#include "normlab/v1/admin.grpc.pb.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class AdminServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    admin_ = v1::AdminService::NewStub(NewChannel());
  }

  std::string Home() const { return folder_.path() + "/home"; }
  v1::GetStatusResponse Status() {
    CallContext context;
    v1::GetStatusResponse response;
    EXPECT_EQ(admin_->GetStatus(&context, {}, &response).error_message(), "");
    return response;
  }
  std::uint64_t Jobs(v1::JobState state) {
    const v1::GetStatusResponse status = Status();
    for (const auto& counted : status.jobs()) {
      if (counted.state() == state) {
        return counted.count();
      }
    }
    return 0;
  }
  // The last message of a stream that says before how far it is.
  template <typename Response>
  static grpc::Status Last(std::unique_ptr<grpc::ClientReader<Response>> reader, Response* last) {
    while (reader->Read(last)) {
    }
    return reader->Finish();
  }
  grpc::Status Backup(std::uint32_t keep, v1::CreateBackupResponse* response) {
    CallContext context;
    v1::CreateBackupRequest request;
    request.set_keep(keep);
    return Last(admin_->CreateBackup(&context, request), response);
  }
  grpc::Status Check(const std::string& backup, v1::CheckResponse* response) {
    CallContext context;
    v1::CheckRequest request;
    request.set_backup(backup);
    return Last(admin_->Check(&context, request), response);
  }
  grpc::Status Collect(const v1::CollectGarbageRequest& request, v1::CollectGarbageResponse* response) {
    CallContext context;
    response->Clear();
    return admin_->CollectGarbage(&context, request, response);
  }
  void Drain(bool off) {
    CallContext context;
    v1::DrainRequest request;
    request.set_off(off);
    v1::DrainResponse response;
    EXPECT_EQ(admin_->Drain(&context, request, &response).error_message(), "");
  }
  // Jobs j1 to jN, which have succeeded.
  void Succeed(int n) {
    for (int i = 1; i <= n; ++i) {
      Create(static_cast<std::uint64_t>(i));
      EXPECT_EQ(Finish(LeaseOne().attempt()).error_message(), "");
    }
  }
  // Of job j1, after 3 updates.
  void MakeADamagedCheckpoint() {
    Create(1);
    ASSERT_EQ(PutCheckpoint(LeaseOne().attempt(), 3, "some weights").error_message(), "");
    for (const auto& entry : std::filesystem::directory_iterator(Home() + "/checkpoints")) {
      std::fstream(entry.path(), std::ios::in | std::ios::out) << "X";
    }
  }
  static std::vector<std::string> Ids(const v1::CollectGarbageResponse& response) {
    return {response.job_ids().begin(), response.job_ids().end()};
  }

  std::unique_ptr<v1::AdminService::Stub> admin_;
};

TEST_F(AdminServiceTest, StatusSaysWhatTheServerHolds) {
  Create(1);
  Create(2);
  const v1::Attempt attempt = LeaseOne().attempt();
  ASSERT_EQ(PutCheckpoint(attempt, 3, std::string(1'000, 'x')).error_message(), "");
  const v1::GetStatusResponse status = Status();
  EXPECT_THAT(status.version(), StartsWith("normlabd "));
  EXPECT_EQ(status.home(), Home());
  EXPECT_GT(status.started().seconds(), 1'000'000'000);
  EXPECT_EQ(Jobs(v1::JOB_STATE_QUEUED), 1u);
  EXPECT_EQ(Jobs(v1::JOB_STATE_RUNNING), 1u);
  EXPECT_EQ(status.working(), 1);
  EXPECT_EQ(status.checkpoint_bytes(), 1'000u);
  EXPECT_EQ(status.artifact_bytes(), 0u);
  EXPECT_GT(status.database_bytes(), 4'096u);
  EXPECT_GT(status.free_bytes(), 0u);
  EXPECT_GT(status.memory_bytes(), 1u << 20);
  EXPECT_FALSE(status.draining());
  EXPECT_FALSE(status.scrub().has_ended());
  EXPECT_GT(status.scrub().next().seconds(), status.started().seconds());
  EXPECT_FALSE(status.has_last_backup());
}

TEST_F(AdminServiceTest, MetricsAreTheSameNumbers) {
  Succeed(2);
  CallContext context;
  v1::GetMetricsResponse metrics;
  ASSERT_EQ(admin_->GetMetrics(&context, {}, &metrics).error_message(), "");
  EXPECT_THAT(metrics.media_type(), HasSubstr("openmetrics-text"));
  EXPECT_THAT(metrics.content(), HasSubstr("# TYPE normlab_jobs gauge\n# HELP normlab_jobs Stored jobs by state.\n"
                                           "normlab_jobs{state=\"succeeded\"} 2\n"));
  EXPECT_THAT(metrics.content(), HasSubstr("\nnormlab_build_info{version=\"normlabd "));
  EXPECT_THAT(metrics.content(), HasSubstr("\nnormlab_draining 0\n"));
  EXPECT_TRUE(metrics.content().ends_with("# EOF\n"));
}

TEST_F(AdminServiceTest, WhileItDrainsNoJobBegins) {
  Create(1);
  const v1::Attempt under_way = LeaseOne().attempt();
  Create(2);
  Drain(false);
  EXPECT_TRUE(Status().draining());
  CallContext context;
  v1::LeaseRequest request;
  request.set_worker("elsewhere:2");
  v1::LeaseResponse response;
  ASSERT_EQ(workers_->Lease(&context, request, &response).error_message(), "");
  EXPECT_FALSE(response.has_lease());
  CallContext list;
  v1::ListWorkersResponse workers;
  ASSERT_EQ(jobs_->ListWorkers(&list, {}, &workers).error_message(), "");
  EXPECT_EQ(workers.workers(1).waits_for(), "the server drains: no job begins");
  EXPECT_EQ(Append(under_way, "loss", 1, 5).error_message(), "") << "what is under way goes on";
  EXPECT_EQ(Finish(under_way).error_message(), "");
  Drain(true);
  EXPECT_EQ(LeaseOne().attempt().job_id(), "j2");
}

TEST_F(AdminServiceTest, ABackupIsAHomeThatCanBeServed) {
  Succeed(1);
  v1::CreateBackupResponse made;
  ASSERT_EQ(Backup(0, &made).error_message(), "");
  EXPECT_EQ(made.backup().jobs(), 1u);
  EXPECT_EQ(made.backup().folder(), Home() + "/backups/" + made.backup().name());
  EXPECT_EQ(Status().last_backup().name(), made.backup().name());
  v1::CheckResponse checked;
  ASSERT_EQ(Check(made.backup().name(), &checked).error_message(), "");
  EXPECT_EQ(checked.report().damaged(), 0u);

  StopServer();
  DaemonOptions options = Options();
  options.home = made.backup().folder();
  options.socket_path = folder_.path() + "/other.sock";
  const auto other = Daemon::Start(options);
  ASSERT_EQ(other.status().ToString(), "OK");
}

TEST_F(AdminServiceTest, OldBackupsGoWhenTheyAreAskedTo) {
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i) {
    v1::CreateBackupResponse made;
    ASSERT_EQ(Backup(0, &made).error_message(), "");
    names.push_back(made.backup().name());
  }
  v1::CreateBackupResponse made;
  ASSERT_EQ(Backup(2, &made).error_message(), "");
  EXPECT_THAT(made.removed(), ElementsAre(names[1], names[0]));
  CallContext context;
  v1::ListBackupsResponse backups;
  ASSERT_EQ(admin_->ListBackups(&context, {}, &backups).error_message(), "");
  ASSERT_EQ(backups.backups_size(), 2);
  EXPECT_EQ(backups.backups(0).name(), made.backup().name());
  EXPECT_EQ(backups.backups(1).name(), names[2]);
  ASSERT_EQ(Backup(1, &made).error_message(), "");
  EXPECT_EQ(made.removed_size(), 2);
}

TEST_F(AdminServiceTest, NoNameLeadsOutOfTheBackups) {
  v1::CreateBackupResponse made;
  ASSERT_EQ(Backup(0, &made).error_message(), "");  // now ".." is a folder, the server's own
  for (const char* name : {"..", "../checkpoints", "/etc", "2026-11-29T000000Z", "."}) {
    v1::CheckResponse checked;
    EXPECT_EQ(Check(name, &checked).error_code(), grpc::StatusCode::NOT_FOUND) << name;
  }
}

TEST_F(AdminServiceTest, ACheckNamesWhatIsDamaged) {
  ASSERT_NO_FATAL_FAILURE(MakeADamagedCheckpoint());
  v1::CheckResponse checked;
  ASSERT_EQ(Check("", &checked).error_message(), "");
  EXPECT_EQ(checked.report().damaged(), 1u);
  EXPECT_THAT(checked.report().damage(), ElementsAre(HasSubstr("j1 checkpoint of step 3")));
  v1::CreateBackupResponse made;
  EXPECT_EQ(Backup(0, &made).error_code(), grpc::StatusCode::DATA_LOSS);
}

TEST_F(AdminServiceTest, AScrubRunsInTheBackgroundAndIsRemembered) {
  ASSERT_NO_FATAL_FAILURE(MakeADamagedCheckpoint());
  CallContext context;
  v1::StartScrubResponse begun;
  ASSERT_EQ(admin_->StartScrub(&context, {}, &begun).error_message(), "");
  ASSERT_TRUE(Eventually([this] { return Status().scrub().has_ended(); }));
  EXPECT_EQ(Status().scrub().damaged(), 1u);
  StopServer();
  StartServer();
  admin_ = v1::AdminService::NewStub(NewChannel());
  const auto scrub = Status().scrub();
  EXPECT_EQ(scrub.damaged(), 1u);
  EXPECT_THAT(scrub.damage(), ElementsAre(HasSubstr("j1 checkpoint of step 3")));
  EXPECT_GT(scrub.next().seconds(), scrub.ended().seconds() + 6 * 24 * 3'600) << "not again before a week has passed";
}

TEST_F(AdminServiceTest, GarbageIsWhatMatchesAndIsNotAmongTheNewest) {
  Succeed(4);
  Create(5);
  v1::CollectGarbageRequest request;
  request.set_keep_newest(2);
  request.set_validate_only(true);
  v1::CollectGarbageResponse response;
  ASSERT_EQ(Collect(request, &response).error_message(), "");
  EXPECT_THAT(Ids(response), ElementsAre("j2", "j1"));
  EXPECT_EQ(Jobs(v1::JOB_STATE_SUCCEEDED), 4u) << "nothing was to be done";
  request.set_validate_only(false);
  ASSERT_EQ(Collect(request, &response).error_message(), "");
  EXPECT_THAT(Ids(response), ElementsAre("j2", "j1"));
  EXPECT_EQ(Jobs(v1::JOB_STATE_SUCCEEDED), 2u);
  EXPECT_EQ(Jobs(v1::JOB_STATE_QUEUED), 1u) << "it has not ended";
  ASSERT_EQ(Collect(request, &response).error_message(), "");
  EXPECT_THAT(Ids(response), IsEmpty());
}

TEST_F(AdminServiceTest, WhatEndedLatelyIsNoGarbage) {
  Succeed(2);
  v1::CollectGarbageRequest request;
  request.set_older_than_seconds(3'600);
  v1::CollectGarbageResponse response;
  ASSERT_EQ(Collect(request, &response).error_message(), "");
  EXPECT_THAT(Ids(response), IsEmpty());
  request.set_older_than_seconds(0);
  ASSERT_EQ(Collect(request, &response).error_message(), "");
  EXPECT_THAT(Ids(response), ElementsAre("j2", "j1"));
}

TEST_F(AdminServiceTest, GarbageIsNotEverythingByASlip) {
  Succeed(1);
  v1::CollectGarbageResponse response;
  EXPECT_THAT(WrongFields(Collect({}, &response)), ElementsAre("filter"));
  v1::CollectGarbageRequest request;
  request.mutable_filter()->add_states(v1::JOB_STATE_RUNNING);
  request.set_older_than_seconds(std::numeric_limits<std::uint64_t>::max());
  EXPECT_THAT(WrongFields(Collect(request, &response)), ElementsAre("filter.states", "older_than_seconds"));
  EXPECT_EQ(Jobs(v1::JOB_STATE_SUCCEEDED), 1u);
}

}  // namespace
}  // namespace normlab::server
