// testing.h - tiny data sets of MNIST's form, made on the spot, and a directory to put them in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/registry.h"
#include "tests/scratch_folder.h"

namespace normlab::data {

class TestDirectory : public ScratchFolder {
 public:
  // Writes a file, with its parent folders; returns its path.
  std::string Write(const std::string& relative, std::string_view content) const;
};

// An IDX file of unsigned bytes.
std::string MakeIdx(const std::vector<std::uint32_t>& shape, std::string_view values);

std::string Gzip(std::string_view content);

// The four files of a data set "tiny" (12 training and 6 test images of 2 x 2 pixels) and its registry entry.
struct TinyDataset {
  DatasetInfo info;
  std::vector<std::string> contents;  // in the order of info.files
};
TinyDataset MakeTinyDataset();

// Replaces the content of one file, and the hash and size the registry entry expects.
void Replace(TinyDataset& tiny, std::size_t file, std::string content);

}  // namespace normlab::data
