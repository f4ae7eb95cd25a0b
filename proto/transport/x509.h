// x509.h - OpenSSL's keys and certificates, owned, as PEM and back. For the files beside it alone.
//
// Thread safety: free functions, any thread.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace normlab::x509 {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(ASN1_TIME* time) const { ASN1_TIME_free(time); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// Of the curve P-256; null if OpenSSL makes none.
Owned<EVP_PKEY> NewKey();

// What `value` says of extension `nid`, in the words of x509v3_config(5). `issuer`: who signs.
bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value);

std::string PemOf(EVP_PKEY* key);
std::string PemOf(X509* certificate);

// The first one in `pem`; null if there is none. A key with a password is none.
Owned<EVP_PKEY> ReadKey(const std::string& pem);
Owned<X509> ReadCertificate(const std::string& pem);

}  // namespace normlab::x509
