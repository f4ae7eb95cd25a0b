// peak_memory.h - the most memory this process has held at once.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace normlab {

// Forgets earlier peaks: the next reading is of what came after.
inline void ForgetPeakMemory() { std::ofstream("/proc/self/clear_refs") << "5"; }

// Resident bytes at the peak (VmHWM).
inline std::uint64_t PeakMemory() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stoull(line.substr(6)) << 10;
    }
  }
  return 0;
}

}  // namespace normlab
