#include "client/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

namespace normlab::client {
namespace {

namespace fs = std::filesystem;

constexpr int kByUmask = 0666;

std::string FolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string NextStep(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return fmt::format("make its folder first: mkdir -p {}", FolderOf(path));
    case EISDIR:
      return "it is a folder; name a file in it";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "make room or choose another place";
    case EPIPE:
      return "its reader has gone";
    default:
      return "choose a place that you may write to";
  }
}

// The end of a chain of symbolic links, which may not exist yet.
absl::StatusOr<std::string> FollowLinks(const std::string& path) {
  constexpr int kLongestChain = 40;  // as the system's own
  std::string target = path;
  for (int i = 0; i < kLongestChain; ++i) {
    std::error_code error;
    if (!fs::is_symlink(fs::symlink_status(target, error))) {
      return target;
    }
    const fs::path next = fs::read_symlink(target, error);
    if (error) {
      return CannotWrite(path, error.value());
    }
    target = (fs::path(target).parent_path() / next).string();
  }
  return CannotWrite(path, ELOOP);
}

}  // namespace

absl::Status CannotWrite(const std::string& path, int error) {
  if (error == ECANCELED) {
    return absl::CancelledError("interrupted");
  }
  const std::string text = fmt::format("cannot write {}: {}; {}", path, std::strerror(error), NextStep(path, error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(text) : absl::UnavailableError(text);
}

absl::StatusOr<std::unique_ptr<FileOutput>> FileOutput::Open(const std::string& path, std::stop_token stop) {
  std::unique_ptr<FileOutput> output(new FileOutput(path, std::move(stop)));
  NORMLAB_ASSIGN_OR_RETURN(output->target_, FollowLinks(path));
  struct stat old {};
  const bool exists = ::stat(output->target_.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) {
    return CannotWrite(path, errno);
  }
  if (exists && S_ISDIR(old.st_mode)) {
    return CannotWrite(path, EISDIR);
  }
  if (exists && ::access(output->target_.c_str(), W_OK) != 0) {
    return CannotWrite(path, errno);
  }
  const bool in_place = exists && (!S_ISREG(old.st_mode) || old.st_nlink > 1);
  NORMLAB_RETURN_IF_ERROR(in_place ? output->OpenInPlace(S_ISFIFO(old.st_mode))
                                   : output->OpenBeside(exists ? static_cast<int>(old.st_mode & 07777) : -1));
  return output;
}

// A FIFO is waited for until somebody reads it.
absl::Status FileOutput::OpenInPlace(bool fifo) {
  constexpr auto kLookAgain = std::chrono::milliseconds(50);
  for (;;) {
    fd_ = Descriptor(::open(target_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | (fifo ? O_NONBLOCK : 0)));
    if (fd_.get() >= 0) {
      return absl::OkStatus();
    }
    if (!fifo || errno != ENXIO) {
      return CannotWrite(path_, errno);
    }
    if (stop_.stop_requested()) {
      return absl::CancelledError("interrupted");
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

absl::Status FileOutput::OpenBeside(int mode_of_old) {
  std::string name = fmt::format("{}.tmp-{}", target_, ::getpid());
  ::unlink(name.c_str());  // of a process that had our number
  fd_ = Descriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kByUmask));
  if (fd_.get() < 0) {
    return CannotWrite(path_, errno);
  }
  temporary_ = std::move(name);
  if (mode_of_old >= 0 && ::fchmod(fd_.get(), static_cast<mode_t>(mode_of_old)) != 0) {
    return CannotWrite(path_, errno);
  }
  return absl::OkStatus();
}

FileOutput::~FileOutput() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

absl::Status FileOutput::Write(std::string_view data) {
  const int error = WriteAll(fd_.get(), data, stop_);
  return error == 0 ? absl::OkStatus() : CannotWrite(path_, error);
}

absl::Status FileOutput::Finish() {
  if (!temporary_.empty() && ::fsync(fd_.get()) != 0) {
    return CannotWrite(path_, errno);
  }
  if (const int error = fd_.Close(); error != 0) {
    return CannotWrite(path_, error);
  }
  if (!temporary_.empty() && std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    return CannotWrite(path_, errno);
  }
  temporary_.clear();
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, std::string_view content, const std::stop_token& stop) {
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<FileOutput> output, FileOutput::Open(path, stop));
  NORMLAB_RETURN_IF_ERROR(output->Write(content));
  return output->Finish();
}

absl::Status PrepareFolder(const std::string& folder) {
  std::error_code error;
  if (fs::create_directories(folder, error); error) {
    return CannotWrite(folder, error.value());
  }
  std::string probe = folder + "/.normlab-XXXXXX";
  const Descriptor file(::mkstemp(probe.data()));
  if (file.get() < 0) {
    return CannotWrite(folder, errno);
  }
  ::unlink(probe.c_str());
  return absl::OkStatus();
}

}  // namespace normlab::client
