// become.h - this process goes on as another program.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace normlab::client {

// `arguments` with the program first, looked for on PATH. The program handles the terminal's signals itself. Returns only
// why not.
absl::Status Become(const std::vector<std::string>& arguments);

}  // namespace normlab::client
