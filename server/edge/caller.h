// caller.h - who makes a call, what he may do and how long he waits for the answer, whichever door he came through.
//
// Made by the door (Gate::Call for gRPC) and borrowed by everything behind it for the length of the call.
//
// Thread safety: immutable; any thread. cancelled() may be called while the call runs on another.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/edge/grant.h"

namespace normlab::server {

// What each may call is said by the option `access` of each method; see proto/normlab/v1/options.proto.
enum class Role { kViewer, kSubmitter, kWorker, kAdmin };

// Who came through the Unix socket and showed nothing.
inline constexpr char kOwner[] = "owner";

struct Principal {
  std::string
      identity;  // for logs: "owner" came through the Unix socket, "viewer token" showed that, "ana" what was made for her
  Role role = Role::kAdmin;
  std::string worker_id = {};                    // of a worker that a launcher started; empty: someone else
  std::shared_ptr<const Grant> grant = nullptr;  // of a token that was made for somebody; null: none was shown
};

class Caller {
 public:
  using Clock = std::chrono::system_clock;  // of deadlines, which gRPC counts so

  // `cancelled` says whether nobody waits for the answer any more; it is borrowed from the door.
  Caller(Principal principal, Clock::time_point deadline, std::function<bool()> cancelled)
      : principal_(std::move(principal)), deadline_(deadline), cancelled_(std::move(cancelled)) {}

  const std::string& identity() const { return principal_.identity; }
  Role role() const { return principal_.role; }
  // The user of the Unix socket, and not somebody whose token is called so.
  bool is_owner() const { return principal_.identity == kOwner && principal_.grant == nullptr; }
  // Given by its launcher; empty: the caller is someone else.
  const std::string& worker_id() const { return principal_.worker_id; }
  Clock::time_point deadline() const { return deadline_; }  // Clock::time_point::max(): none
  // Nobody waits for the answer, or nobody may have it any more.
  bool cancelled() const { return cancelled_() || !allowed(); }
  // Whether a token was shown that may end while the call runs, and whether it is still good.
  bool revocable() const { return principal_.grant != nullptr; }
  bool allowed() const { return principal_.grant == nullptr || principal_.grant->good(); }

 private:
  const Principal principal_;
  const Clock::time_point deadline_;
  const std::function<bool()> cancelled_;
};

}  // namespace normlab::server
