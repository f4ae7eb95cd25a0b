#include "workers/facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "nn/cpu.h"
#include "workers/version.h"

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
  std::map<std::string, std::string> facts = {{"version", kVersion},          {"compiler", kCompiler},
                                              {"build_type", kBuildType},     {"cpu", CpuModel()},
                                              {"isa", nn::instruction_set()}, {"threads", std::to_string(threads)}};
  if (kCommit[0] != '\0') {
    facts["commit"] = kCommit;
  }
  return facts;
}

std::string WorkerName() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}:{}", host, ::getpid());
}

}  // namespace normlab::workers
