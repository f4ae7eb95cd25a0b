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

constexpr char kOfServer[] = "normlab/of-server";
constexpr char kBadRequest[] = "type.googleapis.com/google.rpc.BadRequest";

// What the person wrote: "requests[3].spec.mnist_mlp.norm" is a field of one spec, "mnist_mlp.norm"; what stands beside
// the spec in a request came from an option.
std::string AsWritten(const std::string& path) {
  static const std::regex request(R"(^requests\[\d+\]\.)");
  static const std::pair<std::regex, const char*> kOptions[] = {
      {std::regex(R"(^filter\.job_ids.*$)"), "JOB"},
      {std::regex(R"(^filter\.experiment$)"), "--experiment"},
      {std::regex(R"(^(filter\.)?labels$)"), "--label"},
      {std::regex(R"(^(?:filter\.)?labels\[(.*)\]$)"), "--label $1"},
      {std::regex(R"(^priority$)"), "--priority"},
      {std::regex(R"(^page_token$)"), "--page"},
      {std::regex(R"(^page_size$)"), "--limit"},
      {std::regex(R"(^order_by$)"), "--sort"},
      {std::regex(R"(^set_labels(?:\[(.*)\])?$)"), "KEY=VALUE $1"},
      {std::regex(R"(^remove_labels.*$)"), "-KEY"},
      {std::regex(R"(^experiment$)"), "--experiment"},
      {std::regex(R"(^budget$)"), "--budget"},
      {std::regex(R"(^item_ids?(\W.*)?$)"), "ITEM"},
      {std::regex(R"(^job_ids?(\W.*)?$)"), "JOB"},
      {std::regex(R"(^series(\W.*)?$)"), "--series"},
      {std::regex(R"(^max_points$)"), "--max-points"},
      {std::regex(R"(^manifest\.text$)"), "PAPER"},
      {std::regex(R"(^paper_id$)"), "PAPER"},
      {std::regex(R"(^spec\.(.*)$)"), "$1"}};
  const std::string own = std::regex_replace(path, request, "");
  for (const auto& [pattern, name] : kOptions) {
    if (std::regex_match(own, pattern)) {
      return std::regex_replace(own, pattern, name);
    }
  }
  return own;
}

std::string CodeName(const absl::Status& status) { return absl::StatusCodeToString(status.code()); }

std::string Headline(std::size_t wrong) {
  return wrong == 1 ? "1 field is wrong" : fmt::format("{} fields are wrong", wrong);
}

}  // namespace

absl::Status OfServer(absl::Status status) {
  status.SetPayload(kOfServer, absl::Cord());
  return status;
}

absl::Status FromGrpc(const grpc::Status& status) {
  absl::Status result =
      OfServer(absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()));
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
    FieldViolation v{AsWritten(field.field()), field.description()};
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
    return (status.message().empty() ? fmt::format("{} (no reason was given)", CodeName(status)) : Message(status)) +
           "\n";
  }
  if (violations.size() == 1) {
    return fmt::format("{} {}\n", violations[0].path, violations[0].description);
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
  error["code"] = CodeName(status);
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
      return status.GetPayload(kOfServer) ? kExitUnavailable : kExitFailed;
    case absl::StatusCode::kCancelled:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

}  // namespace normlab::client
