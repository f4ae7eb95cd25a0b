// submit, jobs, show, experiments: what a person and a script see.
#include <gmock/gmock.h>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;

class JobsCommandTest : public CommandTest {};

TEST_F(JobsCommandTest, SubmitMakesOneJobPerSeedAndSaysHowToFollow) {
  ExpectGolden("submit", {"submit", "mnist_mlp", "--norm", "layer", "--batch-size", "4", "--seeds", "1-3"});
  ASSERT_EQ(server_.created.size(), 1u);
  EXPECT_EQ(server_.created[0].requests_size(), 3);
  EXPECT_EQ(server_.created[0].requests(2).spec().seed(), 3u);
  EXPECT_EQ(server_.created[0].request_id().size(), 36u);
}

TEST_F(JobsCommandTest, SubmitRunsEveryCombinationOfCommaLists) {
  const Outcome outcome =
      Run({"submit", "mnist_mlp", "--norm", "none,layer", "--batch-size", "128,4", "--seeds", "1,2", "--json"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["jobs"].size(), 8u);
}

TEST_F(JobsCommandTest, SubmitTakesUnderscoresForDashes) {
  EXPECT_EQ(Run({"submit", "mnist_mlp", "--batch_size=4"}).code, 0);
  EXPECT_EQ(server_.created[0].requests(0).spec().mnist_mlp().batch_size(), 4);
}

TEST_F(JobsCommandTest, SubmitShowsWhatIsReused) {
  AddSucceeded({{"norm", "layer"}});
  ExpectGolden("submit_reused", {"submit", "mnist_mlp", "--norm", "layer,batch"});
}

TEST_F(JobsCommandTest, ArtifactsAreListedAndFetched) {
  AddSucceeded({{"norm", "layer"}});
  server_.artifacts = {{"j1 samples.png", std::string("\x89PNG\0", 5)}, {"j1 weights.safetensors", "12345678"}};
  ExpectGolden("artifacts", {"artifacts", "j1"});
  const Outcome json = Run({"artifacts", "j1", "--json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["artifacts"][1]["size"], 8);
  const Outcome fetched = Run({"artifacts", "j1", "samples.png", "-o", "-"});
  EXPECT_EQ(fetched.code, 0);
  EXPECT_EQ(fetched.out, server_.artifacts["j1 samples.png"]);
  EXPECT_EQ(Run({"artifacts", "j1", "none.png", "-o", "-"}).code, 2);
  EXPECT_EQ(Run({"artifacts", "j1", "samples.png", "--json"}).code, 2);
  server_.damage_artifacts = true;
  EXPECT_EQ(Run({"artifacts", "j1", "samples.png", "-o", "-"}).code, 1) << "what is printed cannot be taken back";
  const std::string file = server_.home() + "/samples.png";
  EXPECT_EQ(Run({"artifacts", "j1", "samples.png", "-o", file}).code, 1);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(JobsCommandTest, DryRunStoresNothing) {
  ExpectGolden("submit_dry_run", {"submit", "mnist_mlp", "--norm", "layer", "--dry-run"});
  EXPECT_TRUE(server_.created[0].validate_only());
}

TEST_F(JobsCommandTest, SubmitNamesEveryWrongFieldAtOnceAndSendsNothing) {
  ExpectGolden("submit_wrong_fields", {"submit", "mnist_mlp", "--norm", "layr", "--batch-size", "0", "--learning-rate",
                                       "nan", "--bach-size", "4"});
  EXPECT_TRUE(server_.calls.empty());
}

TEST_F(JobsCommandTest, WrongFieldsAreJsonForScripts) {
  const Outcome outcome = Run({"submit", "mnist_mlp", "--batch-size", "0", "--passes", "x", "--json"});
  EXPECT_EQ(outcome.code, 2);
  const auto error = nlohmann::json::parse(outcome.err)["error"];
  EXPECT_EQ(error["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(error["fields"].size(), 2u);
}

TEST_F(JobsCommandTest, FieldsTheServerRefusesAreListedOnce) {
  server_.failures["BatchCreateJobs"] = {BadRequest(
      {{"requests[0].spec.mnist_mlp.dataset", "is mnist, which is not here; get it with: normlab data fetch mnist"},
       {"requests[1].spec.mnist_mlp.dataset", "is mnist, which is not here; get it with: normlab data fetch mnist"}})};
  ExpectGolden("submit_refused", {"submit", "mnist_mlp", "--seeds", "1-2"});
}

TEST_F(JobsCommandTest, SubmitIsSentAgainWithTheSameRequestIdWhenTheServerGoesAway) {
  server_.failures["BatchCreateJobs"] = {{grpc::StatusCode::UNAVAILABLE, "going down"}};
  EXPECT_EQ(Run({"submit", "mnist_mlp"}).code, 0);
  ASSERT_EQ(server_.request_ids.size(), 2u);
  EXPECT_EQ(server_.request_ids[0], server_.request_ids[1]);
}

TEST_F(JobsCommandTest, WrongSeedListsAndLabelsAreExplained) {
  EXPECT_THAT(Run({"submit", "mnist_mlp", "--seeds", "6-1"}).err, HasSubstr("normlab: --seeds is 6-1; expected"));
  EXPECT_THAT(Run({"submit", "mnist_mlp", "--seeds", "1-2000"}).err, HasSubstr("at most 1000 seeds"));
  EXPECT_THAT(Run({"submit", "mnist_mlp", "--label", "ana"}).err, HasSubstr("expected KEY=VALUE"));
  EXPECT_EQ(Run({"submit"}).code, 2);
}

TEST_F(JobsCommandTest, JobsListsStateProgressAndTime) {
  AddSucceeded({{"norm", "layer"}});
  AddRunning({{"norm", "batch"}, {"batch_size", "4"}});
  server_.AddJob({{"seed", "2"}});
  ExpectGolden("jobs", {"jobs"});
}

TEST_F(JobsCommandTest, JobsAsJson) {
  AddSucceeded({{"norm", "layer"}});
  AddRunning({}).set_steps_per_second(std::numeric_limits<double>::quiet_NaN());
  ExpectGolden("jobs_json", {"jobs", "--json"});
}

TEST_F(JobsCommandTest, ARunOfAnotherProgramIsTold) {
  v1::Job& job = AddRunning({});
  job.clear_spec();
  v1::ExternalRun& external = *job.mutable_external();
  external.set_name("bold-crow");
  external.set_experiment("PyTorch");
  (*external.mutable_params())["a_long_one"] = std::string(5'000, 'x');
  (*external.mutable_params())["lr"] = "0.1";
  (*external.mutable_tags())["mlflow.user"] = "ana";
  const std::string listed = Run({"jobs"}).out;
  EXPECT_THAT(listed, HasSubstr("PyTorch external: bold-crow a_long_one=xxx"));
  EXPECT_THAT(listed, HasSubstr(" lr=0.1"));
  EXPECT_THAT(Run({"show", job.job_id()}).out, HasSubstr("external"));
  const auto shown = nlohmann::json::parse(Run({"show", job.job_id(), "--json"}).out)["job"];
  EXPECT_EQ(shown["external"]["params"]["lr"], "0.1");
  EXPECT_EQ(shown["external"]["tags"]["mlflow.user"], "ana");
  EXPECT_EQ(shown["external"]["removed"], false);
  EXPECT_FALSE(shown.contains("spec"));
}

TEST_F(JobsCommandTest, JobsFiltersAndPages) {
  AddSucceeded({});
  AddRunning({{"seed", "2"}});
  EXPECT_THAT(Run({"jobs", "--state", "running,queued"}).out, testing::Not(HasSubstr("SUCCEEDED")));
  EXPECT_THAT(Run({"jobs", "--limit", "1"}).err, HasSubstr("normlab jobs --page tj2"));
  EXPECT_THAT(Run({"jobs", "--state", "runing"}).err, HasSubstr("--state: is runing; expected one of queued"));
  EXPECT_EQ(Run({"jobs", "--ids"}).out, "j2\nj1\n");
}

TEST_F(JobsCommandTest, ShowTellsEverythingOfAFinishedJob) {
  (*AddSucceeded({{"norm", "layer"}, {"batch_size", "4"}}).mutable_labels())["who"] = "ana";
  ExpectGolden("show", {"show", "j1"});
  ExpectGolden("show_json", {"show", "j1", "--json"});
}

TEST_F(JobsCommandTest, ShowOfARunningAndAFailedJob) {
  AddRunning({});
  ExpectGolden("show_running", {"show", "j1"});
  server_.jobs[0].set_held_up("the server cannot store anything: the disk is full");
  EXPECT_THAT(Run({"show", "j1"}).out, HasSubstr("the server cannot store anything: the disk is full"));
  EXPECT_EQ(nlohmann::json::parse(Run({"show", "j1", "--json"}).out)["job"]["held_up"],
            "the server cannot store anything: the disk is full");
  server_.jobs[0].set_state(v1::JOB_STATE_FAILED);
  server_.jobs[0].set_error("worker killed by signal 9 (Killed) three times");
  EXPECT_THAT(Run({"show", "j1"}).out, HasSubstr("worker killed by signal 9"));
}

TEST_F(JobsCommandTest, ShowOfAnUnknownJobIsBadInput) { ExpectGolden("show_unknown", {"show", "j99"}); }

TEST_F(JobsCommandTest, ExperimentsListsAndDescribes) {
  ExpectGolden("experiments", {"experiments"});
  ExpectGolden("experiments_mnist", {"experiments", "mnist_mlp"});
  const auto json = nlohmann::json::parse(Run({"experiments", "mnist_mlp", "--json"}).out);
  EXPECT_EQ(json["name"], "mnist_mlp");
  EXPECT_EQ(json["fields"][1]["choices"][2]["name"], "layer");
}

TEST_F(JobsCommandTest, ExperimentsAreKnownWithoutAServer) {
  server_.Stop();
  const Outcome list = Run({"experiments", "--json"});
  EXPECT_EQ(list.code, 0);
  EXPECT_THAT(list.err, HasSubstr("No server is running"));
  EXPECT_EQ(nlohmann::json::parse(list.out)["experiments"][0]["name"], "mnist_mlp");
  EXPECT_THAT(Run({"experiments", "mnist_mlp"}).out, HasSubstr("--batch-size"));
  EXPECT_EQ(Run({"experiments", "mnist"}).code, 2);
}

TEST_F(JobsCommandTest, NoServerSaysHowToStartOne) {
  server_.Stop();
  ExpectGolden("no_server", {"jobs"});
}

TEST_F(JobsCommandTest, MisspeltCommandsAndOptionsAreExplained) {
  EXPECT_THAT(RunLocal({"sumbit"}).err, HasSubstr("sumbit is not a command; did you mean submit?"));
  EXPECT_THAT(RunLocal({"jobs", "--stat", "x"}).err, HasSubstr("did you mean --state?"));
  EXPECT_EQ(RunLocal({"jobs", "--limit", "0"}).code, 2);
  EXPECT_EQ(RunLocal({}).code, 2);
  EXPECT_EQ(RunLocal({"show"}).code, 2);
}

TEST_F(JobsCommandTest, HelpNamesExamplesAndExitCodes) {
  EXPECT_THAT(RunLocal({"--help"}).out, HasSubstr("130  interrupted"));
  const Outcome help = RunLocal({"submit", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("Examples:"));
  EXPECT_THAT(help.out, HasSubstr("--batch-size"));
}

TEST_F(JobsCommandTest, ColoursOnATerminalOnly) {
  AddSucceeded({});
  EXPECT_THAT(Run({"jobs"}).out, testing::Not(HasSubstr("\x1b")));
  terminal_ = true;
  EXPECT_THAT(Run({"jobs"}).out, HasSubstr("\x1b[32mSUCCEEDED\x1b[0m"));
}

}  // namespace
}  // namespace normlab::client
