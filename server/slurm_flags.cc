#include "server/slurm_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "proto/transport/authority.h"
#include "proto/transport/host.h"
#include "proto/transport/pem_files.h"

namespace normlab::server {
namespace {

constexpr int kShortest = 5;  // minutes: the last two are for winding up

// The name by which nodes reach the server: of those in its certificate the first that another machine can mean.
absl::StatusOr<std::string> HostOf(const TlsFiles& files) {
  NORMLAB_ASSIGN_OR_RETURN(const std::string pem, ReadPem("--tls-cert", files.certificate, false));
  const std::vector<std::string> hosts = HostsOf(pem);
  if (hosts.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("--tls-cert {} names no host; say with --slurm-host by which one the nodes reach this server",
                    files.certificate));
  }
  const auto elsewhere = std::find_if(hosts.begin(), hosts.end(), [](const std::string& host) {
    return host != "localhost" && host != "::1" && !host.starts_with("127.");
  });
  return elsewhere == hosts.end() ? hosts.front() : *elsewhere;
}

absl::Status CheckServer(const DaemonOptions& options) {
  if (!options.listen || !options.tls) {
    return absl::InvalidArgumentError(
        "--launcher slurm: the nodes reach this server by TLS alone. Give --listen ADDRESS:PORT, --tls-cert and "
        "--tls-key; `normlab admin "
        "certs init FOLDER --host NAME` makes a certificate");
  }
  if (options.listen->port == 0) {
    return absl::InvalidArgumentError(
        "--launcher slurm: --listen needs a port that stays, for workers outlive the server and look for it there");
  }
  return absl::OkStatus();
}

}  // namespace

void DeclareSlurm(CLI::App& app, SlurmFlags& flags) {
  app.add_option("--launcher", flags.launcher, "where workers run: on this machine, or as jobs of a Slurm cluster")
      ->check(CLI::IsMember({"local", "slurm"}))
      ->capture_default_str();
  app.add_option(
      "--slurm-folder", flags.folder,
      "folder that the nodes see at the same path; in it certs/ca.pem, which signed the server's certificate, and with "
      "--tls-client-ca certs/worker.pem and certs/worker.key [HOME/run/slurm]");
  app.add_option("--slurm-host", flags.host,
                 "name by which the nodes reach --listen [the first in the server's certificate]");
  app.add_option("--slurm-partition", flags.partition, "partition of the workers [the cluster's default]");
  app.add_option("--slurm-minutes", flags.minutes, "time limit of a worker's allocation [the partition's]")
      ->check(CLI::Range(kShortest, 525'600));
  app.add_option("--slurm-idle-seconds", flags.idle_seconds,
                 "how long an allocation waits for another job before it is given back")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--slurm-option", flags.options,
                 "further option of sbatch, as it is, repeatable: --slurm-option=--account=physics")
      ->type_name("OPTION");
}

absl::Status CheckNoSlurm(const SlurmFlags& flags) {
  const std::pair<const char*, bool> given[] = {{"--slurm-folder", !flags.folder.empty()},
                                                {"--slurm-host", !flags.host.empty()},
                                                {"--slurm-partition", !flags.partition.empty()},
                                                {"--slurm-minutes", flags.minutes != 0},
                                                {"--slurm-option", !flags.options.empty()}};
  for (const auto& [option, is_given] : given) {
    if (is_given) {
      return absl::InvalidArgumentError(fmt::format("{} goes with --launcher slurm", option));
    }
  }
  return absl::OkStatus();
}

absl::Status FillSlurm(const SlurmFlags& flags, const Allocation& allocation, DaemonOptions& options) {
  NORMLAB_RETURN_IF_ERROR(CheckServer(options));
  SlurmOptions& slurm = options.slurm.emplace();
  slurm.folder = std::filesystem::absolute(flags.folder.empty() ? options.home + "/run/slurm" : flags.folder).string();
  slurm.allocation = allocation;
  slurm.allocation.partition = flags.partition;
  slurm.allocation.minutes = flags.minutes;
  slurm.allocation.options = flags.options;
  for (const std::string& option : flags.options) {
    if (!option.starts_with("-")) {
      return absl::InvalidArgumentError(fmt::format(
          "--slurm-option {}: expected an option of sbatch, such as --slurm-option=--account=physics", option));
    }
  }
  std::string host = flags.host;
  if (host.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(host, HostOf(*options.tls));
  }
  const std::string certs = slurm.folder + "/certs/";  // apart: a worker's sandbox lets it read this folder whole
  ClientFiles files{.ca = certs + "ca.pem"};
  options.worker_argv.insert(options.worker_argv.end(),
                             {"--address", HostAndPort(host, options.listen->port), "--ca", files.ca, "--idle-seconds",
                              fmt::to_string(flags.idle_seconds)});
  if (!options.tls->client_authority.empty()) {
    files.cert = certs + "worker.pem";
    files.key = certs + "worker.key";
    options.worker_argv.insert(options.worker_argv.end(), {"--cert", files.cert, "--key", files.key});
  }
  const absl::Status usable = CheckClientFiles(files);
  return usable.ok() ? usable
                     : absl::InvalidArgumentError(fmt::format("--slurm-folder {}: workers could not reach the server: "
                                                              "{}. Put there what `normlab admin certs` made",
                                                              slurm.folder, Message(usable)));
}

}  // namespace normlab::server
