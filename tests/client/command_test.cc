#include "tests/client/command_test.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "client/app.h"

namespace normlab::client {

Outcome CommandTest::RunLocal(const std::vector<std::string>& words) {
  std::ostringstream out;
  std::ostringstream err;
  Console console{out, err};
  console.err_is_terminal = console.out_is_terminal = console.colour = terminal_;
  console.fixed_width = 100;
  Outcome outcome;
  outcome.code = RunCommandLine(words, {.console = console,
                                        .stop = stop_.get_token(),
                                        .now = [this] { return now_; },
                                        .server_program = server_program_,
                                        .cores = 2,
                                        .ask = ask_});
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

Outcome CommandTest::Run(std::vector<std::string> words) {
  // After the last word of the command's name.
  const bool has_part = words.front() == "admin" && words.size() > 1;
  const int command = !has_part ? 1 : words[1] == "token" ? 3 : 2;
  words.insert(words.begin() + command, {"--home", server_.home()});
  return RunLocal(words);
}

void CommandTest::ExpectGolden(const std::string& name, const std::vector<std::string>& words) {
  std::vector<std::string> actual = words;
  for (std::string& word : actual) {
    word = absl::StrReplaceAll(word, {{"HOME", server_.home()}});
  }
  const Outcome outcome = Run(actual);
  std::string text = "$ normlab";
  for (const std::string& word : words) {
    text += " " + word;
  }
  text += fmt::format("\n--- exit {}\n--- stdout\n{}--- stderr\n{}", outcome.code, outcome.out, outcome.err);
  CompareWithGolden(name, absl::StrReplaceAll(text, {{server_.home(), "HOME"}}));
}

v1::Job& CommandTest::AddRunning(const std::map<std::string, std::string>& fields) {
  v1::Job& job = server_.AddJob(fields);
  job.set_state(v1::JOB_STATE_RUNNING);
  job.mutable_started()->set_seconds(1'000'000'090);
  job.set_steps_done(40);
  job.set_steps_total(100);
  job.set_steps_per_second(4);
  job.set_attempt(1);
  job.set_worker("host:4711");
  return job;
}

v1::Job& CommandTest::AddSucceeded(const std::map<std::string, std::string>& fields) {
  v1::Job& job = server_.AddJob(fields);
  job.set_state(v1::JOB_STATE_SUCCEEDED);
  job.mutable_started()->set_seconds(1'000'000'010);
  job.mutable_finished()->set_seconds(1'000'000'060);
  job.set_steps_done(1720);
  job.set_steps_total(1720);
  job.set_attempt(1);
  job.set_worker("host:4711");
  job.set_cpu_seconds(49.5);
  job.set_fingerprint("fedcba9876543210");
  (*job.mutable_facts())["isa"] = "avx512";
  (*job.mutable_facts())["threads"] = "1";
  v1::Series error;
  error.set_name("test/error");
  error.set_points(5);
  error.set_first_step(0);
  error.set_last_step(1720);
  error.set_min(0.0213);
  error.set_max(0.91);
  error.set_last(0.0215);
  v1::Series loss = error;
  loss.set_name("train/loss");
  loss.set_points(1720);
  loss.set_last(0.0042);
  loss.set_not_finite(1);
  server_.series[job.job_id()] = {error, loss};
  return job;
}

void CompareWithGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(NORMLAB_GOLDEN_DIRECTORY) + "/" + name + ".txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  std::stringstream expected;
  expected << file.rdbuf();
  ASSERT_TRUE(file) << path << " is missing; UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(text, expected.str()) << "differs from " << path;
}

}  // namespace normlab::client
