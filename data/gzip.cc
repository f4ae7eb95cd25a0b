#include "data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <new>

#include "base/fs.h"

namespace normlab::data {
namespace {

constexpr std::int64_t kPiece = 1 << 18;

bool BeginsLikeGzip(std::string_view raw) { return raw.substr(0, 2) == "\x1f\x8b"; }

// Owns zlib's state for one gzip stream in memory.
class Inflater {
 public:
  explicit Inflater(std::string_view compressed) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));  // zlib does not write to it
    stream_.avail_in = static_cast<uInt>(compressed.size());
    ok_ = inflateInit2(&stream_, 15 + 16) == Z_OK;  // largest window, gzip wrapper only
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills up to `size` bytes at `out`; returns how many. Sets the result() of zlib.
  std::int64_t Next(char* out, std::int64_t size) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    result_ = ok_ ? inflate(&stream_, Z_NO_FLUSH) : Z_MEM_ERROR;
    return size - static_cast<std::int64_t>(stream_.avail_out);
  }
  // A gzip file may consist of several members, one after the other.
  bool NextMember() { return stream_.avail_in > 0 && inflateReset(&stream_) == Z_OK; }
  int result() const { return result_; }
  std::int64_t input_left() const { return stream_.avail_in; }
  std::string_view message() const { return stream_.msg != nullptr ? stream_.msg : "unexpected end of the file"; }

 private:
  z_stream stream_{};
  bool ok_ = false;
  int result_ = Z_OK;
};

absl::StatusOr<std::string> Gunzip(std::string_view compressed, std::int64_t max_bytes, std::string_view source) {
  Inflater inflater(compressed);
  std::string content;
  for (;;) {
    const std::int64_t have = static_cast<std::int64_t>(content.size());
    // One byte more than allowed tells "exactly full" from "too long".
    const std::int64_t want = std::min(kPiece, max_bytes + 1 - have);
    content.resize(static_cast<std::size_t>(have + want));
    const std::int64_t got = inflater.Next(content.data() + have, want);
    content.resize(static_cast<std::size_t>(have + got));
    const std::int64_t offset = static_cast<std::int64_t>(compressed.size()) - inflater.input_left();
    if (have + got > max_bytes) {
      return absl::DataLossError(fmt::format("{}: at compressed byte {} the content exceeds the expected {} bytes",
                                             source, offset, max_bytes));
    }
    if (inflater.result() == Z_STREAM_END) {
      if (!inflater.NextMember()) {
        return content;
      }
    } else if (inflater.result() != Z_OK || got == 0) {
      return absl::DataLossError(
          fmt::format("{}: bad gzip data at compressed byte {} of {} ({} bytes uncompressed): {}", source, offset,
                      compressed.size(), have + got, inflater.message()));
    }
  }
}

}  // namespace

absl::StatusOr<std::string> ReadBounded(const std::string& path, std::int64_t max_bytes) {
  std::error_code error;
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    return absl::DataLossError(fmt::format("{}: not a regular file", path));
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > static_cast<std::uintmax_t>(max_bytes)) {
    return absl::DataLossError(fmt::format("{}: {} bytes, expected at most {}", path, size, max_bytes));
  }
  return PosixFileSystem().Read(path);
}

absl::StatusOr<std::string> Uncompressed(std::string raw, std::int64_t max_bytes, std::string_view source) {
  if (BeginsLikeGzip(raw)) {
    return Gunzip(raw, max_bytes, source);
  }
  if (static_cast<std::int64_t>(raw.size()) > max_bytes) {
    return absl::DataLossError(fmt::format("{}: {} bytes, expected at most {}", source, raw.size(), max_bytes));
  }
  return raw;
}

std::string Gzipped(std::string_view content) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);  // cannot fall short: deflateBound is an upper bound
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace normlab::data
