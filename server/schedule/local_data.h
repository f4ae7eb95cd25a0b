// local_data.h - the data sets that jobs are fed, as far as the server knows: those on this machine, where its own
// workers look for them, and what workers elsewhere said that they found.
//
// Thread safety: all methods, any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"

namespace normlab::server {

class LocalData {
 public:
  // No directories: there are no local workers, and nobody here knows what others have.
  explicit LocalData(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  // What keeps a job that is fed `dataset` from running here, with the command that gets the data; empty: nothing, or
  // nobody knows. Files are looked for by name; a worker verifies their content.
  std::string Missing(std::string_view dataset) const;

  // SHA-256 of what a set holds that the registry does not pin: here, else where a worker last found it. Empty: the set is
  // pinned, or nobody knows. The first call for a file reads it, up to a second for a whole IAM-OnDB.
  std::string Content(std::string_view dataset) const ABSL_LOCKS_EXCLUDED(mutex_);
  // What a worker found, last of all.
  void Learn(const std::string& dataset, const std::string& sha256) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A file as it was when it was read: another content shows in one of these.
  using Stamp = std::vector<std::int64_t>;
  struct Read {
    Stamp stamp;
    std::string sha256;
  };
  static Stamp StampOf(const std::string& path);

  const std::vector<std::string> directories_;
  mutable Mutex mutex_;
  mutable std::map<std::string, Read> read_ ABSL_GUARDED_BY(mutex_);                // by path
  std::map<std::string, std::string, std::less<>> learnt_ ABSL_GUARDED_BY(mutex_);  // by data set
};

}  // namespace normlab::server
