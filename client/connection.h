// connection.h - where the server is, and a channel to it.
//
// By default the Unix socket of the home directory, which only its owner can open. A TCP address is for a server that
// was asked to listen on loopback (or the end of a tunnel), or with TLS on another address, and goes with a bearer token from a
// file.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "proto/transport/channel.h"

namespace normlab::client {

struct Endpoint {
  std::string home = {};        // empty: DefaultHome()
  std::string socket = {};      // empty: SocketPath(home)
  std::string address = {};     // "127.0.0.1:7070"; empty: the socket
  std::string token_file = {};  // with address
  std::string ca = {};          // PEM files, with address; see DialTarget
  std::string cert = {};
  std::string key = {};

  std::string Home() const;
  std::string Socket() const;
  DialTarget Target() const;
  // What a person calls it: the socket's path or the address.
  std::string Describe() const;
};

struct Connection {
  std::shared_ptr<grpc::Channel> channel;
  std::string authorization;  // sent with every call; empty: none
  std::string describe;       // Endpoint::Describe()
  Endpoint endpoint;          // what it was made for
};

// Opens lazily: an absent server shows at the first call. kInvalidArgument: a token without an address, an address that
// is not loopback without a `ca` (the token would cross the network in the clear), files that cannot be read, tokens and keys that
// others may read.
absl::StatusOr<Connection> Connect(const Endpoint& endpoint);

}  // namespace normlab::client
