// link_code.h - the one-time code in the link by which the user's browser gets his token.
//
// A code is made with the admin's token, which only its owner can read: by the server that prints a link when it starts,
// or later by any program of his. It says when it was made and proves that its maker has the token; so whoever makes one
// has to ask nobody, and a server that knows the token can tell. The token itself stands in no link, for those are kept in
// histories and terminals.
//
//   48 bits of time (ms), 64 random bits, 128 bits of HMAC-SHA256 over both; hexadecimal
//
// Thread safety: free functions, any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab {

// How long a code can be exchanged.
inline constexpr std::chrono::minutes kLinkCodeLife{5};

// kUnavailable if the system has no random bits.
absl::StatusOr<std::string> MakeLinkCode(std::string_view token, std::chrono::system_clock::time_point now);

// When the code was made; absent for anything that MakeLinkCode did not make with this token. How long it takes tells
// nothing about the proof.
std::optional<std::chrono::system_clock::time_point> ReadLinkCode(std::string_view token, std::string_view code);

// "http://127.0.0.1:7070/#t=CODE": a fragment, which a browser sends nowhere.
std::string PageLink(std::string_view host_and_port, std::string_view code);

}  // namespace normlab
