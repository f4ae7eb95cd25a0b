// Checkpoints and artifacts: what is kept, what a crash or damage leaves.
#include <algorithm>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <span>

#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// Notes how much is asked for at once.
class MeasuredFile : public ReadableFile {
 public:
  MeasuredFile(std::unique_ptr<ReadableFile> file, std::size_t& largest) : file_(std::move(file)), largest_(largest) {}
  std::uint64_t size() const override { return file_->size(); }
  absl::StatusOr<std::size_t> Read(std::uint64_t offset, std::span<char> out) const override {
    largest_ = std::max(largest_, out.size());
    return file_->Read(offset, out);
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  std::size_t& largest_;
};

// Lets the real file system work, until told otherwise.
class FaultyFs : public FileSystem {
 public:
  absl::StatusOr<std::string> Read(const std::string& path) override { return real_.Read(path); }
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    if (const auto before = std::exchange(before_open, nullptr)) {
      before();
    }
    NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, real_.Open(path));
    return std::make_unique<MeasuredFile>(std::move(file), largest_read);
  }
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
  std::function<void()> before_open;  // called once
  std::size_t largest_read = 0;       // bytes

 private:
  FileSystem& real_ = PosixFileSystem();
};

class FilesTest : public StoreTest {
 protected:
  static constexpr std::int64_t kWeekMs = std::int64_t{7} * 24 * 3'600'000;

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

  std::uint64_t NewestStep() { return store_->OpenCheckpoint(attempt_.job)->info.step; }

  FaultyFs faulty_;
  AttemptId attempt_;
};

TEST_F(FilesTest, ACheckpointIsReadBack) {
  const std::string bytes("we\0ights", 8);
  ASSERT_OK(PutCheckpoint(attempt_, 100, bytes));
  Reopen();
  const auto checkpoint = store_->OpenCheckpoint(attempt_.job);
  ASSERT_OK(checkpoint.status());
  EXPECT_EQ(checkpoint->info.step, 100u);
  EXPECT_EQ(CheckpointBytes(attempt_.job), bytes);
}

TEST_F(FilesTest, AFileIsNeverWholeInMemory) {
  const std::string piece(1 << 20, 'w');
  auto file = store_->NewCheckpointFile(attempt_, 1);
  ASSERT_OK(file.status());
  std::uint32_t crc32c = 0;
  for (int i = 0; i < 8; ++i) {
    ASSERT_OK((*file)->Append(piece));
    crc32c = Crc32c(piece, crc32c);
  }
  ASSERT_OK(store_->PutCheckpoint(attempt_, {1, 8 * piece.size(), crc32c}, *std::move(file)));
  const auto checkpoint = store_->OpenCheckpoint(attempt_.job);
  ASSERT_OK(checkpoint.status());
  EXPECT_EQ(checkpoint->file->size(), 8 * piece.size());
  EXPECT_GT(faulty_.largest_read, 0u) << "it was checked";
  EXPECT_LE(faulty_.largest_read, piece.size());
}

TEST_F(FilesTest, AnOpenFileOutlivesItsRemoval) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "weights"));
  ASSERT_OK(PutArtifact(attempt_, {"a", "t", 1}, "picture"));
  const auto checkpoint = store_->OpenCheckpoint(attempt_.job);
  const auto artifact = store_->OpenArtifact(attempt_.job, "a");
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  ASSERT_OK(store_->Delete({}, attempt_.job));
  EXPECT_THAT(In("checkpoints"), SizeIs(0));
  std::string piece(3, ' ');
  EXPECT_EQ(*checkpoint->file->Read(4, piece), 3u);
  EXPECT_EQ(piece, "hts");
  EXPECT_EQ(*artifact->file->Read(6, piece), 1u) << "fewer at the end";
  EXPECT_EQ(piece, "ets");
  EXPECT_EQ(*artifact->file->Read(7, piece), 0u);
}

TEST_F(FilesTest, ACheckpointThatIsReplacedWhileItIsOpenedIsNoDamage) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "old"));
  faulty_.before_open = [this] {
    for (const std::uint64_t step : {20, 30}) {
      ASSERT_OK(PutCheckpoint(attempt_, step, "new"));
    }
  };
  const auto checkpoint = store_->OpenCheckpoint(attempt_.job);
  ASSERT_OK(checkpoint.status());
  EXPECT_EQ(checkpoint->info.step, 30u);
}

TEST_F(FilesTest, WhatIsNotAsAnnouncedIsRefusedAndLeavesNothing) {
  const auto written = [this](bool checkpoint) {
    auto file = checkpoint ? store_->NewCheckpointFile(attempt_, 10) : store_->NewArtifactFile(attempt_, "a");
    EXPECT_OK((*file)->Append("weights"));
    return *std::move(file);
  };
  for (const auto& [size, crc32c] : std::initializer_list<std::pair<std::uint64_t, std::uint32_t>>{
           {6, Crc32c("weight")}, {8, Crc32c("weights")}, {7, Crc32c("Weights")}, {0, 0}}) {
    const absl::Status checkpoint = store_->PutCheckpoint(attempt_, {10, size, crc32c}, written(true));
    EXPECT_THAT(checkpoint, HasCode(absl::StatusCode::kDataLoss));
    EXPECT_THAT(Message(checkpoint), HasSubstr("send it again"));
    EXPECT_THAT(store_->PutArtifact(attempt_, {"a", "t", 1, size, crc32c}, written(false)),
                HasCode(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(In("checkpoints"), SizeIs(0));
  EXPECT_THAT(In("artifacts"), SizeIs(0));
  EXPECT_THAT(store_->OpenCheckpoint(attempt_.job).status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(FilesTest, TheLastTwoAreKept) {
  for (std::uint64_t step : {10, 20, 30}) {
    ASSERT_OK(PutCheckpoint(attempt_, step, fmt::format("w{}", step)));
  }
  EXPECT_THAT(In("checkpoints"), SizeIs(2));
  EXPECT_EQ(NewestStep(), 30u);
  EXPECT_EQ(CheckpointBytes(attempt_.job, 29), "w20");
  EXPECT_EQ(CheckpointBytes(attempt_.job, 20), "w20");
  const absl::Status none = store_->OpenCheckpoint(attempt_.job, 19).status();
  EXPECT_THAT(none, HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Message(none), testing::HasSubstr("has no checkpoint of at most 19 updates; it has those of 30 and 20"));
}

TEST_F(FilesTest, ARepeatedStepReplacesItsFile) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "first"));
  ASSERT_OK(PutCheckpoint(attempt_, 10, "second"));
  EXPECT_THAT(In("checkpoints"), SizeIs(1));
  EXPECT_EQ(CheckpointBytes(attempt_.job), "second");
}

TEST_F(FilesTest, ADamagedNewestFallsBackToTheOneBefore) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "first"));
  ASSERT_OK(PutCheckpoint(attempt_, 20, "second"));
  std::fstream(FileOfStep(20), std::ios::in | std::ios::out).write("S", 1);
  EXPECT_EQ(NewestStep(), 10u);
  std::filesystem::resize_file(FileOfStep(10), 3);
  const absl::Status status = store_->OpenCheckpoint(attempt_.job).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Message(status), HasSubstr("3 bytes, expected 5"));
  std::filesystem::remove(FileOfStep(20));
  std::filesystem::remove(FileOfStep(10));
  EXPECT_THAT(store_->OpenCheckpoint(attempt_.job).status(), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(FilesTest, ResumeUsesTheNewestGoodCheckpoint) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "first"));
  ASSERT_OK(PutCheckpoint(attempt_, 20, "second"));
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, 25)}).status());
  std::filesystem::resize_file(FileOfStep(20), 1);
  ASSERT_OK(FinishAs(attempt_, JobState::kFailed).status());
  const auto made = store_->ResumeAsNew({}, attempt_.job);
  ASSERT_OK(made.status());
  EXPECT_EQ(CheckpointBytes(made->id), "first");
  EXPECT_EQ(store_->ReadCurve(made->id, "loss", {})->points_total, 10u);
}

TEST_F(FilesTest, WhatACrashLeftIsRemovedOnOpen) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "good"));
  ASSERT_OK(PutArtifact(attempt_, {"a.txt", "text/plain", 1}, "text"));
  store_.reset();
  std::ofstream(folder_.path() + "/checkpoints/j1-step20-deadbeef-0") << "renamed, but its row was never committed";
  std::ofstream(folder_.path() + "/checkpoints/j1-step30-deadbeef-1.tmp-1-2") << "half wri";
  std::ofstream(folder_.path() + "/artifacts/j1-x-deadbeef-2") << "orphan";
  Reopen();
  EXPECT_THAT(In("checkpoints"), SizeIs(2)) << "what was being written is gone";
  EXPECT_THAT(In("artifacts"), SizeIs(2));
  now_ms_ += kWeekMs;
  Reopen();
  EXPECT_THAT(In("checkpoints"), SizeIs(1));
  EXPECT_THAT(In("artifacts"), SizeIs(1));
  EXPECT_EQ(CheckpointBytes(attempt_.job), "good");
  EXPECT_EQ(ArtifactBytes(attempt_.job, "a.txt"), "text");
}

TEST_F(FilesTest, RestoringAnOldDatabaseKeepsTheFilesOfTheNewerOne) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "old"));
  store_.reset();
  const std::string db = folder_.path() + "/normlab.db";
  const std::string backup = *PosixFileSystem().Read(db);
  now_ms_ += 3 * kWeekMs;
  Reopen();
  ASSERT_OK(PutCheckpoint(attempt_, 20, "newer"));
  ASSERT_OK(PutCheckpoint(attempt_, 30, "newest"));
  store_.reset();
  const std::string present = *PosixFileSystem().Read(db);
  ASSERT_OK(PosixFileSystem().AtomicWrite(db, backup));
  now_ms_ += kWeekMs;
  Reopen();
  Reopen();
  store_.reset();
  ASSERT_OK(PosixFileSystem().AtomicWrite(db, present));
  Reopen();
  EXPECT_EQ(CheckpointBytes(attempt_.job), "newest");
  EXPECT_EQ(CheckpointBytes(attempt_.job, 20), "newer");
}

TEST_F(FilesTest, ACrashBetweenRowAndRemovalLeavesAConsistentStore) {
  faulty_.on_remove = absl::UnavailableError("the process died here");
  for (const std::uint64_t step : {1, 2, 3, 4}) {
    ASSERT_OK(PutCheckpoint(attempt_, step, fmt::format("w{}", step)));
  }
  EXPECT_THAT(In("checkpoints"), SizeIs(4));
  faulty_.on_remove = absl::OkStatus();
  Reopen();
  now_ms_ += kWeekMs;
  Reopen();
  EXPECT_THAT(In("checkpoints"), SizeIs(2));
  EXPECT_EQ(CheckpointBytes(attempt_.job), "w4");
}

TEST_F(FilesTest, AFullDiskRefusesTheFileAndKeepsTheRest) {
  ASSERT_OK(PutCheckpoint(attempt_, 10, "good"));
  faulty_.on_create = absl::ResourceExhaustedError("no space left");
  EXPECT_THAT(PutCheckpoint(attempt_, 20, "more"), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(PutArtifact(attempt_, {"a", "t", 1}, "x"), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(NewestStep(), 10u);
  faulty_.on_create = absl::OkStatus();
  EXPECT_OK(PutCheckpoint(attempt_, 20, "more"));
}

TEST_F(FilesTest, OnlyFilesOfTheStoreArePublished) {
  auto foreign = PosixFileSystem().Create(folder_.path() + "/foreign");
  EXPECT_THAT(store_->PutCheckpoint(attempt_, {}, *std::move(foreign)), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(store_->PutCheckpoint(attempt_, {}, nullptr), HasCode(absl::StatusCode::kInvalidArgument));
  auto artifact = store_->NewArtifactFile(attempt_, "a");
  EXPECT_THAT(store_->PutCheckpoint(attempt_, {}, *std::move(artifact)), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(FilesTest, ArtifactsAreListedReadAndReplaced) {
  ASSERT_OK(PutArtifact(attempt_, {"weights.safetensors", "application/octet-stream", 100}, "abc"));
  ASSERT_OK(PutArtifact(attempt_, {"samples.png", "image/png", 50}, "old"));
  ASSERT_OK(PutArtifact(attempt_, {"samples.png", "image/png", 60}, "newer"));
  Reopen();
  const auto all = store_->ListArtifacts(attempt_.job);
  ASSERT_OK(all.status());
  ASSERT_THAT(*all, SizeIs(2));
  EXPECT_EQ((*all)[0].name, "samples.png");
  EXPECT_EQ((*all)[0].step, 60u);
  EXPECT_EQ((*all)[0].size, 5u);
  EXPECT_EQ((*all)[1].media_type, "application/octet-stream");
  EXPECT_EQ(ArtifactBytes(attempt_.job, "samples.png"), "newer");
  EXPECT_THAT(In("artifacts"), SizeIs(2));
  EXPECT_THAT(store_->OpenArtifact(attempt_.job, "none").status(), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(FilesTest, ADamagedArtifactIsDataLoss) {
  ASSERT_OK(PutArtifact(attempt_, {"a", "t", 1}, "abc"));
  std::fstream(In("artifacts").front(), std::ios::in | std::ios::out).write("X", 1);
  EXPECT_THAT(store_->OpenArtifact(attempt_.job, "a").status(), HasCode(absl::StatusCode::kDataLoss));
}

TEST_F(FilesTest, ArtifactNamesCannotLeaveTheirFolder) {
  for (const std::string name :
       {"", "../x", "a/b", "/etc/passwd", ".hidden", "-rf", "a b", "a\n", "a\\b", "%2e%2e", "\xc3\xa9"}) {
    EXPECT_THAT(PutArtifact(attempt_, {name, "t", 1}, "x"), HasCode(absl::StatusCode::kInvalidArgument)) << name;
  }
  EXPECT_THAT(PutArtifact(attempt_, {std::string(129, 'a'), "t", 1}, "x"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(PutArtifact(attempt_, {std::string(128, 'a'), "t", 1}, "x"));
  EXPECT_THAT(store_->PutArtifact(attempt_, {"../a", "t", 1}, *store_->NewArtifactFile(attempt_, "a")),
              HasCode(absl::StatusCode::kInvalidArgument));
  RecordReliability(32, "11 names refused");
}

}  // namespace
}  // namespace normlab::store
