#include "server/edge/page_token.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/sha256.h"
#include "server/edge/errors.h"

namespace normlab::server {
namespace {

constexpr std::size_t kDigits = 16;
constexpr std::size_t kHashDigits = 16;

// Also covers the id, so that a token changed by hand is noticed. It guards against mistakes, not attacks: every job
// may be listed anyway.
std::string Seal(std::string_view id, std::string_view filter) {
  return Sha256Hex(fmt::format("normlab page token 1\n{}\n{}", id, filter)).substr(0, kHashDigits);
}

std::string HexOf(std::uint64_t value) { return fmt::format("{:016x}", value); }

// The number in 16 digits; absent if they are none.
std::optional<std::uint64_t> ReadHex(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
}

absl::Status NoToken() {
  return BadField("page_token",
                  "is not a token of this list; expected next_page_token of the page before, with the same filter");
}

}  // namespace

std::string MakePageToken(store::JobId before, std::string_view filter) {
  const std::string id = HexOf(static_cast<std::uint64_t>(before));
  return id + Seal(id, filter);
}

absl::StatusOr<store::JobId> ReadPageToken(std::string_view token, std::string_view filter) {
  if (token.size() == kDigits + kHashDigits && token.substr(kDigits) == Seal(token.substr(0, kDigits), filter)) {
    if (const auto before = ReadHex(token.substr(0, kDigits))) {
      return static_cast<store::JobId>(*before);
    }
  }
  return NoToken();
}

std::string MakePlaceToken(const store::JobPlace& after, std::string_view filter) {
  const std::string place =
      HexOf(static_cast<std::uint64_t>(after.id)) + HexOf(std::bit_cast<std::uint64_t>(after.value));
  return place + Seal(place, filter);
}

absl::StatusOr<store::JobPlace> ReadPlaceToken(std::string_view token, std::string_view filter) {
  if (token.size() == 2 * kDigits + kHashDigits &&
      token.substr(2 * kDigits) == Seal(token.substr(0, 2 * kDigits), filter)) {
    const auto id = ReadHex(token.substr(0, kDigits));
    const auto bits = ReadHex(token.substr(kDigits, kDigits));
    if (id && bits) {
      return store::JobPlace{.id = static_cast<store::JobId>(*id), .value = std::bit_cast<double>(*bits)};
    }
  }
  return NoToken();
}

}  // namespace normlab::server
