#include "server/schedule/local_data.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "data/content.h"
#include "data/locate.h"
#include "data/registry.h"

namespace normlab::server {

std::string LocalData::Missing(std::string_view dataset) const {
  const data::DatasetInfo* const info = data::FindDataset(dataset);
  if (directories_.empty() || info == nullptr ||
      std::all_of(info->files.begin(), info->files.end(),
                  [this](const data::DataFile& file) { return data::Locate(file, directories_).has_value(); })) {
    return "";
  }
  return fmt::format("data set {} is not on the server's machine; get it with: {}", dataset, info->obtain);
}

LocalData::Stamp LocalData::StampOf(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    return {};
  }
  return {static_cast<std::int64_t>(status.st_dev),
          static_cast<std::int64_t>(status.st_ino),
          status.st_size,
          status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec,
          status.st_ctim.tv_sec,
          status.st_ctim.tv_nsec};
}

std::string LocalData::Content(std::string_view dataset) const {
  const data::DatasetInfo* const info = data::FindDataset(dataset);
  if (info == nullptr || data::IsPinned(*info)) {
    return "";
  }
  const data::DataFile& file = info->files.front();
  const std::optional<std::string> path = data::Locate(file, directories_);
  const MutexLock lock(mutex_);
  if (!path.has_value()) {
    const auto learnt = learnt_.find(dataset);
    return learnt == learnt_.end() ? "" : learnt->second;
  }
  Stamp stamp = StampOf(*path);
  Read& read = read_[*path];
  if (stamp.empty() || read.stamp != stamp) {
    const absl::StatusOr<data::Content> content = data::ReadContent(file, *path);
    if (!content.ok()) {
      Log(LogLevel::kWarning, "data_not_readable", {{"dataset", dataset}, {"why", Message(content.status())}});
    }
    read = {std::move(stamp), content.ok() ? content->sha256 : ""};
  }
  return read.sha256;
}

void LocalData::Learn(const std::string& dataset, const std::string& sha256) {
  const MutexLock lock(mutex_);
  learnt_[dataset] = sha256;
}

}  // namespace normlab::server
