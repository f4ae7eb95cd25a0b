#include "data/locate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "base/sha256.h"
#include "data/gzip.h"
#include "data/mapped_file.h"
#include "data/sha256_sums.h"

namespace normlab::data {
namespace {

// gzip adds 18 bytes, a name, and 5 bytes to each block it cannot shrink.
std::int64_t MaxStoredBytes(const DataFile& file) { return file.bytes + file.bytes / 1000 + 4096; }

absl::Status Missing(const DatasetInfo& dataset, const DataFile& file, const std::vector<std::string>& directories) {
  std::string text = fmt::format("data set {} is not on this machine: no {} (nor .gz) in {}. Get it with: {}",
                                 dataset.name, file.candidates.empty() ? file.name : file.candidates.front(),
                                 fmt::join(directories, ", "), dataset.obtain);
  if (IsPinned(dataset) && dataset.debian.package.empty()) {
    text +=
        fmt::format(". Or, if you have the {} official files, plain or .gz, in a folder: normlab data import {} FOLDER",
                    dataset.files.size(), dataset.name);
  }
  return absl::NotFoundError(text);
}

// A list of hashes stands for the files beside it that it names.
absl::Status CheckListed(std::string_view list, const std::string& path) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<FileSum> sums, ParseSums(list, path));
  for (const FileSum& sum : sums) {
    const std::string beside = (std::filesystem::path(path).parent_path() / sum.name).string();
    NORMLAB_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(beside));
    NORMLAB_RETURN_IF_ERROR(CheckSum(sum, file->bytes(), beside));
  }
  return absl::OkStatus();
}

absl::Status Check(const DataFile& file, const std::string& path) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string content, ReadVerified(file, path));
  return file.name == kSumsName ? CheckListed(content, path) : absl::OkStatus();
}

}  // namespace

std::optional<std::string> Locate(const DataFile& file, const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    for (const std::string& candidate : file.candidates) {
      std::string path = directory + "/" + candidate;
      std::error_code error;
      // A file that may not be looked at counts as found: reading it then says what is wrong.
      if (std::filesystem::exists(path, error) || error == std::errc::permission_denied) {
        return path;
      }
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::string> ReadVerified(const DataFile& file, const std::string& path) {
  NORMLAB_ASSIGN_OR_RETURN(std::string raw, ReadBounded(path, MaxStoredBytes(file)));
  NORMLAB_ASSIGN_OR_RETURN(std::string content, Uncompressed(std::move(raw), file.bytes, path));
  if (file.sha256.empty()) {
    return content;  // the user's own import
  }
  if (const std::string hash = Sha256Hex(content); hash != file.sha256) {
    return absl::DataLossError(
        fmt::format("{}: not the {} normlab knows: its content ({} bytes) has sha256 {}, expected {} ({} bytes); "
                    "remove or replace it",
                    path, file.name, content.size(), hash, file.sha256, file.bytes));
  }
  return content;
}

absl::StatusOr<std::string> LocateOrExplain(const DatasetInfo& dataset, const DataFile& file,
                                            const std::vector<std::string>& directories) {
  std::optional<std::string> path = Locate(file, directories);
  if (!path.has_value()) {
    return Missing(dataset, file, directories);
  }
  return *std::move(path);
}

absl::StatusOr<std::string> LocateAndRead(const DatasetInfo& dataset, const DataFile& file,
                                          const std::vector<std::string>& directories) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string path, LocateOrExplain(dataset, file, directories));
  return ReadVerified(file, path);
}

std::vector<FileReport> Verify(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  std::vector<FileReport> reports;
  for (const DataFile& file : dataset.files) {
    const std::optional<std::string> path = Locate(file, directories);
    if (!path.has_value()) {
      reports.push_back({file.name, FileReport::State::kMissing, "", ""});
      continue;
    }
    const absl::Status status = Check(file, *path);
    reports.push_back(
        {file.name, status.ok() ? FileReport::State::kOk : FileReport::State::kWrong, *path, Message(status)});
  }
  return reports;
}

}  // namespace normlab::data
