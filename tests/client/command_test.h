// command_test.h - runs `normlab` in this process against a FakeServer and compares what it prints with golden files.
//
// A golden file holds the words of the command, its exit code, stdout and stderr. UPDATE_GOLDEN=1 rewrites them; review
// the difference.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "tests/client/fake_server.h"

namespace normlab::client {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

class CommandTest : public testing::Test {
 protected:
  // The command with --home of the fake server; the clock stands 100 s after the first job was created.
  Outcome Run(std::vector<std::string> words);
  // Without --home: commands on local files, wrong command lines.
  Outcome RunLocal(const std::vector<std::string>& words);
  // Run, and compare with tests/client/golden/<name>.txt. The home's path reads HOME in it.
  void ExpectGolden(const std::string& name, const std::vector<std::string>& words);

  // A running job: 40 of 100 steps at 4 steps/s.
  v1::Job& AddRunning(const std::map<std::string, std::string>& fields);
  // A job that took 50 s, with two series.
  v1::Job& AddSucceeded(const std::map<std::string, std::string>& fields);

  FakeServer server_;
  std::stop_source stop_;
  double now_ = 1'000'000'100;
  std::function<std::string()> ask_;  // absent: nobody sits there
  bool terminal_ = false;
  std::string server_program_ = "/nonexistent/normlabd";
};

// Compares with, or rewrites, tests/client/golden/<name>.txt.
void CompareWithGolden(const std::string& name, const std::string& text);

}  // namespace normlab::client
