// local_data.h - the data sets that lie on this machine, where its own workers look for them.
//
// Thread safety: all methods, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normlab::server {

class LocalData {
 public:
  // No directories: there are no local workers, and nobody here knows what others have.
  explicit LocalData(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  // What keeps a job that is fed `dataset` from running here, with the command that gets the data; empty: nothing, or
  // nobody knows. Files are looked for by name; a worker verifies their content.
  std::string Missing(std::string_view dataset) const;

 private:
  const std::vector<std::string> directories_;
};

}  // namespace normlab::server
