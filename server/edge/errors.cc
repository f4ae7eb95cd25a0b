#include "server/edge/errors.h"

#include <fmt/format.h>
#include <google/protobuf/any.pb.h>

#include "base/text.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace normlab::server {
namespace {

constexpr std::size_t kMaxMessage = 1024;  // travels percent-encoded, once as grpc-message and once in the details
constexpr std::size_t kMaxDetails = 2048;  // bytes of one BadRequest; travels in base64
constexpr std::string_view kTypePrefix = "type.googleapis.com/";

template <typename Detail>
std::string TypeUrl() {
  return std::string(kTypePrefix) + Detail::descriptor()->full_name();
}

template <typename Detail>
void Attach(absl::Status& status, const Detail& detail) {
  const std::string url = TypeUrl<Detail>();
  status.SetPayload(absl::string_view(url.data(), url.size()), absl::Cord(detail.SerializeAsString()));
}

template <typename Detail>
bool Has(const absl::Status& status) {
  const std::string url = TypeUrl<Detail>();
  return status.GetPayload(absl::string_view(url.data(), url.size())).has_value();
}

google::rpc::ErrorInfo Info(std::string_view reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain("normlab");
  return info;
}

}  // namespace

absl::Status BadRequest(const std::vector<FieldViolation>& violations) {
  absl::Status status = ViolationsToStatus(violations);
  if (status.ok()) {
    return status;
  }
  google::rpc::BadRequest detail;
  std::size_t shown = 0;
  for (; shown < violations.size() && detail.ByteSizeLong() < kMaxDetails; ++shown) {
    auto* violation = detail.add_field_violations();
    violation->set_field(CutText(violations[shown].path, 256));
    violation->set_description(CutText(violations[shown].description, 512));
  }
  if (shown < violations.size()) {
    auto* rest = detail.add_field_violations();
    rest->set_description(fmt::format("and {} more wrong fields", violations.size() - shown));
  }
  Attach(status, detail);
  return WithReason(status, "INVALID_FIELDS");
}

absl::Status BadField(std::string_view path, std::string_view description) {
  return BadRequest({{std::string(path), std::string(description)}});
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  if (!status.ok()) {
    Attach(status, Info(reason));
  }
  return status;
}

absl::Status WithRetry(absl::Status status, std::chrono::milliseconds delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(delay.count() / 1000);
  info.mutable_retry_delay()->set_nanos(static_cast<int>(delay.count() % 1000 * 1000000));
  Attach(status, info);
  return status;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) {
    return grpc::Status::OK;
  }
  absl::Status full = status;
  if (!Has<google::rpc::ErrorInfo>(full)) {
    full = WithReason(full, absl::StatusCodeToString(full.code()));
  }
  if (full.code() == absl::StatusCode::kResourceExhausted && !Has<google::rpc::RetryInfo>(full)) {
    full = WithRetry(full, std::chrono::seconds(1));
  }
  google::rpc::Status wire;
  wire.set_code(static_cast<int>(full.code()));
  wire.set_message(CutText(Message(full), kMaxMessage));
  full.ForEachPayload([&wire](absl::string_view url, const absl::Cord& payload) {
    google::protobuf::Any* any = wire.add_details();
    any->set_type_url(std::string(url));
    any->set_value(std::string(payload));
  });
  return grpc::Status(static_cast<grpc::StatusCode>(full.code()), wire.message(), wire.SerializeAsString());
}

}  // namespace normlab::server
