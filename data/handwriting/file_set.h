// file_set.h - the files of a folder and of the archives in it, one after the other, without unpacking anything to
// disk.
//
// Archives (.tar, .tar.gz, .tgz, .zip) are read in memory by libarchive, so no name in one can reach outside. Memory is
// bounded: a wanted file beyond `max_file_bytes` is an error.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab::data {

// By its name: .tar, .tar.gz, .tgz, .tar.xz, .zip.
bool IsArchive(std::string_view name);

struct FileVisitor {
  // Whether the content of this file is wanted. Names are paths inside the folder or archive, parts joined by '/'.
  std::function<bool(std::string_view name)> wants;
  // A wanted file; `where` is how a message should call it. An error ends the visit.
  std::function<absl::Status(const std::string& name, const std::string& where, std::string content)> take;
  // How much of all bytes on disk has been read; called often.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
};

// Visits `path`: a folder, searched to its depths, or one file or archive. In the order of names; what an archive holds
// comes in the archive's order. kNotFound: there is no such path. kDataLoss: a broken archive.
absl::Status VisitFiles(const std::string& path, const FileVisitor& visitor,
                        std::int64_t max_file_bytes = std::int64_t{64} << 20);

}  // namespace normlab::data
