// channel.h - how programs dial a server, and with tls_identity.h the only place where credentials of connections are chosen.
//
// Thread safety: free functions, any thread.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "proto/transport/certificate.h"

namespace normlab {

// Bytes that a side of a stream takes in before they are read. Left alone, gRPC measures the line and lets up to 16 MiB
// wait: memory of a transfer would then depend on how fast either side runs.
inline constexpr int kReadAhead = 1 << 20;

// Where a server is. The socket, unless there is an address.
struct DialTarget {
  std::string socket = {};
  std::string address = {};     // "127.0.0.1:7070" (see ReadLoopback), with `ca` any host (see ReadRemote)
  std::string token_file = {};  // goes with an address; empty: no token
  // PEM files. With `ca` TLS is spoken, and the server must show a certificate for the host that one of these signed.
  std::string ca = {};
  std::string cert = {};  // this machine's own, for servers that ask for one; goes with `key` and `ca`
  std::string key = {};   // nobody else may read it
};

struct Dialled {
  std::shared_ptr<grpc::Channel> channel;  // opens lazily: an absent server shows at the first call
  std::string authorization;               // the value of every call's kAuthorization entry; empty: none
};

// No proxy, whatever the environment says, and nothing but a server with TLS is looked up by its name. `arguments` are the
// program's own. kInvalidArgument, naming the option, for what ReadLoopback, ReadRemote, SocketAddress or ReadToken refuse, for
// files that cannot be used, and for a token or certificates without an address. Files that are replaced while the channel lives
// are read again.
absl::StatusOr<Dialled> Dial(const DialTarget& target, grpc::ChannelArguments arguments);

// Of every listening server: the Unix socket's mode and loopback keep strangers out, not encryption.
std::shared_ptr<grpc::ServerCredentials> ListenCredentials();
// Of connections to a Unix socket by which their calls can be told: these have the transport security type "local".
std::shared_ptr<grpc::ServerCredentials> ListenChildCredentials();
// The same for the socket of a client that insists on TLS.
std::shared_ptr<grpc::ServerCredentials> ListenCredentials(const Certificate& certificate);

}  // namespace normlab
