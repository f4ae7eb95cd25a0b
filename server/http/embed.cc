// embed.cc - a program of the build: writes the files of the page as C++, for pages.h.
//
//   embed_page OUT.cc DIRECTORY     DIRECTORY/index.html becomes "/", DIRECTORY/assets/X "/assets/X"; without an
//                                      index.html there are no pages
//
// Exit codes: 0 written, 1 something could not be read or written.
#include <fmt/format.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/sha256.h"

namespace normlab {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string_view> kMediaTypes = {{".html", "text/html; charset=utf-8"},
                                                             {".js", "text/javascript; charset=utf-8"},
                                                             {".css", "text/css; charset=utf-8"},
                                                             {".svg", "image/svg+xml"},
                                                             {".png", "image/png"},
                                                             {".ico", "image/x-icon"},
                                                             {".woff2", "font/woff2"},
                                                             {".json", "application/json"},
                                                             {".txt", "text/plain; charset=utf-8"}};

std::optional<std::string> Gzip(const std::string& content) {
  constexpr int kGzipWindow = 15 + 16;  // the largest, with a gzip header
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return result == Z_STREAM_END ? std::optional<std::string>(out) : std::nullopt;
}

std::string Literal(std::string_view bytes) {
  std::string text = "std::string_view(\"";
  for (const char c : bytes) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?';
    text += plain ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return text + fmt::format("\", {})", bytes.size());
}

// Pages by path; absent, after a line on stderr, if a file cannot be served.
std::optional<std::map<std::string, fs::path>> FindPages(const fs::path& directory) {
  std::map<std::string, fs::path> pages;
  if (!fs::exists(directory / "index.html")) {
    return pages;
  }
  pages["/"] = directory / "index.html";
  if (fs::exists(directory / "assets")) {
    for (const auto& entry : fs::directory_iterator(directory / "assets")) {
      if (!kMediaTypes.contains(entry.path().extension().string())) {
        fmt::print(stderr, "embed_page: {}: no media type is known for such names\n", entry.path().string());
        return std::nullopt;
      }
      pages["/assets/" + entry.path().filename().string()] = entry.path();
    }
  }
  return pages;
}

int Embed(const std::string& out, const fs::path& directory) {
  const auto pages = FindPages(directory);
  if (!pages) {
    return 1;
  }
  std::string text = "#include \"server/http/pages.h\"\n\nnamespace normlab::server::http {\n\n";
  std::string list;
  for (const auto& [path, file] : *pages) {
    const absl::StatusOr<std::string> content = PosixFileSystem().Read(file.string());
    const std::optional<std::string> gzip = content.ok() ? Gzip(*content) : std::nullopt;
    if (!gzip) {
      fmt::print(stderr, "embed_page: {}: {}\n", file.string(), Message(content.status()));
      return 1;
    }
    list += fmt::format("    {{{},\n     {},\n     {},\n     {},\n     {}}},\n", Literal(path),
                        Literal(kMediaTypes.at(file.extension().string())),
                        Literal(fmt::format("\"{}\"", Sha256Hex(*content).substr(0, 32))), Literal(*content),
                        Literal(*gzip));
  }
  text += list.empty() ? "std::span<const Page> EmbeddedPages() { return {}; }\n"
                       : fmt::format(
                             "std::span<const Page> EmbeddedPages() {{\n  static constexpr Page kPages[] = {{\n{}"
                             "  }};\n  return kPages;\n}}\n",
                             list);
  text += "\n}  // namespace normlab::server::http\n";
  const absl::Status written = PosixFileSystem().AtomicWrite(out, text);
  if (!written.ok()) {
    fmt::print(stderr, "embed_page: {}\n", Message(written));
  }
  return written.ok() ? 0 : 1;
}

}  // namespace
}  // namespace normlab

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: embed_page OUT.cc DIRECTORY\n");
    return 1;
  }
  return normlab::Embed(argv[1], argv[2]);
}
