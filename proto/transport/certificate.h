// certificate.h - a key and a certificate of its own for "localhost", for a client that speaks nothing but TLS.
//
// It proves nothing to anybody: what keeps strangers out is the mode of the socket on which it is used.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>

#include "base/status.h"

namespace normlab {

struct Certificate {
  std::string key_pem;
  std::string certificate_pem;  // signed with the same key
};

absl::StatusOr<Certificate> MakeCertificate();

// The one in the file `path`, which holds both (mode 0600); another is made if there is none, or if what is there cannot be
// read back. Kept so that a client which was told to trust it still does after the server was started again.
absl::StatusOr<Certificate> ReadOrMakeCertificate(const std::string& path);

}  // namespace normlab
