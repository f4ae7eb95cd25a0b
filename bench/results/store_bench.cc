// store_bench - measures the store against its bars and prints a table; exit code 1 if a bar is missed.
//
//   store_bench [DIRECTORY [lone|group|curve|jobs]]
//
// A scratch folder is made in DIRECTORY (default: /tmp), which should be on a real disk.
// Times are of this process's calls, so they hold whatever the machine does beside it: run it on a quiet one.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "results/store/store.h"

namespace normlab::store {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

[[noreturn]] void Die(const absl::Status& status) {
  fmt::print(stderr, "store_bench: {}\n", status.ToString());
  std::exit(2);
}

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    Die(value.status());
  }
  return *std::move(value);
}

// The p-th part of `seconds`, in milliseconds.
double Percentile(std::vector<double> seconds, double p) {
  std::sort(seconds.begin(), seconds.end());
  return 1e3 * seconds[static_cast<std::size_t>(p * static_cast<double>(seconds.size() - 1))];
}

// A noisy falling loss as a trainer reports it: float values, one point every few milliseconds.
PointColumns NoisyLoss(std::string series, std::uint64_t first, std::size_t n, Rng& rng) {
  PointColumns column;
  column.series = std::move(series);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t step = first + i;
    column.steps.push_back(step);
    column.values.push_back(static_cast<float>(2.0 / (1.0 + 1e-3 * static_cast<double>(step)) + 0.05 * rng.Normal()));
    column.wall_ms.push_back(1'700'000'000'000 + static_cast<std::int64_t>(step * 5 + rng.Below(3)));
  }
  return column;
}

NewJob MakeJob(std::string identity) {
  NewJob job;
  job.spec = std::string(300, 's');
  job.experiment = "mnist_mlp";
  job.identity = std::move(identity);
  job.dataset = "mnist";
  job.labels = {{"sweep", "norm"}};
  return job;
}

class Bench {
 public:
  explicit Bench(std::string directory) : directory_(std::move(directory)) { Reopen("jobs"); }

  // All parts, or the one named.
  void Run(std::string_view only) {
    fmt::print("{:<58} {:>14} {:>14}\n", "", "measured", "bar");
    const std::pair<std::string_view, void (Bench::*)()> parts[] = {{"lone", &Bench::LonePoint},
                                                                    {"group", &Bench::GroupCommit},
                                                                    {"curve", &Bench::LongCurve},
                                                                    {"jobs", &Bench::Listing}};
    for (const auto& [name, part] : parts) {
      if (only.empty() || only == name) {
        (this->*part)();
      }
    }
  }
  bool all_met() const { return all_met_; }

 private:
  void Report(const std::string& what, const std::string& measured, const std::string& bar, bool met) {
    fmt::print("{:<58} {:>14} {:>14}  {}\n", what, measured, bar, bar.empty() ? "" : met ? "met" : "MISSED");
    std::fflush(stdout);
    all_met_ = all_met_ && met;
  }

  AttemptId Lease(const std::string& identity) {
    OrDie(store_->CreateJobs({}, {MakeJob(identity)}));
    const std::optional<store::Lease> lease = OrDie(store_->LeaseNext({}, {"bench:1"}));
    return {lease->job.id, lease->job.attempt};
  }

  void LonePoint() {
    const AttemptId attempt = Lease("lone");
    Rng rng(1, "bench/lone");
    std::vector<double> latencies;
    for (std::uint64_t step = 1; step <= 500; ++step) {
      const auto begin = Clock::now();
      OrDie(store_->AppendPoints(attempt, {NoisyLoss("loss", step, 1, rng)}));
      latencies.push_back(Seconds(begin));
    }
    const double p50 = Percentile(latencies, 0.5);
    Report("one durable point alone, p50", fmt::format("{:.2f} ms", p50), "< 1 ms", p50 < 1);
    Report("  p99", fmt::format("{:.2f} ms", Percentile(latencies, 0.99)), "", true);
  }

  // 16 trainers, each with batches of 100 points: five series of 20 new steps.
  void GroupCommit() {
    constexpr int kThreads = 16;
    constexpr int kSeries = 5;
    constexpr std::size_t kSteps = 20;
    constexpr auto kDuration = std::chrono::seconds(6);
    std::vector<AttemptId> attempts;
    for (int t = 0; t < kThreads; ++t) {
      attempts.push_back(Lease(fmt::format("trainer{}", t)));
    }
    std::vector<std::vector<double>> latencies(kThreads);
    std::vector<std::thread> threads;
    const auto begin = Clock::now();
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        Rng rng(2, "bench/group", t);
        for (std::uint64_t step = 1; Clock::now() - begin < kDuration; step += kSteps) {
          std::vector<PointColumns> columns;
          for (int s = 0; s < kSeries; ++s) {
            columns.push_back(NoisyLoss(fmt::format("series{}", s), step, kSteps, rng));
          }
          const auto sent = Clock::now();
          OrDie(store_->AppendPoints(attempts[t], columns));
          latencies[t].push_back(Seconds(sent));
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    const double seconds = Seconds(begin);
    std::vector<double> all;
    for (const auto& some : latencies) {
      all.insert(all.end(), some.begin(), some.end());
    }
    const double rate = static_cast<double>(all.size()) * kSeries * kSteps / seconds;
    const double p99 = Percentile(all, 0.99);
    Report("durable points/s, 16 threads x 100-point batches", fmt::format("{:.0f} k", rate / 1e3), ">= 150 k",
           rate >= 150e3);
    Report("  acknowledged after, p50", fmt::format("{:.1f} ms", Percentile(all, 0.5)), "", true);
    Report("  acknowledged after, p99", fmt::format("{:.1f} ms", p99), "< 50 ms", p99 < 50);
  }

  void LongCurve() {
    constexpr std::size_t kPoints = 1'000'000;
    Reopen("curve");  // a file of its own, whose size then is the curve's
    const AttemptId writer = Lease("long");
    Rng rng(3, "bench/curve");
    const auto begin = Clock::now();
    for (std::uint64_t step = 1; step <= kPoints; step += 1000) {
      OrDie(store_->AppendPoints(writer, {NoisyLoss("loss", step, 1000, rng)}));
    }
    Report("1M points in batches of 1000, one client", fmt::format("{:.0f} k/s", 1e-3 * kPoints / Seconds(begin)), "",
           true);
    OrDie(store_->Finish(writer, {}));
    Reopen("curve");
    const double bytes = static_cast<double>(std::filesystem::file_size(directory_ + "/curve/normlab.db")) / kPoints;
    Report("  bytes a point", fmt::format("{:.2f}", bytes), "< 6", bytes < 6);
    CurveRange range;
    const double full = Median([&] { OrDie(store_->ReadCurve(writer.job, "loss", range)); });
    Report("1M-point curve, all points", fmt::format("{:.1f} ms", full), "< 300 ms", full < 300);
    range.max_points = 1000;
    const double min_max = Median([&] { OrDie(store_->ReadCurve(writer.job, "loss", range)); });
    Report("1M-point curve to 1000 points, min/max", fmt::format("{:.1f} ms", min_max), "< 40 ms", min_max < 40);
    range.downsampling = Downsampling::kLttb;
    const double lttb = Median([&] { OrDie(store_->ReadCurve(writer.job, "loss", range)); });
    Report("1M-point curve to 1000 points, LTTB", fmt::format("{:.1f} ms", lttb), "< 40 ms", lttb < 40);
    range.from_step = 500'000;
    range.to_step = 500'999;
    const double window = Median([&] { OrDie(store_->ReadCurve(writer.job, "loss", range)); });
    Report("1000 steps from its middle", fmt::format("{:.2f} ms", window), "< 5 ms", window < 5);
  }

  void Listing() {
    constexpr int kJobs = 100'000;
    Reopen("jobs");
    const auto begin = Clock::now();
    for (int i = 0; i < kJobs; i += 1000) {
      std::vector<NewJob> jobs;
      for (int k = 0; k < 1000; ++k) {
        jobs.push_back(MakeJob(fmt::format("many{}", i + k)));
      }
      OrDie(store_->CreateJobs({}, jobs));
    }
    Report("jobs/s created in batches of 1000", fmt::format("{:.1f} k", 1e-3 * kJobs / Seconds(begin)), "", true);
    const auto page = [&](const std::string& what, const JobFilter& filter) {
      const double ms = Median([&] { OrDie(store_->ListJobs(filter, kJobs / 2, 50)); });
      Report(what, fmt::format("{:.2f} ms", ms), "< 5 ms", ms < 5);
    };
    JobFilter filter;
    page("page of 50 among 100k jobs", filter);
    filter.states = {JobState::kQueued, JobState::kSucceeded};
    page("  of two states", filter);
    filter.states.clear();
    filter.labels = {{"sweep", "norm"}};
    page("  with a label", filter);
    std::vector<double> leases;
    for (int i = 0; i < 200; ++i) {
      const auto start = Clock::now();
      OrDie(store_->LeaseNext({}, {"bench:1"}));
      leases.push_back(Seconds(start));
    }
    Report("lease among 100k queued jobs, p50", fmt::format("{:.2f} ms", Percentile(leases, 0.5)), "", true);
  }

  // Milliseconds of the middle one of nine calls.
  static double Median(const std::function<void()>& call) {
    std::vector<double> seconds;
    for (int i = 0; i < 9; ++i) {
      const auto begin = Clock::now();
      call();
      seconds.push_back(Seconds(begin));
    }
    return Percentile(seconds, 0.5);
  }

  void Reopen(const std::string& folder) {
    store_.reset();
    store_ = OrDie(Store::Open(directory_ + "/" + folder));
  }

  std::string directory_;
  std::unique_ptr<Store> store_;
  bool all_met_ = true;
};

}  // namespace
}  // namespace normlab::store

int main(int argc, char** argv) {
  std::string directory = std::string(argc > 1 ? argv[1] : "/tmp") + "/normlab-store-bench-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    fmt::print(stderr, "store_bench: cannot make a folder like {}\n", directory);
    return 2;
  }
  bool met = false;
  {
    normlab::store::Bench bench(directory);
    bench.Run(argc > 2 ? argv[2] : "");
    met = bench.all_met();
  }
  std::filesystem::remove_all(directory);
  return met ? 0 : 1;
}
