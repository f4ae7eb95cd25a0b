// rest_api.h - another program's REST API on this door: which method a request is, and how its messages and errors are written.
//
// The door knows none by name; HttpOptions lists them. A request of one passes the same checks as every other: Host, Origin,
// token, sizes and times. Its method is called through the same channel, so the gate holds.
//
//   unary            the body, if there is one, is JSON and adds to the message that path and query say
//   client stream    the body is bytes: that message, then messages with a piece each in the field `data`, the last with
//                    `last` set
//   server stream    what stands in the field `data` of each message is the answer's body
//
// Thread safety: const methods, any thread.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "server/http/answer.h"

namespace normlab::server::http {

struct RestCall {
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::shared_ptr<google::protobuf::Message> request;  // as far as path and query say it
  std::uint64_t body_bytes = 0;                        // of JSON, at most; 0: as the door has it
};

class RestApi {
 public:
  virtual ~RestApi() = default;

  // Whether the path is one of its own, whatever there is.
  virtual bool Owns(std::string_view path) const = 0;
  // kNotFound for a path or verb that is none of its methods.
  virtual absl::StatusOr<RestCall> Find(std::string_view verb, std::string_view path, std::string_view query) const = 0;
  // Adds a JSON body to the message.
  virtual absl::Status ReadBody(std::string_view json, google::protobuf::Message& request) const = 0;
  virtual absl::StatusOr<std::string> WriteBody(const google::protobuf::Message& response) const = 0;
  virtual Answer Error(const grpc::Status& status) const = 0;
};

}  // namespace normlab::server::http
