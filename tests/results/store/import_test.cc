// Jobs that ended in another store come in whole, once.
#include <cmath>
#include <filesystem>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Job Ended(std::string identity, JobState state, std::string fingerprint) {
  Job job;
  job.id = 4711;  // of the other store
  job.spec = "spec of " + identity;
  job.experiment = "mnist_mlp";
  job.identity = std::move(identity);
  job.dataset = "mnist";
  job.state = state;
  job.created_ms = 500;
  job.started_ms = 600;
  job.finished_ms = 700;
  job.steps_done = 90;
  job.steps_total = 90;
  job.cpu_seconds = 12.5;
  job.fingerprint = std::move(fingerprint);
  job.worker = "elsewhere:7";
  job.labels = {{"who", "me"}};
  job.facts = {{"arithmetic", "AVX3"}, {"threads", "1"}};
  return job;
}

class ImportTest : public StoreTest {
 protected:
  ImportedJob Run(Job job) {
    ImportedJob run;
    run.computation = {job.identity, {{"arithmetic", job.facts["arithmetic"]}}};
    run.job = std::move(job);
    run.curves = {Ramp("train/nll", 1, 5000), Column("test/error", {10, 90}, {0.5, std::nan("")})};
    return run;
  }

  void AddArtifact(ImportedJob& run, std::string name, const std::string& bytes) {
    auto file = store_->NewImportedFile(name);
    ASSERT_OK(file.status());
    ASSERT_OK((*file)->Append(bytes));
    run.artifacts.push_back({{.name = std::move(name),
                              .media_type = "image/png",
                              .step = 90,
                              .size = bytes.size(),
                              .crc32c = Crc32c(bytes)},
                             *std::move(file)});
  }

  std::size_t ArtifactFiles() {
    const std::filesystem::directory_iterator files(folder_.path() + "/artifacts");
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
};

TEST_F(ImportTest, AJobComesInWithAllThatItMeasured) {
  ImportedJob run = Run(Ended("a", JobState::kSucceeded, "f00d"));
  AddArtifact(run, "picture.png", "pixels");
  const auto imported = store_->ImportJob(std::move(run));
  ASSERT_OK(imported.status());
  EXPECT_FALSE(imported->reused);
  Reopen();
  const auto job = store_->GetJob(imported->job.id);
  ASSERT_OK(job.status());
  EXPECT_NE(job->id, 4711);
  EXPECT_EQ(job->identity, "a");
  EXPECT_EQ(job->state, JobState::kSucceeded);
  EXPECT_EQ(job->created_ms, 500);
  EXPECT_EQ(job->started_ms, 600);
  EXPECT_EQ(job->finished_ms, 700);
  EXPECT_EQ(job->steps_done, 90u);
  EXPECT_EQ(job->cpu_seconds, 12.5);
  EXPECT_EQ(job->fingerprint, "f00d");
  EXPECT_EQ(job->worker, "elsewhere:7");
  EXPECT_EQ(job->labels.at("who"), "me");
  EXPECT_EQ(job->facts.at("threads"), "1");
  const auto curve = store_->ReadCurve(job->id, "train/nll", {});
  ASSERT_OK(curve.status());
  EXPECT_EQ(curve->values, Ramp("train/nll", 1, 5000).values);
  EXPECT_EQ(curve->wall_ms, Ramp("train/nll", 1, 5000).wall_ms);
  EXPECT_TRUE(std::isnan(store_->ReadCurve(job->id, "test/error", {})->values.back()));
  EXPECT_EQ(ArtifactBytes(job->id, "picture.png"), "pixels");
  // A later submit of the same spec is answered with it.
  EXPECT_EQ(Create("a"), job->id);
}

TEST_F(ImportTest, TheSameRunTwiceIsOne) {
  const auto first = store_->ImportJob(Run(Ended("a", JobState::kSucceeded, "f00d")));
  ImportedJob again = Run(Ended("a", JobState::kSucceeded, "f00d"));
  AddArtifact(again, "picture.png", "pixels");
  const auto second = store_->ImportJob(std::move(again));
  ASSERT_OK(second.status());
  EXPECT_TRUE(second->reused);
  EXPECT_EQ(second->job.id, first->job.id);
  EXPECT_EQ(ArtifactFiles(), 0u) << "the file of a job that was there already";
}

TEST_F(ImportTest, ADivergedRunIsToldFromAnotherByItsBirth) {
  const auto first = store_->ImportJob(Run(Ended("a", JobState::kDiverged, "")));
  EXPECT_TRUE(store_->ImportJob(Run(Ended("a", JobState::kDiverged, "")))->reused);
  Job later = Ended("a", JobState::kDiverged, "");
  later.created_ms = 501;
  const auto second = store_->ImportJob(Run(std::move(later)));
  ASSERT_OK(second.status());
  EXPECT_FALSE(second->reused);
  EXPECT_NE(second->job.id, first->job.id);
}

TEST_F(ImportTest, OtherInstructionsMayGiveOtherBitsTheSameMayNot) {
  ASSERT_OK(store_->ImportJob(Run(Ended("a", JobState::kSucceeded, "f00d"))).status());
  Job other = Ended("a", JobState::kSucceeded, "beef");
  other.facts["arithmetic"] = "AVX2";
  EXPECT_FALSE(store_->ImportJob(Run(std::move(other)))->reused);
  const absl::Status contradiction = store_->ImportJob(Run(Ended("a", JobState::kSucceeded, "dead"))).status();
  EXPECT_THAT(contradiction, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(contradiction.message(), HasSubstr("j1 is stored with the same identity"));
}

TEST_F(ImportTest, WhatIsNotWholeLeavesNothing) {
  ImportedJob under_way = Run(Ended("a", JobState::kRunning, ""));
  EXPECT_THAT(store_->ImportJob(std::move(under_way)).status(), HasCode(absl::StatusCode::kInvalidArgument));

  ImportedJob crooked = Run(Ended("a", JobState::kSucceeded, "f00d"));
  crooked.curves[1].steps = {90, 10};
  EXPECT_THAT(store_->ImportJob(std::move(crooked)).status(), HasCode(absl::StatusCode::kInvalidArgument));

  ImportedJob cut = Run(Ended("a", JobState::kSucceeded, "f00d"));
  AddArtifact(cut, "good.png", "pixels");
  AddArtifact(cut, "bad.png", "pixels");
  cut.artifacts[1].info.crc32c ^= 1;
  EXPECT_THAT(store_->ImportJob(std::move(cut)).status(), HasCode(absl::StatusCode::kDataLoss));

  EXPECT_EQ(ArtifactFiles(), 0u);
  EXPECT_TRUE(store_->ListJobs({}, {}, 10)->jobs.empty());
}

}  // namespace
}  // namespace normlab::store
