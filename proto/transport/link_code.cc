#include "proto/transport/link_code.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cerrno>
#include <charconv>
#include <cstdint>

#include "base/descriptor.h"

namespace normlab {
namespace {

constexpr std::size_t kTimeDigits = 12;
constexpr std::size_t kNameDigits = kTimeDigits + 16;
constexpr std::size_t kProofDigits = 32;

std::string Proof(std::string_view token, std::string_view name) {
  const std::string text = fmt::format("link {}", name);  // what else the token may prove some day is of another kind
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), token.data(), static_cast<int>(token.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), hash, &size);
  std::string proof;
  for (std::size_t i = 0; i < kProofDigits / 2; ++i) {
    proof += fmt::format("{:02x}", hash[i]);
  }
  return proof;
}

}  // namespace

absl::StatusOr<std::string> MakeLinkCode(std::string_view token, std::chrono::system_clock::time_point now) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    return SystemError("random numbers for a link", errno);
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::string name = fmt::format("{:012x}{:016x}", ms, random);
  return name + Proof(token, name);
}

std::optional<std::chrono::system_clock::time_point> ReadLinkCode(std::string_view token, std::string_view code) {
  if (code.size() != kNameDigits + kProofDigits) {
    return std::nullopt;
  }
  const std::string proof = Proof(token, code.substr(0, kNameDigits));
  if (CRYPTO_memcmp(proof.data(), code.data() + kNameDigits, kProofDigits) != 0) {
    return std::nullopt;
  }
  std::int64_t ms = 0;  // digits, for we wrote them
  std::from_chars(code.data(), code.data() + kTimeDigits, ms, 16);
  return std::chrono::system_clock::time_point(std::chrono::milliseconds(ms));
}

std::string PageLink(std::string_view host_and_port, std::string_view code) {
  return fmt::format("http://{}/#t={}", host_and_port, code);
}

}  // namespace normlab
