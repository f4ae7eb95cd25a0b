// pem_files.h - certificates and keys in files: read, and looked at before anybody relies on them.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace normlab {

// The text of the file `path`. kInvalidArgument, beginning with `option` and the path, if it cannot be read, is no file of at most
// 1 MiB, or is `secret` and others may read it.
absl::StatusOr<std::string> ReadPem(std::string_view option, const std::string& path, bool secret);

// kInvalidArgument, naming option and file, unless these are a certificate and its key.
absl::Status CheckPair(std::string_view cert_option, const std::string& cert_path, const std::string& certificate_pem,
                       std::string_view key_option, const std::string& key_path, const std::string& key_pem);
// The same for a certificate that has expired.
absl::Status CheckNotExpired(std::string_view option, const std::string& path, const std::string& pem);
// The same unless there is a certificate in it.
absl::Status CheckAuthority(std::string_view option, const std::string& path, const std::string& pem);

// Paths; empty ones are not looked at.
struct ClientFiles {
  std::string ca = {};
  std::string cert = {};
  std::string key = {};
};
absl::Status CheckClientFiles(const ClientFiles& files);

}  // namespace normlab
