#include "proto/transport/authority.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/rand.h>

#include "proto/transport/host.h"
#include "proto/transport/x509.h"

namespace normlab {
namespace {

using x509::AddExtension;
using x509::Owned;

constexpr long kHour = 3600;
constexpr int kAuthorityDays = 3653;
constexpr std::size_t kLongestName = 64;  // of a subject's common name (RFC 5280)

absl::Status Failed(std::string_view what) { return absl::InternalError(fmt::format("OpenSSL made no {}", what)); }

bool IsAddress(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool SetSerial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) {
    return false;
  }
  bytes[0] &= 0x7f;  // positive
  const Owned<BIGNUM> number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

// All but extensions and signature.
bool Begin(X509* certificate, EVP_PKEY* key, const std::string& name, int days) {
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  return X509_set_version(certificate, 2) == 1 && SetSerial(certificate) &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -kHour) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), days * 24 * kHour) != nullptr &&
         X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
         X509_set_pubkey(certificate, key) == 1;
}

bool Sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
  return X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
         AddExtension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
         X509_sign(certificate, issuer_key, EVP_sha256()) > 0;
}

Certificate ToPem(EVP_PKEY* key, X509* certificate) {
  return {.key_pem = x509::PemOf(key), .certificate_pem = x509::PemOf(certificate)};
}

// A certificate that is no authority. `usage` and `names` are in the words of x509v3_config(5).
absl::StatusOr<Certificate> Issue(const Certificate& authority, const std::string& name, const std::string& names,
                                  const char* usage, int days) {
  const Owned<EVP_PKEY> issuer_key = x509::ReadKey(authority.key_pem);
  const Owned<X509> issuer = x509::ReadCertificate(authority.certificate_pem);
  if (issuer_key == nullptr || issuer == nullptr || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    return absl::InvalidArgumentError("the authority's certificate and key cannot be read, or do not belong together");
  }
  const Owned<EVP_PKEY> key = x509::NewKey();
  const Owned<X509> certificate(X509_new());
  if (key == nullptr || certificate == nullptr || !Begin(certificate.get(), key.get(), name, days) ||
      !AddExtension(certificate.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(certificate.get(), issuer.get(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(certificate.get(), issuer.get(), NID_ext_key_usage, usage) ||
      !AddExtension(certificate.get(), issuer.get(), NID_subject_alt_name, names) ||
      !Sign(certificate.get(), issuer.get(), issuer_key.get())) {
    return Failed("certificate");
  }
  return ToPem(key.get(), certificate.get());
}

std::string HostOf(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS) {
    const auto* text = ASN1_STRING_get0_data(name.d.dNSName);
    return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(ASN1_STRING_length(name.d.dNSName))};
  }
  if (name.type != GEN_IPADD) {
    return "";
  }
  char text[INET6_ADDRSTRLEN] = "";
  const int family = ASN1_STRING_length(name.d.iPAddress) == 4 ? AF_INET : AF_INET6;
  ::inet_ntop(family, ASN1_STRING_get0_data(name.d.iPAddress), text, sizeof text);
  return text;
}

}  // namespace

absl::StatusOr<Certificate> MakeAuthority() {
  const Owned<EVP_PKEY> key = x509::NewKey();
  const Owned<X509> certificate(X509_new());
  if (key == nullptr || certificate == nullptr ||
      !Begin(certificate.get(), key.get(), "normlab private authority", kAuthorityDays) ||
      !AddExtension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !Sign(certificate.get(), certificate.get(), key.get())) {
    return Failed("authority");
  }
  return ToPem(key.get(), certificate.get());
}

absl::StatusOr<Certificate> IssueServerCertificate(const Certificate& authority, const std::vector<std::string>& hosts,
                                                   int days) {
  std::string names;
  for (const std::string& host : hosts) {
    if (!IsAddress(host) && !IsHostName(host)) {
      return absl::InvalidArgumentError(fmt::format(
          "{} is no host; expected a name or an address without a port, such as lab.example or 10.0.0.7", host));
    }
    names += fmt::format("{}{}:{}", names.empty() ? "" : ",", IsAddress(host) ? "IP" : "DNS", host);
  }
  if (hosts.empty()) {
    return absl::InvalidArgumentError("a server's certificate names at least one host by which it is reached");
  }
  return Issue(authority, hosts.front().substr(0, kLongestName), names, "serverAuth", days);
}

absl::StatusOr<Certificate> IssueClientCertificate(const Certificate& authority, const std::string& name, int days) {
  if (!IsHostName(name) || name.size() > kLongestName) {
    return absl::InvalidArgumentError(fmt::format(
        "{} is no name for a certificate; expected letters, digits, '-' and '.', at most {}", name, kLongestName));
  }
  return Issue(authority, name, "DNS:" + name, "clientAuth", days);
}

std::vector<std::string> HostsOf(const std::string& certificate_pem) {
  std::vector<std::string> hosts;
  const Owned<X509> certificate = x509::ReadCertificate(certificate_pem);
  const Owned<GENERAL_NAMES> names(
      certificate == nullptr
          ? nullptr
          : static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    hosts.push_back(HostOf(*sk_GENERAL_NAME_value(names.get(), i)));
  }
  return hosts;
}

}  // namespace normlab
