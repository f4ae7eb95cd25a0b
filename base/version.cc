#include "base/version.h"

#include <fmt/format.h>

#include "build.h"

namespace normlab {

const Build& ThisBuild() {
  static constexpr Build build{kVersion, kCommit, kCompiler, kBuildType};
  return build;
}

std::string VersionText(std::string_view program) {
  const Build& build = ThisBuild();
  return build.commit.empty() ? fmt::format("{} {}", program, build.version)
                              : fmt::format("{} {} (commit {})", program, build.version, build.commit);
}

}  // namespace normlab
