#include "client/download.h"

#include <memory>

#include "client/output.h"

namespace normlab::client {
namespace {

// A file that is opened when its first piece is there, so that one the server has not leaves `path` as it was.
class Download {
 public:
  Download(const std::string& path, const std::stop_token& stop) : path_(path), stop_(stop) {}

  absl::Status Write(std::string_view piece) {
    if (file_ == nullptr) {
      NORMLAB_ASSIGN_OR_RETURN(file_, FileOutput::Open(path_, stop_));
    }
    bytes_ += piece.size();
    return file_->Write(piece);
  }
  absl::Status Finish() { return file_->Finish(); }
  PieceSink sink() {
    return [this](std::string_view piece) { return Write(piece); };
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const std::string& path_;
  const std::stop_token& stop_;
  std::unique_ptr<FileOutput> file_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<std::uint64_t> DownloadArtifact(Client& client, const std::string& job_id, const std::string& name,
                                               const std::string& path, const std::stop_token& stop) {
  Download download(path, stop);
  NORMLAB_RETURN_IF_ERROR(client.ReadArtifact(job_id, name, download.sink()));
  NORMLAB_RETURN_IF_ERROR(download.Finish());
  return download.bytes();
}

absl::StatusOr<std::uint64_t> DownloadCheckpoint(Client& client, const std::string& job_id, std::uint64_t at_most_step,
                                                 const std::string& path, const std::stop_token& stop) {
  Download download(path, stop);
  NORMLAB_ASSIGN_OR_RETURN(const std::uint64_t step, client.ReadCheckpoint(job_id, at_most_step, download.sink()));
  NORMLAB_RETURN_IF_ERROR(download.Finish());
  return step;
}

}  // namespace normlab::client
