// version.h - what this binary was built from.
#pragma once

#include <string>
#include <string_view>

namespace normlab {

struct Build {
  std::string_view version;
  std::string_view commit;  // "-dirty" at its end if files differed; empty where that was not known
  std::string_view compiler;
  std::string_view type;
};
const Build& ThisBuild();

// What --version prints: "normlab 0.1.0 (commit 0123456789ab)".
std::string VersionText(std::string_view program);

}  // namespace normlab
