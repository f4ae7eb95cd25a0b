#include "proto/transport/channel.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "proto/transport/address.h"
#include "proto/transport/token.h"

namespace normlab {
namespace {

absl::StatusOr<std::string> ReadTarget(const DialTarget& target) {
  if (target.address.empty()) {
    NORMLAB_RETURN_IF_ERROR(SocketAddress(target.socket).status());
    return GrpcTarget(target.socket);
  }
  NORMLAB_ASSIGN_OR_RETURN(const Loopback loopback, ReadLoopback("--address", target.address));
  if (loopback.port == 0) {
    return absl::InvalidArgumentError(
        fmt::format("--address {}: expected the server's port, 1 to 65535", target.address));
  }
  return GrpcTarget(loopback);
}

}  // namespace

absl::StatusOr<Dialled> Dial(const DialTarget& target, grpc::ChannelArguments arguments) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string grpc_target, ReadTarget(target));
  Dialled dialled;
  if (!target.token_file.empty()) {
    if (target.address.empty()) {
      return absl::InvalidArgumentError("--token-file goes with --address; the Unix socket needs no token");
    }
    const absl::StatusOr<std::string> token = ReadToken(target.token_file);
    if (!token.ok()) {
      return absl::InvalidArgumentError(fmt::format("--token-file: {}", Message(token.status())));
    }
    dialled.authorization = AuthorizationOf(*token);
  }
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kReadAhead);
  dialled.channel = grpc::CreateCustomChannel(grpc_target, grpc::InsecureChannelCredentials(), arguments);
  return dialled;
}

std::shared_ptr<grpc::ServerCredentials> ListenCredentials() { return grpc::InsecureServerCredentials(); }

std::shared_ptr<grpc::ServerCredentials> ListenCredentials(const Certificate& certificate) {
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({certificate.key_pem, certificate.certificate_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace normlab
