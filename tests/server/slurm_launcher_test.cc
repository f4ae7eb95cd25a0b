#include "server/schedule/slurm_launcher.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "base/mutex.h"
#include "tests/reliability.h"
#include "tests/server/fake_slurm.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kPrefix[] = "normlab-0123456789ab-";
// With a command that hangs; those that do not hang end within it on a machine however busy.
constexpr milliseconds kShortPatience{2'000};

struct Exit {
  std::string worker_id;
  std::string why;
  bool told;
};

class SlurmLauncherTest : public testing::Test {
 protected:
  SlurmLauncherOptions Options(const std::string& script = "exec sleep 1000") {
    SlurmLauncherOptions options{.slurm = fake_.Commands(),
                                 .allocation = {},
                                 .worker_argv = {"/bin/sh", "-c", script, "worker"},
                                 .slots = 1,
                                 .folder = Folder(),
                                 .name_prefix = kPrefix,
                                 .on_start =
                                     [this](std::string_view id) {
                                       MutexLock lock(mu_);
                                       starts_.emplace_back(id);
                                       return fmt::format("credential-of-{}", id);
                                     },
                                 .on_exit =
                                     [this](std::string_view id, std::string_view why, bool told) {
                                       MutexLock lock(mu_);
                                       exits_.push_back({std::string(id), std::string(why), told});
                                     },
                                 .demand =
                                     [this] {
                                       MutexLock lock(mu_);
                                       return demand_;
                                     }};
    options.tick = milliseconds(2);
    options.poll = options.winding_poll = milliseconds(5);
    options.settle = milliseconds(50);
    options.first_pause = milliseconds(1);
    options.longest_pause = milliseconds(4);
    return options;
  }
  SlurmLauncher& Launch(SlurmLauncherOptions options) {
    launcher_.emplace(std::move(options));
    EXPECT_TRUE(launcher_->Start().ok());
    return *launcher_;
  }
  // As a crash would end it.
  void Crash() { launcher_.reset(); }

  void SetJobs(std::int64_t jobs) {
    MutexLock lock(mu_);
    demand_.jobs = jobs;
  }
  void SetHeard(const std::set<std::string, std::less<>>& heard) {
    MutexLock lock(mu_);
    demand_.heard = heard;
  }
  std::vector<std::string> Starts() {
    MutexLock lock(mu_);
    return starts_;
  }
  std::vector<Exit> Exits() {
    MutexLock lock(mu_);
    return exits_;
  }
  static std::string IdOf(const std::string& name) { return name.substr(sizeof kPrefix - 1); }
  std::string Folder() const { return folder_.path() + "/slurm"; }
  std::size_t RecordCount() const { return RecordedPilots(Folder(), kPrefix).size(); }
  // Slurm has been asked so often more.
  bool AwaitPolls(std::size_t more) const {
    const std::size_t before = fake_.Calls("squeue").size();
    return Eventually([&] { return fake_.Calls("squeue").size() >= before + more; });
  }
  bool AwaitRunning(std::size_t count) const {
    return Eventually([&] {
      std::size_t running = 0;
      for (std::size_t n = 1; n <= fake_.Names().size(); ++n) {
        running += fake_.Pid(static_cast<int>(n)) > 0 ? 1 : 0;
      }
      return running >= count;
    });
  }

  ScratchFolder folder_;
  FakeSlurm fake_{folder_.path() + "/fake"};
  Mutex mu_;
  Demand demand_ ABSL_GUARDED_BY(mu_) = {.jobs = 1};
  std::vector<std::string> starts_ ABSL_GUARDED_BY(mu_);
  std::vector<Exit> exits_ ABSL_GUARDED_BY(mu_);
  std::optional<SlurmLauncher> launcher_;
};

TEST_F(SlurmLauncherTest, AskedIsWhatAnAllocationNeeds) {
  SlurmLauncherOptions options = Options();
  options.allocation = {
      .cpus = 3, .memory_mib = 2048, .minutes = 90, .partition = "long", .options = {"--account=physics"}};
  Launch(std::move(options));
  ASSERT_TRUE(AwaitRunning(1));
  const std::string call = fake_.Calls("sbatch").at(0);
  for (const char* word :
       {"--parsable ", "--no-requeue ", "--export=NONE ", "--cpus-per-task=3 ", "--signal=B:TERM@120 ", "--mem=2048M ",
        "--time=90 ", "--partition=long --account=physics "}) {
    EXPECT_THAT(call, HasSubstr(word));
  }
  EXPECT_THAT(call, Not(HasSubstr("credential-of"))) << "everybody on the node sees it";
}

TEST_F(SlurmLauncherTest, TheRecordIsThereBeforeSlurmHearsOfThePilotAndOnlyItsOwnerReadsIt) {
  Launch(Options());
  ASSERT_TRUE(AwaitRunning(1));
  const std::string record = fake_.Names().at(0) + ".token";
  EXPECT_THAT(fake_.Seen(1), Contains(record));
  struct stat info {};
  ASSERT_EQ(::stat((Folder() + "/" + record).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  launcher_->Stop(kPatience);
  EXPECT_EQ(RecordCount(), 0u);
}

TEST_F(SlurmLauncherTest, ThreadsAreThoseOfTheAllocation) {
  SlurmLauncherOptions options = Options("echo $OMP_NUM_THREADS $@ > " + folder_.path() + "/said; exec sleep 1000");
  options.allocation.cpus = 2;
  Launch(std::move(options));
  ASSERT_TRUE(AwaitRunning(1));  // its process is known, and ended with the test
  std::string said;
  ASSERT_TRUE(Eventually([&] {
    std::ifstream file(folder_.path() + "/said");
    return static_cast<bool>(std::getline(file, said));
  }));
  EXPECT_THAT(said, testing::MatchesRegex("2 --token-file .* --threads 2"));
}

TEST_F(SlurmLauncherTest, AsManyPilotsAsThereIsWorkAndSlots) {
  SetJobs(0);
  SlurmLauncherOptions options = Options();
  options.slots = 3;
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([this] { return !fake_.Calls("squeue").empty(); }));
  EXPECT_THAT(fake_.Calls("sbatch"), IsEmpty());
  SetJobs(2);
  ASSERT_TRUE(AwaitRunning(2));
  ASSERT_TRUE(AwaitPolls(3));
  EXPECT_THAT(fake_.Names(), SizeIs(2));
  SetJobs(50);
  ASSERT_TRUE(AwaitRunning(3));
  ASSERT_TRUE(AwaitPolls(3));
  EXPECT_THAT(fake_.Names(), SizeIs(3));
}

TEST_F(SlurmLauncherTest, PilotsThatWaitAreTakenBackWhenTheWorkIsGoneAndThoseThatRunAreLeft) {
  SetJobs(2);
  SlurmLauncherOptions options = Options();
  options.slots = 2;
  fake_.SetMode("sbatch", "pending");
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([this] { return fake_.Names().size() == 2; }));
  fake_.SetState(fake_.Names()[0], "RUNNING");
  ASSERT_TRUE(AwaitPolls(2));
  SetJobs(0);
  ASSERT_TRUE(Eventually([this] { return Exits().size() == 1; }));
  ASSERT_TRUE(AwaitPolls(4));
  EXPECT_THAT(Exits(), SizeIs(1));
  EXPECT_EQ(Exits()[0].worker_id, IdOf(fake_.Names()[1]));
  EXPECT_TRUE(Exits()[0].told);
  EXPECT_THAT(fake_.Calls("scancel"), SizeIs(1)) << "whoever runs is left";
}

TEST_F(SlurmLauncherTest, OfThoseThatWaitAsManyAreTakenBackAsAreTooMany) {
  SetJobs(3);
  SlurmLauncherOptions options = Options();
  options.slots = 3;
  fake_.SetMode("sbatch", "pending");
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([this] { return fake_.Names().size() == 3; }));
  ASSERT_TRUE(AwaitPolls(2));
  SetJobs(1);
  ASSERT_TRUE(Eventually([this] { return Exits().size() == 2; }));
  ASSERT_TRUE(AwaitPolls(4));
  ASSERT_THAT(Exits(), SizeIs(2));
  for (const Exit& exit : Exits()) {
    EXPECT_NE(exit.worker_id, IdOf(fake_.Names()[0])) << "it has waited longest";
  }
}

TEST_F(SlurmLauncherTest, AThousandSlotsAreNotFilledInOneGo) {
  Mutex mu;
  std::vector<std::size_t> submitted;  // at each look at the demand
  SlurmLauncherOptions options = Options();
  fake_.SetMode("sbatch", "pending");
  options.slots = 1'000;
  options.demand = [&]() -> absl::StatusOr<Demand> {
    MutexLock lock(mu);
    submitted.push_back(fake_.Names().size());
    return Demand{.jobs = submitted.size() > 2 ? 0 : 1'000};
  };
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([&] {
    MutexLock lock(mu);
    return submitted.size() > 2;
  }));
  Crash();
  EXPECT_EQ(submitted[0], 0u);
  EXPECT_GT(submitted[1], 0u);
  EXPECT_EQ(submitted[2], 2 * submitted[1]);
  EXPECT_LE(submitted[1], 20u) << "while it submits it looks at nothing else";
}

// --- sbatch ---

TEST_F(SlurmLauncherTest, OfWhatSbatchSaysTheNumberIsTaken) {
  ASSERT_TRUE(PosixFileSystem().MakeDirectories(Folder()).ok());
  const auto submit = [this](const char* mode) {
    fake_.SetMode("sbatch", mode);
    return fake_.Commands().Submit({.name = std::string(kPrefix) + "slurm-1",
                                    .script = "/bin/true",
                                    .arguments = {},
                                    .folder = Folder(),
                                    .log = Folder() + "/worker.log"},
                                   {});
  };
  EXPECT_EQ(submit("").value(), "1");
  EXPECT_EQ(submit("federated").value(), "2") << "without the cluster";
  EXPECT_THAT(Message(submit("rubbish").status()), HasSubstr("Welcome"));
}

TEST_F(SlurmLauncherTest, AnSbatchThatHangsIsEndedAndThePilotGivenUpOnceSlurmDoesNotKnowIt) {
  fake_.SetMode("sbatch", "hang");
  SlurmLauncherOptions options = Options();
  options.slurm.patience = kShortPatience;
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([this] { return !Exits().empty(); }));
  EXPECT_THAT(Exits()[0].why, HasSubstr("sbatch did not end within 2000 ms"));
  EXPECT_TRUE(Exits()[0].told) << "no job is to blame";
  fake_.SetMode("sbatch", "");
  EXPECT_TRUE(AwaitRunning(1));
}

TEST_F(SlurmLauncherTest, WhatSbatchSaysIsToldAndItIsTriedAgain) {
  fake_.SetMode("sbatch", "fail");
  Launch(Options());
  ASSERT_TRUE(Eventually([this] { return !Exits().empty(); }));
  EXPECT_EQ(Exits()[0].why, "sbatch exited with code 1: sbatch: error: invalid partition specified: nowhere");
  EXPECT_TRUE(Exits()[0].told);
  fake_.SetMode("sbatch", "");
  EXPECT_TRUE(AwaitRunning(1));
}

TEST_F(SlurmLauncherTest, AfterAnSbatchThatFailsTheNextOneWaits) {
  fake_.SetMode("sbatch", "fail");
  SetJobs(2);
  SlurmLauncherOptions options = Options();
  options.slots = 2;
  options.first_pause = options.longest_pause = std::chrono::hours(1);
  Launch(std::move(options));
  ASSERT_TRUE(AwaitPolls(2));
  EXPECT_THAT(fake_.Calls("sbatch"), SizeIs(1));
}

TEST_F(SlurmLauncherTest, ASubmissionThatSucceededWithoutSayingSoIsFoundByItsName) {
  for (const char* mode : {"late", "rubbish"}) {
    fake_.SetMode("sbatch", mode);
    const std::size_t before = fake_.Names().size();
    Launch(Options());
    ASSERT_TRUE(AwaitRunning(before + 1));
    ASSERT_TRUE(AwaitPolls(5));
    EXPECT_THAT(fake_.Names(), SizeIs(before + 1)) << mode << ": there is no second one for the slot";
    launcher_->Stop(kPatience);
    EXPECT_EQ(Exits().size(), before + 1) << mode;
    EXPECT_THAT(Exits().back().why, HasSubstr("CANCELLED"));
  }
  RecordReliability(40, "an sbatch that failed after it had succeeded is found by its name");
}

TEST_F(SlurmLauncherTest, APilotThatTheControllerForgotIsGivenUpAndReplaced) {
  fake_.SetMode("sbatch", "lost");
  Launch(Options());
  ASSERT_TRUE(Eventually([this] { return !Exits().empty(); }));
  EXPECT_EQ(Exits()[0].why, "Slurm does not know it");
  EXPECT_TRUE(Exits()[0].told);
  EXPECT_GE(fake_.Calls("squeue").size(), 3u);
}

// --- squeue ---

TEST_F(SlurmLauncherTest, WhileSlurmDoesNotAnswerNobodyIsGone) {
  SlurmLauncherOptions options = Options();
  options.slurm.patience = kShortPatience;
  options.settle = milliseconds(0);
  Launch(std::move(options));
  ASSERT_TRUE(AwaitRunning(1));
  for (const char* mode : {"fail", "hang"}) {
    fake_.SetMode("squeue", mode);
    ASSERT_TRUE(AwaitPolls(4));
    EXPECT_THAT(Exits(), IsEmpty()) << mode;
  }
  fake_.SetMode("squeue", "");
  ASSERT_TRUE(AwaitPolls(5));
  EXPECT_THAT(Exits(), IsEmpty());
  EXPECT_THAT(fake_.Names(), SizeIs(1));
}

TEST_F(SlurmLauncherTest, TwoAnswersWithoutAPilotAreNotEnough) {
  SlurmLauncherOptions options = Options();
  options.settle = milliseconds(0);
  Launch(std::move(options));
  ASSERT_TRUE(AwaitRunning(1));
  for (int i = 0; i < 2; ++i) {
    fake_.Blind(2);
    ASSERT_TRUE(AwaitPolls(6));  // the last of them with it
    EXPECT_THAT(Exits(), IsEmpty());
  }
  fake_.Blind(3);
  ASSERT_TRUE(Eventually([this] { return !Exits().empty(); }));
}

TEST_F(SlurmLauncherTest, ANewPilotMayTakeAWhileToShow) {
  fake_.SetMode("sbatch", "lost");
  SlurmLauncherOptions options = Options();
  options.settle = std::chrono::hours(1);
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([this] { return fake_.Calls("squeue").size() >= 8; }));
  EXPECT_THAT(Exits(), IsEmpty());
  EXPECT_THAT(fake_.Calls("sbatch"), SizeIs(1));
}

TEST_F(SlurmLauncherTest, OneThatTheServerHearsIsNotGoneThoughSlurmHasForgottenIt) {
  SlurmLauncherOptions options = Options();
  Launch(std::move(options));
  ASSERT_TRUE(AwaitRunning(1));
  ASSERT_TRUE(AwaitPolls(2));
  const std::string id = Starts().at(0);
  SetHeard({id});
  ASSERT_TRUE(AwaitPolls(2));
  const auto forgotten = std::chrono::steady_clock::now();
  fake_.SetState(fake_.Names()[0], "");
  ASSERT_TRUE(Eventually([&] { return std::chrono::steady_clock::now() - forgotten > milliseconds(100); }));
  ASSERT_TRUE(AwaitPolls(4));
  EXPECT_THAT(Exits(), IsEmpty());
  SetHeard({});
  ASSERT_TRUE(Eventually([this] { return !Exits().empty(); }));
  EXPECT_EQ(Exits()[0].worker_id, id);
  EXPECT_FALSE(Exits()[0].told) << "nobody knows what became of it";
}

TEST_F(SlurmLauncherTest, NumbersThatAreGivenAgainMeanNothing) {
  fake_.ReuseId("7");
  SetJobs(2);
  SlurmLauncherOptions options = Options();
  options.slots = 2;
  Launch(std::move(options));
  ASSERT_TRUE(AwaitRunning(2));
  ASSERT_TRUE(AwaitPolls(2));  // it knows that they run
  SetJobs(1);
  ASSERT_TRUE(AwaitPolls(2));  // and that one is enough
  ::kill(fake_.Pid(1), SIGKILL);
  ASSERT_TRUE(Eventually([this] { return !Exits().empty(); }));
  ASSERT_TRUE(AwaitPolls(4));
  ASSERT_THAT(Exits(), SizeIs(1));
  EXPECT_EQ(Exits()[0].worker_id, IdOf(fake_.Names()[0]));
  EXPECT_EQ(Exits()[0].why, "Slurm's job 7 is FAILED");
  launcher_->Stop(kPatience);
  for (const std::string& call : fake_.Calls("scancel")) {
    EXPECT_THAT(call, HasSubstr("--name=" + fake_.Names()[1]));
  }
}

TEST_F(SlurmLauncherTest, OfTwoWithOneNameThePilotIsTheOneThatLives) {
  Launch(Options());
  ASSERT_TRUE(AwaitRunning(1));
  fake_.AddStranger(fmt::format("9|RUNNING|{}|None", fake_.Names()[0]));
  fake_.SetState(fake_.Names()[0], "CANCELLED");
  ASSERT_TRUE(AwaitPolls(3));
  EXPECT_THAT(Exits(), IsEmpty());
}

TEST_F(SlurmLauncherTest, JobsOfOthersAreLeftAlone) {
  fake_.AddStranger("1|RUNNING|their|None");
  fake_.AddStranger("2|RUNNING|normlab-ffffffffffff-slurm-1|None");
  fake_.AddStranger(fmt::format("3|RUNNING|of {}slurm-2|None", kPrefix));
  fake_.AddStranger("|||");
  fake_.AddStranger("");
  Launch(Options());
  ASSERT_TRUE(AwaitRunning(1));
  ASSERT_TRUE(AwaitPolls(3));
  launcher_->Stop(kPatience);
  EXPECT_THAT(fake_.Calls("scancel"), Each(HasSubstr("--name=" + fake_.Names()[0])));
  EXPECT_THAT(Exits(), SizeIs(1));
  const std::string mine = fmt::format("--user={}", ::getuid());
  EXPECT_THAT(fake_.Calls("squeue"), Each(HasSubstr(mine)));
  EXPECT_THAT(fake_.Calls("scancel"), Each(HasSubstr(mine)));
}

TEST_F(SlurmLauncherTest, OneOfOursThatNobodyHasOnRecordIsCancelled) {
  fake_.AddStranger(fmt::format("9|PENDING|{}slurm-lost|None", kPrefix));
  fake_.AddStranger(fmt::format("8|COMPLETED|{}slurm-old|None", kPrefix));
  Launch(Options());
  ASSERT_TRUE(Eventually([this] { return !fake_.Calls("scancel").empty(); }));
  EXPECT_THAT(fake_.Calls("scancel"), Each(HasSubstr(fmt::format("--name={}slurm-lost", kPrefix))));
}

// --- ends ---

TEST_F(SlurmLauncherTest, AnEndThatIsNotTheJobsFaultIsNotHeldAgainstIt) {
  const std::pair<const char*, bool> ends[] = {{"PREEMPTED", true}, {"NODE_FAIL", true}, {"CANCELLED", true},
                                               {"FAILED", false},   {"TIMEOUT", false},  {"OUT_OF_MEMORY", false}};
  Launch(Options());
  std::size_t n = 0;
  for (const auto& [state, innocent] : ends) {
    ASSERT_TRUE(AwaitRunning(n + 1)) << state;
    fake_.SetState(fake_.Names()[n], state);
    ASSERT_TRUE(Eventually([&] { return Exits().size() == n + 1; })) << state;
    EXPECT_EQ(Exits()[n].told, innocent) << state;
    EXPECT_THAT(Exits()[n].why, HasSubstr(state));
    ++n;
  }
  RecordReliability(40, "preemption, a lost node and a cancel are held against no job");
}

// Four pilots that come to nothing take at least the growing pauses between them: 200 + 400 + 800 ms.
TEST_F(SlurmLauncherTest, PilotsThatComeToNothingAreSubmittedLessAndLessOften) {
  SlurmLauncherOptions options = Options("exit 1");
  options.first_pause = milliseconds(200);
  options.longest_pause = milliseconds(800);
  const auto begin = std::chrono::steady_clock::now();
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([this] { return fake_.Names().size() >= 4; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(1'400));
}

// Each of the ten that fail is followed by one that was of use. Pauses that went on growing would come to 100 s.
TEST_F(SlurmLauncherTest, OneThatWasOfUseEndsThePauses) {
  SlurmLauncherOptions options = Options();
  options.first_pause = milliseconds(100);
  options.longest_pause = std::chrono::hours(1);
  Launch(std::move(options));
  for (std::size_t n = 0; n < 20; ++n) {
    ASSERT_TRUE(AwaitRunning(n + 1)) << n;
    const std::string pilot = fake_.Names()[n];
    if (n % 2 == 1) {
      SetHeard({IdOf(pilot)});
      ASSERT_TRUE(AwaitPolls(2));  // so that the demand was looked at
    }
    fake_.SetState(pilot, n % 2 == 1 ? "PREEMPTED" : "FAILED");
    ASSERT_TRUE(Eventually([&] { return Exits().size() == n + 1; })) << n;
  }
}

// Without a limit the last pause would be nine minutes.
TEST_F(SlurmLauncherTest, PausesHaveALimit) {
  Launch(Options("exit 1"));
  ASSERT_TRUE(Eventually([this] { return Exits().size() >= 20; }));
}

TEST_F(SlurmLauncherTest, WhoWasCancelledIsGoneHoweverSlurmTellsIt) {
  fake_.SetMode("sbatch", "pending");
  for (const char* mode : {"fail", "forget"}) {
    fake_.SetMode("scancel", mode);
    SetJobs(1);
    SlurmLauncherOptions options = Options();
    options.settle = std::chrono::hours(1);
    const std::size_t before = Exits().size();
    Launch(std::move(options));
    ASSERT_TRUE(Eventually([&] { return fake_.Names().size() == before + 1; })) << mode;
    ASSERT_TRUE(AwaitPolls(2));
    SetJobs(0);
    ASSERT_TRUE(Eventually([&] { return Exits().size() == before + 1; })) << mode;
    EXPECT_TRUE(Exits().back().told) << mode << ": no job is to blame";
    Crash();
  }
}

TEST_F(SlurmLauncherTest, OfManyLogsTheNewestAreKept) {
  SlurmLauncherOptions options = Options("exit 1");
  options.kept_logs = 3;
  Launch(std::move(options));
  ASSERT_TRUE(Eventually([this] { return Exits().size() >= 7; }));
  Crash();
  EXPECT_TRUE(std::filesystem::exists(fmt::format("{}/worker-{}.log", Folder(), Exits().back().worker_id)));
  int logs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    logs += entry.path().extension() == ".log" ? 1 : 0;
  }
  EXPECT_LE(logs, 5) << "three, and those that came since";
}

// --- crashes ---

TEST_F(SlurmLauncherTest, WhatACrashedLauncherLeftRunningIsAdopted) {
  Launch(Options());
  ASSERT_TRUE(AwaitRunning(1));
  const std::string id = Starts().at(0);
  Crash();
  EXPECT_THAT(Exits(), IsEmpty());
  EXPECT_THAT(RecordedPilots(Folder(), kPrefix), ElementsAre(id));
  Launch(Options());
  EXPECT_THAT(Starts(), ElementsAre(id, id)) << "its credential is good again";
  ASSERT_TRUE(AwaitPolls(5));
  EXPECT_THAT(fake_.Names(), SizeIs(1));
  launcher_->Stop(kPatience);
  ASSERT_THAT(Exits(), SizeIs(1));
  EXPECT_EQ(Exits()[0].worker_id, id);
  RecordReliability(40, "what a killed server left running is adopted, and nothing started twice");
}

TEST_F(SlurmLauncherTest, ACrashBeforeSbatchLeavesARecordThatIsGivenUp) {
  ASSERT_TRUE(PosixFileSystem().MakeDirectories(Folder()).ok());
  ASSERT_TRUE(PosixFileSystem().AtomicWrite(Folder() + "/" + kPrefix + "slurm-never.token", "x").ok());
  ASSERT_TRUE(PosixFileSystem().AtomicWrite(Folder() + "/normlab-ffffffffffff-slurm-1.token", "another home's").ok());
  Launch(Options());
  ASSERT_TRUE(Eventually([this] { return !Exits().empty(); }));
  EXPECT_EQ(Exits()[0].worker_id, "slurm-never");
  EXPECT_TRUE(AwaitRunning(1)) << "its slot is free";
  EXPECT_THAT(Starts(), Not(Contains("slurm-1")));
  EXPECT_TRUE(std::filesystem::exists(Folder() + "/normlab-ffffffffffff-slurm-1.token"));
}

TEST_F(SlurmLauncherTest, WhatCannotBeEndedIsLeftToTheNextStart) {
  Launch(Options());
  ASSERT_TRUE(AwaitRunning(1));
  fake_.SetMode("squeue", "fail");
  launcher_->Stop(milliseconds(500));
  EXPECT_THAT(Exits(), IsEmpty());
  EXPECT_EQ(RecordCount(), 1u);
  EXPECT_THAT(fake_.Calls("scancel"), SizeIs(1)) << "it was told";
}

TEST_F(SlurmLauncherTest, StopDoesNotWaitForAnSbatchThatHangs) {
  fake_.SetMode("sbatch", "hang");
  Launch(Options());
  ASSERT_TRUE(Eventually([this] { return !fake_.Calls("sbatch").empty(); }));
  launcher_->Stop(milliseconds(100));  // a patience of 20 s would outlast it
  EXPECT_EQ(RecordCount(), 1u) << "Slurm may have it";
}

// --- what is refused ---

TEST_F(SlurmLauncherTest, AFolderThatOthersMayWriteIntoIsRefused) {
  std::filesystem::create_directory(Folder());
  ASSERT_EQ(::chmod(Folder().c_str(), 0777), 0);
  SlurmLauncher launcher(Options());
  const absl::Status status = launcher.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("chmod go-w"));
}

TEST_F(SlurmLauncherTest, AMissingProgramIsSaidAtOnce) {
  SlurmLauncherOptions options = Options();
  options.worker_argv = {folder_.path() + "/nothing"};
  SlurmLauncher launcher(std::move(options));
  EXPECT_EQ(launcher.Start().code(), absl::StatusCode::kNotFound);
  const auto slurm = Slurm::Find("/nowhere::" + folder_.path());
  EXPECT_EQ(slurm.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(slurm.status()), HasSubstr("no sbatch in PATH"));
}

}  // namespace
}  // namespace normlab::server
