// The link to the page, from `normlab up` and from `normlab page`.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/descriptor.h"
#include "base/paths.h"
#include "base/process.h"
#include "tests/scratch_folder.h"
#include "tests/server/fixture.h"
#include "tests/server/http_client.h"

namespace normlab::e2e {
namespace {

using server::Eventually;
using server::HttpClient;
using testing::HasSubstr;

class PageTest : public testing::Test {
 protected:
  ~PageTest() override {
    if (up_ > 0) {
      ::kill(up_, SIGTERM);
      ::waitpid(up_, nullptr, 0);
    }
  }

  std::string Content(const std::string& name) const { return ReadAll(folder_.path() + "/" + name); }
  // A command whose outputs go to the files `name`.out and `name`.err.
  pid_t Start(const std::string& name, std::vector<std::string> words) const {
    words.insert(words.begin(), ExecutableDirectory() + "/normlab");
    words.insert(words.end(), {"--home", folder_.path() + "/home"});
    const auto file = [&](const char* suffix) {
      return Descriptor(::open((folder_.path() + "/" + name + suffix).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    };
    const Descriptor out = file(".out"), err = file(".err");
    const auto pid = Spawn({.argv = words, .environment = {}, .stderr_fd = err.get(), .stdout_fd = out.get()});
    EXPECT_TRUE(pid.ok()) << pid.status();
    return *pid;
  }
  int Run(const std::string& name, const std::vector<std::string>& words) const {
    int status = 0;
    ::waitpid(Start(name, words), &status, 0);
    return WEXITSTATUS(status);
  }

  // What the page does with the link.
  static int Exchange(const std::string& link) {
    const std::string host = "http://127.0.0.1:", fragment = "/#t=";
    const std::size_t code = link.find(fragment);
    if (!link.starts_with(host) || code == std::string::npos) {
      return 0;
    }
    HttpClient client(std::stoi(link.substr(host.size())));
    const std::string text = link.substr(code + fragment.size(), link.find('\n') - code - fragment.size());
    return client.Call({.target = "/session", .body = "{\"code\":\"" + text + "\"}"}).status;
  }

  ScratchFolder folder_;
  pid_t up_ = 0;
};

TEST_F(PageTest, UpPrintsALinkAndPageAnotherOne) {
  EXPECT_EQ(Run("early", {"page"}), 3) << "nobody serves";
  up_ = Start("up", {"up", "--jobs", "1"});
  ASSERT_TRUE(Eventually([this] { return Content("up.out").ends_with('\n'); })) << Content("up.err");
  ASSERT_EQ(Run("page", {"page"}), 0) << Content("page.err");
  for (const char* name : {"up.out", "page.out"}) {
    EXPECT_EQ(Exchange(Content(name)), 200) << Content(name);
    EXPECT_EQ(Exchange(Content(name)), 401) << "it is good once";
  }
  EXPECT_NE(Content("up.out"), Content("page.out"));
}

TEST_F(PageTest, WithoutTheDoorThereIsNoLink) {
  up_ = Start("up", {"up", "--jobs", "1", "--no-http"});
  ASSERT_TRUE(Eventually([this] { return Run("jobs", {"jobs"}) == 0; })) << Content("up.err");
  EXPECT_EQ(Run("page", {"page"}), 2);
  EXPECT_THAT(Content("page.err"), HasSubstr("serves no page"));
  EXPECT_EQ(Content("up.out"), "");
}

}  // namespace
}  // namespace normlab::e2e
