// admin.h - the commands of `normlab admin` that have files of their own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "client/commands/command.h"

namespace normlab::client {

// Seconds of "90d", "12h", "30m" or "45s"; `option` is named in the error.
absl::StatusOr<std::int64_t> ReadAge(std::string_view option, const std::string& text);

void AddAudit(CLI::App& admin, Session& session);
void AddCerts(CLI::App& admin, Session& session);
void AddTokens(CLI::App& admin, Session& session);

}  // namespace normlab::client
