// A checkpoint outlives a power cut: its file is synced before it gets its name, the name is synced before the row is.
//
// A power cut of the file system itself cannot be played here. What is checked is the order of the calls that the file
// system's promise rests on; this program's fsync, fdatasync and rename note themselves and then do their work.
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "tests/results/store/fixture.h"

namespace {

std::mutex g_mutex;
std::vector<std::string> g_calls;
std::atomic<bool> g_noting = false;

void Note(std::string_view call, const std::filesystem::path& path) {
  if (g_noting) {
    const std::lock_guard lock(g_mutex);
    g_calls.push_back(fmt::format("{} {}", call, path.filename().string()));
  }
}

std::filesystem::path PathOf(int fd) { return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd)); }

}  // namespace

extern "C" int fsync(int fd) {
  Note("sync", PathOf(fd));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
  Note("sync", PathOf(fd));
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
extern "C" int rename(const char* from, const char* to) noexcept {
  const int result = static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
  Note("rename to", to);
  return result;
}

namespace normlab::store {
namespace {

using SyncOrderTest = StoreTest;
using testing::ElementsAre;
using testing::MatchesRegex;

TEST_F(SyncOrderTest, FileThenNameThenRow) {
  const AttemptId attempt = CreateAndLease("a");
  g_noting = true;
  ASSERT_OK(PutCheckpoint(attempt, 10, "weights"));
  g_noting = false;
  const std::lock_guard lock(g_mutex);
  EXPECT_THAT(g_calls, ElementsAre(MatchesRegex("sync j1-step10-.*\\.tmp-.*"), MatchesRegex("rename to j1-step10-.*"),
                                   "sync checkpoints", "sync normlab.db-wal"));
}

TEST_F(SyncOrderTest, ANewDirectoryIsSyncedIntoItsParent) {
  g_calls.clear();
  g_noting = true;
  const absl::Status made = PosixFileSystem().MakeDirectories(folder_.path() + "/home/checkpoints");
  g_noting = false;
  ASSERT_OK(made);
  EXPECT_THAT(g_calls, ElementsAre("sync " + std::filesystem::path(folder_.path()).filename().string(), "sync home"));
}

}  // namespace
}  // namespace normlab::store
