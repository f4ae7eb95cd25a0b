#include "base/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/descriptor.h"

namespace normlab {
namespace {

// The kernel's contract, as of version 7; the numbers of the calls are the same on every architecture.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr std::uint32_t kAskVersion = 1U << 0;
constexpr int kPathRule = 1;
constexpr int kPortRule = 2;

struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};
struct [[gnu::packed]] PathRule {
  std::uint64_t rights = 0;
  std::int32_t parent_fd = -1;
};
struct PortRule {
  std::uint64_t rights = 0;
  std::uint64_t port = 0;
};

constexpr std::uint64_t kWriteFile = 1U << 1;
constexpr std::uint64_t kReadFile = 1U << 2;
constexpr std::uint64_t kReadDirectory = 1U << 3;
constexpr std::uint64_t kRemoveFile = 1U << 5;
constexpr std::uint64_t kMakeRegular = 1U << 8;
constexpr std::uint64_t kTruncate = 1U << 14;
constexpr std::uint64_t kBind = 1U << 0;
constexpr std::uint64_t kConnect = 1U << 1;
constexpr std::uint64_t kBothScopes = 3;  // abstract Unix sockets, signals

// All that a version knows is given up; what a rule does not name stays so.
RulesetAttributes Known(int version) {
  RulesetAttributes known{.files = (1U << 13) - 1};
  if (version >= 2) {
    known.files |= 1U << 13;  // move a file to another folder
  }
  if (version >= 3) {
    known.files |= kTruncate;
  }
  if (version >= 4) {
    known.network = kBind | kConnect;
  }
  if (version >= 5) {
    known.files |= 1U << 15;  // ioctl of devices
  }
  if (version >= 6) {
    known.scopes = kBothScopes;
  }
  return known;
}

absl::Status Failed(std::string_view doing, int error) {
  return absl::UnavailableError(fmt::format("{}: {}", doing, std::strerror(error)));
}

absl::Status AllowPath(int ruleset, const std::string& path, std::uint64_t rights) {
  const Descriptor parent(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  if (parent.get() < 0 || ::fstat(parent.get(), &info) != 0) {
    return absl::OkStatus();
  }
  if (!S_ISDIR(info.st_mode)) {
    rights &= kReadFile | kWriteFile | kTruncate;
  }
  const PathRule rule{.rights = rights, .parent_fd = parent.get()};
  return ::syscall(kAddRule, ruleset, kPathRule, &rule, 0) == 0 ? absl::OkStatus()
                                                                : Failed(fmt::format("allow {}", path), errno);
}

absl::Status AllowPaths(int ruleset, const std::vector<std::string>& paths, std::uint64_t rights) {
  for (const std::string& path : paths) {
    NORMLAB_RETURN_IF_ERROR(AllowPath(ruleset, path, rights));
  }
  return absl::OkStatus();
}

absl::Status AllowPort(int ruleset, int port, std::uint64_t rights) {
  const PortRule rule{.rights = rights, .port = static_cast<std::uint64_t>(port)};
  return ::syscall(kAddRule, ruleset, kPortRule, &rule, 0) == 0 ? absl::OkStatus()
                                                                : Failed(fmt::format("allow port {}", port), errno);
}

absl::Status AllowPorts(int ruleset, const std::vector<int>& ports) {
  if (ports.empty()) {
    return absl::OkStatus();
  }
  for (const int port : ports) {
    NORMLAB_RETURN_IF_ERROR(AllowPort(ruleset, port, kConnect));
  }
  return AllowPort(ruleset, 0, kBind);  // gRPC learns whether there is IPv6 by binding to any free port
}

}  // namespace

absl::StatusOr<int> LandlockVersion() {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version < 1) {
    return Failed("this kernel has no Landlock, or it is turned off", errno);
  }
  return static_cast<int>(version);
}

absl::StatusOr<int> RestrictByLandlock(const LandlockRules& rules) {
  NORMLAB_ASSIGN_OR_RETURN(const int version, LandlockVersion());
  const RulesetAttributes known = Known(version);
  // An older kernel takes the longer structure as long as what it does not know is 0.
  const Descriptor ruleset(static_cast<int>(::syscall(kCreateRuleset, &known, sizeof known, 0)));
  if (ruleset.get() < 0) {
    return Failed("make a Landlock ruleset", errno);
  }
  constexpr std::uint64_t kRead = kReadFile | kReadDirectory;
  constexpr std::uint64_t kWrite = kWriteFile | kTruncate | kMakeRegular | kRemoveFile;
  NORMLAB_RETURN_IF_ERROR(AllowPaths(ruleset.get(), rules.read_only, kRead));
  NORMLAB_RETURN_IF_ERROR(AllowPaths(ruleset.get(), rules.read_write, (kRead | kWrite) & known.files));
  NORMLAB_RETURN_IF_ERROR(AllowPaths(ruleset.get(), rules.devices, kReadFile | kWriteFile));
  if (known.network != 0) {
    NORMLAB_RETURN_IF_ERROR(AllowPorts(ruleset.get(), rules.connect));
  }
  if (::syscall(kRestrictSelf, ruleset.get(), 0) != 0) {
    return Failed("enter a Landlock ruleset", errno);
  }
  return version;
}

}  // namespace normlab
