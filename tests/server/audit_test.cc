// The audit log: what is written of whom, that strangers cannot push it out, and which methods are in it.
#include "server/edge/audit_log.h"

#include <google/protobuf/descriptor.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "normlab/v1/admin.grpc.pb.h"
#include "proto/transport/token.h"
#include "server/edge/auditor.h"
#include "tests/server/audit_entries.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

AuditEntry Entry(std::int64_t time_ms, const std::string& who, const std::string& peer = "unix") {
  return {.time_ms = time_ms, .who = who, .peer = peer, .method = "JobService.CancelJob", .outcome = "OK"};
}

class AuditLogTest : public testing::Test {
 protected:
  std::unique_ptr<AuditLog> Open(std::uint64_t piece_bytes = 1 << 20) const {
    return *AuditLog::Open(folder_.path() + "/logs", piece_bytes);
  }
  static std::vector<AuditEntry> All(const AuditLog& log, std::int64_t since = 0) {
    std::vector<AuditEntry> entries;
    EXPECT_TRUE(log.Read(since,
                         [&entries](const AuditEntry& entry) {
                           entries.push_back(entry);
                           return absl::OkStatus();
                         })
                    .ok());
    return entries;
  }
  static std::vector<std::int64_t> Times(const AuditLog& log, std::int64_t since = 0) {
    std::vector<std::int64_t> times;
    for (const AuditEntry& entry : All(log, since)) {
      times.push_back(entry.time_ms);
    }
    return times;
  }

  const ScratchFolder folder_;
};

TEST_F(AuditLogTest, WhatIsWrittenIsReadWholeAndByItsOwnerAlone) {
  AuditEntry entry = Entry(7, "ana \"the\" first\n");
  entry.role = "submitter";
  entry.certificate = "lab-7";
  entry.jobs = {"j1", "j2"};
  entry.job_count = 250;
  entry.request_id = "r";
  entry.error = "no\xff utf-8";
  Open()->Changed(entry);
  const auto log = Open();
  const std::vector<AuditEntry> read = All(*log);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].who, entry.who);
  EXPECT_EQ(read[0].role, entry.role);
  EXPECT_EQ(read[0].certificate, entry.certificate);
  EXPECT_EQ(read[0].jobs, entry.jobs);
  EXPECT_EQ(read[0].job_count, 250u);
  EXPECT_EQ(read[0].request_id, "r");
  EXPECT_EQ(read[0].outcome, "OK");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder_.path() + "/logs/audit.jsonl").permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_F(AuditLogTest, BothKindsAreReadInOrderOfTimeFromWhereItIsAskedFor) {
  const auto log = Open();
  log->Changed(Entry(1, "ana"));
  log->Refused(Entry(2, "ben"));
  log->Changed(Entry(3, "ana"));
  log->Refused(Entry(4, "ben"));
  log->Refused(Entry(5, "ben"));
  EXPECT_THAT(Times(*log), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(Times(*log, 4), ElementsAre(4, 5));
}

TEST_F(AuditLogTest, OldPiecesGoAndTheNewestEntriesStay) {
  const auto log = Open(1'000);
  for (int i = 1; i <= 500; ++i) {
    log->Changed(Entry(i, "ana"));
  }
  const std::vector<std::int64_t> times = Times(*log);
  ASSERT_FALSE(times.empty());
  EXPECT_LT(times.size(), 500u);
  EXPECT_EQ(times.back(), 500);
  EXPECT_EQ(times.back() - times.front() + 1, static_cast<std::int64_t>(times.size())) << "none between is missing";
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/logs/audit.7.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/logs/audit.8.jsonl"));
}

// A stranger may be refused as often as he likes.
TEST_F(AuditLogTest, RefusedCallsPushNothingOut) {
  const auto log = Open(1'000);
  log->Changed(Entry(1, "ana"));
  for (int i = 0; i < 5'000; ++i) {
    log->Refused(Entry(2, "", std::to_string(i % 100)));
  }
  const std::vector<AuditEntry> entries = All(*log);
  EXPECT_EQ(entries[0].time_ms, 1);
  log->Refused(Entry(3, "ben"));
  const AuditEntry last = All(*log).back();
  EXPECT_EQ(last.who, "ben") << "another's are not lost in them";
  EXPECT_GT(last.left_out, 1'000u) << "and how many there were is told";
}

TEST_F(AuditLogTest, HalfALineHurtsNoOther) {
  Open()->Changed(Entry(1, "ana"));
  std::ofstream(folder_.path() + "/logs/audit.jsonl", std::ios::app) << R"({"time_ms":2,"wh)";
  const auto log = Open();
  log->Changed(Entry(3, "ana"));
  EXPECT_THAT(Times(*log), ElementsAre(1, 3));
}

TEST(Auditor, KnowsHostsByTheirAddress) {
  EXPECT_EQ(HostOf("ipv4:10.0.0.7:4711"), "10.0.0.7");
  EXPECT_EQ(HostOf("ipv6:%5B2001:db8::7%5D:4711"), "2001:db8::7");
  EXPECT_EQ(HostOf("ipv6:[::1]:4711"), "::1");
  EXPECT_EQ(HostOf("unix:"), "unix");
  EXPECT_EQ(HostOf("inproc"), "http");
}

// Said a second time, so that a new method is thought about.
TEST(Auditor, EveryMethodThatChangesSomethingIsWritten) {
  std::set<std::string> written;
  for (const char* name : {"JobService", "CurveService", "ArtifactService", "ExperimentService", "PaperService",
                           "ComparisonService", "ImportService", "WorkerService", "AdminService"}) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(std::string("normlab.v1.") + name);
    for (int i = 0; i < service->method_count(); ++i) {
      const std::string method = std::string(name) + "." + service->method(i)->name();
      if (Changes(method)) {
        written.insert(method);
      }
    }
  }
  EXPECT_THAT(written, ElementsAre("AdminService.CollectGarbage", "AdminService.CreateBackup",
                                   "AdminService.CreateToken", "AdminService.Drain", "AdminService.RevokeToken",
                                   "AdminService.RotateToken", "AdminService.StartScrub", "ImportService.ImportJob",
                                   "JobService.BatchCreateJobs", "JobService.CancelJob", "JobService.CancelJobs",
                                   "JobService.CreateJob", "JobService.DeleteJob", "JobService.DeleteJobs",
                                   "JobService.ResumeJob", "JobService.ResumeJobs", "JobService.UpdateJobs"));
}

class AuditTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    admin_ = v1::AdminService::NewStub(NewChannel());
  }
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.listen = Loopback{.host = "127.0.0.1", .port = 0};
    return options;
  }
  std::vector<v1::AuditEntry> Entries() const { return AuditEntries(NewChannel()); }
  std::shared_ptr<grpc::Channel> TcpChannel() const {
    return grpc::CreateChannel("127.0.0.1:" + std::to_string(daemon_->port()), grpc::InsecureChannelCredentials());
  }
  std::string Me() const { return "uid " + std::to_string(::getuid()); }

  std::unique_ptr<v1::AdminService::Stub> admin_;
};

TEST_F(AuditTest, AChangeIsWrittenWithWhoAndWhatAndHowItEnded) {
  CallContext context;
  v1::CreateJobRequest request = MnistRequest(1);
  request.set_request_id(Uuid(1));
  v1::CreateJobResponse created;
  ASSERT_EQ(jobs_->CreateJob(&context, request, &created).error_message(), "");
  CallContext wrong;
  v1::DeleteJobRequest missing;
  missing.set_job_id("j77");
  v1::DeleteJobResponse deleted;
  ASSERT_EQ(jobs_->DeleteJob(&wrong, missing, &deleted).error_code(), grpc::StatusCode::NOT_FOUND);
  const std::vector<v1::AuditEntry> entries = Entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].who(), Me());
  EXPECT_EQ(entries[0].role(), "admin");
  EXPECT_EQ(entries[0].peer(), "unix");
  EXPECT_EQ(entries[0].method(), "JobService.CreateJob");
  EXPECT_THAT(entries[0].job_ids(), ElementsAre("j1"));
  EXPECT_EQ(entries[0].jobs(), 1u);
  EXPECT_EQ(entries[0].request_id(), Uuid(1));
  EXPECT_EQ(entries[0].outcome(), "OK");
  EXPECT_GT(entries[0].time().seconds(), 1'700'000'000);
  EXPECT_EQ(entries[1].outcome(), "NOT_FOUND");
  EXPECT_THAT(entries[1].job_ids(), ElementsAre("j77"));
  EXPECT_THAT(entries[1].error(), HasSubstr("j77"));
}

TEST_F(AuditTest, ManyJobsAreNamedToTheHundredthAndCounted) {
  CallContext context;
  v1::BatchCreateJobsRequest request;
  for (std::uint64_t seed = 1; seed <= 250; ++seed) {
    *request.add_requests() = MnistRequest(seed);
  }
  request.set_validate_only(true);
  v1::BatchCreateJobsResponse response;
  ASSERT_EQ(jobs_->BatchCreateJobs(&context, request, &response).error_message(), "");
  EXPECT_THAT(Entries(), IsEmpty()) << "a look changes nothing";
  request.set_validate_only(false);
  CallContext again;
  ASSERT_EQ(jobs_->BatchCreateJobs(&again, request, &response).error_message(), "");
  const std::vector<v1::AuditEntry> entries = Entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].job_ids_size(), 100);
  EXPECT_EQ(entries[0].jobs(), 250u);
}

TEST_F(AuditTest, RefusedCallsAreWrittenWhoeverMadeThem) {
  const RawAnswer nobody =
      CallRaw(TcpChannel(), "/normlab.v1.JobService/ListJobs", "", "Bearer " + std::string(64, 'x'));
  ASSERT_EQ(nobody.status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  CallContext context;
  v1::CreateTokenRequest request;
  request.set_name("ana");
  request.set_role(v1::ROLE_VIEWER);
  v1::CreateTokenResponse made;
  ASSERT_EQ(admin_->CreateToken(&context, request, &made).error_message(), "");
  const RawAnswer viewer = CallRaw(TcpChannel(), "/normlab.v1.JobService/ReadLog", "", AuthorizationOf(made.secret()));
  ASSERT_EQ(viewer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  std::map<std::string, v1::AuditEntry> entries;  // two may have the same time
  for (const v1::AuditEntry& entry : Entries()) {
    entries[entry.method()] = entry;
  }
  ASSERT_EQ(entries.size(), 3u);
  const v1::AuditEntry& unknown = entries["JobService.ListJobs"];
  EXPECT_EQ(unknown.who(), "");
  EXPECT_EQ(unknown.peer(), "127.0.0.1");
  EXPECT_EQ(unknown.outcome(), "UNAUTHENTICATED");
  EXPECT_EQ(entries["AdminService.CreateToken"].outcome(), "OK");
  const v1::AuditEntry& ana = entries["JobService.ReadLog"];
  EXPECT_EQ(ana.who(), "ana");
  EXPECT_EQ(ana.role(), "viewer");
  EXPECT_EQ(ana.outcome(), "PERMISSION_DENIED");
  std::ifstream file(folder_.path() + "/home/logs/audit.jsonl");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text, Not(HasSubstr(made.secret())));
}

TEST_F(AuditTest, ReadingAndWorkersReportsAreNot) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  EXPECT_EQ(Append(attempt, "loss", 1, 5).error_message(), "");
  EXPECT_EQ(PutCheckpoint(attempt, 3, "weights").error_message(), "");
  EXPECT_EQ(Finish(attempt).error_message(), "");
  Get("j1");
  EXPECT_EQ(Entries().size(), 1u) << "the submit alone";
}

}  // namespace
}  // namespace normlab::server
