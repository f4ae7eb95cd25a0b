#include "base/paths.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_split.h"

namespace normlab {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string UserFolder() {
  if (std::string home = Environment("HOME"); !home.empty()) {
    return home;
  }
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_dir : "";
}

}  // namespace

std::string DefaultHome() {
  if (std::string home = Environment("NORMLAB_HOME"); !home.empty()) {
    return home;
  }
  if (std::string xdg = Environment("XDG_DATA_HOME"); !xdg.empty()) {
    return xdg + "/normlab";
  }
  const std::string user = UserFolder();
  return user.empty() ? "" : user + "/.local/share/normlab";
}

std::string SocketPath(const std::string& home) { return home + "/run/normlabd.sock"; }

std::string TensorboardSocketPath(const std::string& home) { return home + "/run/tensorboard.sock"; }

std::string TensorboardCertificatePath(const std::string& home) { return home + "/run/tensorboard.pem"; }

std::string UsersPath(const std::string& socket) { return socket + ".users"; }

std::vector<std::string> DataDirectories(const std::string& home) {
  std::vector<std::string> directories = absl::StrSplit(Environment("NORMLAB_DATA"), ':', absl::SkipEmpty());
  directories.push_back(home + "/data");
  if (home != DefaultHome()) {
    directories.push_back(OwnDataDirectory());
  }
  directories.push_back("/usr/share/datasets");
  return directories;
}

std::string OwnDataDirectory() { return DefaultHome() + "/data"; }

std::string CacheDirectory() { return DefaultHome() + "/cache"; }

std::string ExecutableDirectory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace normlab
