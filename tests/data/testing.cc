#include "testing.h"

#include <zlib.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/sha256.h"

namespace normlab::data {

std::string TestDirectory::Write(const std::string& relative, std::string_view content) const {
  const std::filesystem::path file = std::filesystem::path(path()) / relative;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
  return file.string();
}

std::string MakeIdx(const std::vector<std::uint32_t>& shape, std::string_view values) {
  std::string bytes = {0, 0, 8, static_cast<char>(shape.size())};
  for (const std::uint32_t extent : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(extent >> shift));
    }
  }
  return bytes.append(values);
}

std::string Gzip(std::string_view content) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TinyDataset MakeTinyDataset() {
  TinyDataset tiny;
  tiny.info = {.name = "tiny",
               .title = "Tiny images",
               .licence = "none",
               .source = "made by a test",
               .obtain = "normlab data fetch tiny",
               .files = {},
               .npm_package = ""};
  const char* names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                         "t10k-labels-idx1-ubyte"};
  for (const char* name : names) {
    const std::string base = std::string("tiny/") + name;
    tiny.info.files.push_back({.name = name, .sha256 = "", .candidates = {base, base + ".gz"}});
  }
  tiny.contents.resize(4);
  for (std::size_t part = 0; part < 2; ++part) {
    const std::uint32_t n = part == 0 ? 12 : 6;
    std::string pixels;
    std::string labels;
    for (std::uint32_t i = 0; i < n; ++i) {
      labels.push_back(static_cast<char>(i % 10));
      for (std::uint32_t p = 0; p < 4; ++p) {
        pixels.push_back(static_cast<char>(20 * i + 5 * p));
      }
    }
    Replace(tiny, 2 * part, MakeIdx({n, 2, 2}, pixels));
    Replace(tiny, 2 * part + 1, MakeIdx({n}, labels));
  }
  return tiny;
}

void Replace(TinyDataset& tiny, std::size_t file, std::string content) {
  tiny.info.files[file].sha256 = Sha256Hex(content);
  tiny.info.files[file].bytes = static_cast<std::int64_t>(content.size());
  tiny.contents[file] = std::move(content);
}

}  // namespace normlab::data
