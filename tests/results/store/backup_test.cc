// Backups: of one moment, whole or not at all, beside a server at work; and what is restored is what was backed up.
#include <atomic>
#include <filesystem>
#include <thread>

#include "results/store/backup.h"
#include "tests/reliability.h"
#include "tests/results/store/damaged_store.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

bool GoOn(const UpkeepProgress&) { return true; }

class BackupTest : public DamagedStoreTest {
 protected:
  BackupTest() : attempt_(CreateAndLease("a")) {
    EXPECT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 1, 3'000)}).status());
    EXPECT_OK(PutCheckpoint(attempt_, 5, "checkpoint of step 5"));
    EXPECT_OK(PutArtifact(attempt_, {.name = "weights", .media_type = "text/plain"}, "some weights"));
    now_ms_ = 1'700'000'000'000;  // 2023-11-14T22:13:20Z
  }

  std::string Directory() const { return folder_.path() + "/backups"; }
  std::string FolderOf(const std::string& name) const { return Directory() + "/" + name; }
  BackupInfo Backup() {
    const auto made = store_->Backup(Directory(), GoOn);
    EXPECT_OK(made.status());
    return made.value_or(BackupInfo());
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    const auto backups = ListBackups(PosixFileSystem(), Directory());
    EXPECT_OK(backups.status());
    for (std::size_t i = 0; backups.ok() && i < backups->size(); ++i) {
      names.push_back((*backups)[i].name);
    }
    return names;
  }
  std::vector<std::string> Folders() const {
    std::vector<std::string> names =
        std::filesystem::exists(Directory()) ? *PosixFileSystem().List(Directory()) : std::vector<std::string>();
    std::erase_if(names, [this](const std::string& name) { return !std::filesystem::is_directory(FolderOf(name)); });
    return names;
  }

  const AttemptId attempt_;
};

TEST_F(BackupTest, HoldsWhatTheStoreHeldAndNothingLater) {
  const BackupInfo made = Backup();
  EXPECT_EQ(made.name, "2023-11-14T221320Z");
  EXPECT_EQ(made.jobs, 1u);
  EXPECT_GT(made.bytes, 4096u);
  ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", 3'001, 10)}).status());
  Create("b");

  const auto copy = OpenStore(FolderOf(made.name), {}, {});
  ASSERT_OK(copy.status());
  EXPECT_THAT((*copy)->ListJobs({}, std::nullopt, 10)->jobs, SizeIs(1));
  const auto curve = (*copy)->ReadCurve(attempt_.job, "loss", {});
  EXPECT_EQ(curve->steps, Ramp("loss", 1, 3'000).steps);
  EXPECT_EQ(curve->values, Ramp("loss", 1, 3'000).values);
  EXPECT_EQ(*ReadSmall(*(*copy)->OpenCheckpoint(attempt_.job)->file, 100), "checkpoint of step 5");
  EXPECT_EQ(*ReadSmall(*(*copy)->OpenArtifact(attempt_.job, "weights")->file, 100), "some weights");
}

TEST_F(BackupTest, NobodyElseCanReadIt) {
  const std::string folder = FolderOf(Backup().name);
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(folder).permissions() & perms::all, perms::owner_all);
  EXPECT_EQ(std::filesystem::status(folder + "/normlab.db").permissions() & perms::all,
            perms::owner_read | perms::owner_write);
}

// A copy that began anew at every commit would never end.
TEST_F(BackupTest, IsOfOneMomentWhileOthersWrite) {
  std::atomic<std::uint64_t> acknowledged = 3'000;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::uint64_t next = 3'001; !stop; next += 100) {
      ASSERT_OK(store_->AppendPoints(attempt_, {Ramp("loss", next, 100)}).status());
      acknowledged = next + 99;
    }
  });
  while (acknowledged == 3'000) {
    std::this_thread::yield();
  }
  const std::uint64_t before = acknowledged;
  std::uint64_t last = 0;
  bool forward = true;
  const auto made = store_->Backup(Directory(), [&](const UpkeepProgress& progress) {
    forward = forward && progress.done >= last && progress.done <= progress.total;
    last = progress.done;
    return true;
  });
  const std::uint64_t after = acknowledged;
  stop = true;
  writer.join();
  ASSERT_OK(made.status());
  EXPECT_TRUE(forward);
  EXPECT_GT(after, before) << "the writer waited for the backup";
  const auto copy = OpenStore(FolderOf(made->name), {}, {});
  ASSERT_OK(copy.status());
  const auto curve = (*copy)->ReadCurve(attempt_.job, "loss", {});
  ASSERT_OK(curve.status());
  EXPECT_GE(curve->steps.size(), before);
  EXPECT_EQ(curve->steps.size() % 100, 0u) << "half a call";
  EXPECT_EQ(curve->steps.back(), curve->steps.size());
  RecordReliability(21, "it ends under a writer without pause, and is of one moment");
}

// What the copied rows name is still there when its turn comes.
TEST_F(BackupTest, KeepsFilesThatAreReplacedMeanwhile) {
  bool replaced = false;
  const auto made = store_->Backup(Directory(), [&](const UpkeepProgress&) {
    if (!std::exchange(replaced, true)) {
      for (const std::uint64_t step : {6u, 7u}) {
        EXPECT_OK(PutCheckpoint(attempt_, step, "newer"));
      }
      EXPECT_OK(PutArtifact(attempt_, {.name = "weights", .media_type = "text/plain"}, "newer"));
    }
    return true;
  });
  ASSERT_OK(made.status());
  const auto copy = OpenStore(FolderOf(made->name), {}, {});
  EXPECT_EQ(*ReadSmall(*(*copy)->OpenCheckpoint(attempt_.job)->file, 100), "checkpoint of step 5");
  EXPECT_EQ(*ReadSmall(*(*copy)->OpenArtifact(attempt_.job, "weights")->file, 100), "some weights");
  EXPECT_THAT(*PosixFileSystem().List(folder_.path() + "/checkpoints"), SizeIs(2))
      << "the old one was to go afterwards";
  EXPECT_THAT(*PosixFileSystem().List(folder_.path() + "/artifacts"), SizeIs(1));
}

TEST_F(BackupTest, OfADamagedStoreThereIsNone) {
  Flip(OnlyFileIn("artifacts"), 2);
  const auto made = store_->Backup(Directory(), GoOn);
  EXPECT_THAT(made.status(), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Folders(), IsEmpty());
}

TEST_F(BackupTest, DamagedPointsGiveNoBackupEither) {
  DamageRows("UPDATE chunk SET crc32c = crc32c + 1");
  const auto made = store_->Backup(Directory(), GoOn);
  EXPECT_THAT(made.status(), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(made.status().ToString(), HasSubstr("j1 loss"));
  EXPECT_THAT(Folders(), IsEmpty());
}

TEST_F(BackupTest, GivenUpItLeavesNothing) {
  const auto made = store_->Backup(Directory(), [](const UpkeepProgress& progress) { return progress.done == 0; });
  EXPECT_THAT(made.status(), HasCode(absl::StatusCode::kCancelled));
  EXPECT_THAT(Folders(), IsEmpty());
}

TEST_F(BackupTest, OneAtATime) {
  absl::Status second;
  ASSERT_OK(store_
                ->Backup(Directory(),
                         [&](const UpkeepProgress&) {
                           second = second.ok() ? store_->Backup(Directory(), GoOn).status() : second;
                           return true;
                         })
                .status());
  EXPECT_THAT(second, HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(BackupTest, WhatACrashLeftIsNoBackupAndGoes) {
  const std::string unfinished = FolderOf("2023-11-14T000000Z");
  const std::string foreign = FolderOf("home");
  for (const std::string& folder : {unfinished, foreign}) {
    ASSERT_OK(PosixFileSystem().MakeDirectories(folder));
    ASSERT_OK(PosixFileSystem().AtomicWrite(folder + "/normlab.db", "half"));
  }
  EXPECT_THAT(Names(), IsEmpty());
  Backup();
  EXPECT_FALSE(std::filesystem::exists(unfinished));
  EXPECT_TRUE(std::filesystem::exists(foreign + "/normlab.db")) << "it is not ours to remove";
}

// Of two homes whose servers were given the same folder.
class SharedBackupsTest : public BackupTest {
 protected:
  SharedBackupsTest() {
    StoreOptions options;
    options.now_ms = [this] { return now_ms_; };
    other_ = *OpenStore(folder_.path() + "/other", options, {});
  }
  std::unique_ptr<Store> other_;
};

TEST_F(SharedBackupsTest, NoneIsMadeWhileTheOtherIsFilled) {
  absl::Status meanwhile;
  ASSERT_OK(store_
                ->Backup(Directory(),
                         [&](const UpkeepProgress&) {
                           meanwhile = other_->Backup(Directory(), GoOn).status();
                           return true;
                         })
                .status());
  EXPECT_THAT(meanwhile, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Message(meanwhile), HasSubstr("a backup of " + folder_.path()));
  EXPECT_THAT(Names(), SizeIs(1));
  EXPECT_OK(other_->Backup(Directory(), GoOn).status());
}

TEST_F(SharedBackupsTest, EachKeepsSoManyOfItsOwn) {
  const std::string first = Backup().name;
  const std::string old = Backup().name;  // of a version that did not say whose it is
  const std::string text = *PosixFileSystem().Read(FolderOf(old) + "/backup.txt");
  ASSERT_OK(PosixFileSystem().AtomicWrite(FolderOf(old) + "/backup.txt", text.substr(0, text.find("home "))));
  now_ms_ += 60'000;
  const std::string others = other_->Backup(Directory(), GoOn)->name;
  Reopen();
  now_ms_ += 60'000;
  const std::string second = Backup().name;
  now_ms_ += 60'000;
  const std::string third = Backup().name;
  EXPECT_THAT(*PruneBackups(PosixFileSystem(), Directory(), third, 2), ElementsAre(first));
  EXPECT_THAT(*PruneBackups(PosixFileSystem(), Directory(), others, 1), IsEmpty());
  EXPECT_THAT(Names(), ElementsAre(third, second, others, old));
}

TEST_F(BackupTest, AreListedNewestFirstAndRemovedByName) {
  Backup();
  Backup();  // within the same second
  now_ms_ += 60'000;
  Backup();
  EXPECT_THAT(Names(), ElementsAre("2023-11-14T221420Z", "2023-11-14T221320Z-2", "2023-11-14T221320Z"));
  ASSERT_OK(RemoveBackup(PosixFileSystem(), Directory(), "2023-11-14T221320Z-2"));
  EXPECT_THAT(Names(), ElementsAre("2023-11-14T221420Z", "2023-11-14T221320Z"));
  for (const char* name : {"2023-11-14T221320Z-2", "..", "", "../checkpoints", "2023-11-14T221320Z/../.."}) {
    EXPECT_THAT(RemoveBackup(PosixFileSystem(), Directory(), name), HasCode(absl::StatusCode::kNotFound)) << name;
  }
  EXPECT_THAT(*ListBackups(PosixFileSystem(), folder_.path() + "/nowhere"), IsEmpty());
}

class RestoreTest : public BackupTest {
 protected:
  RestoreTest() : backup_(FolderOf(Backup().name)), home_(folder_.path() + "/new") {}
  absl::Status Restore() { return RestoreBackup(PosixFileSystem(), backup_, home_, GoOn).status(); }
  bool HomeHasAStore() const { return std::filesystem::exists(home_ + "/normlab.db"); }

  const std::string backup_;
  const std::string home_;
};

TEST_F(RestoreTest, GivesBackWhatWasThere) {
  ASSERT_OK(Restore());
  const auto store = OpenStore(home_, {}, {});
  ASSERT_OK(store.status());
  EXPECT_EQ((*store)->ReadCurve(attempt_.job, "loss", {})->values, Ramp("loss", 1, 3'000).values);
  EXPECT_EQ(*ReadSmall(*(*store)->OpenCheckpoint(attempt_.job)->file, 100), "checkpoint of step 5");
  EXPECT_EQ(*ReadSmall(*(*store)->OpenArtifact(attempt_.job, "weights")->file, 100), "some weights");
  EXPECT_OK(CheckStore(PosixFileSystem(), backup_, GoOn).status()) << "the backup itself stays";
}

TEST_F(RestoreTest, LosesNoStoreThatIsThere) {
  ASSERT_OK(Restore());
  EXPECT_THAT(Restore(), HasCode(absl::StatusCode::kAlreadyExists));
}

// SQLite would play it back over the restored pages.
TEST_F(RestoreTest, NorWhatIsLeftOfOne) {
  for (const char* const left : {"normlab.db-wal", "normlab.db-shm", "normlab.db-journal"}) {
    ASSERT_OK(PosixFileSystem().MakeDirectories(home_));
    ASSERT_OK(PosixFileSystem().AtomicWrite(home_ + "/" + left, "pages of long ago"));
    const absl::Status refused = Restore();
    EXPECT_THAT(refused, HasCode(absl::StatusCode::kAlreadyExists)) << left;
    EXPECT_THAT(Message(refused), testing::AllOf(HasSubstr(left), HasSubstr("move all of " + home_ + "/normlab.db*")));
    EXPECT_FALSE(HomeHasAStore());
    EXPECT_FALSE(std::filesystem::exists(home_ + "/checkpoints")) << "nothing was copied";
    std::filesystem::remove(home_ + "/" + left);
  }
  EXPECT_OK(Restore());
}

TEST_F(RestoreTest, NorOneThatComesWhileItIsCopied) {
  const auto late = RestoreBackup(PosixFileSystem(), backup_, home_, [this](const UpkeepProgress& progress) {
    EXPECT_TRUE(progress.done < progress.total ||
                PosixFileSystem().AtomicWrite(home_ + "/normlab.db-wal", "late").ok());
    return true;
  });
  EXPECT_THAT(late.status(), HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_FALSE(HomeHasAStore());
}

TEST_F(RestoreTest, RefusesAFolderThatIsNoBackup) {
  std::filesystem::remove(backup_ + "/backup.txt");
  EXPECT_THAT(Restore(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_FALSE(HomeHasAStore());
}

TEST_F(RestoreTest, RefusesADamagedBackup) {
  Flip(OnlyFileIn("backups/" + Names().at(0) + "/checkpoints"), 1);
  EXPECT_THAT(Restore(), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(HomeHasAStore());
}

TEST_F(RestoreTest, CutShortItIsRepeated) {
  std::uint64_t asked = 0;
  const auto cut = RestoreBackup(PosixFileSystem(), backup_, home_, [&asked](const UpkeepProgress& progress) {
    ++asked;
    return progress.done < progress.total;
  });
  EXPECT_THAT(cut.status(), HasCode(absl::StatusCode::kCancelled));
  ASSERT_GT(asked, 2u);
  EXPECT_FALSE(HomeHasAStore());
  ASSERT_OK(Restore());
  EXPECT_OK(CheckStore(PosixFileSystem(), home_, GoOn).status());
}

}  // namespace
}  // namespace normlab::store
