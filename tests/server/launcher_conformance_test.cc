// What every launcher promises, asked of all of them: workers on this machine, on a Slurm of scripts, and on a real one when
// tests/slurm has started it and says so in NORMLAB_TEST_SLURM.
#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "base/mutex.h"
#include "server/schedule/local_launcher.h"
#include "server/schedule/slurm_launcher.h"
#include "tests/server/fake_slurm.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;

// What a worker was given as its own, in $credential.
constexpr char kTakeCredential[] =
    R"(credential=$NORMLAB_WORKER_CREDENTIAL; while [ $# -gt 0 ]; do [ "$1" = --token-file ] && credential=$(cat "$2"); shift; done; )";

std::vector<std::string> Kinds() {
  std::vector<std::string> kinds = {"Local", "FakeSlurm"};
  if (std::getenv("NORMLAB_TEST_SLURM") != nullptr) {
    kinds.emplace_back("RealSlurm");
  }
  return kinds;
}

struct Exit {
  std::string worker_id;
  std::string why;
  bool told;
};

class LauncherConformance : public testing::TestWithParam<std::string> {
 protected:
  // Runs `script` in each worker.
  std::unique_ptr<Launcher> Make(const std::string& script, int slots = 1) {
    if (GetParam() == "Local") {
      return std::make_unique<LocalLauncher>(LocalLauncherOptions{.argv = {"/bin/sh", "-c", script},
                                                                  .slots = slots,
                                                                  .log_directory = Path("logs"),
                                                                  .on_start = OnStart(),
                                                                  .on_exit = OnExit(),
                                                                  .first_pause = milliseconds(1),
                                                                  .longest_pause = milliseconds(4)});
    }
    const bool real = GetParam() == "RealSlurm";
    SlurmLauncherOptions options{
        .slurm = real ? *Slurm::Find(std::getenv("PATH")) : fake_.Commands(),
        .allocation = {},
        .worker_argv = {"/bin/sh", "-c", script, "worker"},
        .slots = slots,
        .folder = Path("slurm"),
        .name_prefix = fmt::format("normlab-{}-", std::filesystem::path(folder_.path()).filename().string()),
        .on_start = OnStart(),
        .on_exit = OnExit(),
        .demand = [] { return Demand{.jobs = 100}; }};
    options.tick = milliseconds(real ? 100 : 2);
    options.poll = options.winding_poll = milliseconds(real ? 300 : 10);
    options.settle = milliseconds(real ? 3'000 : 50);
    options.first_pause = milliseconds(1);
    options.longest_pause = milliseconds(4);
    return std::make_unique<SlurmLauncher>(std::move(options));
  }

  WorkerStart OnStart() {
    return [this](std::string_view id) {
      MutexLock lock(mu_);
      starts_.emplace_back(id);
      return fmt::format("credential-of-{}", id);
    };
  }
  WorkerExit OnExit() {
    return [this](std::string_view id, std::string_view why, bool told) {
      MutexLock lock(mu_);
      exits_.push_back({std::string(id), std::string(why), told});
    };
  }
  std::vector<std::string> Starts() {
    MutexLock lock(mu_);
    return starts_;
  }
  std::vector<Exit> Exits() {
    MutexLock lock(mu_);
    return exits_;
  }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::vector<std::string> Lines(const std::string& name) const {
    std::ifstream file(Path(name));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(line);
    }
    return lines;
  }

  ScratchFolder folder_;
  FakeSlurm fake_{folder_.path() + "/fake"};
  Mutex mu_;
  std::vector<std::string> starts_ ABSL_GUARDED_BY(mu_);
  std::vector<Exit> exits_ ABSL_GUARDED_BY(mu_);
};

INSTANTIATE_TEST_SUITE_P(All, LauncherConformance, testing::ValuesIn(Kinds()),
                         [](const auto& kind) { return kind.param; });

TEST_P(LauncherConformance, OneWorkerPerSlotEachReportedOnce) {
  const auto launcher = Make(fmt::format("echo $$ >> {}; exec sleep 1000", Path("pids")), 3);
  ASSERT_TRUE(launcher->Start().ok());
  ASSERT_TRUE(Eventually([this] { return Lines("pids").size() == 3; }));
  launcher->Stop(kPatience);
  EXPECT_EQ(Lines("pids").size(), 3u);
  ASSERT_EQ(Exits().size(), 3u);
  std::set<std::string> ids;
  for (const Exit& exit : Exits()) {
    EXPECT_TRUE(exit.told) << exit.why;
    ids.insert(exit.worker_id);
  }
  EXPECT_EQ(ids.size(), 3u);
}

TEST_P(LauncherConformance, EachWorkerGetsACredentialOfItsOwnThatNoOtherEverHad) {
  std::set<std::string> ids;
  for (std::size_t launch = 1; launch <= 2; ++launch) {
    const auto launcher =
        Make(fmt::format("{} echo $credential >> {}; exec sleep 1000", kTakeCredential, Path("shown")), 2);
    ASSERT_TRUE(launcher->Start().ok());
    ASSERT_TRUE(Eventually([&] { return Lines("shown").size() == 2 * launch; }));
    launcher->Stop(kPatience);
  }
  for (const std::string& id : Starts()) {
    EXPECT_TRUE(ids.insert(id).second) << id;
    EXPECT_THAT(Lines("shown"), testing::Contains("credential-of-" + id));
  }
  EXPECT_EQ(ids.size(), 4u);
}

TEST_P(LauncherConformance, ThreadsThatWaitSleep) {
  const auto launcher = Make(fmt::format("echo $OMP_WAIT_POLICY > {}; exec sleep 1000", Path("policy")));
  ASSERT_TRUE(launcher->Start().ok());
  ASSERT_TRUE(Eventually([this] { return Lines("policy").size() == 1; }));
  EXPECT_THAT(Lines("policy"), testing::ElementsAre("passive"));
  launcher->Stop(kPatience);
}

TEST_P(LauncherConformance, AWorkerThatFailsIsReportedAndReplaced) {
  const auto launcher = Make("exit 3");
  ASSERT_TRUE(launcher->Start().ok());
  ASSERT_TRUE(Eventually([this] { return Exits().size() >= 2; }));
  launcher->Stop(kPatience);
  const std::vector<Exit> exits = Exits();
  EXPECT_FALSE(exits[0].told) << exits[0].why;
  EXPECT_EQ(exits[0].worker_id, Starts().at(0));
  EXPECT_NE(exits[1].worker_id, exits[0].worker_id);
}

TEST_P(LauncherConformance, AKilledWorkerIsReportedAndReplaced) {
  const auto launcher = Make(fmt::format("echo $$ >> {}; exec sleep 1000", Path("pids")));
  ASSERT_TRUE(launcher->Start().ok());
  ASSERT_TRUE(Eventually([this] { return Lines("pids").size() == 1; }));
  ::kill(std::stoi(Lines("pids")[0]), SIGKILL);
  ASSERT_TRUE(Eventually([this] { return Lines("pids").size() == 2; }));
  EXPECT_FALSE(Exits().at(0).told);
  launcher->Stop(kPatience);
}

TEST_P(LauncherConformance, StopLetsWorkersWindUp) {
  const auto launcher =
      Make(fmt::format("trap 'echo saved > {}; exit 0' TERM; echo up > {}; while :; do sleep 0.01; done",
                       Path("checkpoint"), Path("up")));
  ASSERT_TRUE(launcher->Start().ok());
  ASSERT_TRUE(Eventually([this] { return Lines("up").size() == 1; }));
  launcher->Stop(kPatience);
  EXPECT_TRUE(Eventually([this] { return Lines("checkpoint").size() == 1; }));
  EXPECT_TRUE(Exits().at(0).told);
}

TEST_P(LauncherConformance, StopEndsWorkersThatDoNotListen) {
  const auto launcher = Make(fmt::format("trap '' TERM; echo $$ > {}; while :; do sleep 0.01; done", Path("up")));
  ASSERT_TRUE(launcher->Start().ok());
  ASSERT_TRUE(Eventually([this] { return Lines("up").size() == 1; }));
  launcher->Stop(GetParam() == "Local" ? milliseconds(50) : milliseconds(kPatience));
  const int pid = std::stoi(Lines("up")[0]);
  EXPECT_TRUE(Eventually([pid] { return ::kill(pid, 0) != 0; }));
  EXPECT_EQ(Exits().size(), 1u);
}

TEST_P(LauncherConformance, WhatWorkersSayIsKept) {
  const auto launcher = Make(fmt::format("echo last words >&2; echo up > {}; exec sleep 1000", Path("up")));
  ASSERT_TRUE(launcher->Start().ok());
  ASSERT_TRUE(Eventually([this] { return Lines("up").size() == 1; }));
  launcher->Stop(kPatience);
  std::string said;
  for (const auto& entry : std::filesystem::directory_iterator(Path(GetParam() == "Local" ? "logs" : "slurm"))) {
    if (entry.path().filename().string().starts_with("worker-")) {
      std::ifstream file(entry.path());
      said.append(std::istreambuf_iterator<char>(file), {});
    }
  }
  EXPECT_THAT(said, HasSubstr("last words\n"));
}

}  // namespace
}  // namespace normlab::server
