// channel.h - how programs dial a server, and the only place where credentials of connections are chosen.
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
  std::string address = {};     // "127.0.0.1:7070"; see ReadLoopback
  std::string token_file = {};  // goes with an address; empty: no token
};

struct Dialled {
  std::shared_ptr<grpc::Channel> channel;  // opens lazily: an absent server shows at the first call
  std::string authorization;               // the value of every call's kAuthorization entry; empty: none
};

// No proxy and nothing looked up, whatever the environment says. `arguments` are the program's own. kInvalidArgument,
// naming the option --address or --token-file, for what ReadLoopback, SocketAddress or ReadToken refuse, and for a
// token without an address.
absl::StatusOr<Dialled> Dial(const DialTarget& target, grpc::ChannelArguments arguments);

// Of every listening server: the Unix socket's mode and loopback keep strangers out, not encryption.
std::shared_ptr<grpc::ServerCredentials> ListenCredentials();
// The same for the socket of a client that insists on TLS.
std::shared_ptr<grpc::ServerCredentials> ListenCredentials(const Certificate& certificate);

}  // namespace normlab
