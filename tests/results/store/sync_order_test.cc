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

#include "tests/reliability.h"
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

// However many wait.
TEST_F(SyncOrderTest, ALeaseOutOfALongQueueCostsTwoSyncsAtMost) {
  constexpr int kJobs = 10'000, kLeases = 20;
  for (int i = 0; i < kJobs; i += 1'000) {
    std::vector<NewJob> jobs;
    for (int k = 0; k < 1'000; ++k) {
      jobs.push_back(MakeJob(fmt::format("job {}", i + k)));
    }
    ASSERT_OK(store_->CreateJobs({}, jobs).status());
  }
  g_calls.clear();
  g_noting = true;
  for (int i = 0; i < kLeases; ++i) {
    LeaseOne();
  }
  g_noting = false;
  const std::lock_guard lock(g_mutex);
  EXPECT_GE(g_calls.size(), static_cast<std::size_t>(kLeases)) << "a lease that was given is on disk";
  EXPECT_LE(g_calls.size(), 2u * kLeases);
  RecordReliability(12, fmt::format("{} leases out of {} jobs: {} syncs", kLeases, kJobs, g_calls.size()));
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
