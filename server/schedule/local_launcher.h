// local_launcher.h - workers as child processes on this machine, one per slot.
//
// A worker that ends is started again: at once after a long life, with growing pauses while it keeps ending early. What
// it writes to stderr goes to <log_directory>/worker-<slot>.log, of which the newest two pieces are kept.
//
// Thread safety: Start and Stop from one thread. One thread of its own starts, watches and collects the children; it
// must live as long as they do, because the kernel ends a child with the thread that started it (PR_SET_PDEATHSIG).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "server/schedule/launcher.h"

namespace normlab::server {

struct LocalLauncherOptions {
  std::vector<std::string> argv;  // argv[0]: the worker program
  int slots = 1;
  std::string log_directory;
  WorkerStart on_start;  // both are called on the launcher's thread
  WorkerExit on_exit;
  std::chrono::milliseconds first_pause{100};
  std::chrono::milliseconds longest_pause{30'000};
  std::chrono::milliseconds long_life{10'000};   // a worker that lived so long is started again at once
  std::uint64_t max_log_bytes = 8 << 20;         // of one piece of a log
  std::function<int(int pid)> open_pid_fd = {};  // default: pidfd_open; -1 with errno as that
};

class LocalLauncher : public Launcher {
 public:
  explicit LocalLauncher(LocalLauncherOptions options);
  // Ends the workers at once if Stop was not called.
  ~LocalLauncher() override;

  absl::Status Start() override;
  void Stop(std::chrono::milliseconds grace) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Slot {
    int pid = 0;            // 0: none runs
    std::string worker_id;  // of the one that runs, or ran last
    int pid_fd = -1;        // -1 while one runs: the system gave none, so its end is looked for now and then
    int pipe_fd = -1;       // its stderr
    int log_fd = -1;
    std::uint64_t log_bytes = 0;
    std::string log_path;
    Clock::time_point started;
    Clock::time_point next_start;
    std::chrono::milliseconds pause{0};
  };

  void Run();
  void StartDue();
  absl::Status StartOne(Slot& slot);
  absl::StatusOr<int> SpawnWorker(const std::string& worker_id, int output_fd) const;
  void WaitForEvents();
  // Whether the end of the slot's worker has to be looked for.
  static bool IsPolled(const Slot& slot) { return slot.pid != 0 && slot.pid_fd < 0; }
  void CopyLog(Slot& slot);
  void WriteLog(Slot& slot, std::string_view text);
  void Collect(Slot& slot);
  void OpenLog(Slot& slot);
  // Signals that are due since Stop was called.
  void Wind();
  bool AnyAlive() const;
  void SignalAll(int signal);

  const LocalLauncherOptions options_;
  const std::string id_prefix_;  // of this launcher's workers, and of no other's
  int wake_fd_ = -1;
  Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  Clock::time_point kill_time_ ABSL_GUARDED_BY(mu_);
  // The thread's own.
  std::vector<Slot> slots_;
  std::uint64_t started_ = 0;  // workers so far
  bool winding_ = false;
  Clock::time_point kill_at_;
  std::thread thread_;
};

}  // namespace normlab::server
