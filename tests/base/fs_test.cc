#include "base/fs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/scratch_folder.h"

namespace normlab {
namespace {

class FsTest : public testing::Test {
 protected:
  const ScratchFolder folder_;
  const std::string& dir_ = folder_.path();
};

TEST_F(FsTest, AtomicWriteReplacesTheWholeFile) {
  FileSystem& fs = PosixFileSystem();
  ASSERT_TRUE(fs.AtomicWrite(dir_ + "/a", "first, and longer").ok());
  ASSERT_TRUE(fs.AtomicWrite(dir_ + "/a", "second").ok());
  EXPECT_EQ(*fs.Read(dir_ + "/a"), "second");
  EXPECT_THAT(*fs.List(dir_), testing::ElementsAre("a"));
}

TEST_F(FsTest, UnpublishedFileLeavesNothing) {
  FileSystem& fs = PosixFileSystem();
  {
    auto file = fs.Create(dir_ + "/a");
    ASSERT_TRUE((*file)->Append("half").ok());
  }
  EXPECT_THAT(*fs.List(dir_), testing::IsEmpty());
}

TEST_F(FsTest, MissingFileIsNotFoundAndNamed) {
  const absl::Status status = PosixFileSystem().Read(dir_ + "/none").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/none"));
}

TEST_F(FsTest, AnOpenFileIsReadAnywhereAndOutlivesItsName) {
  FileSystem& fs = PosixFileSystem();
  ASSERT_TRUE(fs.AtomicWrite(dir_ + "/a", "0123456789").ok());
  const auto file = fs.Open(dir_ + "/a");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(fs.Remove(dir_ + "/a").ok());
  EXPECT_EQ((*file)->size(), 10u);
  std::string piece(4, ' ');
  EXPECT_EQ(*(*file)->Read(3, piece), 4u);
  EXPECT_EQ(piece, "3456");
  EXPECT_EQ(*(*file)->Read(8, piece), 2u);
  EXPECT_EQ(piece, "8956");
  EXPECT_EQ(*(*file)->Read(10, piece), 0u);
  EXPECT_EQ(fs.Open(dir_ + "/a").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(FsTest, ReadSmallRefusesWhatIsLarge) {
  FileSystem& fs = PosixFileSystem();
  ASSERT_TRUE(fs.AtomicWrite(dir_ + "/a", "0123456789").ok());
  const auto file = fs.Open(dir_ + "/a");
  EXPECT_EQ(*ReadSmall(**file, 10), "0123456789");
  EXPECT_EQ(ReadSmall(**file, 9).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FsTest, SecondLockNamesTheHolder) {
  auto first = FileLock::Acquire(dir_ + "/lock", "pid 42");
  ASSERT_TRUE(first.ok());
  const auto second = FileLock::Acquire(dir_ + "/lock", "pid 43");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), testing::HasSubstr("pid 42"));
  first->reset();
  EXPECT_TRUE(FileLock::Acquire(dir_ + "/lock", "pid 43").ok());
}

}  // namespace
}  // namespace normlab
