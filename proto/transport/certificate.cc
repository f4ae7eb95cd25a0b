#include "proto/transport/certificate.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>

#include "base/fs.h"

namespace normlab {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

constexpr char kSubject[] = "localhost";      // what a client that overrides the name asks for
constexpr char kNoEnd[] = "99991231235959Z";  // RFC 5280's "without end"

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

bool AddExtension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool Fill(X509* certificate, EVP_PKEY* key) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* subject = reinterpret_cast<const unsigned char*>(kSubject);
  return X509_set_version(certificate, 2) == 1 &&  // v3
         ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -24 * 3600) != nullptr &&
         ASN1_TIME_set_string(X509_getm_notAfter(certificate), kNoEnd) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, subject, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         AddExtension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         AddExtension(certificate, NID_subject_alt_name, "DNS:localhost") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

// Absent unless `pem` holds a key and a certificate of it.
std::optional<Certificate> Parse(const std::string& pem) {
  const auto reader = [&pem] { return Owned<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); };
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(reader().get(), nullptr, nullptr, nullptr));
  const Owned<X509> certificate(PEM_read_bio_X509(reader().get(), nullptr, nullptr, nullptr));
  if (key == nullptr || certificate == nullptr || X509_check_private_key(certificate.get(), key.get()) != 1) {
    return std::nullopt;
  }
  const Owned<BIO> key_text(BIO_new(BIO_s_mem()));
  const Owned<BIO> certificate_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  return Certificate{.key_pem = Text(key_text.get()), .certificate_pem = Text(certificate_text.get())};
}

}  // namespace

absl::StatusOr<Certificate> MakeCertificate() {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Owned<X509> certificate(X509_new());
  const Owned<BIO> both(BIO_new(BIO_s_mem()));
  if (key != nullptr && certificate != nullptr && Fill(certificate.get(), key.get()) &&
      PEM_write_bio_PrivateKey(both.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
      PEM_write_bio_X509(both.get(), certificate.get()) == 1) {
    if (std::optional<Certificate> made = Parse(Text(both.get()))) {
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
