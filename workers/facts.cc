#include "workers/facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "base/version.h"
#include "nn/cpu.h"

namespace normlab::workers {
namespace {

// The "model name" of /proc/cpuinfo; "unknown" where there is none (ARM has none).
std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace

std::map<std::string, std::string> ProcessFacts(int threads) {
  const Build& build = ThisBuild();
  std::map<std::string, std::string> facts = {
      {"version", std::string(build.version)}, {"compiler", std::string(build.compiler)},
      {"build_type", std::string(build.type)}, {"cpu", CpuModel()},
      {"isa", nn::instruction_set()},          {"threads", std::to_string(threads)}};
  if (!build.commit.empty()) {
    facts["commit"] = std::string(build.commit);
  }
  return facts;
}

std::string WorkerName() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}:{}", host, ::getpid());
}

}  // namespace normlab::workers
