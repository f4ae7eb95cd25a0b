// host.h - names of hosts, as addresses and certificates have them.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace normlab {

// Whether it is made of what names of hosts are made of, "lab.example": nothing that means something in a URI or in a certificate.
bool IsHostName(std::string_view host);

// "lab.example:8080", "127.0.0.1:8080", "[::1]:8080"; an IPv6 address may have its brackets already.
std::string HostAndPort(std::string_view host, int port);

}  // namespace normlab
