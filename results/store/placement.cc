#include "results/store/placement.h"

#include <fmt/format.h>
#include <sys/vfs.h>

#include <cstdint>

namespace normlab::store {

std::string_view NetworkFileSystem(long type) {
  switch (static_cast<std::uint32_t>(type)) {  // linux/magic.h has only some of them
    case 0x6969:
      return "NFS";
    case 0x517B:
    case 0xFE534D42:
    case 0xFF534D42:
      return "SMB";
    case 0x5346414F:
      return "AFS";
    default:
      return {};
  }
}

absl::Status CheckPlacement(const std::string& directory) {
  struct statfs status {};
  if (::statfs(directory.c_str(), &status) != 0) {
    return absl::OkStatus();  // the opening that follows says what is wrong
  }
  const std::string_view network = NetworkFileSystem(static_cast<long>(status.f_type));
  return network.empty()
             ? absl::OkStatus()
             : absl::FailedPreconditionError(fmt::format(
                   "{} lies on {}: SQLite's write-ahead log needs memory shared through the file, and locks "
                   "that hold, which a network file system does not give; choose a directory on a local disk",
                   directory, network));
}

}  // namespace normlab::store
