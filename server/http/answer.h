// answer.h - a whole response, and how errors become one: the same object for every refusal, whoever refuses.
//
//   {"error":{"code":3,"status":"INVALID_ARGUMENT","message":"...","details":[{"@type":...}]}}
//
// Thread safety: free functions, any thread.
#pragma once

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace normlab::server::http {

struct Answer {
  int status = 200;
  std::string content_type = {};
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // beside those that every answer has
};

// The HTTP status of a canonical code, as google/rpc/code.proto maps them.
int HttpStatus(grpc::StatusCode code);

// {"error":...} of a call that failed.
std::string ErrorJson(const grpc::Status& status);

// `http_status` 0: the one of the code.
Answer ErrorAnswer(const grpc::Status& status, int http_status = 0);
Answer ErrorAnswer(const absl::Status& status, int http_status = 0);

}  // namespace normlab::server::http
