// queue_fuzz.cc - any output of squeue is read as one job a line, whose parts hold no mark.
#include <algorithm>

#include "server/schedule/slurm.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab;
  using namespace normlab::server;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = std::count(text.begin(), text.end(), '\n') + (text.empty() || text.back() == '\n' ? 0 : 1);
  const std::vector<SlurmJob> jobs = ReadQueue(text);
  Require(static_cast<std::ptrdiff_t>(jobs.size()) == lines);
  for (const SlurmJob& job : jobs) {
    Require((job.id + job.state + job.name).find_first_of("|\n") == std::string::npos);
  }
  return 0;
}
