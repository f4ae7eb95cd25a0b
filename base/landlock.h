// landlock.h - Landlock, by which a process gives up files and ports for itself, by raw system calls: glibc has no names for
// them, and <linux/landlock.h> may be older than the kernel.
//
// Thread safety: free functions; what is given up, the calling thread gives up, and all that it starts later.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace normlab {

// What stays allowed. Paths that are not there are left out; one that is there later is refused.
struct LandlockRules {
  std::vector<std::string> read_only;   // files, and folders with all below them
  std::vector<std::string> read_write;  // folders in which files may be made, written, renamed and removed
  std::vector<std::string> devices;     // files that may be read and written
  std::vector<int> connect;             // TCP ports
};

// The version of Landlock that the kernel speaks. kUnavailable where it has none, with its reason.
absl::StatusOr<int> LandlockVersion();

// Gives up, for ever, all files and TCP ports beyond the rules, running programs, and signals and abstract sockets of
// processes that have not done so; of these what the kernel's version knows. Needs no_new_privs. Returns the version.
absl::StatusOr<int> RestrictByLandlock(const LandlockRules& rules);

}  // namespace normlab
