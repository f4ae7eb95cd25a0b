#include "server/schedule/job_limits.h"

#include <fmt/format.h>

#include "proto/footprint.h"

namespace normlab::server {
namespace {

std::string Size(std::uint64_t bytes) {
  constexpr double kMiB = 1 << 20;
  const double size = static_cast<double>(bytes) / kMiB;
  return size < 1024 ? fmt::format("{:.0f} MiB", size) : fmt::format("{:.1f} GiB", size / 1024);
}

}  // namespace

void CheckLimits(const v1::JobSpec& resolved, const JobLimits& limits, const std::string& prefix,
                 std::vector<FieldViolation>& violations) {
  const Footprint needs = FootprintOf(resolved);
  if (needs.checkpoint_bytes > limits.file_bytes) {
    violations.push_back(
        {prefix + needs.weights_fields,
         fmt::format("makes weights of {} and checkpoints of {}; expected files of at most {}. Lower "
                     "it, or start normlabd with a larger --max-file-gib",
                     Size(needs.weights_bytes), Size(needs.checkpoint_bytes), Size(limits.file_bytes))});
  }
  if (limits.memory_bytes > 0 && needs.memory_bytes > limits.memory_bytes) {
    violations.push_back({prefix + needs.memory_fields,
                          fmt::format("together need about {} of memory; expected at most {}. Lower them, or start "
                                      "normlabd with a larger --job-memory-gib",
                                      Size(needs.memory_bytes), Size(limits.memory_bytes))});
  }
}

}  // namespace normlab::server
