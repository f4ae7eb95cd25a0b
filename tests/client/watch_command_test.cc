// watch, curve, cancel, resume, delete: following and changing jobs.
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_split.h"
#include "client/client.h"
#include "client/commands/follow.h"
#include "client/follower.h"
#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class WatchCommandTest : public CommandTest {
 protected:
  // What WatchJobs sends next.
  void Send(const std::vector<v1::Job>& jobs) {
    v1::WatchJobsResponse news;
    news.mutable_jobs()->Assign(jobs.begin(), jobs.end());
    server_.job_news.push_back(news);
  }
  static v1::Job With(v1::Job job, v1::JobState state) {
    job.set_state(state);
    job.set_revision(job.revision() + 10);
    return job;
  }
};

TEST_F(WatchCommandTest, PlainLinesTellWhatHappened) {
  const v1::Job done = AddSucceeded({{"norm", "layer"}});
  Send({done});
  ExpectGolden("watch_plain", {"watch", "j1"});
}

TEST_F(WatchCommandTest, FailedJobsGiveExitCodeOneAndTheReason) {
  v1::Job failed = With(AddRunning({}), v1::JOB_STATE_FAILED);
  failed.set_error("data file train-images is truncated at byte 100");
  Send({failed});
  const Outcome outcome = Run({"watch", "j1"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("FAILED in 10s: data file train-images is truncated at byte 100"));
}

TEST_F(WatchCommandTest, ADivergedRunIsAResult) {
  Send({With(AddRunning({}), v1::JOB_STATE_DIVERGED)});
  EXPECT_EQ(Run({"watch", "j1"}).code, 0);
}

TEST_F(WatchCommandTest, CtrlCDetachesAndSaysHowToComeBack) {
  AddRunning({});
  Send({server_.jobs[0]});
  server_.watch_stays_open = true;
  std::thread ctrl_c([this] {
    server_.AwaitWatcher();
    stop_.request_stop();
  });
  const Outcome outcome = Run({"watch", "j1"});
  ctrl_c.join();
  EXPECT_EQ(outcome.code, 130);
  EXPECT_THAT(outcome.err, HasSubstr("The jobs go on. Come back with: normlab watch j1"));
  EXPECT_THAT(server_.calls, Not(testing::Contains("CancelJob")));
}

TEST_F(WatchCommandTest, NothingToWatchIsSaid) {
  AddSucceeded({});
  const Outcome outcome = Run({"watch"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("No job is queued or running"));
}

TEST_F(WatchCommandTest, AnUnknownJobIsToldAtOnce) { EXPECT_EQ(Run({"watch", "j9"}).code, 2); }

TEST_F(WatchCommandTest, AStreamThatBreaksIsTakenUpAgain) {
  server_.failures["WatchJobs"] = {{grpc::StatusCode::UNAVAILABLE, "going down"}};
  Send({AddSucceeded({})});
  EXPECT_EQ(Run({"watch", "j1"}).code, 0);
  EXPECT_EQ(std::count(server_.calls.begin(), server_.calls.end(), "WatchJobs"), 2);
}

TEST_F(WatchCommandTest, FollowerGivesUpWhenTheServerStaysAway) {
  Send({AddRunning({})});
  auto client = Client::Connect({.home = server_.home()});
  server_.watch_stays_open = true;
  JobFollower follower(**client, {"j1"}, std::chrono::milliseconds(0));
  server_.AwaitWatcher();
  server_.Stop();
  JobFollower::News news;
  do {
    news = follower.Wait(std::chrono::seconds(10));
  } while (!news.ended);
  EXPECT_EQ(news.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(news.jobs.size(), 1u);
}

TEST_F(WatchCommandTest, BarsForRunningJobsAndTheWholeBelow) {
  v1::Series error;
  error.set_name("train/loss");
  error.set_last(0.25);
  v1::Series test = error;
  test.set_name("test/error");
  test.set_last(0.0213);
  const std::vector<v1::Job> jobs = {AddSucceeded({{"norm", "layer"}}), AddRunning({{"norm", "batch"}}),
                                     server_.AddJob({{"norm", "none"}})};
  const FollowOptions options{
      .job_ids = {"j1", "j2", "j3"}, .titles = {{"j2", "mnist batch_128 seed 1"}}, .come_back = ""};
  const LatestValues values = {{"j2", {error, test}}};
  EXPECT_THAT(
      RenderFollow(jobs, options, values, now_, {.width = 120, .rows = 30, .unicode = false, .colour = false}),
      ElementsAre("j2  mnist batch_128 seed 1  [########............]   40%  4 steps/s  15s left  test/error 0.0213  "
                  "train/loss 0.25",
                  "[####################..................]  1 of 3 done, 1 running, 53%, about 53s left"));
  for (const std::string& line :
       RenderFollow(jobs, options, values, now_, {.width = 60, .rows = 30, .unicode = false, .colour = false})) {
    EXPECT_LE(line.size(), 60u) << line;
  }
}

TEST_F(WatchCommandTest, MoreJobsThanRowsAreCounted) {
  std::vector<v1::Job> jobs;
  FollowOptions options;
  for (int i = 0; i < 10; ++i) {
    jobs.push_back(AddRunning({{"seed", std::to_string(i + 1)}}));
    options.job_ids.push_back(jobs.back().job_id());
  }
  const auto lines =
      RenderFollow(jobs, options, {}, now_, {.width = 100, .rows = 8, .unicode = false, .colour = false});
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[4], "and 6 more");
}

class CurveCommandTest : public CommandTest {
 protected:
  void SetUp() override {
    AddSucceeded({});
    v1::ReadCurveResponse& curve = server_.curves["j1 train/loss"];
    const double values[] = {2.3, 0.1, std::nan(""), 0.05};
    for (int i = 0; i < 4; ++i) {
      curve.add_steps(i * 10);
      curve.add_values(values[i]);
      curve.add_wall_ms(1000 + i);
    }
    curve.set_points_total(4);
  }
};

TEST_F(CurveCommandTest, ListsSeriesWithoutOne) { ExpectGolden("curve_list", {"curve", "j1"}); }

TEST_F(CurveCommandTest, TextCsvAndJson) {
  ExpectGolden("curve_text", {"curve", "j1", "train/loss"});
  ExpectGolden("curve_csv", {"curve", "j1", "train/loss", "--format", "csv"});
  const auto json = nlohmann::json::parse(Run({"curve", "j1", "train/loss", "--json"}).out);
  EXPECT_EQ(json["values"][2], "NaN");
  EXPECT_EQ(json["values"][1], 0.1);
  EXPECT_EQ(json["points_total"], 4);
}

TEST_F(CurveCommandTest, SaysHowManyOfHowManyAreShown) {
  server_.curves["j1 train/loss"].set_points_total(55000);
  const Outcome outcome =
      Run({"curve", "j1", "train/loss", "--max-points", "4", "--from", "5", "--to", "30", "--lttb"});
  EXPECT_THAT(outcome.err, HasSubstr("4 of 55,000 points shown"));
  EXPECT_EQ(server_.read_curve.max_points(), 4u);
  EXPECT_EQ(server_.read_curve.from_step(), 5u);
  EXPECT_EQ(server_.read_curve.to_step(), 30u);
  EXPECT_EQ(server_.read_curve.downsampling(), v1::DOWNSAMPLING_LTTB);
}

TEST_F(CurveCommandTest, ATerminalGetsAPlot) {
  terminal_ = true;
  const Outcome outcome = Run({"curve", "j1", "train/loss"});
  EXPECT_THAT(outcome.out, HasSubstr("j1 train/loss"));
  EXPECT_THAT(outcome.out, HasSubstr("2.3 │"));
  EXPECT_EQ(server_.read_curve.max_points(), 1000u);
}

TEST_F(CurveCommandTest, FollowPrintsPointsOfTheSeries) {
  v1::WatchCurvesResponse news;
  for (const char* series : {"train/loss", "test/error"}) {
    auto* column = news.add_columns();
    column->set_series(series);
    column->add_steps(7);
    column->add_values(0.5);
  }
  server_.curve_news = {news};
  EXPECT_EQ(Run({"curve", "j1", "train/loss", "--follow"}).out, "step,value\n7,0.5\n");
  EXPECT_EQ(Run({"curve", "j1", "train/lost", "--follow"}).code, 2) << "a series that never came";
}

TEST_F(CurveCommandTest, UnknownSeriesAndFormats) {
  EXPECT_EQ(Run({"curve", "j1", "nope"}).code, 2);
  EXPECT_THAT(Run({"curve", "j1", "train/loss", "--format", "cvs"}).err, HasSubstr("did you mean csv?"));
}

class StopCommandTest : public CommandTest {};

TEST_F(StopCommandTest, CancelTellsTheNewState) {
  server_.AddJob();
  AddRunning({{"seed", "2"}});
  ExpectGolden("cancel", {"cancel", "j1", "j2"});
}

TEST_F(StopCommandTest, OneWrongJobDoesNotKeepTheOthers) {
  server_.AddJob();
  const Outcome outcome = Run({"cancel", "j9", "j1"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "j1 CANCELLED\n");
  EXPECT_THAT(outcome.err, HasSubstr("j9: there is no job j9"));
}

TEST_F(StopCommandTest, ResumeNamesTheNewJob) {
  AddRunning({}).set_state(v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Run({"resume", "j1"}).out, "j1 continues as j2\n");
  EXPECT_EQ(nlohmann::json::parse(Run({"resume", "j1", "--json"}).out)["jobs"][0]["job_id"], "j3");
}

TEST_F(StopCommandTest, ResumeWithoutItsDataNeedsForce) {
  AddRunning({}).set_state(v1::JOB_STATE_CANCELLED);
  server_.missing_data = "data set mnist is not on the server's machine; get it with: normlab data fetch mnist";
  const Outcome refused = Run({"resume", "j1"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr(server_.missing_data));
  const Outcome forced = Run({"resume", "j1", "--force"});
  EXPECT_EQ(forced.code, 0);
  EXPECT_EQ(forced.err, "Warning: " + server_.missing_data + "\n");
}

TEST_F(StopCommandTest, DeleteOfARunningJobSaysWhatToDo) {
  AddRunning({});
  const Outcome outcome = Run({"delete", "j1"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("cancel it first"));
  server_.jobs[0].set_state(v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Run({"delete", "j1"}).out, "j1 deleted\n");
  EXPECT_TRUE(server_.jobs.empty());
}

}  // namespace
}  // namespace normlab::client
