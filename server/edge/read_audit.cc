#include "server/edge/read_audit.h"

#include <google/protobuf/util/time_util.h>

#include <limits>

#include "server/edge/errors.h"
#include "server/edge/stream.h"

namespace normlab::server {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kBatch = 256;  // entries of one message

// Others overflow when they become milliseconds.
bool IsTime(const google::protobuf::Timestamp& time) {
  return time.seconds() >= TimeUtil::kTimestampMinSeconds && time.seconds() <= TimeUtil::kTimestampMaxSeconds &&
         time.nanos() >= 0 && time.nanos() < 1'000'000'000;
}

void ToWire(const AuditEntry& entry, v1::AuditEntry& wire) {
  *wire.mutable_time() = TimeUtil::MillisecondsToTimestamp(entry.time_ms);
  wire.set_who(entry.who);
  wire.set_role(entry.role);
  wire.set_peer(entry.peer);
  wire.set_certificate(entry.certificate);
  wire.set_method(entry.method);
  wire.mutable_job_ids()->Assign(entry.jobs.begin(), entry.jobs.end());
  wire.set_jobs(entry.job_count);
  wire.set_request_id(entry.request_id);
  wire.set_outcome(entry.outcome);
  wire.set_error(entry.error);
  wire.set_left_out(entry.left_out);
}

}  // namespace

absl::Status ReadAudit(const AuditLog& log, const v1::ReadAuditRequest& request, const Caller& caller,
                       grpc::ServerWriter<v1::ReadAuditResponse>& writer) {
  if (request.has_since() && !IsTime(request.since())) {
    return BadField("since", "is no time; expected one of the years 1 to 9999");
  }
  const std::int64_t since = request.has_since() ? TimeUtil::TimestampToMilliseconds(request.since())
                                                 : std::numeric_limits<std::int64_t>::min();
  v1::ReadAuditResponse response;
  NORMLAB_RETURN_IF_ERROR(log.Read(since, [&](const AuditEntry& entry) {
    ToWire(entry, *response.add_entries());
    if (response.entries_size() < kBatch) {
      return absl::OkStatus();
    }
    const absl::Status sent = caller.cancelled() ? ReaderGone() : Send(response, writer);
    response.Clear();
    return sent;
  }));
  return response.entries_size() == 0 ? absl::OkStatus() : Send(response, writer);
}

}  // namespace normlab::server
