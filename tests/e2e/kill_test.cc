// kill -9 of workers and of the server, at random times and inside the write of a checkpoint: jobs finish by themselves
// with the bits of an undisturbed run, and no point that was seen on disk is lost.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <iostream>
#include <random>
#include <thread>

#include "base/rng.h"
#include "tests/e2e/result.h"
#include "tests/reliability.h"

namespace normlab::e2e {
namespace {

constexpr int kKills = 20;
constexpr int kKillsSoaked = 500;
constexpr int kKillsOfOneHome = 4;  // the server starts a worker that keeps dying after ever longer pauses

// Times to kill at, from a seed that is printed.
class RandomTimes {
 public:
  RandomTimes() : seed_(std::random_device()()), rng_(seed_, "kill") { std::cout << "seed " << seed_ << std::endl; }
  // Waits for up to `longest`.
  void Wait(std::chrono::milliseconds longest) {
    const double ms = rng_.Uniform(0, static_cast<double>(longest.count()));
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(ms));
  }

 private:
  const std::uint64_t seed_;
  Rng rng_;
};

// Sees files come and go in the store's checkpoint folder.
class CheckpointWatch {
 public:
  explicit CheckpointWatch(const std::string& home) : fd_(::inotify_init1(IN_CLOEXEC)) {
    ::inotify_add_watch(fd_, (home + "/checkpoints").c_str(), IN_CREATE | IN_MOVED_FROM | IN_DELETE);
  }
  ~CheckpointWatch() { ::close(fd_); }

  // Waits until a file is begun; false when none was for a while.
  bool WaitForNewFile() { return !(file_ = NextEvent(IN_CREATE, "")).empty(); }
  // Waits until the file that was begun is gone, and says whether it was dropped: false if it was published.
  bool WasDropped() {
    NextEvent(IN_MOVED_FROM | IN_DELETE, file_);
    return (last_mask_ & IN_DELETE) != 0;
  }

 private:
  // The name in the next event of `mask`, of `name` if one is given; empty when none comes.
  std::string NextEvent(std::uint32_t mask, const std::string& name) {
    for (;;) {
      while (at_ < length_) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer_ + at_);
        at_ += sizeof(inotify_event) + event->len;
        if ((event->mask & mask) != 0 && event->len > 0 && (name.empty() || name == event->name)) {
          last_mask_ = event->mask;
          return event->name;
        }
      }
      pollfd readable{fd_, POLLIN, 0};
      if (::poll(&readable, 1, 100'000) <= 0) {
        last_mask_ = 0;
        return "";
      }
      length_ = ::read(fd_, buffer_, sizeof buffer_);
      at_ = 0;
    }
  }

  const int fd_;
  std::string file_;
  std::uint32_t last_mask_ = 0;
  alignas(inotify_event) char buffer_[4096];
  ssize_t length_ = 0;
  ssize_t at_ = 0;
};

// Checkpoints of some 15 MB, which take a while to write.
v1::JobSpec LargeSpec() {
  v1::JobSpec spec = SmallSpec();
  spec.mutable_mnist_mlp()->set_hidden_units(800);
  spec.mutable_mnist_mlp()->set_train_images(960);
  spec.mutable_mnist_mlp()->set_passes(8);
  return spec;
}

// A few seconds of DRAW.
v1::JobSpec DrawSpec() {
  v1::JobSpec spec;
  spec.set_seed(7);
  v1::DrawConfig& draw = *spec.mutable_draw();
  draw.set_dataset(v1::DRAW_DATASET_SAMPLED_MNIST);
  draw.set_norm(v1::NORM_KIND_LAYER);
  draw.set_glimpses(6);
  draw.set_units(48);
  draw.set_batch_size(32);
  draw.set_epochs(6);
  draw.set_train_images(2000);
  draw.set_test_images(100);
  draw.set_evaluation_interval(25);
  return spec;
}

bool HasEnded(const v1::Job& job) { return job.state() >= v1::JOB_STATE_SUCCEEDED; }

// No lease ends while a test runs: that the worker is dead must be the launcher's word.
const std::vector<std::string> kFlags = {"--slots", "1", "--lease-seconds", "3600"};

class KillTest : public testing::Test {
 protected:
  void SetUp() override {
    if (AvailableDataset().empty()) {
      GTEST_SKIP() << kNoData;
    }
  }

  // Lets jobs run and calls `kill` at random times while there are to be more hits of a running job; how many there were.
  int KillAtRandomTimes(const std::function<void(Deployment&, const v1::Job&)>& kill,
                        const v1::JobSpec& spec = SmallSpec(), const Rounds& rounds = Rounds(kKills, kKillsSoaked)) {
    RandomTimes times;
    std::optional<Result> expected;
    int kills = 0;
    while (rounds.More(kills) && !HasFailure()) {
      Deployment deployment(kFlags);
      if (!expected) {
        expected = RunUndisturbed(deployment, spec);
      }
      const std::string id = deployment.Submit(spec);
      Curve acknowledged;
      for (int i = 0, attempt = 0; i < kKillsOfOneHome && rounds.More(kills); ++i) {
        const v1::Job job =
            deployment.WaitUntil(id, [&](const v1::Job& j) { return j.attempt() > attempt || HasEnded(j); });
        attempt = job.attempt();
        times.Wait(expected->took);
        acknowledged.merge(deployment.ReadCurve(id));
        if (HasEnded(deployment.Get(id))) {
          break;
        }
        kill(deployment, job);
        ++kills;
        std::cout << "kill " << kills << " in attempt " << attempt << ", " << acknowledged.size()
                  << " points on disk\n";
      }
      ExpectSameResult(deployment, id, *expected, acknowledged);
    }
    return kills;
  }

  // Calls `kill` as soon as the server has begun to write a checkpoint, until it hit inside such a write.
  void KillInsideACheckpoint(const std::function<void(Deployment&, const v1::Job&)>& kill) {
    Deployment deployment(kFlags);
    const Result expected = RunUndisturbed(deployment, LargeSpec());
    for (int tries = 0; tries < 20; ++tries) {
      CheckpointWatch watch(deployment.home());  // before the job, whose checkpoints may be quick
      const std::string id = deployment.Submit(LargeSpec());
      const v1::Job job = deployment.WaitUntilRunning(id);
      ASSERT_TRUE(watch.WaitForNewFile());
      kill(deployment, job);
      const bool hit = watch.WasDropped();
      ExpectSameResult(deployment, id, expected);
      if (hit) {
        return;
      }
    }
    FAIL() << "no kill fell inside the write of a checkpoint";
  }
};

void KillWorker(Deployment&, const v1::Job& job) { ::kill(Deployment::WorkerPid(job), SIGKILL); }

void KillServer(Deployment& deployment, const v1::Job&) {
  deployment.EndServer(SIGKILL);
  deployment.StartServer();
}

TEST_F(KillTest, WorkersAtRandomTimes) {
  const int kills = KillAtRandomTimes(KillWorker);
  RecordReliability(4, fmt::format("{} kills of workers: the same bits", kills));
}
TEST_F(KillTest, WorkersOfDrawAtRandomTimes) {
  if (AvailableDataset() != "mnist") {
    GTEST_SKIP() << "MNIST is not here; run `normlab data fetch mnist`";
  }
  KillAtRandomTimes(KillWorker, DrawSpec(), Rounds(5, kKillsSoaked));
}
TEST_F(KillTest, WorkerInsideACheckpoint) {
  KillInsideACheckpoint(KillWorker);
  RecordReliability(4, "and inside a checkpoint");
}
TEST_F(KillTest, ServerAtRandomTimes) {
  const int kills = KillAtRandomTimes(KillServer);
  RecordReliability(1, fmt::format("{} kills of the whole server under a job: the same bits", kills));
}
TEST_F(KillTest, ServerInsideACheckpoint) { KillInsideACheckpoint(KillServer); }

}  // namespace
}  // namespace normlab::e2e
