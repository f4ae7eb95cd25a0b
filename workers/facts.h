// facts.h - what a job's record says about the process that ran it.
#pragma once

#include <map>
#include <string>

namespace normlab::workers {

// "version", "commit" (when known), "compiler", "build_type", "cpu", "isa" (the instruction set the kernels chose) and
// "threads".
std::map<std::string, std::string> ProcessFacts(int threads);

// "host:pid", by which a server on the same host knows when the process is gone.
std::string WorkerName();

}  // namespace normlab::workers
