// bundle_fuzz.cc - any bytes must come out of the reader of bundles as jobs, curves and files, or as an error. Checksums
// would keep all but copies out: where the first byte is odd, the rest becomes the members of an archive whose sums hold.
#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/sha256.h"
#include "client/bundle.h"
#include "tests/fuzz/require.h"

namespace {

using namespace normlab;
using namespace normlab::client;

constexpr const char* kMembers[] = {"bundle.json", "jobs/j1/job.json", "jobs/j1/curves/a.npy", "jobs/j1/artifacts/b"};

void AddMember(archive* to, const char* name, std::string_view content) {
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), &archive_entry_free);
  archive_entry_set_pathname(entry.get(), name);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  Require(archive_write_header(to, entry.get()) == ARCHIVE_OK);
  Require(archive_write_data(to, content.data(), content.size()) == static_cast<la_ssize_t>(content.size()));
}

// The next piece, which begins with its size (2 bytes, the higher first); as much of it as there is.
std::string_view TakePiece(std::string_view& pieces) {
  const auto byte = [pieces](std::size_t i) { return i < pieces.size() ? static_cast<unsigned char>(pieces[i]) : 0U; };
  const std::size_t size = byte(0) * 256 + byte(1);
  pieces.remove_prefix(std::min(pieces.size(), std::size_t{2}));
  const std::string_view piece = pieces.substr(0, size);
  pieces.remove_prefix(piece.size());
  return piece;
}

std::string Assembled(std::string_view pieces) {
  std::string bytes(pieces.size() + 4096, '\0');
  std::size_t used = 0;
  const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), &archive_write_free);
  archive_write_set_format_zip(out.get());
  archive_write_zip_set_compression_store(out.get());
  archive_write_set_bytes_in_last_block(out.get(), 1);
  Require(archive_write_open_memory(out.get(), bytes.data(), bytes.size(), &used) == ARCHIVE_OK);
  std::string sums;
  for (const char* member : kMembers) {
    const std::string_view content = TakePiece(pieces);
    AddMember(out.get(), member, content);
    sums += fmt::format("{}  {}\n", Sha256Hex(content), member);
  }
  AddMember(out.get(), "SHA256SUMS", sums);
  Require(archive_write_close(out.get()) == ARCHIVE_OK);
  bytes.resize(used);
  return bytes;
}

void ReadAll(const std::string& path) {
  const auto bundle = BundleReader::Open(path);
  if (!bundle.ok()) {
    return;
  }
  for (;;) {
    const auto job = (*bundle)->Next();
    if (!job.ok() || !job->has_value()) {
      return;
    }
    const BundledParts parts{
        .curve =
            [](const BundledCurve& curve) {
              const NpyPoints& points = curve.points;
              Require(points.steps.size() == points.values.size() && points.steps.size() == points.wall_ms.size());
              return absl::OkStatus();
            },
        .artifact = [](const v1::Artifact&) { return absl::OkStatus(); },
        .data = [](std::string_view) { return absl::OkStatus(); }};
    if (!(*bundle)->ReadParts(parts).ok()) {
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view given(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string bytes = data[0] % 2 == 0 ? std::string(given) : Assembled(given);
  static const int file = ::memfd_create("bundle", MFD_CLOEXEC);
  Require(::ftruncate(file, 0) == 0 &&
          ::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  ReadAll(fmt::format("/proc/self/fd/{}", file));
  return 0;
}
