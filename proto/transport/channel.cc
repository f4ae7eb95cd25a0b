#include "proto/transport/channel.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "proto/transport/address.h"
#include "proto/transport/pem_files.h"
#include "proto/transport/token.h"

namespace normlab {
namespace {

constexpr unsigned kRefreshSeconds = 60;  // of a client's look at its certificates

absl::StatusOr<std::string> ReadTarget(const DialTarget& target) {
  if (target.address.empty()) {
    NORMLAB_RETURN_IF_ERROR(SocketAddress(target.socket).status());
    return GrpcTarget(target.socket);
  }
  if (!target.ca.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const Remote remote, ReadRemote("--address", target.address));
    return GrpcTarget(remote);
  }
  const absl::StatusOr<Loopback> loopback = ReadLoopback("--address", target.address);
  if (!loopback.ok() && ReadRemote("--address", target.address).ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}. If the server speaks TLS: --ca FILE, with the certificate of who signed its own",
                    Message(loopback.status())));
  }
  NORMLAB_RETURN_IF_ERROR(loopback.status());
  if (loopback->port == 0) {
    return absl::InvalidArgumentError(
        fmt::format("--address {}: expected the server's port, 1 to 65535", target.address));
  }
  return GrpcTarget(*loopback);
}

absl::Status CheckOptions(const DialTarget& target) {
  if (target.address.empty() && !target.token_file.empty()) {
    return absl::InvalidArgumentError("--token-file goes with --address; the Unix socket needs no token");
  }
  if (target.address.empty() && !target.ca.empty()) {
    return absl::InvalidArgumentError("--ca goes with --address; nothing is encrypted on the Unix socket");
  }
  if (target.cert.empty() != target.key.empty()) {
    return absl::InvalidArgumentError("--cert and --key go together: a certificate and the key it was made for");
  }
  if (!target.cert.empty() && target.ca.empty()) {
    return absl::InvalidArgumentError("--cert goes with --ca, the certificate of who signed the server's");
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::ChannelCredentials> DialCredentials(const DialTarget& target) {
  using grpc::experimental::FileWatcherCertificateProvider;
  if (target.ca.empty()) {
    return grpc::InsecureChannelCredentials();
  }
  grpc::experimental::TlsChannelCredentialsOptions options;
  if (target.cert.empty()) {
    options.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(target.ca, kRefreshSeconds));
  } else {
    options.set_certificate_provider(
        std::make_shared<FileWatcherCertificateProvider>(target.key, target.cert, target.ca, kRefreshSeconds));
    options.watch_identity_key_cert_pairs();
  }
  options.watch_root_certs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace

absl::StatusOr<Dialled> Dial(const DialTarget& target, grpc::ChannelArguments arguments) {
  NORMLAB_RETURN_IF_ERROR(CheckOptions(target));
  NORMLAB_ASSIGN_OR_RETURN(const std::string grpc_target, ReadTarget(target));
  NORMLAB_RETURN_IF_ERROR(CheckClientFiles({.ca = target.ca, .cert = target.cert, .key = target.key}));
  Dialled dialled;
  if (!target.token_file.empty()) {
    const absl::StatusOr<std::string> token = ReadToken(target.token_file);
    if (!token.ok()) {
      return absl::InvalidArgumentError(fmt::format("--token-file: {}", Message(token.status())));
    }
    dialled.authorization = AuthorizationOf(*token);
  }
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAhead);
  dialled.channel = grpc::CreateCustomChannel(grpc_target, DialCredentials(target), arguments);
  return dialled;
}

std::shared_ptr<grpc::ServerCredentials> ListenCredentials() { return grpc::InsecureServerCredentials(); }

// They send nothing, so that clients need none of their own.
std::shared_ptr<grpc::ServerCredentials> ListenChildCredentials() {
  return grpc::experimental::LocalServerCredentials(UDS);
}

std::shared_ptr<grpc::ServerCredentials> ListenCredentials(const Certificate& certificate) {
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({certificate.key_pem, certificate.certificate_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace normlab
