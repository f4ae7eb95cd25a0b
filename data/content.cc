#include "data/content.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/descriptor.h"
#include "base/sha256.h"
#include "data/locate.h"

namespace normlab::data {
namespace {

// Counts the lines that begin with a word, however they are cut.
class LineCounter {
 public:
  explicit LineCounter(std::string_view word) : word_(word) {}

  void Take(std::string_view piece) {
    for (const char c : piece) {
      if (c == '\n') {
        at_ = 0;
      } else if (at_ < word_.size() && c != word_[at_]) {
        at_ = kDecided;
      } else if (at_ != kDecided && ++at_ >= word_.size()) {
        ++lines_;
        at_ = kDecided;
      }
    }
  }
  std::int64_t lines() const { return lines_; }

 private:
  static constexpr std::size_t kDecided = std::string_view::npos;
  std::string_view word_;
  std::size_t at_ = 0;  // characters of the word that this line began with
  std::int64_t lines_ = 0;
};

struct CloseGzip {
  void operator()(gzFile file) const { gzclose_r(file); }
};

}  // namespace

absl::StatusOr<Content> ReadContent(const DataFile& file, const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::DataLossError(fmt::format("{}: not a regular file", path));
  }
  const std::unique_ptr<gzFile_s, CloseGzip> in(gzopen(path.c_str(), "rb"));
  if (in == nullptr) {
    return SystemError(fmt::format("open {}", path), errno);
  }
  Sha256 hash;
  LineCounter counter(file.record);
  std::string piece(1 << 18, '\0');
  std::int64_t bytes = 0;
  for (int got = 0; (got = gzread(in.get(), piece.data(), static_cast<unsigned>(piece.size()))) > 0;) {
    bytes += got;
    if (bytes > file.bytes) {
      return absl::DataLossError(fmt::format("{}: its content exceeds the expected {} bytes", path, file.bytes));
    }
    const std::string_view part(piece.data(), static_cast<std::size_t>(got));
    hash.Update(part);
    counter.Take(part);
  }
  int code = Z_OK;
  const std::string_view why = gzerror(in.get(), &code);
  if (code != Z_OK) {
    return absl::DataLossError(fmt::format("{}: cannot be read after {} bytes uncompressed: {}", path, bytes, why));
  }
  return Content{hash.Hex(), counter.lines()};
}

absl::StatusOr<std::string> ImportedSha256(const DatasetInfo& dataset, const std::vector<std::string>& directories) {
  const DataFile& file = dataset.files.front();
  NORMLAB_ASSIGN_OR_RETURN(const std::string path, LocateOrExplain(dataset, file, directories));
  NORMLAB_ASSIGN_OR_RETURN(Content content, ReadContent(file, path));
  return std::move(content.sha256);
}

}  // namespace normlab::data
