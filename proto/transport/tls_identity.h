// tls_identity.h - a server's certificate and key, from files that may be replaced while it runs.
//
// What is handed to gRPC was looked at first: a replacement that cannot be used, such as a certificate whose key has not been written
// yet, is left until it can, and the server goes on with what it has. Connections under way keep what they began with.
//
// Thread safety: LookAgain from one thread; the rest from one, before.
#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "base/descriptor.h"
#include "base/status.h"

namespace normlab {

// PEM files.
struct TlsFiles {
  std::string certificate;  // with those between it and its authority behind it
  std::string key;          // nobody else may read it
  std::string client_authority =
      {};  // a client must show a certificate that one of these signed; empty: none is asked for
};

class TlsIdentity {
 public:
  // kInvalidArgument, naming option and file, for what cannot be used. A certificate that has expired can: clients refuse it,
  // but a server that does not start would keep those of the Unix socket out as well.
  static absl::StatusOr<std::unique_ptr<TlsIdentity>> Load(TlsFiles files);

  // Of TLS 1.2 and newer. They look at this object as long as they live.
  std::shared_ptr<grpc::ServerCredentials> Credentials() const;

  // Takes what is in the files now: whether that was something new. An error says why it cannot be used; it is told once.
  absl::StatusOr<bool> LookAgain();

  // Unix time at which the certificate in use ends.
  std::int64_t ends() const { return ends_; }
  // kInvalidArgument, naming option and file, when it has.
  absl::Status CheckNotExpired() const;

 private:
  struct Content {
    std::string certificate;
    std::string key;
    std::string client_authority;
    bool operator==(const Content&) const = default;
  };

  explicit TlsIdentity(TlsFiles files) : files_(std::move(files)) {}
  absl::StatusOr<Content> ReadFiles() const;
  absl::Status Take(Content content);

  const TlsFiles files_;
  Content content_;
  std::string told_;  // the last error
  std::int64_t ends_ = 0;
  // What gRPC reads: files in memory, so that no second copy of a key is on a disk.
  Descriptor certificate_;
  Descriptor key_;
  Descriptor client_authority_;
};

}  // namespace normlab
