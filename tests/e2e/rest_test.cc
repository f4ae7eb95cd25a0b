// Work, then rest: the server holds no more memory and no more files than before, and takes no processor.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "tests/e2e/deployment.h"
#include "tests/peak_memory.h"
#include "tests/reliability.h"
#include "tests/sanitizer.h"

namespace normlab::e2e {
namespace {

std::uint64_t MemoryNow(pid_t process) {
  ForgetPeakMemory(process);
  return PeakMemory(process);
}

std::ptrdiff_t OpenFiles(pid_t process) {
  const std::filesystem::directory_iterator all(fmt::format("/proc/{}/fd", process));
  return std::distance(begin(all), end(all));
}

// Seconds of processor that it has taken.
double ProcessorSeconds(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream fields(text.substr(text.rfind(')') + 2));  // a name may have blanks
  std::string skipped;
  for (int i = 3; i < 14; ++i) {
    fields >> skipped;
  }
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// A job, all that it measured, and what `normlab` says of it.
void Work(Deployment& deployment) {
  v1::JobSpec spec;
  spec.mutable_invariance()->set_trials(1);
  const std::string job = deployment.Submit(spec);
  EXPECT_EQ(deployment.WaitUntilTerminal(job).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_FALSE(deployment.ReadCurve(job).empty());
}

TEST(RestTest, MemoryAndFilesStayAndAtRestItTakesNoProcessor) {
  const Rounds rounds(100, 10'000'000);
  constexpr int kWarm = 50;
  constexpr std::chrono::seconds kRest{4};
  Deployment deployment({"--slots", "1"});
  const pid_t server = deployment.server_pid();
  std::uint64_t memory = 0;
  std::ptrdiff_t files = 0;
  int done = 0;
  for (; rounds.More(done); ++done) {
    if (done == kWarm) {
      memory = MemoryNow(server);
      files = OpenFiles(server);
    }
    Work(deployment);
  }
  const auto grown = static_cast<std::int64_t>(MemoryNow(server)) - static_cast<std::int64_t>(memory);
  const std::ptrdiff_t files_after = OpenFiles(server);
  const double before = ProcessorSeconds(server);
  std::this_thread::sleep_for(kRest);
  const double taken = 100 * (ProcessorSeconds(server) - before) / kRest.count();
  EXPECT_LE(files_after, files);
  if (!kSanitized) {
    EXPECT_LT(grown, 8 << 20);
    EXPECT_LE(taken, 5) << "percent of a processor at rest";
  }
  RecordReliability(
      42, fmt::format("{} jobs, the last {} of them: {} KiB and {} files more; then {:.1f} % of a processor", done,
                      done - kWarm, grown / 1024, files_after - files, taken));
}

}  // namespace
}  // namespace normlab::e2e
