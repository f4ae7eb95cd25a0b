// roles.h - what a role may call, read from the methods' own options.
//
// Thread safety: free functions, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/status.h"
#include "server/edge/caller.h"

namespace normlab::server {

std::string_view RoleName(Role role);                 // "viewer"
std::optional<Role> ReadRole(std::string_view name);  // absent for other words

// kPermissionDenied, naming who may, unless `role` may call `method`: "JobService.GetJob", or with the package where it is
// not ours. Unknown methods and those that do not say who may call them are everybody's to leave alone.
absl::Status CheckRole(Role role, std::string_view method);

}  // namespace normlab::server
