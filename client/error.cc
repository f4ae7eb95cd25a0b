#include "client/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace normlab::client {
namespace {

constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";

// "requests[3].spec.mnist_mlp.norm" -> "mnist_mlp.norm": the person wrote one spec, not a batch of requests.
std::string WithoutRequestPrefix(const std::string& path) {
  static const std::regex prefix(R"(^(requests\[\d+\]\.)?spec\.)");
  return std::regex_replace(path, prefix, "");
}

std::string Headline(std::size_t wrong) {
  return wrong == 1 ? "1 field is wrong" : fmt::format("{} fields are wrong", wrong);
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) {
    return result;
  }
  for (const google::protobuf::Any& any : details.details()) {
    result.SetPayload(any.type_url(), absl::Cord(any.value()));
  }
  return result;
}

absl::Status InvalidFields(const std::vector<FieldViolation>& violations) {
  if (violations.empty()) {
    return absl::OkStatus();
  }
  google::rpc::BadRequest bad;
  for (const FieldViolation& v : violations) {
    auto* field = bad.add_field_violations();
    field->set_field(v.path);
    field->set_description(v.description);
  }
  absl::Status status = absl::InvalidArgumentError(Headline(violations.size()));
  status.SetPayload(kBadRequest, absl::Cord(bad.SerializeAsString()));
  return status;
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  const auto payload = status.GetPayload(kBadRequest);
  google::rpc::BadRequest bad;
  if (!payload || !bad.ParseFromString(std::string(*payload))) {
    return violations;
  }
  for (const auto& field : bad.field_violations()) {
    FieldViolation v{WithoutRequestPrefix(field.field()), field.description()};
    const bool known = std::any_of(violations.begin(), violations.end(), [&](const FieldViolation& other) {
      return other.path == v.path && other.description == v.description;
    });
    if (!known) {
      violations.push_back(std::move(v));
    }
  }
  return violations;
}

std::string RenderError(const absl::Status& status) {
  const std::vector<FieldViolation> violations = FieldViolations(status);
  if (violations.empty()) {
    return Message(status) + "\n";
  }
  std::size_t width = 0;
  for (const FieldViolation& v : violations) {
    width = std::max(width, v.path.size());
  }
  std::string text = Headline(violations.size()) + ":\n";
  for (const FieldViolation& v : violations) {
    text += fmt::format("  {:<{}}  {}\n", v.path, width, v.description);
  }
  return text;
}

std::string RenderErrorJson(const absl::Status& status) {
  nlohmann::ordered_json error;
  error["code"] = absl::StatusCodeToString(status.code());
  error["message"] = Message(status);
  error["fields"] = nlohmann::ordered_json::array();
  for (const FieldViolation& v : FieldViolations(status)) {
    error["fields"].push_back({{"path", v.path}, {"problem", v.description}});
  }
  return nlohmann::ordered_json{{"error", error}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

ExitCode ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kExitUnavailable;
    case absl::StatusCode::kCancelled:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

}  // namespace normlab::client
