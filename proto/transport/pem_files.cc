#include "proto/transport/pem_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/descriptor.h"
#include "proto/transport/x509.h"

namespace normlab {
namespace {

using x509::Owned;

constexpr std::size_t kMaxBytes = 1 << 20;

absl::Status Wrong(std::string_view option, const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{} {}: {}", option, path, what));
}

}  // namespace

absl::StatusOr<std::string> ReadPem(std::string_view option, const std::string& path, bool secret) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) {
    return Wrong(option, path, Message(SystemError("cannot be read", errno)));
  }
  if (!S_ISREG(info.st_mode) || static_cast<std::size_t>(info.st_size) > kMaxBytes) {
    return Wrong(option, path, "is no file of at most 1 MiB");
  }
  if (secret && (info.st_mode & 077) != 0) {
    return Wrong(option, path,
                 fmt::format("may be read by others (mode {:o}); run: chmod 600 {}", info.st_mode & 0777, path));
  }
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  const ReadResult read = ReadAt(file.get(), 0, text);
  text.resize(read.bytes);
  return read.error == 0 ? absl::StatusOr<std::string>(std::move(text))
                         : Wrong(option, path, Message(SystemError("cannot be read", read.error)));
}

absl::Status CheckPair(std::string_view cert_option, const std::string& cert_path, const std::string& certificate_pem,
                       std::string_view key_option, const std::string& key_path, const std::string& key_pem) {
  const Owned<X509> certificate = x509::ReadCertificate(certificate_pem);
  if (certificate == nullptr) {
    return Wrong(cert_option, cert_path, "holds no certificate in PEM form");
  }
  const Owned<EVP_PKEY> key = x509::ReadKey(key_pem);
  if (key == nullptr) {
    return Wrong(key_option, key_path, "holds no key in PEM form, or one that needs a password");
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Wrong(key_option, key_path, fmt::format("is not the key of the certificate in {}", cert_path));
  }
  return absl::OkStatus();
}

absl::Status CheckNotExpired(std::string_view option, const std::string& path, const std::string& pem) {
  const Owned<X509> certificate = x509::ReadCertificate(pem);
  return certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0
             ? Wrong(option, path, "has expired")
             : absl::OkStatus();
}

absl::Status CheckAuthority(std::string_view option, const std::string& path, const std::string& pem) {
  return x509::ReadCertificate(pem) == nullptr ? Wrong(option, path, "holds no certificate in PEM form")
                                               : absl::OkStatus();
}

absl::Status CheckClientFiles(const ClientFiles& files) {
  if (!files.ca.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::string ca, ReadPem("--ca", files.ca, /*secret=*/false));
    NORMLAB_RETURN_IF_ERROR(CheckAuthority("--ca", files.ca, ca));
  }
  if (!files.cert.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::string cert, ReadPem("--cert", files.cert, /*secret=*/false));
    NORMLAB_ASSIGN_OR_RETURN(const std::string key, ReadPem("--key", files.key, /*secret=*/true));
    NORMLAB_RETURN_IF_ERROR(CheckPair("--cert", files.cert, cert, "--key", files.key, key));
    NORMLAB_RETURN_IF_ERROR(CheckNotExpired("--cert", files.cert, cert));
  }
  return absl::OkStatus();
}

}  // namespace normlab
