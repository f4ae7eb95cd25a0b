// Commands that change many jobs, workers, logs, contexts, and lists in other orders.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "client/contexts.h"
#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class BulkCommandTest : public CommandTest {
 protected:
  // Queued, running and ended jobs of two people.
  void SetUp() override {
    (*server_.AddJob({{"seed", "1"}}).mutable_labels())["who"] = "ana";
    (*AddRunning({{"seed", "2"}}).mutable_labels())["who"] = "ana";
    (*AddSucceeded({{"seed", "3"}}).mutable_labels())["who"] = "ana";
    (*server_.AddJob({{"seed", "4"}}).mutable_labels())["who"] = "bob";
  }
};

TEST_F(BulkCommandTest, AFilterWithoutStatesMeansThoseThatTheVerbIsFor) {
  const Outcome outcome = Run({"cancel", "--label", "who=ana"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "j1 CANCELLED\nj2 CANCELLING\n");
  EXPECT_THAT(server_.filter.states(), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING));
  EXPECT_EQ(std::count(server_.calls.begin(), server_.calls.end(), "CancelJobs"), 1) << "one call";
  Run({"delete", "--state", "cancelled", "--label", "who=ana"});
  EXPECT_THAT(server_.filter.states(), ElementsAre(v1::JOB_STATE_CANCELLED));
}

TEST_F(BulkCommandTest, NothingIsNoFilter) {
  const Outcome outcome = Run({"delete"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("name jobs to delete"));
  EXPECT_TRUE(server_.calls.empty());
}

TEST_F(BulkCommandTest, ADryRunIsOne) {
  const Outcome outcome = Run({"cancel", "--label", "who=ana", "--dry-run"});
  EXPECT_EQ(outcome.out, "j1 QUEUED\nj2 RUNNING\n");
  EXPECT_THAT(outcome.err, HasSubstr("This would cancel 2 jobs (j1, j2); nothing was done."));
  EXPECT_EQ(server_.jobs[0].state(), v1::JOB_STATE_QUEUED);
}

TEST_F(BulkCommandTest, APersonIsAskedBeforeMoreThanOneJob) {
  int asked = 0;
  std::string answer = "n";
  ask_ = [&] {
    ++asked;
    return answer;
  };
  const Outcome refused = Run({"cancel", "--label", "who=ana"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("cancel 2 jobs (j1, j2)? [y/N] "));
  EXPECT_EQ(server_.jobs[0].state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(Run({"cancel", "j4"}).code, 0);
  EXPECT_EQ(asked, 1) << "one job is no question";
  EXPECT_EQ(Run({"prioritise", "j1", "j2", "--to", "3", "--yes"}).code, 0);
  EXPECT_EQ(asked, 1);
  answer = "y";
  EXPECT_EQ(Run({"cancel", "--label", "who=ana"}).code, 0);
  EXPECT_EQ(server_.jobs[0].state(), v1::JOB_STATE_CANCELLED);
}

TEST_F(BulkCommandTest, ACancelledJobNeedsNoCancelling) {
  const Outcome outcome = Run({"cancel", "j1", "j3"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("j3: job j3 has ended"));
}

TEST_F(BulkCommandTest, AnswersAsJson) {
  const auto json = nlohmann::json::parse(Run({"delete", "j3", "j9", "--json"}).out);
  EXPECT_EQ(json["jobs"][0]["job_id"], "j3");
  EXPECT_EQ(json["not_changed"][0]["job_id"], "j9");
  EXPECT_EQ(Run({"delete", "j1", "j9", "--json"}).code, 2);
}

TEST_F(BulkCommandTest, LabelsAreSetAndRemoved) {
  const Outcome outcome = Run({"label", "j1", "j3", "study=width", "-who"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "j1 study=width\nj3 study=width\n");
  EXPECT_THAT(server_.updated.remove_labels(), ElementsAre("who"));
  EXPECT_EQ(Run({"label", "--experiment", "mnist_mlp", "--remove", "study"}).code, 0);
  EXPECT_THAT(server_.updated.remove_labels(), ElementsAre("study"));
  EXPECT_THAT(Run({"label", "j1"}).err, HasSubstr("KEY=VALUE sets a label, -KEY removes it"));
  EXPECT_THAT(Run({"label", "j1", "=x"}).err, HasSubstr("expected KEY=VALUE"));
}

TEST_F(BulkCommandTest, PrioritiesMayBeBelowZero) {
  EXPECT_EQ(Run({"prioritise", "--label", "who=bob", "--to", "-5"}).out, "j4 priority -5\n");
  EXPECT_EQ(Run({"prioritise", "j4"}).code, 2);
  EXPECT_EQ(Run({"prioritise", "j4", "--to", "5000"}).code, 2);
}

TEST_F(BulkCommandTest, JobsByACurveShowItsValue) {
  server_.sort_values = {{"j2", 0.0213}, {"j3", std::numeric_limits<double>::quiet_NaN()}};
  const Outcome outcome = Run({"jobs", "--sort", "best test/error desc"});
  EXPECT_EQ(server_.listed.order_by(), "best test/error desc");
  EXPECT_THAT(outcome.out, HasSubstr("BEST TEST/ERROR"));
  EXPECT_THAT(outcome.out, HasSubstr("j2            0.0213  RUNNING"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("NaN")));
  const auto json = nlohmann::json::parse(Run({"jobs", "--sort", "best test/error", "--json"}).out);
  EXPECT_EQ(json["jobs"][0]["sort_value"], 0.0213);
  EXPECT_EQ(json["jobs"][1]["sort_value"], "NaN");
}

TEST_F(BulkCommandTest, WorkersAreListed) {
  auto& busy = *server_.workers.add_workers();
  busy.set_worker("host:4711");
  busy.set_kept(true);
  busy.set_job_id("j2");
  busy.set_attempt(1);
  busy.mutable_since()->set_seconds(1'000'000'040);
  busy.mutable_last_heard()->set_seconds(1'000'000'099);
  auto& idle = *server_.workers.add_workers();
  idle.set_waits_for("it is starting");
  server_.workers.set_slots(2);
  server_.workers.set_queued(1);
  ExpectGolden("workers", {"workers"});
  ExpectGolden("workers_json", {"workers", "--json"});
}

TEST_F(BulkCommandTest, AttemptsAreShown) {
  for (int number = 1; number <= 2; ++number) {
    auto& attempt = *server_.attempts["j2"].add_attempts();
    attempt.set_number(number);
    attempt.set_worker("host:47");
    attempt.mutable_started()->set_seconds(1'000'000'010 * 1 + 30 * number);
    attempt.set_steps_done(20 * static_cast<std::uint64_t>(number));
  }
  auto& first = *server_.attempts["j2"].mutable_attempts(0);
  first.mutable_ended()->set_seconds(1'000'000'050);
  first.set_ending("worker process 47 was killed by signal 9 (Killed)");
  server_.jobs[1].set_resumed_from("j1");
  ExpectGolden("show_attempts", {"show", "j2"});
  EXPECT_EQ(nlohmann::json::parse(Run({"show", "j2", "--json"}).out)["attempts"][0]["steps_done"], 20);
}

TEST_F(BulkCommandTest, LogsArePrinted) {
  auto& line = *server_.log.emplace_back().add_lines();
  line.mutable_time()->set_seconds(1'000'000'010);
  line.set_source("worker-1");
  line.set_text("info job_leased job=j2 attempt=1");
  EXPECT_EQ(Run({"logs", "j2", "--follow"}).out, "2001-09-09T01:46:50Z worker-1 info job_leased job=j2 attempt=1\n");
  EXPECT_TRUE(server_.read_log.follow());
  EXPECT_EQ(nlohmann::json::parse(Run({"logs", "j2", "--json"}).out)["source"], "worker-1");
  server_.log.clear();
  EXPECT_THAT(Run({"logs", "j2"}).err, HasSubstr("no lines about j2"));
  EXPECT_EQ(Run({"logs", "j9"}).code, 2);
}

class ContextCommandTest : public CommandTest {
 protected:
  void SetUp() override {
    for (const char* name : {"NORMLAB_ADDRESS", "NORMLAB_TOKEN_FILE", "NORMLAB_CONTEXT", "NORMLAB_HOME"}) {
      ::unsetenv(name);
    }
    ::setenv("XDG_CONFIG_HOME", folder_.path().c_str(), 1);
  }
  void TearDown() override {
    SetUp();
    ::unsetenv("XDG_CONFIG_HOME");
  }
  std::string file() const { return folder_.path() + "/normlab/contexts.json"; }
  // Which server a command with these options would mean.
  static std::string Means(const Endpoint& options = {}, const std::string& context = "") {
    const absl::StatusOr<Endpoint> endpoint = ResolveEndpoint(options, context);
    return endpoint.ok() ? endpoint->Describe() + (endpoint->token_file.empty() ? "" : " with " + endpoint->token_file)
                         : std::string(endpoint.status().message());
  }
  ScratchFolder folder_;
};

TEST_F(ContextCommandTest, AreAddedUsedAndRemoved) {
  EXPECT_EQ(RunLocal({"context", "add", "fake", "--home", server_.home()}).code, 0);
  struct stat info {};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  server_.AddJob();
  EXPECT_EQ(RunLocal({"jobs", "--ids", "--context", "fake"}).out, "j1\n");
  EXPECT_EQ(RunLocal({"context", "use", "fake"}).code, 0);
  EXPECT_EQ(RunLocal({"jobs", "--ids"}).out, "j1\n");
  EXPECT_THAT(RunLocal({"context", "list"}).out, HasSubstr("*  fake"));
  const Outcome unknown = RunLocal({"jobs", "--context", "fakt"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("there is no context fakt; did you mean fake?"));
  EXPECT_EQ(RunLocal({"jobs", "--context", "fake", "--home", "/x"}).code, 2);
  EXPECT_EQ(RunLocal({"context", "remove", "fake"}).code, 0);
  EXPECT_EQ(nlohmann::json::parse(RunLocal({"context", "list", "--json"}).out)["contexts"].size(), 0u);
  EXPECT_EQ(RunLocal({"context", "add", "a/b", "--home", "/x"}).code, 2);
  EXPECT_EQ(RunLocal({"context", "add", "b"}).code, 2) << "which server?";
}

TEST_F(ContextCommandTest, OptionsGoBeforeTheEnvironmentAndThatBeforeTheContextInUse) {
  ASSERT_TRUE(
      SaveContexts({"lab", {{"lab", {.address = "127.0.0.1:1", .token_file = "/t"}}, {"own", {.home = "/own"}}}}).ok());
  EXPECT_EQ(Means(), "127.0.0.1:1 with /t");
  ::setenv("NORMLAB_TOKEN_FILE", "/of-environment", 1);
  EXPECT_EQ(Means(), "127.0.0.1:1 with /t") << "a context has its own";
  ::setenv("NORMLAB_CONTEXT", "own", 1);
  EXPECT_EQ(Means(), "/own/run/normlabd.sock");
  ::setenv("NORMLAB_HOME", "/home", 1);
  EXPECT_EQ(Means(), "/home/run/normlabd.sock");
  ::setenv("NORMLAB_ADDRESS", "127.0.0.1:2", 1);
  EXPECT_EQ(Means(), "127.0.0.1:2 with /of-environment");
  EXPECT_EQ(Means({}, "lab"), "127.0.0.1:1 with /t");
  EXPECT_EQ(Means({.home = "/given"}), "/given/run/normlabd.sock");
  EXPECT_EQ(Means({.address = "127.0.0.1:3"}), "127.0.0.1:3 with /of-environment");
  EXPECT_EQ(Means({.address = "127.0.0.1:3", .token_file = "/given"}), "127.0.0.1:3 with /given");
  EXPECT_EQ(Means({.token_file = "/given"}), "127.0.0.1:2 with /given");
}

TEST_F(ContextCommandTest, ADamagedFileIsNamedAndKept) {
  std::filesystem::create_directories(folder_.path() + "/normlab");
  for (const std::string text : {"", "{", "[]", R"({"contexts": {"a": 7}})"}) {
    std::ofstream(file()) << text;
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"jobs"}, {"context", "add", "x", "--home", "/x"}}) {
      const Outcome outcome = RunLocal(words);
      EXPECT_EQ(outcome.code, 2) << text;
      EXPECT_THAT(outcome.err, HasSubstr(file()));
    }
    std::stringstream kept;
    kept << std::ifstream(file()).rdbuf();
    EXPECT_EQ(kept.str(), text);
  }
}

}  // namespace
}  // namespace normlab::client
