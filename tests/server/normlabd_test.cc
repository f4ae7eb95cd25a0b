// The program itself: readiness, exit codes, signals.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "base/descriptor.h"
#include "base/paths.h"
#include "base/process.h"
#include "base/use_lock.h"
#include "proto/transport/address.h"
#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

class NormlabdTest : public testing::Test {
 protected:
  // A test that fails half-way leaves no server behind.
  ~NormlabdTest() override {
    for (const pid_t pid : running_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }

  // Starts the program with its output in files.
  pid_t Start(const std::vector<std::string>& arguments, std::vector<std::string> environment = {}) {
    SpawnOptions options;
    options.environment = std::move(environment);
    options.argv = {NORMLABD};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const int out = ::open((folder_.path() + "/out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int err = ::open((folder_.path() + "/err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    options.stdout_fd = out;
    options.stderr_fd = err;
    const absl::StatusOr<pid_t> pid = Spawn(options);
    ::close(out);
    ::close(err);
    EXPECT_TRUE(pid.ok());
    running_.insert(*pid);
    return *pid;
  }
  pid_t StartServing(std::vector<std::string> environment = {}) {
    const pid_t pid =
        Start({"--home", folder_.path() + "/home", "--no-workers", "--print-ready"}, std::move(environment));
    EXPECT_TRUE(Eventually([this] { return !Read("out").empty(); })) << Read("err");
    return pid;
  }
  int Wait(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    running_.erase(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(folder_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // The disk fails once the file that `when` names is there ("NORMLAB_TEST_BROKEN_DISK=FILE").
  pid_t StartOnFailingDisk(const std::string& when) {
    // A sanitizer's runtime insists on being loaded first, unless told otherwise.
    return StartServing({std::string("LD_PRELOAD=") + FAILING_DISK, when, "ASAN_OPTIONS=verify_asan_link_order=0"});
  }

  std::shared_ptr<grpc::Channel> Connect() const {
    return grpc::CreateChannel("unix:" + folder_.path() + "/home/run/normlabd.sock",
                               grpc::InsecureChannelCredentials());
  }
  std::unique_ptr<v1::JobService::Stub> Jobs() const { return v1::JobService::NewStub(Connect()); }
  static grpc::Status Create(v1::JobService::Stub& jobs, std::uint64_t seed) {
    CallContext context;
    v1::CreateJobResponse response;
    return jobs.CreateJob(&context, MnistRequest(seed), &response);
  }

  ScratchFolder folder_;
  std::set<pid_t> running_;
};

TEST_F(NormlabdTest, AReadOnlyDiskIsRefusedAtTheStartWithItsReason) {
  const pid_t first = StartServing();
  ::kill(first, SIGTERM);
  EXPECT_EQ(Wait(first), 0);
  const std::string home = folder_.path() + "/home";
  const pid_t pid = Start({"--home", home, "--no-workers"},
                          {std::string("LD_PRELOAD=") + FAILING_DISK, "NORMLAB_TEST_READ_ONLY=" + home,
                           "ASAN_OPTIONS=verify_asan_link_order=0"});
  EXPECT_EQ(Wait(pid), 1);
  EXPECT_THAT(Read("err"), testing::HasSubstr(home + "/normlabd.lock"));
  EXPECT_THAT(Read("err"), testing::HasSubstr("Read-only file system"));
  RecordReliability(15, "refused: which file, and that the file system is read-only");
}

TEST_F(NormlabdTest, ServesAndStopsOnSigterm) {
  const pid_t pid = StartServing();
  EXPECT_EQ(Read("out"), "ready " + folder_.path() + "/home/run/normlabd.sock\n");
  const auto stub = Jobs();
  CallContext context;
  v1::ListJobsResponse response;
  EXPECT_TRUE(stub->ListJobs(&context, {}, &response).ok());
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0) << Read("err");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/home/run/normlabd.sock"));
}

// What a service manager is told, which listens on a socket of its own.
TEST_F(NormlabdTest, AServiceManagerHearsThatItIsReadyAndThatItStops) {
  const std::string path = folder_.path() + "/notify";
  const auto address = SocketAddress(path);
  const Descriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address), 0);
  const auto heard = [&manager] {
    char text[64];
    const ssize_t size = ::recv(manager.get(), text, sizeof text, 0);
    return std::string(text, static_cast<std::size_t>(size));
  };
  const pid_t pid = Start({"--home", folder_.path() + "/home", "--no-workers"}, {"NOTIFY_SOCKET=" + path});
  EXPECT_EQ(heard(), "READY=1");
  CallContext context;
  v1::ListJobsResponse response;
  EXPECT_TRUE(Jobs()->ListJobs(&context, {}, &response).ok());
  ::kill(pid, SIGTERM);
  EXPECT_EQ(heard(), "STOPPING=1");
  EXPECT_EQ(Wait(pid), 0) << Read("err");
}

TEST_F(NormlabdTest, OnlyASharedSocketIsOpenToItsGroup) {
  const std::string socket = folder_.path() + "/shared/normlabd.sock";
  const auto mode_of = [](const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  };
  for (const bool shared : {false, true}) {
    std::vector<std::string> words = {"--home", folder_.path() + "/home", "--no-workers", "--print-ready", "--socket",
                                      socket};
    words.insert(words.end(), shared ? 1 : 0, "--share-socket");
    const pid_t pid = Start(words);
    ASSERT_TRUE(Eventually([this] { return !Read("out").empty(); })) << Read("err");
    EXPECT_EQ(mode_of(socket), shared ? 0660U : 0600U);
    EXPECT_EQ(mode_of(folder_.path() + "/home/run/tensorboard.sock"), 0600U);
    ::kill(pid, SIGTERM);
    EXPECT_EQ(Wait(pid), 0) << Read("err");
  }
}

TEST_F(NormlabdTest, AHangupStopsItLikeSigterm) {
  const pid_t pid = StartServing();
  ::kill(pid, SIGHUP);
  EXPECT_EQ(Wait(pid), 0) << Read("err");
}

TEST_F(NormlabdTest, OneThatIsThereForItsUsersEndsWithTheLast) {
  const std::string users = UsersPath(SocketPath(folder_.path() + "/home"));
  auto first = UseLock::Open(users, /*create=*/true);
  auto second = UseLock::Open(users, /*create=*/true);
  ASSERT_TRUE(first.ok() && first->TryShare() && second.ok() && second->TryShare());
  const pid_t pid = Start({"--home", folder_.path() + "/home", "--no-workers", "--while-used", "--print-ready"});
  ASSERT_TRUE(Eventually([this] { return !Read("out").empty(); })) << Read("err");
  first->Release();
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), 0) << "it ended under its second user";
  second->Release();
  EXPECT_EQ(Wait(pid), 0) << Read("err");
}

TEST_F(NormlabdTest, ASecondServerExitsWith5AndNamesTheFirst) {
  const pid_t first = StartServing();
  EXPECT_EQ(Wait(Start({"--home", folder_.path() + "/home", "--no-workers"})), 5);
  EXPECT_THAT(Read("err"), HasSubstr("process " + std::to_string(first)));
  ::kill(first, SIGTERM);
  EXPECT_EQ(Wait(first), 0);
  RecordReliability(19, "exit code 5, the first named");
}

TEST_F(NormlabdTest, AKilledServerIsReplacedWithoutManualWork) {
  const pid_t first = StartServing();
  ::kill(first, SIGKILL);
  EXPECT_EQ(Wait(first), -SIGKILL);
  const pid_t second = StartServing();
  ::kill(second, SIGINT);
  EXPECT_EQ(Wait(second), 0) << Read("err");
}

TEST_F(NormlabdTest, AnIoErrorOfTheStoreEndsTheServerAndTheNextGoesOn) {
  const std::string broken = folder_.path() + "/broken";
  const pid_t pid = StartOnFailingDisk("NORMLAB_TEST_BROKEN_DISK=" + broken);
  const auto stub = Jobs();
  ASSERT_TRUE(Create(*stub, 1).ok());
  std::ofstream(broken).close();
  const grpc::Status refused = Create(*stub, 2);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused.error_message(), HasSubstr("I/O error"));
  EXPECT_EQ(Wait(pid), 4) << Read("err");
  const std::string said = Read("err");
  EXPECT_THAT(
      said.substr(said.rfind('\n', said.size() - 2) + 1),
      testing::AllOf(testing::StartsWith("normlabd: the store stopped writing"), HasSubstr("start normlabd again")));

  std::filesystem::remove(broken);
  const pid_t next = StartServing();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // not the connection that the first server broke off
  const auto again = v1::JobService::NewStub(grpc::CreateCustomChannel(
      "unix:" + folder_.path() + "/home/run/normlabd.sock", grpc::InsecureChannelCredentials(), arguments));
  CallContext context;
  context.set_wait_for_ready(true);
  v1::ListJobsResponse jobs;
  const grpc::Status listed = again->ListJobs(&context, {}, &jobs);
  ASSERT_TRUE(listed.ok()) << listed.error_message();
  EXPECT_GE(jobs.jobs_size(), 1);
  ::kill(next, SIGTERM);
  EXPECT_EQ(Wait(next), 0) << Read("err");
}

TEST_F(NormlabdTest, AQuotaThatIsUsedUpIsAFullDiskAndNoIoError) {
  const std::string full = folder_.path() + "/full";
  const pid_t pid = StartOnFailingDisk("NORMLAB_TEST_FULL_QUOTA=" + full);
  const auto stub = Jobs();
  ASSERT_TRUE(Create(*stub, 1).ok());
  std::ofstream(full).close();
  const grpc::Status refused = Create(*stub, 2);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << refused.error_message();
  EXPECT_THAT(refused.error_message(), HasSubstr("full"));
  CallContext context;
  v1::ListJobsResponse jobs;
  ASSERT_TRUE(stub->ListJobs(&context, {}, &jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 1);
  std::filesystem::remove(full);
  EXPECT_TRUE(Create(*stub, 2).ok());
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0) << Read("err");
}

// Each sync takes half a second, and is counted: what a call waits for is told in syncs, however slow the machine.
TEST_F(NormlabdTest, OnASlowDiskWritersShareItsSyncsAndReadersDoNotWait) {
  constexpr int kWriters = 8;
  constexpr int kWrites = 3;
  const std::string slow = folder_.path() + "/slow";
  const pid_t pid = StartOnFailingDisk("NORMLAB_TEST_SLOW_DISK=" + slow);
  const auto stub = Jobs();
  ASSERT_TRUE(Create(*stub, 1000).ok());
  std::ofstream(slow).close();
  const auto syncs = [&] { return std::filesystem::file_size(slow); };
  std::atomic<std::uintmax_t> most = 0;
  std::atomic<int> writing = kWriters;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      for (int k = 0; k < kWrites; ++k) {
        const std::uintmax_t before = syncs();
        EXPECT_TRUE(Create(*stub, static_cast<std::uint64_t>(i * kWrites + k)).ok());
        const std::uintmax_t waited = syncs() - before;
        for (std::uintmax_t seen = most; waited > seen && !most.compare_exchange_weak(seen, waited);) {
        }
      }
      --writing;
    });
  }
  int during_a_sync = 0;  // reads that began and ended between two syncs
  while (writing > 0) {
    const std::uintmax_t before = syncs();
    CallContext context;
    v1::ListJobsResponse response;
    EXPECT_TRUE(stub->ListJobs(&context, {}, &response).ok());
    during_a_sync += syncs() == before ? 1 : 0;
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_LE(most, 3u);
  EXPECT_GT(during_a_sync, 0);
  const std::uintmax_t taken = syncs();
  EXPECT_LT(taken, std::uintmax_t{kWriters * kWrites}) << "each call has had a sync of its own";
  std::filesystem::remove(slow);
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0) << Read("err");
  RecordReliability(
      17, fmt::format("{} calls of {} callers at once took {} syncs; a call waited for {} at most; {} reads meanwhile",
                      kWriters * kWrites, kWriters, taken, most.load(), during_a_sync));
}

TEST_F(NormlabdTest, JumpsOfTheClockEndNoLeaseAndChangeNoOrder) {
  const std::string clock = folder_.path() + "/clock";
  const pid_t pid = StartServing({std::string("LD_PRELOAD=") + JUMPING_CLOCK, "NORMLAB_TEST_CLOCK=" + clock,
                                  "ASAN_OPTIONS=verify_asan_link_order=0"});
  const auto jobs = Jobs();
  ASSERT_TRUE(Create(*jobs, 1).ok());
  const auto workers = v1::WorkerService::NewStub(Connect());
  CallContext lease_context;
  v1::LeaseRequest lease;
  lease.set_worker("elsewhere:1");
  v1::LeaseResponse leased;
  ASSERT_TRUE(workers->Lease(&lease_context, lease, &leased).ok());
  ASSERT_TRUE(leased.has_lease());
  constexpr long kHour = 3600;
  std::uint64_t seed = 1;
  for (const long jump : {87'600 * kHour, -kHour, kHour, 0L}) {
    std::ofstream(clock) << jump;
    std::this_thread::sleep_for(std::chrono::seconds(1));  // more than one look of the server at its leases
    CallContext context;
    v1::HeartbeatRequest beat;
    *beat.mutable_attempt() = leased.lease().attempt();
    v1::HeartbeatResponse heard;
    const grpc::Status status = workers->Heartbeat(&context, beat, &heard);
    EXPECT_TRUE(status.ok()) << "after a jump of " << jump << " s: " << status.error_message();
    EXPECT_TRUE(Create(*jobs, ++seed).ok());
  }
  CallContext context;
  v1::ListJobsResponse listed;
  ASSERT_TRUE(jobs->ListJobs(&context, {}, &listed).ok());
  ASSERT_EQ(listed.jobs_size(), 5);
  std::int64_t first = 0, last = 0;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(listed.jobs(i).job_id(), fmt::format("j{}", 5 - i)) << "newest first, whatever the clock said";
    EXPECT_EQ(listed.jobs(i).attempt(), i == 4 ? 1 : 0);
    first = std::min(first == 0 ? listed.jobs(i).created().seconds() : first, listed.jobs(i).created().seconds());
    last = std::max(last, listed.jobs(i).created().seconds());
  }
  EXPECT_GE(last - first, 87'600 * kHour) << "the server's clock did jump";
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0) << Read("err");
  RecordReliability(
      22, "jumps of ten years on, an hour back and on: the lease is kept, jobs are in the order they came in");
}

TEST_F(NormlabdTest, ExitCodesOfWrongUsageAndHelp) {
  EXPECT_EQ(Wait(Start({"--listen", "0.0.0.0:0"})), 2);
  EXPECT_THAT(Read("err"), HasSubstr("TLS"));
  EXPECT_EQ(Wait(Start({"--frobnicate"})), 2);
  EXPECT_EQ(Wait(Start({"--help"})), 0);
  EXPECT_THAT(Read("out"), HasSubstr("Examples:"));
}

TEST_F(NormlabdTest, AHomeThatCannotBeMadeIsSaid) {
  EXPECT_EQ(Wait(Start({"--home", "/dev/null/home", "--no-workers"})), 1);
  EXPECT_THAT(Read("err"), HasSubstr("/dev/null"));
}

}  // namespace
}  // namespace normlab::server
