// crash_child - works on a store until it is killed: `crash_child DIRECTORY SEED`. Writes one record to stdout for each
// call that the store has acknowledged, after the call returned.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "base/rng.h"
#include "results/store/store.h"
#include "tests/results/store/crash_record.h"

namespace normlab::store {
namespace {

void Say(const CrashRecord& record) {
  // Shorter than PIPE_BUF, so whole or not at all.
  if (::write(STDOUT_FILENO, &record, sizeof record) != sizeof record) {
    std::_Exit(3);
  }
}

[[noreturn]] void Fail(const absl::Status& status) {
  fmt::print(stderr, "crash_child: {}\n", status.ToString());
  std::_Exit(4);
}

void Produce(Store& store, int thread, std::uint64_t seed) {
  const std::string series = CrashSeries(thread);
  Rng rng(seed, "producer", static_cast<std::uint64_t>(thread));
  const auto all = store.ListSeries(kCrashAttempt.job);
  std::uint64_t next = 1;
  for (const SeriesInfo& info : *all) {
    next = info.name == series ? info.last_step + 1 : next;
  }
  for (;;) {
    PointColumns column;
    column.series = series;
    for (std::uint64_t n = 1 + rng.Below(40); n > 0; --n, ++next) {
      column.steps.push_back(next);
      column.values.push_back(CrashValue(thread, next));
      column.wall_ms.push_back(0);
    }
    if (const auto result = store.AppendPoints(kCrashAttempt, {column}); !result.ok()) {
      Fail(result.status());
    }
    Say({CrashRecord::kPoints, thread, next - 1});
  }
}

void Submit(Store& store, std::uint64_t seed) {
  for (std::uint64_t n = 0;; ++n) {
    const std::string id = fmt::format("{}-{}", seed, n);
    NewJob job;
    job.identity = id;
    const auto created = store.CreateJobs({id, "h"}, {job});
    if (!created.ok()) {
      Fail(created.status());
    }
    Say({CrashRecord::kJob, 0, static_cast<std::uint64_t>(created->front().job.id)});
  }
}

int Main(const std::string& directory, std::uint64_t seed) {
  const auto store = Store::Open(directory);
  if (!store.ok()) {
    Fail(store.status());
  }
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kCrashProducers; ++thread) {
    threads.emplace_back([&, thread] { Produce(**store, thread, seed); });
  }
  Submit(**store, seed);
  return 0;
}

}  // namespace
}  // namespace normlab::store

int main(int argc, char** argv) {
  return argc == 3 ? normlab::store::Main(argv[1], std::strtoull(argv[2], nullptr, 10)) : 2;
}
