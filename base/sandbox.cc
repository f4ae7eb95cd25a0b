#include "base/sandbox.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/system_calls.h"

namespace normlab {
namespace {

// A sanitizer's runtime starts processes that trace this one, and reads /proc.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NORMLAB_TRACES_ITSELF 1
#elif defined(__has_feature)
#define NORMLAB_TRACES_ITSELF (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define NORMLAB_TRACES_ITSELF 0
#endif
constexpr bool kTracesItself = NORMLAB_TRACES_ITSELF;

// Libraries that are loaded late, the zone of log lines, names of hosts, cores, random numbers. Not /proc/self.
void AddSystem(LandlockRules& rules) {
  for (const char* const path : {"/lib",
                                 "/lib64",
                                 "/usr/lib",
                                 "/usr/lib64",
                                 "/etc/ld.so.cache",
                                 "/etc/ssl/openssl.cnf",
                                 "/etc/ssl/certs",
                                 "/etc/localtime",
                                 "/usr/share/zoneinfo",
                                 "/etc/hosts",
                                 "/etc/host.conf",
                                 "/etc/resolv.conf",
                                 "/etc/nsswitch.conf",
                                 "/etc/gai.conf",
                                 "/proc/cpuinfo",
                                 "/proc/meminfo",
                                 "/proc/stat",
                                 "/proc/sys/vm/overcommit_memory",
                                 "/sys/devices/system/cpu",
                                 "/sys/devices/system/node",
                                 "/dev/urandom",
                                 "/dev/random"}) {
    rules.read_only.emplace_back(path);
  }
  rules.devices.emplace_back("/dev/null");
}

// Never above what is there already: a hard limit can only be lowered.
absl::Status Limit(decltype(RLIMIT_CORE) what, const char* name, std::uint64_t most) {
  rlimit limit{};
  ::getrlimit(what, &limit);
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, most);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, limit.rlim_max);
  return ::setrlimit(what, &limit) == 0 ? absl::OkStatus()
                                        : absl::UnavailableError(fmt::format("set {}: {}", name, std::strerror(errno)));
}

absl::Status SetLimits(const SandboxOptions& options) {
  NORMLAB_RETURN_IF_ERROR(Limit(RLIMIT_CORE, "RLIMIT_CORE", 0));
  NORMLAB_RETURN_IF_ERROR(Limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", options.open_files));
  NORMLAB_RETURN_IF_ERROR(Limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", options.file_bytes));
  return options.address_space ? Limit(RLIMIT_AS, "RLIMIT_AS", *options.address_space) : absl::OkStatus();
}

absl::Status ForbidNewPrivileges() {
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
             ? absl::OkStatus()
             : absl::UnavailableError(fmt::format("set no_new_privs: {}", std::strerror(errno)));
}

std::ptrdiff_t CountThreads() {
  std::error_code error;
  return std::distance(std::filesystem::directory_iterator("/proc/self/task", error),
                       std::filesystem::directory_iterator());
}

SandboxLayer Restrict(LandlockRules rules) {
  if (const std::ptrdiff_t threads = CountThreads(); threads > 1) {
    return {"landlock", fmt::format("{} threads run already", threads)};
  }
  AddSystem(rules);
  const absl::StatusOr<int> version = RestrictByLandlock(rules);
  return version.ok() ? SandboxLayer{fmt::format("landlock ABI {}", *version), ""}
                      : SandboxLayer{"landlock", Message(version.status())};
}

SandboxLayer Layer(const char* name, const absl::Status& entered) {
  return {name, entered.ok() ? "" : Message(entered)};
}

}  // namespace

std::vector<SandboxLayer> EnterSandbox(const SandboxOptions& options) {
  if constexpr (kTracesItself) {
    const std::string why = "this build has a sanitizer, which traces it";
    return {Layer("rlimits", Limit(RLIMIT_CORE, "RLIMIT_CORE", 0)), {"landlock", why}, {"seccomp", why}};
  }
  std::vector<SandboxLayer> layers;
  layers.push_back(Layer("no_new_privs", ForbidNewPrivileges()));
  layers.push_back(Layer("rlimits", SetLimits(options)));
  layers.push_back(Restrict(options.allowed));
  layers.push_back(Layer("seccomp", RefuseSystemCalls(/*internet=*/!options.allowed.connect.empty())));
  return layers;
}

std::string SandboxText(const std::vector<SandboxLayer>& layers) {
  std::vector<std::string> there;
  std::string missing;
  for (const SandboxLayer& layer : layers) {
    if (layer.missing.empty()) {
      there.push_back(layer.name);
    } else {
      missing += fmt::format("; not {}: {}", layer.name, layer.missing);
    }
  }
  return (there.empty() ? "none" : fmt::format("{}", fmt::join(there, ", "))) + missing;
}

}  // namespace normlab
