// page_token_fuzz.cc - any bytes are refused as a page token unless they are the very token of an id; a token reads back
// as its id, with its own filter alone. A NUL byte ends the filter.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "server/edge/page_token.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab::server;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string filter(all.substr(0, all.find('\0')));
  const std::string_view token = all.substr(std::min(size, filter.size() + 1));
  const auto id = ReadPageToken(token, filter);
  if (id.ok() && MakePageToken(*id, filter) != token) {
    std::abort();
  }
  normlab::store::JobId made = 0;
  std::memcpy(&made, token.data(), std::min(token.size(), sizeof made));
  const std::string own = MakePageToken(made, filter);
  const auto read = ReadPageToken(own, filter);
  if (!read.ok() || *read != made || ReadPageToken(own, filter + "x").ok()) {
    std::abort();
  }
  return 0;
}
