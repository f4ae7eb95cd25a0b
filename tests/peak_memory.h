// peak_memory.h - the most memory a process has held at once: this one, or another one of the same user.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

namespace normlab {

// Forgets earlier peaks: the next reading is of what came after.
inline void ForgetPeakMemory(pid_t process = ::getpid()) {
  std::ofstream(fmt::format("/proc/{}/clear_refs", process)) << "5";
}

// Resident bytes at the peak (VmHWM).
inline std::uint64_t PeakMemory(pid_t process = ::getpid()) {
  std::ifstream file(fmt::format("/proc/{}/status", process));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stoull(line.substr(6)) << 10;
    }
  }
  return 0;
}

}  // namespace normlab
