#include "server/edge/roles.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <array>
#include <utility>

#include "normlab/v1/options.pb.h"
#include "server/edge/errors.h"

namespace normlab::server {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 4> kNames{
    {{Role::kViewer, "viewer"}, {Role::kSubmitter, "submitter"}, {Role::kWorker, "worker"}, {Role::kAdmin, "admin"}}};

v1::Access AccessOf(std::string_view method) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const auto* descriptor = pool->FindMethodByName(fmt::format("normlab.v1.{}", method));
  if (descriptor == nullptr) {
    descriptor = pool->FindMethodByName(std::string(method));
  }
  return descriptor == nullptr ? v1::ACCESS_UNSPECIFIED : descriptor->options().GetExtension(v1::access);
}

bool MayCall(Role role, v1::Access access) {
  switch (access) {
    case v1::ACCESS_VIEWER:
      return role == Role::kViewer || role == Role::kSubmitter || role == Role::kAdmin;
    case v1::ACCESS_SUBMITTER:
      return role == Role::kSubmitter || role == Role::kAdmin;
    case v1::ACCESS_WORKER:
      return role == Role::kWorker || role == Role::kAdmin;
    case v1::ACCESS_ADMIN:
      return role == Role::kAdmin;
    default:
      return false;
  }
}

}  // namespace

std::string_view RoleName(Role role) {
  for (const auto& [known, name] : kNames) {
    if (known == role) {
      return name;
    }
  }
  return "";
}

std::optional<Role> ReadRole(std::string_view name) {
  for (const auto& [role, known] : kNames) {
    if (known == name) {
      return role;
    }
  }
  return std::nullopt;
}

absl::Status CheckRole(Role role, std::string_view method) {
  const v1::Access access = AccessOf(method);
  if (MayCall(role, access)) {
    return absl::OkStatus();
  }
  std::string allowed;
  for (const auto& [other, name] : kNames) {
    if (MayCall(other, access)) {
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", name);
    }
  }
  return WithReason(
      absl::PermissionDeniedError(fmt::format("a {} may not call {}; show the token of a role that may: {}",
                                              RoleName(role), method, allowed.empty() ? "nobody" : allowed)),
      "ROLE");
}

}  // namespace normlab::server
