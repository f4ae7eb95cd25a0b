// system_calls.h - a seccomp filter: system calls that a process which computes has no use for are refused.
//
// Thread safety: free function; the filter holds for all threads of the process, also those that run already.
#pragma once

#include "base/status.h"

namespace normlab {

// Refuses with EPERM, for ever: other programs and processes (execve, fork, ptrace, signals to others), namespaces and
// mounts, the kernel itself (modules, bpf, kexec, io_uring, perf, userfaultfd, keys, clocks), links and device files, changes
// of owners and users, memory that is written and executed, listening, and sockets other than Unix ones or, with
// `internet`, other than those of IPv4 and IPv6. Needs no_new_privs, or an administrator. kUnavailable where the kernel has no filters.
absl::Status RefuseSystemCalls(bool internet);

}  // namespace normlab
