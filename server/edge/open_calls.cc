#include "server/edge/open_calls.h"

#include <fmt/format.h>

#include <chrono>

#include "server/edge/errors.h"

namespace normlab::server {
namespace {

absl::Status TooMany(const std::string& text) {
  return WithRetry(absl::ResourceExhaustedError(text + ", which is the limit; close one or try again later"),
                   std::chrono::seconds(5));
}

}  // namespace

// Left when it dies, whatever ends the block.
class OpenCalls::Place {
 public:
  Place(OpenCalls& calls, const Caller& caller) : calls_(calls), caller_(caller) {}
  ~Place() { calls_.Leave(caller_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  OpenCalls& calls_;
  const Caller& caller_;
};

absl::Status OpenCalls::Enter(const Caller& caller) {
  const MutexLock lock(mu_);
  if (open_ >= limit_) {
    return TooMany(fmt::format("{} such calls are open", limit_));
  }
  if (caller.revocable()) {
    int& his = of_[caller.identity()];
    if (his >= of_one_) {
      return TooMany(fmt::format("{} such calls of {} are open", of_one_, caller.identity()));
    }
    ++his;
  }
  ++open_;
  return absl::OkStatus();
}

void OpenCalls::Leave(const Caller& caller) {
  const MutexLock lock(mu_);
  --open_;
  if (!caller.revocable()) {
    return;
  }
  const auto his = of_.find(caller.identity());
  if (--his->second == 0) {
    of_.erase(his);
  }
}

absl::Status OpenCalls::Run(const Caller& caller, const std::function<absl::Status(const Caller&)>& body) {
  NORMLAB_RETURN_IF_ERROR(Enter(caller));
  const Place place(*this, caller);
  return body(caller);
}

}  // namespace normlab::server
