// Checkpoints and artifacts: what is kept, what a crash or damage leaves.
#include <fstream>

#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// Lets the real file system work, until told otherwise.
class FaultyFs : public FileSystem {
 public:
  absl::StatusOr<std::string> Read(const std::string& path) override { return real_.Read(path); }
  absl::StatusOr<std::unique_ptr<PendingFile>> Create(const std::string& path) override {
    NORMLAB_RETURN_IF_ERROR(on_create);
    return real_.Create(path);
  }
  absl::Status Remove(const std::string& path) override {
    NORMLAB_RETURN_IF_ERROR(on_remove);
    return real_.Remove(path);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override { return real_.List(directory); }
  absl::Status MakeDirectories(const std::string& directory) override { return real_.MakeDirectories(directory); }

  absl::Status on_create = absl::OkStatus();
  absl::Status on_remove = absl::OkStatus();

 private:
  FileSystem& real_ = PosixFileSystem();
};

class FilesTest : public StoreTest {
 protected:
  FilesTest() {
    fs_ = &faulty_;
    Reopen();
    attempt_ = CreateAndLease("a");
  }
  ~FilesTest() override { store_.reset(); }

  std::vector<std::filesystem::path> In(const std::string& folder) const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/" + folder)) {
      files.push_back(entry.path());
    }
    return files;
  }

  // The one file of a checkpoint.
  std::filesystem::path FileOfStep(std::uint64_t step) const {
    for (const auto& path : In("checkpoints")) {
      if (path.filename().string().find(fmt::format("step{}-", step)) != std::string::npos) {
        return path;
      }
    }
    ADD_FAILURE() << "no file of step " << step;
    return {};
  }

  std::uint64_t NewestStep() { return store_->GetCheckpoint(attempt_.job)->first.step; }

  FaultyFs faulty_;
  AttemptId attempt_;
};

TEST_F(FilesTest, ACheckpointIsReadBack) {
  const std::string bytes("we\0ights", 8);
  ASSERT_OK(PutCheckpoint(attempt_, 100, bytes));
  Reopen();
  const auto checkpoint = store_->GetCheckpoint(attempt_.job);
  ASSERT_OK(checkpoint.status());
  EXPECT_EQ(checkpoint->first.step, 100u);
  EXPECT_EQ(checkpoint->second, bytes);
}

TEST_F(FilesTest, TheLastTwoAreKept) {
  for (std::uint64_t step : {10, 20, 30}) {
    ASSERT_OK(PutCheckpoint(attempt_, step, fmt::format("w{}", step)));
  }
  EXPECT_THAT(In("checkpoints"), SizeIs(2));
  EXPECT_EQ(NewestStep(), 30u);
  EXPECT_EQ(store_->GetCheckpoint(attempt_.job, 29)->second, "w20");
  EXPECT_EQ(store_->GetCheckpoint(attempt_.job, 20)->second, "w20");
  const absl::Status none = store_->GetCheckpoint(attempt_.job, 19).status();
  EXPECT_THAT(none, HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Message(none), testing::HasSubstr("has no checkpoint of at most 19 updates; it has those of 30 and 20"));
}

TEST_F(FilesTest, ARepeatedStepReplacesItsFile) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "first"));
  ASSERT_OK(PutCheckpoint(attempt_, 10, "second"));
  EXPECT_THAT(In("checkpoints"), SizeIs(1));
  EXPECT_EQ(store_->GetCheckpoint(attempt_.job)->second, "second");
}

TEST_F(FilesTest, ADamagedNewestFallsBackToTheOneBefore) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "first"));
  ASSERT_OK(PutCheckpoint(attempt_, 20, "second"));
  std::fstream(FileOfStep(20), std::ios::in | std::ios::out).write("S", 1);
  EXPECT_EQ(NewestStep(), 10u);
  std::filesystem::resize_file(FileOfStep(10), 3);
  const absl::Status status = store_->GetCheckpoint(attempt_.job).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Message(status), HasSubstr("3 bytes, expected 5"));
  std::filesystem::remove(FileOfStep(20));
  std::filesystem::remove(FileOfStep(10));
  EXPECT_THAT(store_->GetCheckpoint(attempt_.job).status(), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(FilesTest, ResumeUsesTheNewestGoodCheckpoint) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "first"));
  ASSERT_OK(PutCheckpoint(attempt_, 20, "second"));
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, 25)}).status());
  std::filesystem::resize_file(FileOfStep(20), 1);
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  const auto made = store_->ResumeAsNew({}, attempt_.job);
  ASSERT_OK(made.status());
  EXPECT_EQ(store_->GetCheckpoint(made->id)->second, "first");
  EXPECT_EQ(store_->ReadCurve(made->id, "loss", {})->points_total, 10u);
}

TEST_F(FilesTest, WhatACrashLeftIsRemovedOnOpen) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "good"));
  ASSERT_OK(store_->PutArtifact(attempt_, {"a.txt", "text/plain", 1, 4}, "text"));
  store_.reset();
  std::ofstream(folder_.path() + "/checkpoints/j1-step20-deadbeef-0") << "renamed, but its row was never committed";
  std::ofstream(folder_.path() + "/checkpoints/j1-step30-deadbeef-1.tmp-1-2") << "half wri";
  std::ofstream(folder_.path() + "/artifacts/j1-x-deadbeef-2") << "orphan";
  Reopen();
  EXPECT_THAT(In("checkpoints"), SizeIs(1));
  EXPECT_THAT(In("artifacts"), SizeIs(1));
  EXPECT_EQ(store_->GetCheckpoint(attempt_.job)->second, "good");
  EXPECT_EQ(store_->GetArtifact(attempt_.job, "a.txt")->second, "text");
}

TEST_F(FilesTest, ACrashBetweenRowAndRemovalLeavesAConsistentStore) {
  faulty_.on_remove = absl::UnavailableError("the process died here");
  for (const std::uint64_t step : {1, 2, 3, 4}) {
    ASSERT_OK(PutCheckpoint(attempt_, step, fmt::format("w{}", step)));
  }
  EXPECT_THAT(In("checkpoints"), SizeIs(4));
  faulty_.on_remove = absl::OkStatus();
  Reopen();
  EXPECT_THAT(In("checkpoints"), SizeIs(2));
  EXPECT_EQ(store_->GetCheckpoint(attempt_.job)->second, "w4");
}

TEST_F(FilesTest, AFullDiskRefusesTheFileAndKeepsTheRest) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "good"));
  faulty_.on_create = absl::ResourceExhaustedError("no space left");
  EXPECT_THAT(PutCheckpoint(attempt_, 20, "more"), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(store_->PutArtifact(attempt_, {"a", "t", 1, 1}, "x"), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(NewestStep(), 10u);
  faulty_.on_create = absl::OkStatus();
  EXPECT_OK(PutCheckpoint(attempt_, 20, "more"));
}

TEST_F(FilesTest, OnlyFilesOfTheStoreArePublished) {
  auto foreign = PosixFileSystem().Create(folder_.path() + "/foreign");
  EXPECT_THAT(store_->PutCheckpoint(attempt_, {}, *std::move(foreign)), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(store_->PutCheckpoint(attempt_, {}, nullptr), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(FilesTest, ArtifactsAreListedReadAndReplaced) {
  ASSERT_OK(store_->PutArtifact(attempt_, {"weights.safetensors", "application/octet-stream", 100, 3}, "abc"));
  ASSERT_OK(store_->PutArtifact(attempt_, {"samples.png", "image/png", 50, 3}, "old"));
  ASSERT_OK(store_->PutArtifact(attempt_, {"samples.png", "image/png", 60, 5}, "newer"));
  Reopen();
  const auto all = store_->ListArtifacts(attempt_.job);
  ASSERT_OK(all.status());
  ASSERT_THAT(*all, SizeIs(2));
  EXPECT_EQ((*all)[0].name, "samples.png");
  EXPECT_EQ((*all)[0].step, 60u);
  EXPECT_EQ((*all)[0].size, 5u);
  EXPECT_EQ((*all)[1].media_type, "application/octet-stream");
  EXPECT_EQ(store_->GetArtifact(attempt_.job, "samples.png")->second, "newer");
  EXPECT_THAT(In("artifacts"), SizeIs(2));
  EXPECT_THAT(store_->GetArtifact(attempt_.job, "none").status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(FilesTest, ADamagedArtifactIsDataLoss) {
  ASSERT_OK(store_->PutArtifact(attempt_, {"a", "t", 1, 3}, "abc"));
  std::fstream(In("artifacts").front(), std::ios::in | std::ios::out).write("X", 1);
  EXPECT_THAT(store_->GetArtifact(attempt_.job, "a").status(), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(FilesTest, ArtifactNamesCannotLeaveTheirFolder) {
  for (const std::string name :
       {"", "../x", "a/b", "/etc/passwd", ".hidden", "-rf", "a b", "a\n", "a\\b", "%2e%2e", "\xc3\xa9"}) {
    EXPECT_THAT(store_->PutArtifact(attempt_, {name, "t", 1, 1}, "x"), HasCode(absl::StatusCode::kInvalidArgument))
        << name;
  }
  EXPECT_THAT(store_->PutArtifact(attempt_, {std::string(129, 'a'), "t", 1, 1}, "x"),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(store_->PutArtifact(attempt_, {std::string(128, 'a'), "t", 1, 1}, "x"));
  EXPECT_THAT(store_->PutArtifact(attempt_, {"a", "t", 1, 2}, "x"), HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace normlab::store
