// follow.h - live progress of some jobs until all have ended: what `watch`, `submit --watch` and `reproduce` show.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/commands/command.h"

namespace normlab::client {

struct FollowOptions {
  std::vector<std::string> job_ids;
  std::map<std::string, std::string> titles = {};  // by job id; a job without one shows what differs from the defaults
  std::string come_back;                           // printed on Ctrl-C: that the jobs go on, and how to see them again
};

// What is known of one job besides its state.
using LatestValues = std::map<std::string, std::vector<v1::Series>>;  // by job id

// kExitOk when all jobs succeeded (or diverged, which is a result), kExitFailed when one failed or was cancelled,
// kExitInterrupted after Ctrl-C.
absl::StatusOr<int> Follow(Session& session, Client& client, const FollowOptions& options);

// --- parts, for tests ---

struct FollowView {
  int width = 100;
  int rows = 30;
  bool unicode = true;
  bool colour = false;
};
// The redrawn lines: one per running job, then the whole with its time left.
std::vector<std::string> RenderFollow(const std::vector<v1::Job>& jobs, const FollowOptions& options,
                                      const LatestValues& values, double now, const FollowView& view);
// The same in one line without bars: "7 of 18 done, 2 running, 55%, 1m12s left".
std::string SummarizeFollow(const std::vector<v1::Job>& jobs, std::size_t expected, double now);
// "test/error 0.0213  train/nll 0.0011": measurements on held-out data first, at most three.
std::string SummarizeValues(std::vector<v1::Series> series);

}  // namespace normlab::client
