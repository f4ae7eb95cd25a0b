#include "server/http/answer.h"

#include <fmt/format.h>

#include "google/rpc/status.pb.h"
#include "server/edge/errors.h"
#include "server/http/json.h"

namespace normlab::server::http {
namespace {

struct Mapped {
  grpc::StatusCode code;
  std::string_view name;
  int http;
};
constexpr Mapped kCodes[] = {{grpc::StatusCode::OK, "OK", 200},
                             {grpc::StatusCode::CANCELLED, "CANCELLED", 499},
                             {grpc::StatusCode::UNKNOWN, "UNKNOWN", 500},
                             {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT", 400},
                             {grpc::StatusCode::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", 504},
                             {grpc::StatusCode::NOT_FOUND, "NOT_FOUND", 404},
                             {grpc::StatusCode::ALREADY_EXISTS, "ALREADY_EXISTS", 409},
                             {grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED", 403},
                             {grpc::StatusCode::UNAUTHENTICATED, "UNAUTHENTICATED", 401},
                             {grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", 429},
                             {grpc::StatusCode::FAILED_PRECONDITION, "FAILED_PRECONDITION", 400},
                             {grpc::StatusCode::ABORTED, "ABORTED", 409},
                             {grpc::StatusCode::OUT_OF_RANGE, "OUT_OF_RANGE", 400},
                             {grpc::StatusCode::UNIMPLEMENTED, "UNIMPLEMENTED", 501},
                             {grpc::StatusCode::INTERNAL, "INTERNAL", 500},
                             {grpc::StatusCode::UNAVAILABLE, "UNAVAILABLE", 503},
                             {grpc::StatusCode::DATA_LOSS, "DATA_LOSS", 500}};

const Mapped& MappedOf(grpc::StatusCode code) {
  for (const Mapped& mapped : kCodes) {
    if (mapped.code == code) {
      return mapped;
    }
  }
  return kCodes[2];
}

}  // namespace

int HttpStatus(grpc::StatusCode code) { return MappedOf(code).http; }

std::string ErrorJson(const grpc::Status& status) {
  google::rpc::Status wire;
  wire.ParseFromString(status.error_details());
  wire.set_code(status.error_code());
  wire.set_message(status.error_message());
  absl::StatusOr<std::string> json = WriteJson(wire);
  if (!json.ok()) {  // a detail of a type that this program does not know
    wire.clear_details();
    json = WriteJson(wire);
  }
  // The object has one name more than the message: that of its code.
  return fmt::format(R"({{"error":{{"status":"{}",{}}})", MappedOf(status.error_code()).name,
                     json.ok() ? json->substr(1) : "}");
}

Answer ErrorAnswer(const grpc::Status& status, int http_status) {
  Answer answer{.status = http_status == 0 ? HttpStatus(status.error_code()) : http_status,
                .content_type = "application/json",
                .body = ErrorJson(status) + "\n"};
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  return answer;
}

Answer ErrorAnswer(const absl::Status& status, int http_status) { return ErrorAnswer(ToGrpc(status), http_status); }

}  // namespace normlab::server::http
