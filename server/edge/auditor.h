// auditor.h - which calls are written into the audit log, and what of them.
//
// Written are calls that change something, once they have ended well or not, and every call that was refused to its caller, for
// lack of rights or of room.
// Workers' reports are not: they are no decision of anybody's, and thousands a second.
//
// Thread safety: all methods, any thread.
#pragma once

#include <google/protobuf/message.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "server/edge/audit_log.h"
#include "server/edge/caller.h"

namespace normlab::server {

// What a call is asked and answers, as far as it is one message; borrowed.
struct Messages {
  const google::protobuf::Message* request = nullptr;
  const google::protobuf::Message* response = nullptr;
};

// Who is at the other end of a connection.
struct Peer {
  std::string name;              // as gRPC has it: "unix:", "ipv4:10.0.0.7:4711", "inproc"
  std::string certificate = {};  // the name in the one that he showed; empty: none
};

// "10.0.0.7" of "ipv4:10.0.0.7:4711", "::1" of "ipv6:%5B::1%5D:4711"; "unix" and "http" for those without an address.
std::string HostOf(std::string_view peer);

// Whether what `method` does is written even if it was not refused: every method that is not a worker's or a viewer's, but for
// those that only read.
bool Changes(std::string_view method);

class Auditor {
 public:
  explicit Auditor(AuditLog& log) : log_(log) {}

  // Who has the Unix sockets open, workers of this server aside. Before the first call.
  void KnowSocketUsers(std::function<std::vector<uid_t>()> users) { socket_users_ = std::move(users); }

  // `caller` null: nobody knows who it was.
  void Ended(const Caller* caller, const Peer& peer, std::string_view method, const Messages& messages,
             const absl::Status& status);

 private:
  // gRPC does not say which connection a call came through: where several users have one, all are named.
  std::string WhoOf(const Caller& caller) const;

  AuditLog& log_;
  std::function<std::vector<uid_t>()> socket_users_;
};

}  // namespace normlab::server
