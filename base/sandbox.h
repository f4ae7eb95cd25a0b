// sandbox.h - what a process that only computes gives up before it begins: a fault in it, or in what it reads, then reaches
// little. Four layers, each of which holds without the others.
//
// no_new_privs: no program gains rights by being run. Limits: no core file, few open files, files of a bounded size.
// Landlock: files and ports beyond those named (landlock.h). seccomp: system calls without use (system_calls.h).
//
// Thread safety: the main thread, before there are others; Landlock would not reach those.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/landlock.h"

namespace normlab {

struct SandboxOptions {
  LandlockRules allowed;  // what the C library, gRPC and OpenMP look up comes by itself; no port: no internet socket
  std::uint64_t open_files = 256;
  std::uint64_t file_bytes = std::uint64_t{64} << 30;
  std::optional<std::uint64_t> address_space = {};  // bytes
};

// A layer of the sandbox, and why it is not in force; nothing: it is.
struct SandboxLayer {
  std::string name;
  std::string missing;
};

// Enters, for ever. What a kernel lacks is left out: the layers say so.
std::vector<SandboxLayer> EnterSandbox(const SandboxOptions& options);

// "no_new_privs, rlimits, landlock ABI 7, seccomp", "no_new_privs, rlimits, seccomp; not landlock: this kernel ...".
std::string SandboxText(const std::vector<SandboxLayer>& layers);

}  // namespace normlab
