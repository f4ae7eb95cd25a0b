// slurm_flags.h - those options of normlabd that are about workers on a Slurm cluster.
//
// Thread safety: the main thread, before there are others.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/status.h"
#include "server/daemon.h"

namespace normlab::server {

struct SlurmFlags {
  std::string launcher = "local";
  std::string folder;
  std::string host;
  std::string partition;
  int minutes = 0;
  int idle_seconds = 60;
  std::vector<std::string> options;

  bool on() const { return launcher == "slurm"; }
};

void DeclareSlurm(CLI::App& app, SlurmFlags& flags);

// Of a server without Slurm: kInvalidArgument for an option that goes only with it.
absl::Status CheckNoSlurm(const SlurmFlags& flags);

// Adds to `options`, of which home and the addresses are known, where workers run, and to their command line how they reach the server.
// kInvalidArgument for options that do not go together, and for a folder in which something is missing.
absl::Status FillSlurm(const SlurmFlags& flags, const Allocation& allocation, DaemonOptions& options);

}  // namespace normlab::server
