#include "results/judging/computed_by.h"

#include <fmt/format.h>

#include <map>

namespace normlab::judging {

std::string ComputedByNote(const std::vector<ComputedRun>& runs) {
  std::map<std::string, std::vector<std::string>> jobs;
  for (const ComputedRun& run : runs) {
    jobs[run.computed_by.empty() ? "not told" : run.computed_by].push_back(run.job);
  }
  if (jobs.size() < 2) {
    return "";
  }
  std::vector<std::string> parts;
  for (const auto& [computed_by, names] : jobs) {
    parts.push_back(fmt::format("{} ({})", computed_by, fmt::join(names, ", ")));
  }
  return fmt::format("These runs were computed by several revisions or instruction sets, or from several data: {}",
                     fmt::join(parts, "; "));
}

}  // namespace normlab::judging
