#include "server/schedule/local_data.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace normlab::server
