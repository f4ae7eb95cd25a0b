#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/fs.h"
#include "base/sha256.h"
#include "data/coco/captions.h"
#include "data/coco/coco.h"
#include "data/gzip.h"
#include "data/npy.h"
#include "data/sha256_sums.h"

namespace normlab::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostCaptionBytes = std::int64_t{1} << 28;
constexpr std::int64_t kMostFeatures = 1 << 20;
constexpr double kNearUnit = 1e-3;  // lengths so near 1 are those of float arithmetic

// The words that releases call a split by.
std::vector<std::string> WordsOf(std::string_view split) {
  return split == "validation" ? std::vector<std::string>{"validation", "val", "dev"}
                               : std::vector<std::string>{std::string(split)};
}

// Whether the file `name` in `subfolder` is a split's, called by its words.
bool IsSplitFile(const std::string& subfolder, const std::string& name, const std::string& word, bool captions) {
  const std::string suffix = word + (captions ? "_caps.txt" : "_ims.npy");
  if (subfolder.empty() && (name == suffix || name.ends_with("_" + suffix))) {
    return true;
  }
  return name == word + (captions ? ".txt" : ".npy");
}

// A split's file, the first in the order of folders and words. kNotFound, or kInvalidArgument if two would do.
absl::StatusOr<std::string> FindSplitFile(const std::string& folder, std::string_view split, bool captions) {
  const std::vector<std::string> words = WordsOf(split);
  const std::vector<std::string> subfolders =
      captions ? std::vector<std::string>{"", "captions"} : std::vector<std::string>{"", "images", "images/10crop"};
  std::vector<std::string> found;
  for (const std::string& subfolder : subfolders) {
    const absl::StatusOr<std::vector<std::string>> names = PosixFileSystem().List(folder + "/" + subfolder);
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
      if (std::any_of(words.begin(), words.end(),
                      [&](const std::string& word) { return IsSplitFile(subfolder, name, word, captions); })) {
        found.push_back((fs::path(folder) / subfolder / name).string());
      }
    }
  }
  if (found.size() > 1) {
    return absl::InvalidArgumentError(fmt::format("{}: {} are all {} of the {} split; leave one there", folder,
                                                  fmt::join(found, ", "), captions ? "captions" : "features", split));
  }
  if (found.empty()) {
    const char* const ending = captions ? "txt" : "npy";
    return absl::NotFoundError(
        fmt::format("{}: no {} of the {} split; expected {}.{} in it or in {}, or a file ending in "
                    "_{}_{}.{}",
                    folder, captions ? "captions" : "features", split, words.back(), ending,
                    captions ? "captions/" : "images/10crop/", words.back(), captions ? "caps" : "ims", ending));
  }
  return found.front();
}

// One split on its way in: what it is read from and what of it is written.
struct Incoming {
  std::string captions_path, features_path;
  CaptionLines captions;
  std::unique_ptr<ReadableFile> features;
  NpyMatrix matrix;
};

absl::StatusOr<Incoming> Open(const std::string& folder, std::string_view split) {
  Incoming in;
  NORMLAB_ASSIGN_OR_RETURN(in.captions_path, FindSplitFile(folder, split, true));
  NORMLAB_ASSIGN_OR_RETURN(in.features_path, FindSplitFile(folder, split, false));
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, ReadBounded(in.captions_path, kMostCaptionBytes));
  NORMLAB_ASSIGN_OR_RETURN(in.captions, ParseCaptions(text, in.captions_path));
  NORMLAB_ASSIGN_OR_RETURN(in.features, PosixFileSystem().Open(in.features_path));
  std::string beginning(std::min(in.features->size(), kMostNpyHeader), '\0');
  NORMLAB_ASSIGN_OR_RETURN(const std::size_t read, in.features->Read(0, beginning));
  beginning.resize(read);
  NORMLAB_ASSIGN_OR_RETURN(in.matrix, ParseNpyHeader(beginning, in.features->size(), in.features_path));
  const auto captions = static_cast<std::int64_t>(in.captions.captions.size());
  if (captions != kCaptionsPerImage * in.matrix.rows) {
    return absl::DataLossError(
        fmt::format("{}: has {} captions, and {} features of {} images; expected {} captions, {} an image, the "
                    "captions of an image "
                    "one after the other in the order of the images",
                    in.captions_path, captions, in.features_path, in.matrix.rows, kCaptionsPerImage * in.matrix.rows,
                    kCaptionsPerImage));
  }
  if (in.matrix.columns > kMostFeatures) {
    return absl::DataLossError(fmt::format("{}: {} features an image; expected at most {}", in.features_path,
                                           in.matrix.columns, kMostFeatures));
  }
  return in;
}

// A file that is hashed while it is written.
class HashedFile {
 public:
  explicit HashedFile(std::unique_ptr<PendingFile> file) : file_(std::move(file)) {}

  absl::Status Append(std::string_view bytes) {
    hash_.Update(bytes);
    return file_->Append(bytes);
  }
  absl::Status Publish() { return file_->Publish(); }
  std::string Hash() { return hash_.Hex(); }

 private:
  std::unique_ptr<PendingFile> file_;
  Sha256 hash_;
};

// Scales a row to length 1 and counts what it was. kDataLoss for a value that is no number.
absl::Status ToUnitLength(const Incoming& in, std::int64_t row, std::span<float> values, CocoReport::Split& report) {
  double squares = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return absl::DataLossError(fmt::format(
          "{}: byte {}: feature {} of image {} is {}; expected a finite number", in.features_path,
          in.matrix.offset + sizeof(float) * (static_cast<std::uint64_t>(row) * values.size() + i), i, row, values[i]));
    }
    squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  const double length = std::sqrt(squares);
  if (length == 0.0) {
    ++report.without_features;
  } else if (std::abs(length - 1.0) > kNearUnit) {
    ++report.rescaled;
    std::transform(values.begin(), values.end(), values.begin(),
                   [length](float v) { return static_cast<float>(static_cast<double>(v) / length); });
  }
  return absl::OkStatus();
}

absl::Status CopyFeatures(const Incoming& in, HashedFile& out, CocoReport::Split& report,
                          const std::function<void(std::int64_t)>& done) {
  NORMLAB_RETURN_IF_ERROR(out.Append(NpyHeader(in.matrix.rows, in.matrix.columns)));
  std::vector<float> values(static_cast<std::size_t>(in.matrix.columns));
  const std::span<char> bytes(reinterpret_cast<char*>(values.data()), values.size() * sizeof(float));
  for (std::int64_t row = 0; row < in.matrix.rows; ++row) {
    const std::uint64_t at = in.matrix.offset + static_cast<std::uint64_t>(row) * bytes.size();
    NORMLAB_ASSIGN_OR_RETURN(const std::size_t read, in.features->Read(at, bytes));
    if (read != bytes.size()) {
      return absl::DataLossError(fmt::format("{}: byte {}: the file has become shorter", in.features_path, at + read));
    }
    NORMLAB_RETURN_IF_ERROR(ToUnitLength(in, row, values, report));
    NORMLAB_RETURN_IF_ERROR(out.Append({bytes.data(), bytes.size()}));
    done(static_cast<std::int64_t>(bytes.size()));
  }
  return absl::OkStatus();
}

// The files of one split, written and not yet published.
struct Written {
  std::vector<HashedFile> files;
  std::vector<std::string> names;
};

absl::Status Write(const Incoming& in, const std::string& folder, std::string_view split, Written& written,
                   CocoReport::Split& report, const std::function<void(std::int64_t)>& done) {
  for (const bool captions : {true, false}) {
    const std::string name = fmt::format("{}.{}", split, captions ? "txt" : "npy");
    NORMLAB_ASSIGN_OR_RETURN(std::unique_ptr<PendingFile> file, PosixFileSystem().Create(folder + "/" + name));
    HashedFile& out = written.files.emplace_back(std::move(file));
    written.names.push_back(name);
    if (captions) {
      NORMLAB_RETURN_IF_ERROR(out.Append(fmt::format("{}\n", fmt::join(in.captions.captions, "\n"))));
    } else {
      NORMLAB_RETURN_IF_ERROR(CopyFeatures(in, out, report, done));
    }
  }
  report.images = in.matrix.rows;
  report.features = in.matrix.columns;
  report.without_words = in.captions.without_words;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CocoReport> ImportCoco(const std::string& folder, const std::string& directory,
                                      const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::vector<Incoming> splits;
  std::int64_t total = 0, done = 0;
  for (const std::string_view split : kCocoSplits) {
    NORMLAB_ASSIGN_OR_RETURN(Incoming in, Open(folder, split));
    total += static_cast<std::int64_t>(in.features->size() - in.matrix.offset);
    splits.push_back(std::move(in));
    if (splits.back().matrix.columns != splits.front().matrix.columns) {
      return absl::DataLossError(fmt::format("{}: {} features an image; expected {}, as in {}",
                                             splits.back().features_path, splits.back().matrix.columns,
                                             splits.front().matrix.columns, splits.front().features_path));
    }
  }
  CocoReport report{.splits = {}, .stored = directory + "/coco", .sha256 = ""};
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(report.stored));
  Written written;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    NORMLAB_RETURN_IF_ERROR(Write(splits[i], report.stored, kCocoSplits[i], written, report.splits[i],
                                  [&](std::int64_t bytes) { progress(done += bytes, total); }));
  }
  std::vector<FileSum> sums;
  for (std::size_t i = 0; i < written.files.size(); ++i) {
    NORMLAB_RETURN_IF_ERROR(written.files[i].Publish());
    sums.push_back({written.files[i].Hash(), written.names[i]});
  }
  const std::string list = FormatSums(sums);
  report.sha256 = Sha256Hex(list);
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(fmt::format("{}/{}", report.stored, kSumsName), list));
  return report;
}

}  // namespace normlab::data
