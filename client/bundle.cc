#include "client/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/sha256.h"
#include "base/version.h"
#include "proto/older_json.h"

namespace normlab::client {
namespace {

using Json = nlohmann::ordered_json;
using nlohmann::json;

constexpr const char* kFormat = "normlab bundle 1";
constexpr const char* kAbout = "bundle.json";
constexpr const char* kSums = "SHA256SUMS";
constexpr const char* kJobFile = "job.json";
constexpr std::size_t kMaxText = std::size_t{16} << 20;     // bytes of a member that is text
constexpr std::size_t kMaxCurve = std::size_t{256} << 20;   // bytes of a curve
constexpr std::size_t kReadBytes = std::size_t{256} << 10;  // also what the server takes in one piece

}  // namespace

// --- writing ---

// The archive, and what goes into its list of checksums.
class BundleWriter::Archive {
 public:
  explicit Archive(std::unique_ptr<FileOutput> file)
      : file_(std::move(file)), archive_(archive_write_new(), &archive_write_free) {
    archive_write_set_format_zip(archive_.get());
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
    archive_write_open(archive_.get(), this, nullptr, &Archive::Write, nullptr);
  }
  ~Archive() { archive_write_fail(archive_.get()); }  // what was not finished is not written on

  absl::Status Begin(const std::string& name, std::uint64_t size) {
    NORMLAB_RETURN_IF_ERROR(End());
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), &archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    // Equal runs give equal bundles: no time of the day in them. The first that ZIP can tell:
    archive_entry_set_mtime(entry.get(), kFirstDay, 0);
    open_.emplace(name, Sha256());
    return Checked(archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK);
  }

  absl::Status Add(std::string_view data) {
    open_->second.Update(data);
    return Checked(archive_write_data(archive_.get(), data.data(), data.size()) ==
                   static_cast<la_ssize_t>(data.size()));
  }

  absl::Status AddWhole(const std::string& name, std::string_view content) {
    NORMLAB_RETURN_IF_ERROR(Begin(name, content.size()));
    return Add(content);
  }

  absl::Status Finish() {
    NORMLAB_RETURN_IF_ERROR(End());
    NORMLAB_RETURN_IF_ERROR(AddWhole(kSums, std::exchange(sums_, "")));
    NORMLAB_RETURN_IF_ERROR(Checked(archive_write_close(archive_.get()) == ARCHIVE_OK));
    return file_->Finish();
  }

 private:
  static constexpr std::time_t kFirstDay = 315'532'800 + 24 * 60 * 60;  // 2 January 1980, in any time zone

  static la_ssize_t Write(archive* archive, void* self, const void* data, std::size_t size) {
    auto& bundle = *static_cast<Archive*>(self);
    bundle.written_ = bundle.file_->Write({static_cast<const char*>(data), size});
    if (!bundle.written_.ok()) {
      archive_set_error(archive, EIO, "%s", Message(bundle.written_).c_str());
      return -1;
    }
    return static_cast<la_ssize_t>(size);
  }

  // The member that is open is whole.
  absl::Status End() {
    if (open_.has_value()) {
      sums_ += fmt::format("{}  {}\n", open_->second.Hex(), open_->first);
      open_.reset();
    }
    return absl::OkStatus();
  }

  absl::Status Checked(bool ok) const {
    if (ok) {
      return absl::OkStatus();
    }
    const char* const why = archive_error_string(archive_.get());
    return !written_.ok() ? written_ : absl::InternalError(why != nullptr ? why : "the archive could not be written");
  }

  const std::unique_ptr<FileOutput> file_;
  absl::Status written_;
  const std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::optional<std::pair<std::string, Sha256>> open_;  // the member that is being written
  std::string sums_;
};

BundleWriter::BundleWriter(std::unique_ptr<Archive> archive) : archive_(std::move(archive)) {}
BundleWriter::~BundleWriter() = default;

absl::StatusOr<std::unique_ptr<BundleWriter>> BundleWriter::Open(std::unique_ptr<FileOutput> file, std::size_t jobs) {
  std::unique_ptr<BundleWriter> writer(new BundleWriter(std::make_unique<Archive>(std::move(file))));
  const Json about = {{"format", kFormat}, {"written_by", VersionText("normlab")}, {"jobs", jobs}};
  NORMLAB_RETURN_IF_ERROR(writer->archive_->AddWhole(kAbout, about.dump(2) + "\n"));
  return writer;
}

absl::Status BundleWriter::AddJob(const BundledJob& job, const std::vector<BundledCurve>& curves,
                                  const std::vector<v1::Artifact>& artifacts) {
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  if (!google::protobuf::util::MessageToJsonString(job.job, &text, options).ok()) {
    return absl::InternalError(fmt::format("{} cannot be written as JSON", job.job.job_id()));
  }
  Json about = {
      {"job", Json::parse(text)}, {"curves", Json::array()}, {"left_out", job.left_out}, {"artifacts", Json::array()}};
  for (const BundledCurve& curve : curves) {
    about["curves"].push_back({{"series", curve.series},
                               {"file", fmt::format("curves/{}.npy", curve.series)},
                               {"points", curve.points.steps.size()}});
  }
  for (const v1::Artifact& artifact : artifacts) {
    about["artifacts"].push_back({{"name", artifact.name()},
                                  {"file", fmt::format("artifacts/{}", artifact.name())},
                                  {"media_type", artifact.media_type()},
                                  {"step", artifact.step()},
                                  {"size", artifact.size()},
                                  {"crc32c", artifact.crc32c()}});
  }
  job_ = fmt::format("jobs/{}/", job.job.job_id());
  NORMLAB_RETURN_IF_ERROR(archive_->AddWhole(job_ + kJobFile, about.dump(2) + "\n"));
  for (const BundledCurve& curve : curves) {
    NORMLAB_RETURN_IF_ERROR(
        archive_->AddWhole(fmt::format("{}curves/{}.npy", job_, curve.series), WriteNpy(curve.points)));
  }
  return absl::OkStatus();
}

absl::Status BundleWriter::BeginArtifact(const v1::Artifact& artifact) {
  return archive_->Begin(fmt::format("{}artifacts/{}", job_, artifact.name()), artifact.size());
}

absl::Status BundleWriter::AddData(std::string_view data) { return archive_->Add(data); }

absl::Status BundleWriter::Finish() { return archive_->Finish(); }

// --- reading ---

class BundleReader::Members {
 public:
  Members(const std::string& path, int fd) : path_(path), archive_(archive_read_new(), &archive_read_free) {
    archive_read_support_format_zip_streamable(archive_.get());
    ::lseek(fd, 0, SEEK_SET);
    opened_ = archive_read_open_fd(archive_.get(), fd, kReadBytes) == ARCHIVE_OK;
  }

  // False after the last one.
  absl::StatusOr<bool> Next() {
    archive_entry* entry = nullptr;
    const int result = opened_ ? archive_read_next_header(archive_.get(), &entry) : ARCHIVE_FATAL;
    if (result == ARCHIVE_EOF) {
      return false;
    }
    const char* const name = result == ARCHIVE_OK ? archive_entry_pathname(entry) : nullptr;
    if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) {
      return Broken("is not a bundle, or a damaged one");
    }
    name_ = name;
    return true;
  }

  const std::string& name() const { return name_; }

  // Up to kReadBytes of the current member; empty at its end.
  absl::StatusOr<std::string_view> Read() {
    buffer_.resize(kReadBytes);
    const la_ssize_t n = archive_read_data(archive_.get(), buffer_.data(), buffer_.size());
    if (n < 0) {
      return Broken(fmt::format("{} is damaged", name_));
    }
    return std::string_view(buffer_.data(), static_cast<std::size_t>(n));
  }

  absl::StatusOr<std::string> ReadAll(std::size_t at_most) {
    std::string content;
    for (;;) {
      NORMLAB_ASSIGN_OR_RETURN(const std::string_view piece, Read());
      content += piece;
      if (content.size() > at_most) {
        return Wrong(fmt::format("is larger than {} bytes", at_most));
      }
      if (piece.empty()) {
        return content;
      }
    }
  }

  // What is wrong with the current member.
  absl::Status Wrong(std::string_view what) const {
    return absl::DataLossError(fmt::format("{}: {} {}", path_, name_, what));
  }

 private:
  absl::Status Broken(std::string_view what) const {
    const char* const why = archive_error_string(archive_.get());
    return absl::DataLossError(
        fmt::format("{} {}{}{}", path_, what, why != nullptr ? ": " : "", why != nullptr ? why : ""));
  }

  const std::string& path_;
  const std::unique_ptr<archive, int (*)(archive*)> archive_;
  bool opened_ = false;
  std::string name_;
  std::string buffer_;
};

struct BundleReader::Contents {
  BundledJob job;
  std::vector<std::pair<std::string, std::string>> curves;      // file, series
  std::vector<std::pair<std::string, v1::Artifact>> artifacts;  // file
  std::uint64_t points = 0;
};

BundleReader::BundleReader(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
BundleReader::~BundleReader() = default;

absl::StatusOr<std::unique_ptr<BundleReader>> BundleReader::Open(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    return SystemError(path, errno);
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) {
    return absl::InvalidArgumentError(fmt::format("{} is not a plain file; save the bundle first", path));
  }
  std::unique_ptr<BundleReader> reader(new BundleReader(path, std::move(file)));
  NORMLAB_RETURN_IF_ERROR(reader->Check());
  return reader;
}

namespace {

bool IsJob(const std::string& member) { return member.ends_with(fmt::format("/{}", kJobFile)); }

template <typename Members>
absl::StatusOr<std::string> Sha256Of(Members& members) {
  Sha256 hash;
  for (;;) {
    NORMLAB_ASSIGN_OR_RETURN(const std::string_view piece, members.Read());
    if (piece.empty()) {
      return hash.Hex();
    }
    hash.Update(piece);
  }
}

}  // namespace

absl::Status BundleReader::Check() {
  Members members(path_, file_.get());
  NORMLAB_ASSIGN_OR_RETURN(const bool any, members.Next());
  if (!any || members.name() != kAbout) {
    return absl::InvalidArgumentError(
        fmt::format("{} is not a bundle; expected a file of normlab export --bundle", path_));
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::string about, members.ReadAll(kMaxText));
  const json parsed = json::parse(about, nullptr, /*allow_exceptions=*/false);
  const json format = parsed.is_object() ? parsed.value("format", json()) : json();
  if (format != kFormat) {
    return absl::InvalidArgumentError(
        fmt::format("{} has the format {}; expected \"{}\": is this normlab too old?", path_, format.dump(), kFormat));
  }
  std::string sums = fmt::format("{}  {}\n", Sha256Hex(about), kAbout);
  for (;;) {
    NORMLAB_ASSIGN_OR_RETURN(const bool found, members.Next());
    if (!found) {
      return absl::DataLossError(fmt::format("{} is cut short: it has no {}", path_, kSums));
    }
    if (members.name() == kSums) {
      break;
    }
    NORMLAB_ASSIGN_OR_RETURN(const std::string hash, Sha256Of(members));
    sums += fmt::format("{}  {}\n", hash, members.name());
    jobs_ += IsJob(members.name()) ? 1 : 0;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::string listed, members.ReadAll(kMaxText));
  if (listed != sums) {
    const auto differs = std::mismatch(sums.begin(), sums.end(), listed.begin(), listed.end()).first;
    const auto line = std::count(sums.begin(), differs, '\n') + 1;
    return absl::DataLossError(fmt::format("{}: what it holds is not what line {} of its {} says", path_, line, kSums));
  }
  return absl::OkStatus();
}

absl::StatusOr<BundleReader::Contents> BundleReader::ReadJob() {
  const std::string folder = members_->name().substr(0, members_->name().size() - std::string_view(kJobFile).size());
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, members_->ReadAll(kMaxText));
  json about = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Contents contents;
  try {
    MoveOlderFields(about.at("job"));
    const auto parsed = google::protobuf::util::JsonStringToMessage(about.at("job").dump(), &contents.job.job);
    if (!parsed.ok()) {
      return members_->Wrong(fmt::format("holds no job: {}", std::string(parsed.message())));
    }
    for (const json& curve : about.at("curves")) {
      contents.curves.emplace_back(folder + curve.at("file").get<std::string>(), curve.at("series").get<std::string>());
      contents.points += curve.at("points").get<std::uint64_t>();
    }
    contents.job.left_out = about.at("left_out").get<std::vector<std::string>>();
    for (const json& entry : about.at("artifacts")) {
      v1::Artifact artifact;
      artifact.set_name(entry.at("name").get<std::string>());
      artifact.set_media_type(entry.at("media_type").get<std::string>());
      artifact.set_step(entry.at("step").get<std::uint64_t>());
      artifact.set_size(entry.at("size").get<std::uint64_t>());
      artifact.set_crc32c(entry.at("crc32c").get<std::uint32_t>());
      contents.artifacts.emplace_back(folder + entry.at("file").get<std::string>(), std::move(artifact));
    }
  } catch (const json::exception& e) {  // the library has no other way to say so
    return members_->Wrong(fmt::format("is not as docs/BUNDLES.md says: {}", e.what()));
  }
  return contents;
}

absl::StatusOr<std::optional<BundleReader::Job>> BundleReader::Next() {
  if (members_ == nullptr) {
    members_ = std::make_unique<Members>(path_, file_.get());
  }
  do {
    NORMLAB_ASSIGN_OR_RETURN(const bool found, members_->Next());
    if (!found) {
      return std::optional<Job>();
    }
  } while (!IsJob(members_->name()));
  NORMLAB_ASSIGN_OR_RETURN(Contents contents, ReadJob());
  contents_ = std::make_unique<Contents>(std::move(contents));
  return Job{{contents_->job}, contents_->points, static_cast<std::uint32_t>(contents_->artifacts.size())};
}

absl::Status BundleReader::Expect(const std::string& file) {
  NORMLAB_ASSIGN_OR_RETURN(const bool found, members_->Next());
  return found && members_->name() == file ? absl::OkStatus()
                                           : members_->Wrong(fmt::format("stands where {} was expected", file));
}

absl::Status BundleReader::ReadParts(const BundledParts& parts) {
  for (const auto& [file, series] : contents_->curves) {
    NORMLAB_RETURN_IF_ERROR(Expect(file));
    NORMLAB_ASSIGN_OR_RETURN(const std::string bytes, members_->ReadAll(kMaxCurve));
    absl::StatusOr<NpyPoints> points = ReadNpy(bytes);
    NORMLAB_RETURN_IF_ERROR(points.ok() ? parts.curve({series, *std::move(points)})
                                        : members_->Wrong(Message(points.status())));
  }
  for (const auto& [file, artifact] : contents_->artifacts) {
    NORMLAB_RETURN_IF_ERROR(Expect(file));
    NORMLAB_RETURN_IF_ERROR(parts.artifact(artifact));
    for (;;) {
      NORMLAB_ASSIGN_OR_RETURN(const std::string_view piece, members_->Read());
      if (piece.empty()) {
        break;
      }
      NORMLAB_RETURN_IF_ERROR(parts.data(piece));
    }
  }
  return absl::OkStatus();
}

}  // namespace normlab::client
