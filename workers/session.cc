#include "workers/session.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

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

// Waits until the server has a job for us. kCancelled when `stop` comes first.
absl::StatusOr<LeasedJob> NextJob(ServiceClient& client, const SessionOptions& options, std::stop_token stop) {
  v1::LeaseRequest request;
  request.set_worker(options.worker);
  *request.mutable_wait() = TimeUtil::MillisecondsToDuration(options.lease_wait.count());
  for (;;) {
    request.set_request_id(NewRequestId());  // kept while a call is repeated: an answer that was lost is given again
    v1::LeaseResponse response;
    Backoff backoff = options.backoff;
    backoff.limit.reset();  // a worker without a server has nothing better to do
    NORMLAB_RETURN_IF_ERROR(Retry("lease", backoff, stop, [&] {
      auto answer = client.Lease(request, stop);
      if (answer.ok()) {
        response = std::move(*answer);
      }
      return answer.status();
    }));
    if (response.has_lease()) {
      return response.lease();
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
    Log(LogLevel::kInfo, "job_leased", {{"job", job->attempt().job_id()}, {"attempt", job->attempt().number()}});
    const RunEnd end = Attempt(client, options, *job, stop).Perform();
    if (options.once || (end == RunEnd::kYielded && options.leave_with_server)) {
      break;
    }
  }
  return absl::OkStatus();
}

}  // namespace normlab::workers
