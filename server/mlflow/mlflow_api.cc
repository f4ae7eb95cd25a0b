#include "server/mlflow/mlflow_api.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/parse_number.h"
#include "base/text.h"
#include "mlflow/service.pb.h"
#include "proto/spec_text.h"
#include "server/edge/errors.h"
#include "server/http/json.h"
#include "server/mlflow/checks.h"
#include "server/mlflow/routes.h"

namespace normlab::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

// "%2F" as it was meant, '+' as a space where it stands for one. Absent: an escape that is none.
std::optional<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' && plus_is_space ? ' ' : text[i];
      continue;
    }
    const auto digit = [&](std::size_t at) {
      const std::string_view digits = "0123456789abcdef";
      const char c = at < text.size() ? static_cast<char>(std::tolower(static_cast<unsigned char>(text[at]))) : ' ';
      return digits.find(c);
    };
    if (digit(i + 1) == std::string_view::npos || digit(i + 2) == std::string_view::npos) {
      return std::nullopt;
    }
    decoded += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
    i += 2;
  }
  return decoded;
}

// Sets a field of a query, or adds to a repeated one; those it does not know are left out, as MLflow's newer clients send more.
absl::Status SetField(const std::string& name, const std::string& value, Message& message) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) {
    return absl::OkStatus();
  }
  const auto& reflection = *message.GetReflection();
  const auto wrong = [&](std::string_view expected) {
    return BadField(name, fmt::format("is {}; expected {}", OneLine(value, kMaxShown), expected));
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (FirstBadUtf8(value)) {
        return wrong("UTF-8");
      }
      field->is_repeated() ? reflection.AddString(&message, field, value)
                           : reflection.SetString(&message, field, value);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_INT32:
      if (const auto number = ParseWhole<std::int32_t>(value)) {
        reflection.SetInt32(&message, field, *number);
        return absl::OkStatus();
      }
      return wrong("a whole number");
    case FieldDescriptor::CPPTYPE_INT64:
      if (const auto number = ParseWhole<std::int64_t>(value)) {
        reflection.SetInt64(&message, field, *number);
        return absl::OkStatus();
      }
      return wrong("a whole number");
    case FieldDescriptor::CPPTYPE_ENUM:
      if (const auto* known = field->enum_type()->FindValueByName(value)) {
        reflection.SetEnum(&message, field, known);
        return absl::OkStatus();
      }
      return wrong(fmt::format("a {}", field->enum_type()->name()));
    default:
      return wrong("nothing in a query");
  }
}

absl::Status ReadQuery(std::string_view query, Message& message) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = Decode(pair.substr(0, equals), true);
    const auto value = Decode(pair.substr(std::min(pair.size(), equals + 1)), true);
    if (!name || !value) {
      return BadField("query",
                      fmt::format("has {}; expected % before two hexadecimal digits", OneLine(pair, kMaxShown)));
    }
    NORMLAB_RETURN_IF_ERROR(SetField(*name, *value, message));
  }
  return absl::OkStatus();
}

struct ErrorCode {
  std::string_view name;
  int http = 0;
};

// The client tries again at 429, 500, 502, 503 and 504: what is its own fault must be none of these.
ErrorCode CodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::NOT_FOUND:
      return {"RESOURCE_DOES_NOT_EXIST", 404};
    case grpc::StatusCode::ALREADY_EXISTS:
      return {"RESOURCE_ALREADY_EXISTS", 400};
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return {"INVALID_PARAMETER_VALUE", 400};
    case grpc::StatusCode::PERMISSION_DENIED:
      return {"PERMISSION_DENIED", 403};
    case grpc::StatusCode::UNAUTHENTICATED:
      return {"UNAUTHENTICATED", 401};
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return {"REQUEST_LIMIT_EXCEEDED", 429};
    case grpc::StatusCode::UNAVAILABLE:
      return {"TEMPORARILY_UNAVAILABLE", 503};
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {"DEADLINE_EXCEEDED", 504};
    case grpc::StatusCode::UNIMPLEMENTED:
      return {"ENDPOINT_NOT_FOUND", 404};
    default:
      return {"INTERNAL_ERROR", 500};
  }
}

class Api : public http::RestApi {
 public:
  bool Owns(std::string_view path) const override {
    return path.starts_with("/api/2.0/mlflow") || path.starts_with("/api/3.0/mlflow");
  }

  absl::StatusOr<http::RestCall> Find(std::string_view verb, std::string_view path,
                                      std::string_view query) const override {
    const std::optional<std::string> decoded = Decode(path, false);
    if (!decoded || FirstBadUtf8(*decoded)) {
      return BadField("path", fmt::format("is {}; expected % before two hexadecimal digits, of UTF-8", Shown(path)));
    }
    NORMLAB_ASSIGN_OR_RETURN(const MlflowRoute route, FindMlflowRoute(verb, *decoded));
    const Message* prototype = MessageFactory::generated_factory()->GetPrototype(route.method->input_type());
    http::RestCall call{.method = route.method,
                        .request = std::shared_ptr<Message>(prototype->New()),
                        .body_bytes = route.method->name() == "LogBatch" ? kMaxBatchBytes : 0};
    NORMLAB_RETURN_IF_ERROR(ReadQuery(query, *call.request));
    for (const auto& [name, value] : route.fields) {
      NORMLAB_RETURN_IF_ERROR(SetField(name, value, *call.request));
    }
    return call;
  }

  absl::Status ReadBody(std::string_view json, Message& request) const override {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;                // newer clients send more
    const std::unique_ptr<Message> body(request.New());  // parsing clears what it fills
    const auto status = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, body.get(), options);
    if (!status.ok()) {
      return BadField("body", OneLine({status.message().data(), status.message().size()}, kMaxJsonError));
    }
    body->MergeFrom(request);  // what the path says counts
    request.GetReflection()->Swap(&request, body.get());
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> WriteBody(const Message& response) const override {
    return http::WriteJson(response, http::Integers::kNumbers);
  }

  http::Answer Error(const grpc::Status& status) const override {
    const ErrorCode code = CodeOf(status.error_code());
    const nlohmann::json body = {{"error_code", code.name}, {"message", status.error_message()}};
    using Handler = nlohmann::json::error_handler_t;
    http::Answer answer{.status = code.http,
                        .content_type = "application/json",
                        .body = body.dump(-1, ' ', false, Handler::replace)};  // texts may quote a caller's bytes
    if (code.http == 401) {
      answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    }
    return answer;
  }

 private:
  static constexpr std::size_t kMaxJsonError = 300;
};

}  // namespace

const http::RestApi& MlflowApi() {
  static const Api kApi;
  return kApi;
}

}  // namespace normlab::server
