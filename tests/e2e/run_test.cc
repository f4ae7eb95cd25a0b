// What a user sees of a job that is run, cancelled, continued, and of a server that is restarted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/fs.h"
#include "data/handwriting/pen_file.h"
#include "data/handwriting/synthetic_pen.h"
#include "tests/e2e/result.h"
#include "tests/scratch_folder.h"

namespace normlab::e2e {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::StartsWith;

std::size_t PointsOf(const Curve& curve, const std::string& series) {
  return static_cast<std::size_t>(
      std::count_if(curve.begin(), curve.end(), [&](const auto& point) { return point.first.first == series; }));
}

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    if (AvailableDataset().empty()) {
      GTEST_SKIP() << kNoData;
    }
  }
};

TEST_F(RunTest, AJobSucceedsWithItsWholeCurveAndFacts) {
  Deployment deployment({"--slots", "1"});
  const std::string id = deployment.Submit(SmallSpec());
  const v1::Job job = deployment.WaitUntilTerminal(id);
  ASSERT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(job.steps_done(), job.steps_total());
  EXPECT_EQ(job.fingerprint().size(), 64);
  EXPECT_GT(job.cpu_seconds(), 0);
  for (const char* fact : {"version", "compiler", "build_type", "cpu", "isa", "threads"}) {
    EXPECT_THAT(job.facts(), Contains(Key(fact)));
  }
  const Curve curve = deployment.ReadCurve(id);
  EXPECT_EQ(PointsOf(curve, "train/batch_nll"), job.steps_total());
  EXPECT_EQ(PointsOf(curve, "test/error"), SmallSpec().mnist_mlp().passes() + 1);
}

TEST(PenTest, AHandwritingJobLeavesItsCurveAndItsPictures) {
  Deployment deployment({"--slots", "1"});
  const auto [code, out] = deployment.RunClient({"submit",
                                                 "handwriting",
                                                 "--dataset",
                                                 "synthetic_pen",
                                                 "--scale",
                                                 "per_line",
                                                 "--norm",
                                                 "layer",
                                                 "--units",
                                                 "16",
                                                 "--max-steps",
                                                 "60",
                                                 "--updates",
                                                 "4",
                                                 "--evaluation-interval",
                                                 "2",
                                                 "--train-lines",
                                                 "8",
                                                 "--test-lines",
                                                 "4",
                                                 "--watch"});
  ASSERT_EQ(code, 0) << out << deployment.Get("j1").error();
  EXPECT_EQ(PointsOf(deployment.ReadCurve("j1"), "test/nll"), 2);
  const auto [listed, artifacts] = deployment.RunClient({"artifacts", "j1", "--json"});
  EXPECT_EQ(listed, 0);
  EXPECT_THAT(artifacts, HasSubstr("image/svg+xml"));

  const auto write = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"write", "--job", "j1", "-o", "-"};
    words.insert(words.end(), more.begin(), more.end());
    return deployment.RunClient(words);
  };
  const auto [written, picture] = write({"any text", "--seed", "4"});
  EXPECT_EQ(written, 0) << picture;
  EXPECT_THAT(picture, StartsWith("<svg"));
  EXPECT_EQ(write({"any text", "--seed", "4"}).second, picture) << "the same seed wrote another line";
  EXPECT_NE(write({"any text", "--seed", "5"}).second, picture);
  EXPECT_NE(write({"any text", "--seed", "4", "--bias", "3"}).second, picture);
  EXPECT_NE(write({"any text", "--seed", "4", "--prime", "2"}).second, picture);
  const std::string png = deployment.home() + "/line.png";
  EXPECT_EQ(deployment.RunClient({"write", "any text", "--job", "j1", "-o", png}).first, 0);
  EXPECT_THAT(*PosixFileSystem().Read(png), StartsWith("\x89PNG"));
  EXPECT_EQ(write({""}).first, 2);
  EXPECT_EQ(write({"a\tb"}).first, 2);
  EXPECT_EQ(write({"any text", "--prime", "9"}).first, 2) << "there are 8 training lines";
}

TEST(PenTest, APaperOfOnesOwnIsReproduced) {
  Deployment deployment({"--slots", "2"});
  const std::string manifest = deployment.home() + "/mine.yaml", out = deployment.home() + "/out";
  ASSERT_TRUE(PosixFileSystem()
                  .AtomicWrite(manifest, R"(schema: 2
id: mine
title: A pen of one's own
items:
  pen:
    title: Two pens
    place: Figure 1
    experiment: handwriting
    fields: {dataset: synthetic_pen, scale: per_line, units: 16, max_steps: 60, train_lines: 8, test_lines: 4}
    x: {series: train/update, unit: update}
    metrics:
      nll: {label: NLL, unit: nats, series: test/nll, digits: 1}
    arms:
      none: {label: Baseline, fields: {norm: none}}
      layer: {label: LayerNorm, fields: {norm: layer}}
    reference: printed.csv
    budgets:
      tiny: {summary: a try, seeds: 3, end: 4, fields: {updates: 4, evaluation_interval: 2}}
    claims:
      - {id: lower, statement: LayerNorm writes better, rule: lower, metric: nll, arm: layer, than: none}
)")
                  .ok());
  EXPECT_EQ(deployment.RunClient({"reproduce", manifest, "--budget", "tiny", "--out", out}).first, 2)
      << "printed.csv is not beside it";
  ASSERT_TRUE(
      PosixFileSystem().AtomicWrite(deployment.home() + "/printed.csv", "arm,from,to,nll\nnone,2,4,100\n").ok());
  const auto [code, text] = deployment.RunClient({"reproduce", manifest, "--budget", "tiny", "--out", out});
  ASSERT_EQ(code, 0) << text;
  EXPECT_THAT(text, HasSubstr("Two pens (Figure 1), budget tiny"));
  for (const char* file : {"report.html", "table.tex", "figure.png", "figure.svg"}) {
    EXPECT_TRUE(std::filesystem::exists(out + "/" + file)) << file;
  }
  const auto [again, reused] =
      deployment.RunClient({"reproduce", manifest, "--budget", "tiny", "--out", out, "--json"});
  EXPECT_EQ(again, 0);
  EXPECT_THAT(reused, HasSubstr("\"reused\": true"));
  EXPECT_EQ(deployment.RunClient({"reproduce", manifest, "--budget", "huge"}).first, 2);
}

TEST(PenTest, AStoredJobIsVerifiedBitForBit) {
  Deployment deployment({"--no-workers"});
  deployment.StartWorker({"--threads", "1", "--once", "--checkpoint-interval", "0"});
  const auto [code, out] = deployment.RunClient({"submit",
                                                 "handwriting",
                                                 "--dataset",
                                                 "synthetic_pen",
                                                 "--scale",
                                                 "per_line",
                                                 "--norm",
                                                 "layer",
                                                 "--units",
                                                 "16",
                                                 "--max-steps",
                                                 "60",
                                                 "--updates",
                                                 "150",
                                                 "--evaluation-interval",
                                                 "50",
                                                 "--train-lines",
                                                 "8",
                                                 "--test-lines",
                                                 "4",
                                                 "--watch"});
  ASSERT_EQ(code, 0) << out;
  const auto [same, text] = deployment.RunClient({"verify", "j1", "--threads", "2"});
  EXPECT_EQ(same, 0) << text;
  EXPECT_THAT(text, HasSubstr("j1 is identical: "));
  EXPECT_THAT(deployment.RunClient({"verify", "j1", "--json"}).second, HasSubstr("\"identical\": true"));
  const auto [last, tail] = deployment.RunClient({"verify", "j1", "--last", "1"});
  EXPECT_EQ(last, 0) << tail;
  EXPECT_THAT(tail, HasSubstr("j1 is identical from update "));
  EXPECT_EQ(deployment.RunClient({"verify", "j1", "--last", "150"}).first, 2);
  EXPECT_THAT(deployment.ClientLog(), HasSubstr("j1 has no checkpoint of at most 0 updates; it has those of 1"));
  EXPECT_EQ(deployment.RunClient({"verify", "j2"}).first, 2) << "there is no such job";
}

// Points $NORMLAB_DATA, which programs inherit, at a folder of the test's own.
class ImportedPenTest : public testing::Test {
 protected:
  ImportedPenTest() {
    if (const char* const before = std::getenv("NORMLAB_DATA")) {
      before_ = before;
    }
    ::setenv("NORMLAB_DATA", folder_.path().c_str(), 1);
  }
  ~ImportedPenTest() override { before_ ? ::setenv("NORMLAB_DATA", before_->c_str(), 1) : ::unsetenv("NORMLAB_DATA"); }
  // What `normlab data import iam_ondb` leaves of recordings that differ with `seed`.
  void Import(std::uint64_t seed) {
    std::filesystem::create_directories(folder_.path() + "/iam_ondb");
    const std::string content = data::FormatPenFile(data::DrawSyntheticLines(seed, 200));
    ASSERT_TRUE(PosixFileSystem().AtomicWrite(folder_.path() + "/iam_ondb/lines.txt", content).ok());
  }
  static std::vector<std::string> SubmitWords() {
    return {"submit",        "handwriting", "--dataset",    "iam_ondb", "--scale",   "per_line",
            "--units",       "16",          "--max-steps",  "60",       "--updates", "20",
            "--train-lines", "8",           "--test-lines", "4",        "--watch"};
  }

  ScratchFolder folder_;
  std::optional<std::string> before_;
};

TEST_F(ImportedPenTest, RunsOfAnotherImportAreOtherRuns) {
  Deployment deployment({"--slots", "1"});
  EXPECT_EQ(deployment.RunClient(SubmitWords()).first, 2);
  EXPECT_THAT(deployment.ClientLog(), HasSubstr("data set iam_ondb is not on the server's machine; get it with: "));
  Import(1);
  ASSERT_EQ(deployment.RunClient(SubmitWords()).first, 0) << deployment.ClientLog();
  EXPECT_THAT(deployment.RunClient(SubmitWords()).second, HasSubstr("reused"));
  Import(2);
  const auto [code, out] = deployment.RunClient(SubmitWords());
  ASSERT_EQ(code, 0) << deployment.ClientLog();
  EXPECT_THAT(out, testing::Not(HasSubstr("reused")));
  EXPECT_NE(deployment.Get("j2").identity(), deployment.Get("j1").identity());
  const auto [compared, table] = deployment.RunClient({"compare", "j1", "j2"});
  EXPECT_EQ(compared, 0);
  EXPECT_THAT(table, testing::AllOf(HasSubstr("data_sha256="), testing::Not(HasSubstr("repeats"))));
  EXPECT_NE(deployment.RunClient({"verify", "j1"}).first, 0);
  EXPECT_THAT(deployment.ClientLog(), HasSubstr("the job was fed iam_ondb with sha256"));
  EXPECT_EQ(deployment.RunClient({"verify", "j2"}).first, 0);
}

TEST_F(RunTest, TheCommandLineSubmitsAndFollows) {
  Deployment deployment({"--slots", "1"});
  const auto [code, out] =
      deployment.RunClient({"submit", "mnist_mlp", "--dataset", AvailableDataset(), "--hidden-units", "32", "--passes",
                            "2", "--train-images", "1000", "--test-images", "200", "--watch"});
  EXPECT_EQ(code, 0) << out;
  const auto [jobs_code, jobs] = deployment.RunClient({"jobs", "--json"});
  EXPECT_EQ(jobs_code, 0);
  EXPECT_THAT(jobs, HasSubstr(deployment.Get("j1").fingerprint()));
  EXPECT_EQ(deployment.RunClient({"submit", "mnist_mlp", "--hidden-units", "0"}).first, 2)
      << "a wrong field is a usage error";
}

TEST_F(RunTest, AnyNumberOfThreadsGivesTheSameBits) {
  Deployment deployment({"--no-workers"});
  v1::JobSpec spec = SmallSpec();
  spec.mutable_mnist_mlp()->set_hidden_units(400);  // wide enough for the kernels to use a team
  spec.mutable_mnist_mlp()->set_passes(4);
  std::vector<Result> results;
  for (const char* threads : {"1", "2", "3"}) {
    const pid_t worker = deployment.StartWorker({"--threads", threads, "--once"});
    results.push_back(RunUndisturbed(deployment, spec));
    EXPECT_EQ(deployment.WaitForExit(worker), 0);
  }
  for (std::size_t i = 1; i < results.size(); ++i) {
    EXPECT_EQ(results[i].fingerprint, results[0].fingerprint) << i + 1 << " threads";
    EXPECT_TRUE(results[i].curve == results[0].curve) << i + 1 << " threads";
  }
}

TEST_F(RunTest, AnotherSeedGivesOtherBits) {
  Deployment deployment({"--slots", "1"});
  v1::JobSpec spec = SmallSpec();
  spec.mutable_mnist_mlp()->set_passes(2);
  const Result first = RunUndisturbed(deployment, spec);
  spec.set_seed(spec.seed() + 1);
  EXPECT_NE(RunUndisturbed(deployment, spec).fingerprint, first.fingerprint);
}

TEST_F(RunTest, ACancelledJobIsContinuedByResume) {
  Deployment deployment({"--slots", "1"});
  const std::string id = deployment.Submit(EndlessSpec());
  deployment.WaitForPoints(id);
  const v1::Job cancelled = deployment.CancelBeyond(id, 0);
  EXPECT_LT(cancelled.steps_done(), cancelled.steps_total());
  const Curve before = deployment.ReadCurve(id);
  const std::string resumed = deployment.Resume(id);
  ExpectSameBeginning(deployment, resumed, cancelled.steps_done(), EndlessSpec(), before);
  EXPECT_EQ(deployment.Get(id).state(), v1::JOB_STATE_CANCELLED) << "a terminal state changed";
}

TEST_F(RunTest, AGracefulRestartGoesOnWhereItWas) {
  Deployment deployment({"--slots", "1"});
  const std::string id = deployment.Submit(EndlessSpec());
  deployment.WaitForPoints(id);
  deployment.EndServer(SIGTERM);
  EXPECT_FALSE(std::filesystem::is_empty(deployment.home() + "/checkpoints")) << "the worker left a checkpoint";
  deployment.StartServer();
  const Curve before = deployment.ReadCurve(id);
  EXPECT_EQ(ExpectSameBeginning(deployment, id, before.size(), EndlessSpec(), before).attempt(), 2);
}

}  // namespace
}  // namespace normlab::e2e
