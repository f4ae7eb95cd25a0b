#include "server/edge/read_log.h"

#include <chrono>
#include <thread>
#include <vector>

#include "server/edge/convert.h"
#include "server/edge/errors.h"
#include "server/edge/stream.h"
#include "server/schedule/job_log.h"

namespace normlab::server {
namespace {

constexpr std::chrono::milliseconds kLook{100};       // between looks into the files
constexpr std::chrono::milliseconds kLastWords{400};  // a worker writes its last line after its last report
constexpr std::size_t kLinesPerMessage = 64;          // of 4 KB at most

absl::Status SendLines(const std::vector<LogLine>& lines, grpc::ServerWriter<v1::ReadLogResponse>& writer) {
  for (std::size_t begin = 0; begin < lines.size(); begin += kLinesPerMessage) {
    v1::ReadLogResponse response;
    for (std::size_t i = begin; i < std::min(lines.size(), begin + kLinesPerMessage); ++i) {
      v1::ReadLogResponse::Line& wire = *response.add_lines();
      SetTime(lines[i].time_ms, *wire.mutable_time());
      wire.set_source(lines[i].source);
      wire.set_text(lines[i].text);
    }
    NORMLAB_RETURN_IF_ERROR(Send(response, writer));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SendLog(Core& core, const v1::ReadLogRequest& request, const Caller& caller,
                     grpc::ServerWriter<v1::ReadLogResponse>& writer) {
  NORMLAB_ASSIGN_OR_RETURN(const store::JobId id, ReadJobId(request.job_id()));
  JobLog log(core.logs, id);
  const auto forever = std::chrono::steady_clock::time_point::max();
  for (auto until = forever;;) {
    NORMLAB_ASSIGN_OR_RETURN(const store::Job job, core.store.GetJob(id));
    NORMLAB_RETURN_IF_ERROR(SendLines(log.Next(), writer));
    const auto now = std::chrono::steady_clock::now();
    if (store::IsTerminal(job.state) && until == forever) {
      until = now + kLastWords;
    }
    if (!request.follow() || now >= until) {
      return absl::OkStatus();
    }
    if (core.gate.draining()) {
      return Stopping();
    }
    if (caller.cancelled()) {
      return ReaderGone();
    }
    std::this_thread::sleep_for(kLook);
  }
}

}  // namespace normlab::server
