// The command line of a server whose workers run on a Slurm cluster.
#include <sys/stat.h>

#include <fstream>

#include "base/fs.h"
#include "proto/transport/authority.h"
#include "server/options.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::Contains;
using testing::HasSubstr;

class SlurmFlagsTest : public testing::Test {
 protected:
  void SetUp() override {
    authority_ = *MakeAuthority();
    Issue({"localhost", "127.0.0.1", "login1.cluster", "10.0.0.7"});
    Put("slurm/certs/ca.pem", authority_.certificate_pem);
  }
  void Issue(const std::vector<std::string>& hosts) {
    const Certificate server = *IssueServerCertificate(authority_, hosts);
    Put("server.pem", server.certificate_pem);
    Put("server.key", server.key_pem);
  }
  void Put(const std::string& name, const std::string& text) {
    const std::string path = Path(name);
    ASSERT_TRUE(PosixFileSystem().MakeDirectories(std::filesystem::path(path).parent_path().string()).ok());
    ASSERT_TRUE(PosixFileSystem().AtomicWrite(path, text).ok());
  }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  std::vector<std::string> Good() const {
    return {"--home",    Path("home"),       "--launcher",     "slurm",      "--slots",
            "500",       "--listen",         "0.0.0.0:50051",  "--tls-cert", Path("server.pem"),
            "--tls-key", Path("server.key"), "--slurm-folder", Path("slurm")};
  }
  static CommandLine Parse(std::vector<std::string> words) {
    words.insert(words.begin(), "normlabd");
    std::vector<const char*> arguments;
    for (const std::string& word : words) {
      arguments.push_back(word.c_str());
    }
    return ReadCommandLine(static_cast<int>(arguments.size()), arguments.data(), "/opt/normlab/bin");
  }
  static CommandLine Parse(std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return Parse(std::move(words));
  }
  // The good command line without an option and its value.
  CommandLine Without(const std::string& option) const {
    std::vector<std::string> words = Good();
    const auto at = std::find(words.begin(), words.end(), option);
    words.erase(at, at + 2);
    return Parse(std::move(words));
  }
  static std::string ValueOf(const std::vector<std::string>& argv, const std::string& option) {
    const auto at = std::find(argv.begin(), argv.end(), option);
    return at == argv.end() ? "" : *(at + 1);
  }

  ScratchFolder folder_;
  Certificate authority_;
};

TEST_F(SlurmFlagsTest, WorkersAreToldHowToReachTheServerFromTheirNodes) {
  const CommandLine line = Parse(Good());
  ASSERT_FALSE(line.done) << line.text;
  const std::vector<std::string>& argv = line.daemon.worker_argv;
  EXPECT_EQ(argv.at(0), "/opt/normlab/bin/normlab-worker");
  EXPECT_EQ(ValueOf(argv, "--address"), "login1.cluster:50051") << "no node means itself";
  EXPECT_EQ(ValueOf(argv, "--ca"), Path("slurm/certs/ca.pem"));
  EXPECT_EQ(ValueOf(argv, "--idle-seconds"), "60");
  EXPECT_EQ(ValueOf(argv, "--cert"), "");
  for (const char* local : {"--socket", "--die-with-parent", "--threads", "--spool"}) {
    EXPECT_THAT(argv, testing::Not(Contains(local)));
  }
  EXPECT_EQ(line.daemon.slots, 500) << "the cores of this machine are no limit";
  const GateLimits usual;
  EXPECT_EQ(line.daemon.limits.tcp_connections, usual.tcp_connections + 500);
  EXPECT_EQ(line.daemon.limits.connections_of_one, usual.connections_of_one + 500);
  EXPECT_EQ(line.daemon.limits.worker_waits, usual.worker_waits + 500);
  EXPECT_EQ(line.daemon.slurm->folder, Path("slurm"));
  EXPECT_EQ(line.daemon.job_limits.memory_bytes, JobLimits().memory_bytes) << "nor is its memory";
}

TEST_F(SlurmFlagsTest, AllocationsAreWhatJobsNeed) {
  const CommandLine line =
      Parse(Good(), {"--threads-per-job", "4", "--job-memory-gib", "2", "--slurm-partition", "long", "--slurm-minutes",
                     "90", "--slurm-option=--account=physics", "--slurm-host", "fd00::7", "--slurm-idle-seconds", "5"});
  ASSERT_FALSE(line.done) << line.text;
  const Allocation& allocation = line.daemon.slurm->allocation;
  EXPECT_EQ(allocation.cpus, 4);
  EXPECT_EQ(allocation.memory_mib, 2048 + 256);
  EXPECT_EQ(allocation.partition, "long");
  EXPECT_EQ(allocation.minutes, 90);
  EXPECT_THAT(allocation.options, testing::ElementsAre("--account=physics"));
  EXPECT_EQ(line.daemon.job_limits.memory_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(ValueOf(line.daemon.worker_argv, "--address"), "[fd00::7]:50051");
  EXPECT_EQ(ValueOf(line.daemon.worker_argv, "--idle-seconds"), "5");
}

TEST_F(SlurmFlagsTest, OnOneMachineTheNameOfItselfIsTaken) {
  Issue({"127.0.0.1", "localhost"});
  EXPECT_EQ(ValueOf(Parse(Good()).daemon.worker_argv, "--address"), "127.0.0.1:50051");
}

TEST_F(SlurmFlagsTest, AServerThatAsksForCertificatesGivesItsWorkersOne) {
  const CommandLine missing = Parse(Good(), {"--tls-client-ca", Path("slurm/certs/ca.pem")});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.text, HasSubstr(Path("slurm/certs/worker.pem")));
  const Certificate worker = *IssueClientCertificate(authority_, "worker");
  Put("slurm/certs/worker.pem", worker.certificate_pem);
  Put("slurm/certs/worker.key", worker.key_pem);
  const CommandLine line = Parse(Good(), {"--tls-client-ca", Path("slurm/certs/ca.pem")});
  ASSERT_FALSE(line.done) << line.text;
  EXPECT_EQ(ValueOf(line.daemon.worker_argv, "--cert"), Path("slurm/certs/worker.pem"));
  EXPECT_EQ(ValueOf(line.daemon.worker_argv, "--key"), Path("slurm/certs/worker.key"));
}

TEST_F(SlurmFlagsTest, WhatIsMissingIsSaid) {
  const std::pair<const char*, const char*> missing[] = {{"--slots", "--slots how many"},
                                                         {"--listen", "--tls-cert goes with --listen"},
                                                         {"--launcher", "--slurm-folder goes with --launcher slurm"}};
  for (const auto& [option, text] : missing) {
    const CommandLine line = Without(option);
    EXPECT_EQ(line.exit_code, 2) << option;
    EXPECT_THAT(line.text, HasSubstr(text)) << option;
  }
  std::filesystem::remove(Path("slurm/certs/ca.pem"));
  EXPECT_THAT(Parse(Good()).text, HasSubstr(Path("slurm/certs/ca.pem")));
}

TEST_F(SlurmFlagsTest, WhatCannotWorkIsSaid) {
  EXPECT_THAT(Parse({"--launcher", "slurm", "--slots", "2", "--listen", "127.0.0.1:50051"}).text,
              HasSubstr("by TLS alone"));
  std::vector<std::string> any_port = Good();
  std::replace(any_port.begin(), any_port.end(), std::string("0.0.0.0:50051"), std::string("0.0.0.0:0"));
  EXPECT_THAT(Parse(any_port).text, HasSubstr("a port that stays"));
  EXPECT_THAT(Parse(Good(), {"--no-workers"}).text, HasSubstr("--no-workers wants none"));
  EXPECT_THAT(Parse(Good(), {"--slurm-option", "physics"}).text, HasSubstr("expected an option of sbatch"));
  EXPECT_EQ(Parse(Good(), {"--slurm-minutes", "4"}).exit_code, 2);
  EXPECT_EQ(Parse({"--launcher", "pbs"}).exit_code, 2);
  EXPECT_THAT(Parse({"--slurm-partition", "long"}).text, HasSubstr("goes with --launcher slurm"));
  EXPECT_THAT(Parse({"--no-workers", "--slurm-minutes", "60"}).text, HasSubstr("goes with --launcher slurm"));
}

}  // namespace
}  // namespace normlab::server
