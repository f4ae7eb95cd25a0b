// --help of every command of every program, held by golden files: client/golden/help/. A command that is added or changed
// shows in its file; UPDATE_GOLDEN=1 build/release/bin/client_test --gtest_filter='Help*' writes them.
#include <gmock/gmock.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/paths.h"
#include "client/commands/command.h"
#include "client/help.h"
#include "proto/spec.h"
#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HelpTest : public CommandTest {
 protected:
  // "normlab", "normlab data fetch".
  static std::vector<std::string> Names() {
    std::ostringstream out;
    Console console{out, out};
    Session session({.console = console, .stop = {}, .now = [] { return 0.0; }, .server_program = "", .cores = 1});
    CLI::App app("", "normlab");
    AddCommands(app, session);
    std::vector<std::string> names;
    for (const NamedCommand& command : AllCommands(app)) {
      names.push_back(command.name);
    }
    return names;
  }
  std::string HelpOf(const std::string& name) {
    std::vector<std::string> words = absl::StrSplit(name, ' ');
    words.erase(words.begin());
    words.emplace_back("--help");
    const Outcome outcome = RunLocal(words);
    EXPECT_EQ(outcome.code, 0) << name;
    return outcome.out;
  }
};

constexpr char kOneExperiment[] = "normlab submit draw";
const std::vector<std::string> kOtherPrograms = {"normlabd", "normlab-worker", "normlab-write", "normlab-verify"};

std::string FileOf(const std::string& name) { return absl::StrReplaceAll(name, {{" ", "_"}}); }

// What the program prints, as its user sees it.
std::string OutputOf(const std::string& command) {
  FILE* pipe = ::popen((ExecutableDirectory() + "/" + command + " 2>&1").c_str(), "r");
  std::string text;
  for (char buffer[4096]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) {
    text += buffer;
  }
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return text;
}

std::set<std::string> OptionsIn(const std::string& help) {
  const std::regex option("^ +(?:-[a-z],)?(--[a-z0-9-]+)", std::regex::multiline);
  std::set<std::string> options;
  for (std::sregex_iterator found(help.begin(), help.end(), option), end; found != end; ++found) {
    options.insert((*found)[1]);
  }
  return options;
}

TEST_F(HelpTest, OfEveryCommandIsTheGoldenOne) {
  for (const std::string& name : Names()) {
    CompareWithGolden("help/" + FileOf(name), HelpOf(name));
  }
  CompareWithGolden("help/" + FileOf(kOneExperiment), HelpOf(kOneExperiment));
}

TEST_F(HelpTest, OfSubmitHasTheFieldsOfTheExperimentThatIsNamedAndNoOthers) {
  const std::set<std::string> own = OptionsIn(HelpOf("normlab submit"));
  for (const ExperimentInfo& experiment : Experiments()) {
    std::set<std::string> expected = own;
    for (const FieldInfo& field : experiment.fields) {
      expected.insert("--" + absl::StrReplaceAll(field.name, {{"_", "-"}}));
    }
    EXPECT_EQ(OptionsIn(HelpOf("normlab submit " + experiment.name)), expected) << experiment.name;
  }
}

// Every page, every option: a page that is made from the same texts cannot lack one for long.
TEST_F(HelpTest, OfEveryCommandIsAManPageToo) {
  const std::string folder = server_.home() + "/man";
  std::filesystem::create_directory(folder);
  ASSERT_EQ(RunLocal({"man", folder}).code, 0);
  std::size_t pages = 0;
  for (const std::string& name : Names()) {
    std::ifstream file(folder + "/" + absl::StrReplaceAll(name, {{" ", "-"}}) + ".1");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    for (const std::string& option : OptionsIn(HelpOf(name))) {
      EXPECT_THAT(page, HasSubstr("\\fB" + absl::StrReplaceAll(option, {{"-", "\\-"}}) + "\\fR")) << name;
    }
    ++pages;
  }
  EXPECT_EQ(pages, std::distance(std::filesystem::directory_iterator(folder), {}));
  for (const std::string program : {"normlabd", "normlab-worker"}) {
    const std::string page = OutputOf(program + " --man");
    EXPECT_THAT(page, StartsWith(".TH " + absl::StrReplaceAll(absl::AsciiStrToUpper(program), {{"-", "\\-"}}) + " 8 "));
    for (const std::string& option : OptionsIn(OutputOf(program + " --help"))) {
      EXPECT_THAT(page, HasSubstr("\\fB" + absl::StrReplaceAll(option, {{"-", "\\-"}}) + "\\fR")) << program;
    }
  }
}

TEST_F(HelpTest, OfTheOtherProgramsToo) {
  for (const std::string& program : kOtherPrograms) {
    CompareWithGolden("help/" + program, OutputOf(program + " --help"));
    EXPECT_THAT(OutputOf(program + " --nonsense 2>&1 || true"), HasSubstr("\nRun with --help for more information.\n"));
  }
}

TEST_F(HelpTest, NoGoldenFileIsOfACommandThatIsGone) {
  std::set<std::string> known(kOtherPrograms.begin(), kOtherPrograms.end());
  known.insert(FileOf(kOneExperiment));
  for (const std::string& name : Names()) {
    known.insert(FileOf(name));
  }
  for (const auto& entry : std::filesystem::directory_iterator(std::string(NORMLAB_GOLDEN_DIRECTORY) + "/help")) {
    EXPECT_TRUE(known.contains(entry.path().stem().string())) << entry.path();
  }
}

}  // namespace
}  // namespace normlab::client
