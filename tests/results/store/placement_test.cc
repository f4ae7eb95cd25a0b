// A store on a network file system is refused. This program's statfs says that it is one while a test wants it to.
#include "results/store/placement.h"

#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>

#include "tests/results/store/fixture.h"

namespace {

std::atomic<long> g_type = 0;

}  // namespace

extern "C" int statfs(const char* path, struct statfs* status) noexcept {
  const int result = static_cast<int>(::syscall(SYS_statfs, path, status));
  if (g_type != 0) {
    status->f_type = g_type;
  }
  return result;
}

namespace normlab::store {
namespace {

using testing::HasSubstr;

TEST(PlacementTest, AStoreOnNfsIsRefusedAndNothingMade) {
  const ScratchFolder folder;
  g_type = 0x6969;
  const absl::Status status = Store::Open(folder.path()).status();
  g_type = 0;
  EXPECT_THAT(status, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Message(status), HasSubstr(folder.path() + " lies on NFS"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_OK(Store::Open(folder.path()).status());
}

TEST(PlacementTest, LocalFileSystemsAreNone) {
  for (const long type :
       {0xEF53L, 0x01021994L, 0x9123683EL, 0x58465342L, 0x794C7630L}) {  // ext4 tmpfs btrfs xfs overlay
    EXPECT_EQ(NetworkFileSystem(type), "") << type;
  }
  EXPECT_EQ(NetworkFileSystem(0xFE534D42L), "SMB");
}

}  // namespace
}  // namespace normlab::store
