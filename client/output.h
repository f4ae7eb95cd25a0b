// output.h - where a command's results leave: stdout, or a file of the user's.
//
// A plain file appears whole under its name when it is finished, with the mode that the umask gives (an existing one
// keeps its own). A link, a FIFO, a device or a file with several names is written into, never replaced.
//
// One thread. Errors name the target, what the system said and what to do; all of them give exit code 1. kCancelled: `stop`
// was requested while a reader kept us waiting.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/status.h"

namespace normlab::client {

class FileOutput {
 public:
  static absl::StatusOr<std::unique_ptr<FileOutput>> Open(const std::string& path, std::stop_token stop);
  ~FileOutput();  // removes what was not finished
  FileOutput(const FileOutput&) = delete;
  FileOutput& operator=(const FileOutput&) = delete;

  absl::Status Write(std::string_view data);
  // Call once, last: now it is there, whole.
  absl::Status Finish();

 private:
  FileOutput(std::string path, std::stop_token stop) : path_(std::move(path)), stop_(std::move(stop)) {}
  absl::Status OpenInPlace(bool fifo);
  absl::Status OpenBeside(int mode_of_old);

  std::string path_;  // as the user calls it
  std::stop_token stop_;
  Descriptor fd_;
  std::string target_;     // path_ with links followed
  std::string temporary_;  // takes target_'s name in the end; empty: written in place
};

// `content` into `path`, whole.
absl::Status WriteFile(const std::string& path, std::string_view content, const std::stop_token& stop);

// Makes the folder and its parents, and tells before long work whether files can be written to it.
absl::Status PrepareFolder(const std::string& folder);

// "cannot write PATH: No space left on device; make room or choose another place"
absl::Status CannotWrite(const std::string& path, int error);

}  // namespace normlab::client
