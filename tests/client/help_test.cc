// --help of every command of every program, held by golden files: client/golden/help/. A command that is added or changed
// shows in its file; UPDATE_GOLDEN=1 build/release/bin/client_test --gtest_filter='Help*' writes them.
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/paths.h"
#include "client/commands/command.h"
#include "client/completion.h"
#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

class HelpTest : public CommandTest {
 protected:
  // "data fetch"; the program itself is "".
  std::vector<std::string> Paths() {
    std::ostringstream out;
    Console console{out, out};
    Session session({.console = console, .stop = {}, .now = [] { return 0.0; }, .server_program = "", .cores = 1});
    CLI::App app;
    AddCommands(app, session);
    std::vector<std::string> paths;
    for (const CompletionCommand& command : CompletionTree(app, {})) {
      paths.push_back(command.path);
    }
    return paths;
  }
};

std::string FileOf(const std::string& path) {
  return "help/normlab" + (path.empty() ? "" : "_" + absl::StrReplaceAll(path, {{" ", "_"}}));
}

TEST_F(HelpTest, OfEveryCommandIsTheGoldenOne) {
  for (const std::string& path : Paths()) {
    std::vector<std::string> words = absl::StrSplit(path, ' ', absl::SkipEmpty());
    words.emplace_back("--help");
    const Outcome outcome = RunLocal(words);
    EXPECT_EQ(outcome.code, 0) << path;
    CompareWithGolden(FileOf(path), outcome.out);
  }
}

TEST_F(HelpTest, OfTheOtherProgramsToo) {
  ::setenv("NORMLAB_HOME", "/srv/normlab", 1);
  ::setenv("NORMLAB_DATA", "", 1);
  ::setenv("TMPDIR", "/tmp", 1);
  const std::regex cores("N=[0-9]+ +");  // the default of --threads is the machine's
  for (const std::string program : {"normlabd", "normlab-worker", "normlab-write", "normlab-verify"}) {
    FILE* pipe = ::popen((ExecutableDirectory() + "/" + program + " --help 2>&1").c_str(), "r");
    std::string text;
    for (char buffer[4096]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) {
      text += buffer;
    }
    EXPECT_EQ(::pclose(pipe), 0) << program;
    CompareWithGolden("help/" + program, std::regex_replace(text, cores, "N=CORES "));
  }
}

TEST_F(HelpTest, NoGoldenFileIsOfACommandThatIsGone) {
  std::set<std::string> known = {"normlabd", "normlab-worker", "normlab-write", "normlab-verify"};
  for (const std::string& path : Paths()) {
    known.insert(FileOf(path).substr(5));
  }
  for (const auto& entry : std::filesystem::directory_iterator(std::string(NORMLAB_GOLDEN_DIRECTORY) + "/help")) {
    EXPECT_TRUE(known.contains(entry.path().stem().string())) << entry.path();
  }
}

}  // namespace
}  // namespace normlab::client
