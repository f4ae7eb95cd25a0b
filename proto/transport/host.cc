#include "proto/transport/host.h"

#include <fmt/format.h>

#include <algorithm>

namespace normlab {

bool IsHostName(std::string_view host) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  constexpr std::size_t kLongest = 253;
  return !host.empty() && host.size() <= kLongest && host.front() != '.' && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), plain);
}

std::string HostAndPort(std::string_view host, int port) {
  const bool bare_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return bare_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace normlab
