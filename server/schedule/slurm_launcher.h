// slurm_launcher.h - workers as jobs of a Slurm cluster.
//
// A worker leases one job of ours after the other, so a job of Slurm's is a pilot: an allocation whose worker does what the queue has,
// until there was nothing for a while or Slurm ends it. As many pilots are kept as there is work, at most one per slot.
//
// A pilot's name is its identity, in FOLDER/NAME.token: a file of mode 0600 with what its worker shows the server. It is on disk before
// Slurm hears of the pilot and until Slurm knows it no longer, so a launcher that starts finds what an earlier one left running and
// keeps it. What bears a name of ours and has no such file is cancelled.
//
// FOLDER, which the nodes see at the same path:
//   pilot.sh             what Slurm runs: it becomes the worker
//   NAME.token           one for each pilot
//   worker-ID.log        what workers wrote to stderr; the newest are kept
//   certs/               by which workers know the server, and it them; made by the user
//
// Thread safety: Start and Stop from one thread. One thread of its own asks Slurm.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/schedule/launcher.h"
#include "server/schedule/slurm.h"

namespace normlab::server {

// What there is to do, and who does it.
struct Demand {
  std::int64_t jobs = 0;                          // that wait, or that workers with an id hold
  std::set<std::string, std::less<>> heard = {};  // workers with an id that the server has heard of lately
};

struct SlurmLauncherOptions {
  Slurm slurm;
  Allocation allocation;
  std::vector<std::string> worker_argv;  // argv[0]: the worker program; its token and threads are added
  int slots = 1;
  std::string folder;
  std::string name_prefix;  // of this home's pilots, and of nothing else
  WorkerStart on_start;     // all are called on the launcher's thread, on_start for adopted pilots in Start
  WorkerExit on_exit;
  std::function<absl::StatusOr<Demand>()> demand;
  std::chrono::milliseconds tick{1'000};         // between looks at the demand
  std::chrono::milliseconds poll{10'000};        // between questions to Slurm
  std::chrono::milliseconds winding_poll{500};   // the same once Stop was called
  std::chrono::milliseconds settle{30'000};      // how long Slurm may not know a pilot
  std::chrono::milliseconds first_pause{1'000};  // after a pilot that came to nothing
  std::chrono::milliseconds longest_pause{300'000};
  std::size_t kept_logs = 100;
};

// The ids of workers whose pilots have a record in `folder`; none if there is no folder.
std::vector<std::string> RecordedPilots(const std::string& folder, std::string_view name_prefix);

class SlurmLauncher : public Launcher {
 public:
  explicit SlurmLauncher(SlurmLauncherOptions options);
  // Leaves the pilots to the next launcher if Stop was not called.
  ~SlurmLauncher() override;

  // Adopts recorded pilots. kFailedPrecondition if others may write into the folder.
  absl::Status Start() override;
  // Cancels all pilots. Those that Slurm does not end in time, or that it cannot be asked about, are left to the next launcher.
  void Stop(std::chrono::milliseconds grace) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Pilot {
    std::string worker_id;
    std::string name;
    Clock::time_point since;   // submitted or adopted
    std::string job = {};      // Slurm's number, for people; empty: Slurm has not been seen to know it
    std::string state = {};    // Slurm's word
    std::string trouble = {};  // what sbatch said instead of a number
    int missed = 0;            // answers of Slurm in a row without it
    bool heard = false;        // by the server, ever
    bool told = false;         // cancelled by this launcher
  };

  void Run(const std::stop_token& stop);
  void WindUp();
  // Waits; false once Stop was called.
  bool Rest(const std::stop_token& stop, std::chrono::milliseconds time);

  // Asks Slurm what has become of the pilots; does nothing if it does not say.
  void Poll();
  // What Slurm says of the pilot, null: nothing. Whether the pilot is gone; then that has been reported.
  bool Settle(Pilot& pilot, const SlurmJob* job);
  // Slurm has not known it for so long that it never will.
  bool IsLost(const Pilot& pilot) const;
  void Cancel(Pilot& pilot);
  // Ends what bears a name of ours and is no pilot: sbatch had said that it failed, or the controller has forgotten that it ended.
  void CancelStray(const SlurmJob& job);
  // Pilots that wait in Slurm's queue and for which there is no work any more.
  void CancelSurplus();
  void LookAtDemand();
  void Submit();
  void SubmitOne();
  // `innocent`: for no reason of the job's that its worker held.
  void Report(const Pilot& pilot, std::string_view why, bool innocent);
  // Pilots come to nothing: the next one has to wait.
  void HoldOff();
  void PruneLogs() const;

  std::string PathOf(const std::string& file) const { return options_.folder + "/" + file; }
  std::string RecordOf(const Pilot& pilot) const { return PathOf(pilot.name + ".token"); }
  std::string LogOf(const Pilot& pilot) const { return PathOf("worker-" + pilot.worker_id + ".log"); }
  std::int64_t Wanted() const { return std::min<std::int64_t>(options_.slots, demand_.jobs); }

  SlurmLauncherOptions options_;
  std::mutex mu_;
  std::condition_variable_any wake_;
  std::atomic<Clock::time_point> abort_at_{Clock::time_point::max()};  // when commands are given up
  std::atomic<Clock::time_point> end_at_{Clock::time_point::max()};    // when winding up ends
  // The thread's own.
  std::vector<Pilot> pilots_;
  Demand demand_;
  bool answers_ = true;           // Slurm does
  bool surplus_ = false;          // at the last poll
  std::set<std::string> strays_;  // names that were told of
  Clock::time_point next_submit_;
  std::chrono::milliseconds pause_{0};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace normlab::server
