#include "proto/transport/tls_identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "proto/transport/pem_files.h"
#include "proto/transport/x509.h"

namespace normlab {
namespace {

using x509::Owned;

constexpr std::string_view kCertOption = "--tls-cert";
constexpr unsigned kRefreshSeconds = 1;  // of gRPC's look at what is in memory

// A file in memory in place of the one in `descriptor`, under the same name.
absl::Status Put(const std::string& text, Descriptor& descriptor) {
  Descriptor fresh(::memfd_create("normlab-tls", MFD_CLOEXEC));
  if (fresh.get() < 0) {
    return SystemError("memory for a certificate", errno);
  }
  if (const int error = WriteAll(fresh.get(), text); error != 0) {
    return SystemError("memory for a certificate", error);
  }
  if (descriptor.get() < 0) {
    descriptor = std::move(fresh);
  } else if (::dup3(fresh.get(), descriptor.get(), O_CLOEXEC) < 0) {
    return SystemError("memory for a certificate", errno);
  }
  return absl::OkStatus();
}

std::string PathOf(const Descriptor& descriptor) { return fmt::format("/proc/self/fd/{}", descriptor.get()); }

std::int64_t EndOf(const X509* certificate) {
  int days = 0;
  int seconds = 0;
  const Owned<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  ASN1_TIME_diff(&days, &seconds, epoch.get(), X509_get0_notAfter(certificate));
  return std::int64_t{days} * 86'400 + seconds;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsIdentity>> TlsIdentity::Load(TlsFiles files) {
  std::unique_ptr<TlsIdentity> identity(new TlsIdentity(std::move(files)));
  NORMLAB_ASSIGN_OR_RETURN(Content content, identity->ReadFiles());
  NORMLAB_RETURN_IF_ERROR(identity->Take(std::move(content)));
  return identity;
}

absl::StatusOr<TlsIdentity::Content> TlsIdentity::ReadFiles() const {
  Content content;
  NORMLAB_ASSIGN_OR_RETURN(content.certificate, ReadPem(kCertOption, files_.certificate, /*secret=*/false));
  NORMLAB_ASSIGN_OR_RETURN(content.key, ReadPem("--tls-key", files_.key, /*secret=*/true));
  NORMLAB_RETURN_IF_ERROR(
      CheckPair(kCertOption, files_.certificate, content.certificate, "--tls-key", files_.key, content.key));
  if (!files_.client_authority.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(content.client_authority, ReadPem("--tls-client-ca", files_.client_authority, false));
    NORMLAB_RETURN_IF_ERROR(CheckAuthority("--tls-client-ca", files_.client_authority, content.client_authority));
  }
  return content;
}

absl::Status TlsIdentity::Take(Content content) {
  NORMLAB_RETURN_IF_ERROR(Put(content.key, key_));
  NORMLAB_RETURN_IF_ERROR(Put(content.certificate, certificate_));
  if (!files_.client_authority.empty()) {
    NORMLAB_RETURN_IF_ERROR(Put(content.client_authority, client_authority_));
  }
  ends_ = EndOf(x509::ReadCertificate(content.certificate).get());
  content_ = std::move(content);
  return absl::OkStatus();
}

absl::StatusOr<bool> TlsIdentity::LookAgain() {
  absl::StatusOr<Content> content = ReadFiles();
  absl::Status status = content.status();
  const bool fresh = content.ok() && *content != content_;
  if (fresh) {
    status = normlab::CheckNotExpired(kCertOption, files_.certificate, content->certificate);
  }
  if (fresh && status.ok()) {
    status = Take(*std::move(content));
  }
  if (!status.ok() && std::exchange(told_, Message(status)) != Message(status)) {
    return status;
  }
  if (status.ok()) {
    told_.clear();
  }
  return fresh && status.ok();
}

absl::Status TlsIdentity::CheckNotExpired() const {
  return normlab::CheckNotExpired(kCertOption, files_.certificate, content_.certificate);
}

std::shared_ptr<grpc::ServerCredentials> TlsIdentity::Credentials() const {
  using grpc::experimental::FileWatcherCertificateProvider;
  const bool ask = !files_.client_authority.empty();
  const auto provider =
      ask ? std::make_shared<FileWatcherCertificateProvider>(PathOf(key_), PathOf(certificate_),
                                                             PathOf(client_authority_), kRefreshSeconds)
          : std::make_shared<FileWatcherCertificateProvider>(PathOf(key_), PathOf(certificate_), kRefreshSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (ask) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  options.set_check_call_host(false);  // a server asks its clients for no host
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace normlab
