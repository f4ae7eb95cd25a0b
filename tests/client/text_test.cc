// Numbers, times, tables, bars and estimates as people read them.
#include "client/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "client/progress.h"

namespace normlab::client {
namespace {

TEST(TextTest, Durations) {
  EXPECT_EQ(FormatDuration(0), "0.0s");
  EXPECT_EQ(FormatDuration(9.94), "9.9s");
  EXPECT_EQ(FormatDuration(9.96), "10s");
  EXPECT_EQ(FormatDuration(59.6), "1m00s");
  EXPECT_EQ(FormatDuration(130), "2m10s");
  EXPECT_EQ(FormatDuration(3725), "1h02m");
  EXPECT_EQ(FormatDuration(3 * 86400 + 4 * 3600), "3d04h");
  EXPECT_EQ(FormatDuration(-1), "?");
  EXPECT_EQ(FormatDuration(std::nan("")), "?");
  EXPECT_EQ(FormatDuration(std::numeric_limits<double>::infinity()), "?");
}

TEST(TextTest, AShellReadsAQuotedWordBack) {
  EXPECT_EQ(ShellQuoted("j17"), "j17");
  for (const std::string word :
       {"", "it's", "two words", "$(echo x)", "`x`", "back\\slash", "*", "~", "a;b", "\"x\"", "#"}) {
    FILE* pipe = ::popen(("printf %s " + ShellQuoted(word)).c_str(), "r");
    char buffer[64];
    const std::size_t size = std::fread(buffer, 1, sizeof buffer, pipe);
    EXPECT_EQ(::pclose(pipe), 0);
    EXPECT_EQ(std::string(buffer, size), word);
  }
}

TEST(TextTest, Numbers) {
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
  EXPECT_EQ(FormatRate(1240.4), "1,240");
  EXPECT_EQ(FormatRate(0.0312), "0.0312");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(9'912'422), "9.9 MB");
  EXPECT_EQ(FormatBytes(999'999), "1.0 MB");
  EXPECT_EQ(FormatValue(0.0123456789), "0.0123457");
  EXPECT_EQ(FormatValue(std::nan("")), "NaN");
  EXPECT_EQ(FormatExact(0.1), "0.1");
  EXPECT_EQ(std::stod(FormatExact(0.1f)), static_cast<double>(0.1f));
  EXPECT_EQ(FormatExact(-std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST(TextTest, TableAlignsByWhatIsSeenAndLeavesNoBlanksAtLineEnds) {
  TextTable table({"A", "N", "B"}, {1});
  table.Add({"ü", "1", "x"});
  table.Add({{"abc", Paint::kRed}, "100", ""});
  EXPECT_EQ(table.Render(false), "A      N  B\nü      1  x\nabc  100\n");
  EXPECT_EQ(table.Render(true),
            "\x1b[2mA\x1b[0m      \x1b[2mN\x1b[0m  \x1b[2mB\x1b[0m\nü      1  x\n\x1b[31mabc\x1b[0m  100\n");
}

TEST(TextTest, TableIsCutToTheTerminal) {
  TextTable table({"JOB", "RUN"});
  table.Add({"j1", "mnist_mlp norm=layer"});
  EXPECT_EQ(table.Render(false, 12, true), "JOB  RUN\nj1   mnist_…\n");
  EXPECT_EQ(table.Render(false, 12, false), "JOB  RUN\nj1   mnist_~\n");
}

TEST(TextTest, WrapKeepsWords) {
  EXPECT_EQ(Wrapped("one two three", 9, 2), "  one two\n  three\n");
  EXPECT_EQ(Wrapped("unbreakable", 4, 0), "unbreakable\n");
  EXPECT_EQ(Wrapped("", 4, 0), "");
}

TEST(ProgressTest, BarFillsByEighths) {
  EXPECT_EQ(FormatBar(0, 6, true), "▕    ▏");
  EXPECT_EQ(FormatBar(0.40625, 6, true), "▕█▋  ▏");
  EXPECT_EQ(FormatBar(1, 6, true), "▕████▏");
  EXPECT_EQ(FormatBar(0.5, 6, false), "[##..]");
  EXPECT_EQ(FormatBar(std::nan(""), 6, false), "[....]");
  EXPECT_EQ(FormatBar(7, 6, false), "[####]");
}

TEST(ProgressTest, LineHasShareRateAndTimeLeft) {
  EXPECT_EQ(FormatProgress({.done = 550, .total = 1000, .per_second = 4.5}, 12, false),
            "[#####.....]   55%  4.5 steps/s  1m40s left");
  EXPECT_EQ(FormatProgress({.done = 0, .total = 0}, 12, false), "[..........]    0%");
  EXPECT_EQ(FormatProgress({.done = 999, .total = 1000, .per_second = 1e6, .unit = "B"}, 4, false),
            "[#.]   99%  1.0 MB/s  0.0s left");
}

v1::Job MakeJob(v1::JobState state, int batch_size) {
  v1::Job job;
  job.set_state(state);
  job.mutable_spec()->mutable_mnist_mlp()->set_batch_size(batch_size);
  return job;
}

// Unix times 100 to 100 + seconds.
v1::Job Done(int batch_size, int seconds) {
  v1::Job job = MakeJob(v1::JOB_STATE_SUCCEEDED, batch_size);
  job.mutable_started()->set_seconds(100);
  job.mutable_finished()->set_seconds(100 + seconds);
  return job;
}

v1::Job Running(int batch_size, int done, int total, double rate) {
  v1::Job job = MakeJob(v1::JOB_STATE_RUNNING, batch_size);
  job.set_steps_done(done);
  job.set_steps_total(total);
  job.set_steps_per_second(rate);
  return job;
}

TEST(EstimateTest, KnowsNothingBeforeTheFirstRate) {
  const Estimate estimate = EstimateJobs({MakeJob(v1::JOB_STATE_QUEUED, 4), Running(4, 0, 0, 0)}, 200);
  EXPECT_FALSE(estimate.left);
  EXPECT_EQ(estimate.share, 0);
}

TEST(EstimateTest, QueuedJobsCostWhatTheirLikeCost) {
  // Batch 4 takes 100 s, batch 128 takes 10 s; one worker, busy with half a batch-4 job.
  const std::vector<v1::Job> jobs = {Done(128, 10), Running(4, 50, 100, 1), MakeJob(v1::JOB_STATE_QUEUED, 4),
                                     MakeJob(v1::JOB_STATE_QUEUED, 128)};
  const Estimate estimate = EstimateJobs(jobs, 200);
  EXPECT_DOUBLE_EQ(*estimate.left, 50 + 100 + 10);
  EXPECT_DOUBLE_EQ(estimate.share, 60.0 / 220);
}

TEST(EstimateTest, RunningJobsShareTheRestButNoneIsSplit) {
  const std::vector<v1::Job> jobs = {Running(4, 0, 100, 1), Running(4, 90, 100, 1), MakeJob(v1::JOB_STATE_QUEUED, 4)};
  EXPECT_DOUBLE_EQ(*EstimateJobs(jobs, 200).left, 105);
  const std::vector<v1::Job> uneven = {Running(4, 0, 100, 1), Running(4, 90, 100, 1)};
  EXPECT_DOUBLE_EQ(*EstimateJobs(uneven, 200).left, 100);
}

TEST(EstimateTest, AllDoneIsAllDone) {
  const Estimate estimate = EstimateJobs({Done(4, 10), MakeJob(v1::JOB_STATE_FAILED, 4)}, 200);
  EXPECT_DOUBLE_EQ(estimate.share, 1);
  EXPECT_DOUBLE_EQ(*estimate.left, 0);
}

}  // namespace
}  // namespace normlab::client
