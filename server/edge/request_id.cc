#include "server/edge/request_id.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>

#include "base/sha256.h"
#include "server/edge/errors.h"

namespace normlab::server {
namespace {

// 8-4-4-4-12 hexadecimal digits; upper case becomes lower.
bool NormalizeUuid(std::string& id) {
  if (id.size() != 36) {
    return false;
  }
  for (std::size_t i = 0; i < id.size(); ++i) {
    char& c = id[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') {
        return false;
      }
      continue;
    }
    if (c >= 'A' && c <= 'F') {
      c = static_cast<char>(c - 'A' + 'a');
    }
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string Deterministic(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream out(&bytes);
    google::protobuf::io::CodedOutputStream coded(&out);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

absl::StatusOr<store::Request> RequestOf(const google::protobuf::Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName("request_id");
  store::Request request;
  request.id = message.GetReflection()->GetString(message, field);
  if (request.id.empty()) {
    return request;
  }
  if (!NormalizeUuid(request.id)) {
    return BadField("request_id", "is not a UUID; expected one such as 123e4567-e89b-42d3-a456-426614174000");
  }
  const std::unique_ptr<google::protobuf::Message> body(message.New());
  body->CopyFrom(message);
  body->GetReflection()->ClearField(body.get(), field);
  request.body_hash = Sha256Hex(message.GetDescriptor()->full_name() + "\n" + Deterministic(*body));
  return request;
}

}  // namespace normlab::server
