// pages.h - the files of the page, as the build found them.
//
// Thread safety: free function, any thread.
#pragma once

#include <span>
#include <string_view>

namespace normlab::server::http {

struct Page {
  std::string_view path;  // "/", "/assets/main.js"
  std::string_view media_type;
  std::string_view etag;  // with its quotes
  std::string_view content;
  std::string_view gzip;  // the same, compressed
};

// Those built in; empty: this program was built without the page. Made by embed.cc, live for ever.
std::span<const Page> EmbeddedPages();

}  // namespace normlab::server::http
