// Where output leaves: files that are not plain, targets that cannot be written, stdout that takes nothing.
#include "client/output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/descriptor.h"
#include "client/app.h"
#include "client/error.h"
#include "tests/client/command_test.h"
#include "tests/scratch_folder.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

class OutputTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  const ScratchFolder folder_;
};

TEST_F(OutputTest, ModeComesFromTheUmaskAndAnOldFileKeepsItsOwn) {
  const mode_t before = ::umask(027);
  ASSERT_TRUE(WriteFile(Path("new"), "x", {}).ok());
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat(Path("new").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  ::chmod(Path("new").c_str(), 0604);
  ASSERT_TRUE(WriteFile(Path("new"), "y", {}).ok());
  ASSERT_EQ(::stat(Path("new").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0604u);
}

TEST_F(OutputTest, LinksAreWrittenThrough) {
  std::ofstream(Path("target")) << "old";
  fs::create_symlink("target", Path("link"));
  fs::create_symlink("not-yet", Path("dangling"));
  fs::create_hard_link(Path("target"), Path("second-name"));
  ASSERT_TRUE(WriteFile(Path("link"), "through a link", {}).ok());
  EXPECT_TRUE(fs::is_symlink(Path("link")));
  EXPECT_EQ(ReadAll(Path("target")), "through a link");
  EXPECT_EQ(ReadAll(Path("second-name")), "through a link") << "the file lost one of its names";
  ASSERT_TRUE(WriteFile(Path("dangling"), "made", {}).ok());
  EXPECT_TRUE(fs::is_symlink(Path("dangling")));
  EXPECT_EQ(ReadAll(Path("not-yet")), "made");
  fs::create_symlink("circle", Path("circle"));
  EXPECT_EQ(ExitCodeFor(WriteFile(Path("circle"), "x", {})), kExitFailed);
}

TEST_F(OutputTest, AFifoIsWrittenIntoAndStaysOne) {
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  const std::string content(300'000, 'z');  // more than a pipe holds
  std::string read;
  std::thread reader([&] { read = ReadAll(Path("fifo")); });
  const absl::Status status = WriteFile(Path("fifo"), content, {});
  reader.join();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(read, content);
  EXPECT_TRUE(fs::is_fifo(Path("fifo")));
}

TEST_F(OutputTest, WaitingForAReaderEndsWithAStop) {
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(WriteFile(Path("fifo"), "x", stop.get_token())));
  // One that has a reader who never reads: the pipe fills, and the stop is seen all the same.
  const Descriptor reader(::open(Path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_TRUE(absl::IsCancelled(WriteFile(Path("fifo"), std::string(300'000, 'z'), stop.get_token())));
}

TEST_F(OutputTest, EveryTargetThatCannotBeWrittenGivesTheSameExitCodeAndANextStep) {
  fs::create_directory(Path("folder"));
  std::ofstream(Path("file")) << "x";
  const std::pair<std::string, std::string> cases[] = {{Path("folder"), "name a file in it"},
                                                       {Path("missing/file"), "mkdir -p " + Path("missing")},
                                                       {Path("file/below"), "choose a place"}};
  for (const auto& [path, step] : cases) {
    const absl::Status status = WriteFile(path, "x", {});
    EXPECT_EQ(ExitCodeFor(status), kExitFailed) << path;
    EXPECT_THAT(Message(status), HasSubstr("cannot write " + path)) << path;
    EXPECT_THAT(Message(status), HasSubstr(step)) << path;
  }
  EXPECT_EQ(ExitCodeFor(PrepareFolder(Path("file/below"))), kExitFailed);
  EXPECT_EQ(ExitCodeFor(CannotWrite("x", EACCES)), kExitFailed);
  EXPECT_EQ(ExitCodeFor(CannotWrite("x", ENOSPC)), kExitFailed);
  EXPECT_EQ(NamesIn(folder_.path()).size(), 2u) << "a failed write left something behind";
}

// In a process of its own, whose files may not grow.
TEST_F(OutputTest, AFullDiskIsSaidAndLeavesTheOldFile) {
  std::ofstream(Path("file")) << "old";
  const auto write_with_limit = [&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const absl::Status status = WriteFile(Path("file"), std::string(5000, 'x'), {});
    ::_exit(Message(status).find("File too large; make room") != std::string::npos ? ExitCodeFor(status) : 99);
  };
  EXPECT_EXIT(write_with_limit(), testing::ExitedWithCode(kExitFailed), "");
  EXPECT_EQ(ReadAll(Path("file")), "old");
  EXPECT_EQ(NamesIn(folder_.path()).size(), 1u);
}

// A console whose stdout is a pipe that nobody reads any more: what /dev/full is to a disk.
class FullStdoutTest : public CommandTest {
 protected:
  Outcome RunIntoClosedPipe(std::vector<std::string> words) {
    ::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    const Descriptor pipe(ends[1]);
    DescriptorBuffer buffer(pipe.get());
    std::ostream out(&buffer);
    std::ostringstream err;
    Console console{out, err};
    console.fixed_width = 100;
    words.insert(words.begin() + 1, {"--home", server_.home()});
    Outcome outcome;
    outcome.code = RunCommandLine(
        words,
        {.console = console, .stop = {}, .now = [] { return 1e9; }, .server_program = "/nonexistent", .cores = 1});
    outcome.err = err.str();
    return outcome;
  }
};

TEST_F(FullStdoutTest, NoCommandCallsItDone) {
  AddSucceeded({{"norm", "layer"}});
  v1::ReadCurveResponse curve;
  curve.add_steps(1);
  curve.add_values(0.5);
  curve.set_points_total(1);
  server_.curves["j1 test/error"] = curve;
  v1::WatchCurvesResponse news;
  auto& column = *news.add_columns();
  column.set_series("test/error");
  column.add_steps(1);
  column.add_values(0.5);
  server_.curve_news = {news};
  server_.papers.emplace_back().set_paper_id("p");
  const std::vector<std::vector<std::string>> commands = {{"jobs"},
                                                          {"jobs", "--ids"},
                                                          {"jobs", "--json"},
                                                          {"show", "j1"},
                                                          {"curve", "j1"},
                                                          {"curve", "j1", "test/error"},
                                                          {"curve", "j1", "test/error", "--follow"},
                                                          {"export", "j1"},
                                                          {"compare", "j1"},
                                                          {"papers"},
                                                          {"table", "layer-norm-2016", "mnist"},
                                                          {"experiments"},
                                                          {"submit", "mnist_mlp"},
                                                          {"jobs", "--help"}};
  for (const std::vector<std::string>& words : commands) {
    const Outcome outcome = RunIntoClosedPipe(words);
    EXPECT_EQ(outcome.code, kExitFailed) << words[0] << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("cannot write to stdout: Broken pipe")) << words[0];
  }
}

}  // namespace
}  // namespace normlab::client
