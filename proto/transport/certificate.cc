#include "proto/transport/certificate.h"

#include <fmt/format.h>

#include <optional>

#include "base/fs.h"
#include "proto/transport/x509.h"

namespace normlab {
namespace {

using x509::Owned;

constexpr char kSubject[] = "localhost";      // what a client that overrides the name asks for
constexpr char kNoEnd[] = "99991231235959Z";  // RFC 5280's "without end"

bool Fill(X509* certificate, EVP_PKEY* key) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* subject = reinterpret_cast<const unsigned char*>(kSubject);
  return X509_set_version(certificate, 2) == 1 &&  // v3
         ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -24 * 3600) != nullptr &&
         ASN1_TIME_set_string(X509_getm_notAfter(certificate), kNoEnd) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, subject, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         x509::AddExtension(certificate, certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         x509::AddExtension(certificate, certificate, NID_subject_alt_name, "DNS:localhost") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

// Absent unless `pem` holds a key and a certificate of it.
std::optional<Certificate> Parse(const std::string& pem) {
  const Owned<EVP_PKEY> key = x509::ReadKey(pem);
  const Owned<X509> certificate = x509::ReadCertificate(pem);
  if (key == nullptr || certificate == nullptr || X509_check_private_key(certificate.get(), key.get()) != 1) {
    return std::nullopt;
  }
  return Certificate{.key_pem = x509::PemOf(key.get()), .certificate_pem = x509::PemOf(certificate.get())};
}

}  // namespace

absl::StatusOr<Certificate> MakeCertificate() {
  const Owned<EVP_PKEY> key = x509::NewKey();
  const Owned<X509> certificate(X509_new());
  if (key != nullptr && certificate != nullptr && Fill(certificate.get(), key.get())) {
    if (std::optional<Certificate> made = Parse(x509::PemOf(key.get()) + x509::PemOf(certificate.get()))) {
      return *std::move(made);
    }
  }
  return absl::InternalError("OpenSSL made no certificate");
}

absl::StatusOr<Certificate> ReadOrMakeCertificate(const std::string& path) {
  const absl::StatusOr<std::string> stored = PosixFileSystem().Read(path);
  if (stored.ok()) {
    if (std::optional<Certificate> certificate = Parse(*stored)) {
      return *std::move(certificate);
    }
  } else if (!absl::IsNotFound(stored.status())) {
    return stored.status();
  }
  NORMLAB_ASSIGN_OR_RETURN(Certificate made, MakeCertificate());
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(path, made.key_pem + made.certificate_pem));
  return made;
}

}  // namespace normlab
