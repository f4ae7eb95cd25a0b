#include "data/handwriting/file_set.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "data/gzip.h"

namespace normlab::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBytes = std::size_t{1} << 18;

struct DiskFile {
  std::string path, name;
  std::int64_t bytes;
};

absl::StatusOr<std::vector<DiskFile>> ListFiles(const std::string& path) {
  std::error_code error;
  std::vector<DiskFile> files;
  if (fs::is_regular_file(path, error)) {
    files.push_back({path, fs::path(path).filename().string(), static_cast<std::int64_t>(fs::file_size(path, error))});
    return files;
  }
  if (!fs::is_directory(path, error)) {
    return absl::NotFoundError(fmt::format("{}: no such file or folder", path));
  }
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(path, options, error), end; it != end && !error; it.increment(error)) {
    if (it->is_regular_file(error)) {
      files.push_back({it->path().string(), it->path().lexically_relative(path).generic_string(),
                       static_cast<std::int64_t>(it->file_size(error))});
    }
  }
  if (error) {
    return absl::UnavailableError(fmt::format("{}: list its files: {}", path, error.message()));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

class ArchiveReader {
 public:
  ArchiveReader(const DiskFile& file, const FileVisitor& visitor, std::int64_t max_file_bytes)
      : file_(file),
        visitor_(visitor),
        max_file_bytes_(max_file_bytes),
        archive_(archive_read_new(), &archive_read_free) {}

  // `done` and `total`: bytes on disk before this archive, and in all.
  absl::Status Visit(std::int64_t done, std::int64_t total) {
    archive_read_support_filter_gzip(archive_.get());
    archive_read_support_filter_xz(archive_.get());
    archive_read_support_format_tar(archive_.get());
    archive_read_support_format_zip(archive_.get());
    if (archive_read_open_filename(archive_.get(), file_.path.c_str(), kReadBytes) != ARCHIVE_OK) {
      return Broken();
    }
    for (;;) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(archive_.get(), &entry);
      if (result == ARCHIVE_EOF) {
        return absl::OkStatus();
      }
      if (result != ARCHIVE_OK) {
        return Broken();
      }
      visitor_.progress(done + archive_filter_bytes(archive_.get(), -1), total);
      NORMLAB_RETURN_IF_ERROR(Take(entry));
    }
  }

 private:
  absl::Status Take(archive_entry* entry) {
    const char* path = archive_entry_pathname(entry);
    std::string name = path == nullptr ? "" : path;
    if (name.starts_with("./")) {
      name.erase(0, 2);
    }
    if (archive_entry_filetype(entry) != AE_IFREG || !visitor_.wants(name)) {
      return absl::OkStatus();
    }
    std::string content;
    const std::string where = fmt::format("{}!{}", file_.path, name);
    for (;;) {
      const std::size_t have = content.size();
      content.resize(have + kReadBytes);
      const la_ssize_t got = archive_read_data(archive_.get(), content.data() + have, kReadBytes);
      if (got < 0) {
        return Broken();
      }
      content.resize(have + static_cast<std::size_t>(got));
      if (static_cast<std::int64_t>(content.size()) > max_file_bytes_) {
        return absl::DataLossError(fmt::format("{}: more than the {} bytes a file may have", where, max_file_bytes_));
      }
      if (got == 0) {
        return visitor_.take(name, where, std::move(content));
      }
    }
  }

  absl::Status Broken() const {
    const char* reason = archive_error_string(archive_.get());
    return absl::DataLossError(fmt::format("{}: byte {}: {}", file_.path, archive_filter_bytes(archive_.get(), -1),
                                           reason != nullptr ? reason : "not an archive normlab can read"));
  }

  const DiskFile& file_;
  const FileVisitor& visitor_;
  std::int64_t max_file_bytes_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
};

}  // namespace

bool IsArchive(std::string_view name) {
  constexpr std::string_view kEndings[] = {".tar", ".tar.gz", ".tgz", ".tar.xz", ".zip"};
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](auto ending) { return name.ends_with(ending); });
}

absl::Status VisitFiles(const std::string& path, const FileVisitor& visitor, std::int64_t max_file_bytes) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<DiskFile> files, ListFiles(path));
  std::int64_t total = 0;
  for (const DiskFile& file : files) {
    total += file.bytes;
  }
  std::int64_t done = 0;
  for (const DiskFile& file : files) {
    visitor.progress(done, total);
    if (IsArchive(file.name)) {
      NORMLAB_RETURN_IF_ERROR(ArchiveReader(file, visitor, max_file_bytes).Visit(done, total));
    } else if (visitor.wants(file.name)) {
      NORMLAB_ASSIGN_OR_RETURN(std::string content, ReadBounded(file.path, max_file_bytes));
      NORMLAB_RETURN_IF_ERROR(visitor.take(file.name, file.path, std::move(content)));
    }
    done += file.bytes;
  }
  visitor.progress(total, total);
  return absl::OkStatus();
}

}  // namespace normlab::data
