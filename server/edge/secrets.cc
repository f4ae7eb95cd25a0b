#include "server/edge/secrets.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "server/edge/convert.h"
#include "server/edge/errors.h"

namespace normlab::server {
namespace {

std::string NameOf(store::AttemptId attempt) { return fmt::format("attempt {} {}", attempt.job, attempt.number); }
std::string NameOf(std::string_view worker_id) { return fmt::format("worker {}", worker_id); }

}  // namespace

std::string WorkerSecrets::Sign(std::string_view name) const {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(name.data()),
       name.size(), hash, &size);
  std::string proof;
  for (unsigned int i = 0; i < size; ++i) {
    proof += fmt::format("{:02x}", hash[i]);
  }
  return proof;
}

bool WorkerSecrets::Proves(std::string_view shown, std::string_view name) const {
  const std::string proof = Sign(name);
  return shown.size() == proof.size() && CRYPTO_memcmp(shown.data(), proof.data(), proof.size()) == 0;
}

std::string WorkerSecrets::CredentialOf(std::string_view worker_id) const {
  return fmt::format("{}.{}", worker_id, Sign(NameOf(worker_id)));
}

std::optional<std::string> WorkerSecrets::WorkerOf(std::string_view credential) const {
  const std::size_t dot = credential.rfind('.');
  if (dot == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view id = credential.substr(0, dot);
  return Proves(credential.substr(dot + 1), NameOf(id)) ? std::optional<std::string>(id) : std::nullopt;
}

v1::Attempt WorkerSecrets::Name(store::AttemptId attempt) const {
  v1::Attempt name;
  name.set_job_id(JobName(attempt.job));
  name.set_number(attempt.number);
  name.set_secret(Sign(NameOf(attempt)));
  return name;
}

absl::StatusOr<store::AttemptId> WorkerSecrets::Read(const v1::Attempt& attempt,
                                                     std::vector<FieldViolation>& violations) const {
  const std::size_t before = violations.size();
  const store::AttemptId id{.job = ReadJobId(attempt.job_id(), "attempt.job_id", violations),
                            .number = attempt.number()};
  if (attempt.number() < 1) {
    violations.push_back(
        {"attempt.number", fmt::format("is {}; expected the number of a lease, >= 1", attempt.number())});
  }
  if (violations.size() == before && !Proves(attempt.secret(), NameOf(id))) {
    return WithReason(absl::PermissionDeniedError(fmt::format(
                          "attempt.secret is not that of attempt {} of {}; only the worker that leased it may report",
                          attempt.number(), attempt.job_id())),
                      "ATTEMPT_SECRET");
  }
  return id;
}

}  // namespace normlab::server
