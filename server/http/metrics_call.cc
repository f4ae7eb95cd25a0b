#include "server/http/metrics_call.h"

#include "normlab/v1/admin.pb.h"
#include "server/http/answer.h"
#include "server/http/router.h"

namespace normlab::server::http {
namespace {

Answer AnswerOf(const grpc::Status& status, const v1::GetMetricsResponse& metrics) {
  return status.ok() ? Answer{.content_type = metrics.media_type(), .body = metrics.content()} : ErrorAnswer(status);
}

}  // namespace

void RunMetricsCall(const std::shared_ptr<Connection>& connection, Services& services) {
  const auto* method =
      v1::GetMetricsRequest::descriptor()->file()->FindServiceByName("AdminService")->FindMethodByName("GetMetrics");
  const auto call =
      std::make_shared<Call>(services, *method, Authorization(connection->header()), connection->executor());
  const auto metrics = std::make_shared<v1::GetMetricsResponse>();
  const auto left = std::make_shared<bool>(false);  // the caller has
  const auto finish = [connection, call, metrics, left] {
    call->Finish([connection, metrics, left](const grpc::Status& status) {
      if (!*left) {
        connection->Respond(AnswerOf(status, *metrics));
      }
    });
  };
  const auto read = [call, metrics, finish](bool ok) {
    if (ok) {
      call->Take(*metrics);
    }
    finish();
  };
  connection->OnGone([call, left] {
    *left = true;
    call->Cancel();
  });
  connection->Watch();
  call->Start([call, read, finish](bool ok) {
    if (!ok) {
      finish();
      return;
    }
    call->Write(v1::GetMetricsRequest(), /*last=*/true,
                [call, read, finish](bool sent) { sent ? call->Read(read) : finish(); });
  });
}

}  // namespace normlab::server::http
