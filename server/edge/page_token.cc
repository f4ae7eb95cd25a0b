#include "server/edge/page_token.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "base/sha256.h"
#include "server/edge/errors.h"

namespace normlab::server {
namespace {

constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kHashDigits = 16;

// Also covers the id, so that a token changed by hand is noticed. It guards against mistakes, not attacks: every job
// may be listed anyway.
std::string Seal(std::string_view id, std::string_view filter) {
  return Sha256Hex(fmt::format("normlab page token 1\n{}\n{}", id, filter)).substr(0, kHashDigits);
}

}  // namespace

std::string MakePageToken(store::JobId before, std::string_view filter) {
  const std::string id = fmt::format("{:016x}", static_cast<std::uint64_t>(before));
  return id + Seal(id, filter);
}

absl::StatusOr<store::JobId> ReadPageToken(std::string_view token, std::string_view filter) {
  std::uint64_t before = 0;
  if (token.size() == kIdDigits + kHashDigits) {
    const std::string_view id = token.substr(0, kIdDigits);
    const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), before, 16);
    if (error == std::errc() && end == id.data() + id.size() && token.substr(kIdDigits) == Seal(id, filter)) {
      return static_cast<store::JobId>(before);
    }
  }
  return BadField("page_token",
                  "is not a token of this list; expected next_page_token of the page before, with the same filter");
}

}  // namespace normlab::server
