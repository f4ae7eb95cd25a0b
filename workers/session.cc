#include "workers/session.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <utility>

#include "base/log.h"
#include "workers/attempt.h"

namespace normlab::workers {
namespace {

using google::protobuf::util::TimeUtil;
using LeasedJob = v1::LeaseResponse::Lease;

// A random UUID (version 4).
std::string NewRequestId() {
  std::random_device device;
  const std::uint32_t b = device();
  const std::uint32_t c = device();
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", device(), b >> 16, b & 0xfff, 0x8000 | (c >> 18),
                     c & 0xffff, device());
}

using Clock = std::chrono::steady_clock;

// Waits until the server has a job for us; absent: it had none for as long as `options.idle`. kCancelled when `stop` comes first.
absl::StatusOr<std::optional<LeasedJob>> NextJob(ServiceClient& client, const SessionOptions& options,
                                                 std::stop_token stop) {
  v1::LeaseRequest request;
  request.set_worker(options.worker);
  const Clock::time_point begun = Clock::now();
  for (;;) {
    auto wait = options.lease_wait;
    Backoff backoff = options.backoff;
    backoff.limit.reset();  // a worker without a server has nothing better to do
    if (options.idle) {
      const auto left = *options.idle - std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
      if (left.count() <= 0) {
        return std::optional<LeasedJob>();
      }
      wait = std::min(wait, left);
      backoff.limit = left;
    }
    *request.mutable_wait() = TimeUtil::MillisecondsToDuration(wait.count());
    request.set_request_id(NewRequestId());  // kept while a call is repeated: an answer that was lost is given again
    v1::LeaseResponse response;
    NORMLAB_RETURN_IF_ERROR(Retry("lease", backoff, stop, [&] {
      auto answer = client.Lease(request, stop);
      if (answer.ok()) {
        response = std::move(*answer);
      }
      return answer.status();
    }));
    if (response.has_lease()) {
      return std::optional<LeasedJob>(response.lease());
    }
  }
}

}  // namespace

absl::Status RunSession(ServiceClient& client, const SessionOptions& options, std::stop_token stop) {
  while (!stop.stop_requested()) {
    const auto job = NextJob(client, options, stop);
    if (!job.ok()) {
      return stop.stop_requested() ? absl::OkStatus() : job.status();
    }
    if (!*job) {
      Log(LogLevel::kInfo, "no_job", {{"seconds", options.idle->count() / 1000}, {"next", "this process ends"}});
      break;
    }
    const LeasedJob& leased = **job;
    Log(LogLevel::kInfo, "job_leased", {{"job", leased.attempt().job_id()}, {"attempt", leased.attempt().number()}});
    const RunEnd end = Attempt(client, options, leased, stop).Perform();
    if (options.once || (end == RunEnd::kYielded && options.leave_with_server)) {
      break;
    }
  }
  return absl::OkStatus();
}

}  // namespace normlab::workers
