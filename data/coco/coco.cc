#include "data/coco/coco.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/sha256.h"
#include "data/coco/captions.h"
#include "data/gzip.h"
#include "data/locate.h"
#include "data/mapped_file.h"
#include "data/npy.h"
#include "data/sha256_sums.h"

namespace normlab::data {
namespace {

// The file that the list names so, mapped and checked.
absl::StatusOr<std::shared_ptr<const MappedFile>> OpenChecked(const std::string& folder, const std::string& name,
                                                              const std::vector<FileSum>& sums) {
  const auto sum = std::find_if(sums.begin(), sums.end(), [&](const FileSum& s) { return s.name == name; });
  if (sum == sums.end()) {
    return absl::DataLossError(fmt::format("{}/{}: names no {}; import the data set again", folder, kSumsName, name));
  }
  const std::string path = folder + "/" + name;
  NORMLAB_ASSIGN_OR_RETURN(auto file, MappedFile::Open(path));
  NORMLAB_RETURN_IF_ERROR(CheckSum(*sum, file->bytes(), path));
  return file;
}

absl::StatusOr<CaptionedImages> LoadSplit(const std::string& folder, std::string_view split,
                                          const std::vector<FileSum>& sums) {
  const std::string text_name = fmt::format("{}.txt", split), rows_name = fmt::format("{}.npy", split);
  NORMLAB_ASSIGN_OR_RETURN(const auto text, OpenChecked(folder, text_name, sums));
  NORMLAB_ASSIGN_OR_RETURN(const auto rows, OpenChecked(folder, rows_name, sums));
  NORMLAB_ASSIGN_OR_RETURN(CaptionLines lines, ParseCaptions(text->bytes(), folder + "/" + text_name));
  const std::string source = folder + "/" + rows_name;
  const std::string_view bytes = rows->bytes();
  NORMLAB_ASSIGN_OR_RETURN(const NpyMatrix matrix,
                           ParseNpyHeader(bytes.substr(0, kMostNpyHeader), bytes.size(), source));
  if (matrix.offset % sizeof(float) != 0 ||
      static_cast<std::int64_t>(lines.captions.size()) != kCaptionsPerImage * matrix.rows) {
    return absl::DataLossError(fmt::format("{}: is not as the import writes it; import the data set again", source));
  }
  return CaptionedImages{.features = {.data = reinterpret_cast<const float*>(bytes.data() + matrix.offset),
                                      .rows = matrix.rows,
                                      .columns = matrix.columns,
                                      .owner = rows},
                         .captions = std::move(lines.captions)};
}

}  // namespace

absl::StatusOr<CaptionData> LoadCoco(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  const DataFile& list = dataset.files.front();
  NORMLAB_ASSIGN_OR_RETURN(const std::string path, LocateOrExplain(dataset, list, directories));
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, ReadBounded(path, list.bytes));
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<FileSum> sums, ParseSums(text, path));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  CaptionData data{.train = {}, .validation = {}, .test = {}, .sha256 = Sha256Hex(text)};
  CaptionedImages* const splits[] = {&data.train, &data.validation, &data.test};
  for (std::size_t i = 0; i < kCocoSplits.size(); ++i) {
    NORMLAB_ASSIGN_OR_RETURN(*splits[i], LoadSplit(folder, kCocoSplits[i], sums));
    if (splits[i]->features.columns != data.train.features.columns) {
      return absl::DataLossError(fmt::format("{}: its splits have {} and {} features an image", folder,
                                             data.train.features.columns, splits[i]->features.columns));
    }
  }
  return data;
}

}  // namespace normlab::data
