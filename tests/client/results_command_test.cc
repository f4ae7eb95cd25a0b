// reproduce, table, figure, report, papers, data, and the private server.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/fs.h"
#include "base/sha256.h"
#include "client/exit_code.h"
#include "client/server_process.h"
#include "tests/client/command_test.h"
#include "tests/scratch_folder.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class ResultsCommandTest : public CommandTest {
 protected:
  // Two arms with two seeds; the first run is stored already.
  void MakePlan() {
    AddSucceeded({{"norm", "none"}, {"seed", "1"}});
    for (const char* arm : {"none", "layer"}) {
      for (int seed = 1; seed <= 2; ++seed) {
        v1::PlannedRun& run = *server_.plan.add_runs();
        run.set_item_id("mnist");
        run.set_arm(std::string(arm) + "_128");
        *run.mutable_spec() = server_.jobs[0].spec();
        run.mutable_spec()->set_seed(static_cast<std::uint64_t>(seed));
        run.mutable_spec()->mutable_mnist_mlp()->set_norm(arm == std::string("none") ? v1::NORM_KIND_NONE
                                                                                     : v1::NORM_KIND_LAYER);
      }
    }
    *server_.plan.mutable_runs(0)->mutable_job() = server_.jobs[0];
    v1::WatchJobsResponse news;
    for (int i = 1; i <= 4; ++i) {
      v1::Job job = server_.jobs[0];
      job.set_job_id("j" + std::to_string(i));
      *news.add_jobs() = job;
    }
    server_.job_news = {news};
  }
  std::string out() const { return server_.home() + "/out"; }
};

TEST_F(ResultsCommandTest, ReproducePlansRunsJudgesAndWrites) {
  MakePlan();
  ExpectGolden("reproduce",
               {"reproduce", "layer-norm-2016", "--only", "mnist", "--budget", "smoke", "--out", "HOME/out"});
  ASSERT_EQ(server_.created.size(), 1u);
  EXPECT_EQ(server_.created[0].requests(3).labels().at("arm"), "layer_128");
  EXPECT_EQ(ReadAll(out() + "/table.tex"), "FORMAT_LATEX table of mnist at smoke\n");
  for (const char* file :
       {"report.html", "report.md", "table.md", "table.csv", "table.json", "figure.svg", "figure.csv"}) {
    EXPECT_TRUE(fs::exists(out() + "/" + file)) << file;
  }
}

TEST_F(ResultsCommandTest, TablesAreBriefUnlessDetailsAreAskedFor) {
  MakePlan();
  EXPECT_THAT(Run({"table", "layer-norm-2016", "mnist"}).out, HasSubstr("FORMAT_TERMINAL table"));
  EXPECT_THAT(Run({"table", "layer-norm-2016", "mnist", "--verbose"}).out, HasSubstr("FORMAT_TERMINAL_VERBOSE table"));
  EXPECT_THAT(Run({"table", "layer-norm-2016", "mnist", "--verbose", "--format", "latex"}).out,
              HasSubstr("FORMAT_LATEX table"));
  EXPECT_THAT(Run({"reproduce", "layer-norm-2016", "--out", out(), "--verbose"}).out,
              HasSubstr("FORMAT_TERMINAL_VERBOSE table"));
}

TEST_F(ResultsCommandTest, ReproduceExitCodes) {
  MakePlan();
  server_.verdicts = {v1::VERDICT_REPRODUCED, v1::VERDICT_DIFFERENT};
  EXPECT_EQ(Run({"reproduce", "layer-norm-2016", "--out", out()}).code, 0);
  EXPECT_EQ(Run({"reproduce", "layer-norm-2016", "--out", out(), "--strict"}).code, 4);
  server_.job_news[0].mutable_jobs(2)->set_state(v1::JOB_STATE_FAILED);
  const Outcome failed = Run({"reproduce", "layer-norm-2016", "--out", out(), "--strict"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("FORMAT_TERMINAL table")) << "what there is is shown all the same";
}

TEST_F(ResultsCommandTest, ReproduceDryRunSubmitsNothing) {
  MakePlan();
  const Outcome outcome = Run({"reproduce", "layer-norm-2016", "--dry-run", "--json"});
  EXPECT_EQ(outcome.code, 0);
  ASSERT_EQ(server_.created.size(), 1u);
  EXPECT_TRUE(server_.created[0].validate_only());
  EXPECT_EQ(server_.jobs.size(), 1u) << "MakePlan's own";
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["runs"].size(), 4u);
}

TEST_F(ResultsCommandTest, APlanSaysHowLikelyClaimsAreDecidedAndSubmitsNothing) {
  MakePlan();
  v1::ClaimPower& known = *server_.plan.add_power();
  known.set_item_id("mnist");
  known.set_claim_id("ln-faster");
  known.set_seeds(3);
  known.set_decides(0.045);
  known.set_least_seeds(9);
  v1::ClaimPower& hopeless = *server_.plan.add_power();
  hopeless = server_.plan.power(0);
  hopeless.set_claim_id("ln-same");
  hopeless.set_least_seeds(0);
  v1::ClaimPower& unknown = *server_.plan.add_power();
  unknown.set_item_id("mnist");
  unknown.set_claim_id("ln-at-the-end");
  unknown.set_seeds(3);
  unknown.set_unknown("Needs 130 passes; budget quick stops at 16 passes");
  v1::ClaimPower& fact = *server_.plan.add_power();
  fact.set_fact(true);
  v1::NotRunItem& later = *server_.plan.add_not_run();
  later.set_item_id("table2");
  later.set_reason("normlab has no experiment oe");
  ExpectGolden("plan", {"reproduce", "layer-norm-2016", "--plan"});
  const Outcome json = Run({"reproduce", "layer-norm-2016", "--plan", "--seeds", "9", "--json"});
  EXPECT_EQ(json.code, 0);
  const auto plan = nlohmann::json::parse(json.out);
  EXPECT_EQ(plan["power"][0]["least_seeds"], 9);
  EXPECT_EQ(plan["power"][2]["unknown"], "Needs 130 passes; budget quick stops at 16 passes");
  EXPECT_TRUE(plan["power"][3]["fact"]);
  EXPECT_EQ(plan["not_run"][0]["item_id"], "table2");
  EXPECT_EQ(server_.planned.seeds(), 9);
  EXPECT_TRUE(server_.planned.power());
  EXPECT_TRUE(server_.created.back().validate_only());
}

TEST_F(ResultsCommandTest, SeedsThatAreAskedForReachEveryResult) {
  MakePlan();
  EXPECT_THAT(Run({"table", "layer-norm-2016", "mnist", "--seeds", "9"}).out, HasSubstr("9 seeds"));
  const Outcome run = Run({"reproduce", "layer-norm-2016", "--seeds", "9", "--out", out()});
  EXPECT_THAT(run.out, HasSubstr("9 seeds"));
  EXPECT_EQ(server_.planned.seeds(), 9);
  EXPECT_FALSE(server_.planned.power()) << "only for a plan";
  EXPECT_THAT(Run({"table", "layer-norm-2016", "mnist", "--seeds", "25"}).err, HasSubstr("--seeds"));
}

TEST_F(ResultsCommandTest, ReproduceSaysThatDataIsMissingBeforeItRunsAndWhenItIsDry) {
  MakePlan();
  server_.missing_data = "data set mnist is not on the server's machine; get it with: normlab data fetch mnist";
  const Outcome run = Run({"reproduce", "layer-norm-2016", "--out", out()});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("normlab: " + server_.missing_data));
  const Outcome dry = Run({"reproduce", "layer-norm-2016", "--dry-run"});
  EXPECT_EQ(dry.code, run.code);
  EXPECT_THAT(dry.err, HasSubstr("normlab: " + server_.missing_data));
  const Outcome forced = Run({"reproduce", "layer-norm-2016", "--out", out(), "--force"});
  EXPECT_EQ(forced.code, 0);
  EXPECT_THAT(forced.err, HasSubstr("Warning: " + server_.missing_data));
}

TEST_F(ResultsCommandTest, ReproduceDetachesOnCtrlC) {
  MakePlan();
  server_.job_news[0].mutable_jobs(3)->set_state(v1::JOB_STATE_RUNNING);
  server_.watch_stays_open = true;
  std::thread ctrl_c([this] {
    server_.AwaitWatcher();
    stop_.request_stop();
  });
  const Outcome outcome = Run({"reproduce", "layer-norm-2016", "--out", out()});
  ctrl_c.join();
  EXPECT_EQ(outcome.code, 130);
  EXPECT_THAT(outcome.err, HasSubstr("The jobs go on at"));
  EXPECT_TRUE(fs::is_empty(out())) << "made before the runs, so that a place that cannot be written is known at once";
}

TEST_F(ResultsCommandTest, ReproduceAsJson) {
  MakePlan();
  const auto json = nlohmann::json::parse(Run({"reproduce", "layer-norm-2016", "--out", out(), "--json"}).out);
  EXPECT_EQ(json["items"][0]["verdicts"][0], "REPRODUCED");
  EXPECT_EQ(json["items"][0]["table"]["budget"], "quick");
  EXPECT_EQ(json["jobs"].size(), 4u);
  EXPECT_EQ(json["jobs"][0]["reused"], true);
  EXPECT_EQ(json["files"].size(), 9u);
}

TEST_F(ResultsCommandTest, ReproduceWithoutAServerProgramSaysSo) {
  server_.Stop();
  const Outcome outcome = Run({"reproduce", "layer-norm-2016"});
  EXPECT_EQ(outcome.code, kExitUnavailable);
  EXPECT_THAT(outcome.err, HasSubstr("/nonexistent/normlabd"));
}

TEST_F(ResultsCommandTest, TableFigureAndReport) {
  EXPECT_EQ(Run({"table", "layer-norm-2016", "mnist"}).out, "FORMAT_TERMINAL table of mnist at quick\n");
  EXPECT_EQ(Run({"table", "layer-norm-2016", "mnist", "--json", "--budget", "smoke"}).out,
            "{\"item\": \"mnist\", \"budget\": \"smoke\"}\n");
  server_.verdicts = {v1::VERDICT_DIFFERENT};
  EXPECT_EQ(Run({"table", "layer-norm-2016", "mnist", "--strict"}).code, 4);
  EXPECT_EQ(Run({"figure", "layer-norm-2016", "mnist"}).out, "FORMAT_SVG figure of mnist at quick\n");
  EXPECT_EQ(Run({"report", "layer-norm-2016", "--format", "markdown"}).out, "FORMAT_MARKDOWN report at quick\n");
  const std::string file = server_.home() + "/f.svg";
  EXPECT_THAT(Run({"figure", "layer-norm-2016", "mnist", "-o", file}).err, HasSubstr("f.svg written (36 B)"));
  EXPECT_EQ(ReadAll(file), "FORMAT_SVG figure of mnist at quick\n");
}

TEST_F(ResultsCommandTest, PapersListItemsAndBudgets) {
  v1::Paper paper;
  paper.set_paper_id("layer-norm-2016");
  paper.set_title("Layer Normalization");
  auto* item = paper.add_items();
  item->set_item_id("mnist");
  item->set_title("Permutation-invariant MNIST");
  item->set_place("Figure 6");
  item->add_budgets("smoke");
  item->add_budgets("quick");
  server_.papers = {paper};
  ExpectGolden("papers", {"papers"});
  EXPECT_EQ(Run({"papers", "--ids"}).out, "layer-norm-2016\n");
}

TEST_F(ResultsCommandTest, DataListsAndExplainsUnknownNames) {
  const auto json = nlohmann::json::parse(RunLocal({"data", "list", "--json"}).out);
  EXPECT_EQ(json["datasets"][0]["name"], "mnist");
  const Outcome outcome = RunLocal({"data", "fetch", "mnits"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean mnist?"));
  EXPECT_THAT(outcome.err, HasSubstr("See: normlab data fetch --help"));
}

TEST_F(ResultsCommandTest, DataListSaysWhatAnImportHolds) {
  const std::string folder = server_.home() + "/data/iam_ondb";
  fs::create_directories(folder);
  std::ofstream(folder + "/lines.txt") << "LINE 1\nLINE 2\nLINE 3\n";
  ::setenv("NORMLAB_DATA", (server_.home() + "/data").c_str(), 1);
  EXPECT_THAT(RunLocal({"data", "list"}).out, HasSubstr("here, 3 lines"));
  const auto list = nlohmann::json::parse(RunLocal({"data", "list", "--json"}).out);
  const auto& datasets = list["datasets"];
  const auto imported =
      std::find_if(datasets.begin(), datasets.end(), [](const auto& d) { return d["name"] == "iam_ondb"; });
  ASSERT_NE(imported, datasets.end());
  EXPECT_EQ((*imported)["lines"], 3);
  EXPECT_EQ((*imported)["sha256"], Sha256Hex("LINE 1\nLINE 2\nLINE 3\n"));
  ::setenv("NORMLAB_DATA", "", 1);
}

TEST_F(ResultsCommandTest, DataVerifyOfMissingFilesFailsAndSaysHowToGetThem) {
  ::setenv("NORMLAB_HOME", server_.home().c_str(), 1);
  ::setenv("NORMLAB_DATA", "", 1);
  const Outcome outcome = RunLocal({"data", "verify", "mnist"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("missing  normlab data fetch mnist"));
  const Outcome import = RunLocal({"data", "import", "mnist", server_.home()});
  EXPECT_EQ(import.code, 2);
}

// A stand-in for normlabd: a shell script.
std::string FakeProgram(const std::string& home, const std::string& body) {
  const std::string path = home + "/normlabd";
  std::ofstream(path) << "#!/bin/sh\n" << body;
  fs::permissions(path, fs::perms(0755));
  return path;
}

absl::StatusOr<std::unique_ptr<ServerProcess>> StartServer(const std::string& home, const std::string& program,
                                                           int slots, const std::stop_token& stop) {
  const Endpoint endpoint{.home = home};
  auto use = ServerUse::Await(endpoint, stop, [] {});
  return use.ok()
             ? ServerProcess::Start({.program = program, .endpoint = endpoint, .slots = slots}, *std::move(use), stop)
             : use.status();
}

TEST(ServerProcessTest, WaitsUntilItIsReadyAndStopsIt) {
  FakeServer home;
  const std::string program =
      FakeProgram(home.home(), "trap 'echo stopped >> " + home.home() + "/said; exit 0' TERM\necho \"$@\" > " +
                                   home.home() + "/said\necho ready socket\nwhile :; do sleep 0.01; done\n");
  auto server = StartServer(home.home(), program, 2, {});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE((*server)->Leave());
  EXPECT_EQ(ReadAll(home.home() + "/said"), "--home " + home.home() + " --socket " + home.home() +
                                                "/run/normlabd.sock --slots 2 --print-ready --while-used\nstopped\n");
}

TEST(ServerProcessTest, ItsOptionsAreHandedOn) {
  EXPECT_THAT(ServerArguments({.program = "normlabd", .endpoint = {.home = "/h"}, .slots = 2, .stall_seconds = 30}),
              testing::ElementsAre("normlabd", "--home", "/h", "--socket", "/h/run/normlabd.sock", "--slots", "2",
                                   "--stall-seconds", "30"));
}

TEST(ServerProcessTest, OneThatOthersUseGoesOn) {
  FakeServer home;
  const std::string pid_file = home.home() + "/pid";
  const std::string program =
      FakeProgram(home.home(), "echo $$ > " + pid_file + "\necho ready socket\nwhile :; do sleep 0.01; done\n");
  auto server = StartServer(home.home(), program, 0, {});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::optional<ServerUse> another = ServerUse::Join({.home = home.home()});
  ASSERT_TRUE(another.has_value());
  EXPECT_FALSE((*server)->Leave());
  const pid_t pid = std::stoi(ReadAll(pid_file));
  EXPECT_EQ(::kill(pid, 0), 0) << "it was stopped under another's feet";
  ::kill(pid, SIGKILL);
}

TEST(ServerProcessTest, WhoComesWhileItEndsWaitsAndIsToldSo) {
  FakeServer home;
  const Endpoint endpoint{.home = home.home()};
  auto last = ServerUse::Await(endpoint, {}, [] {});
  ASSERT_TRUE(last.ok() && last->IsLast());
  EXPECT_FALSE(ServerUse::Join(endpoint).has_value());
  std::stop_source stop;
  int told = 0;
  const auto waited = ServerUse::Await(endpoint, stop.get_token(), [&] {
    ++told;
    stop.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(waited.status()));
  EXPECT_EQ(told, 1);
}

TEST(ServerProcessTest, OneThatEndsBeforeItServesShowsItsLog) {
  FakeServer home;
  const std::string program = FakeProgram(home.home(), "echo another server has this directory >&2\nexit 1\n");
  const auto server = StartServer(home.home(), program, 0, {});
  EXPECT_EQ(server.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(server.status()), HasSubstr("exited with code 1\nanother server has this directory"));
}

TEST(ServerProcessTest, OneWhoseHomeAnotherHasIsToldApart) {
  FakeServer home;
  const std::string program = FakeProgram(home.home(), "exit 5\n");
  EXPECT_EQ(StartServer(home.home(), program, 0, {}).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(ServerProcessTest, CtrlCWhileStartingEndsIt) {
  FakeServer home;
  std::stop_source stop;
  stop.request_stop();
  const std::string program = FakeProgram(home.home(), "exec sleep 1000\n");
  const auto server = StartServer(home.home(), program, 0, stop.get_token());
  EXPECT_EQ(server.status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace normlab::client
