// What is offered for a word, and the scripts of bash, zsh and fish, run by these shells.
#include "client/completion.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_split.h"
#include "base/paths.h"
#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

class CompletionTest : public CommandTest {
 protected:
  // What `normlab complete fish` answers, without descriptions. Words name the server as a user's would.
  std::vector<std::string> Offered(std::vector<std::string> words) {
    words.insert(words.begin(), {"complete", "fish", "--"});
    const Outcome outcome = RunLocal(words);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.err, "");
    std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n', absl::SkipEmpty());
    files_ = !lines.empty() && lines[0] == "files";
    std::vector<std::string> candidates;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      candidates.push_back(lines[i].substr(0, lines[i].find('\t')));
    }
    return candidates;
  }
  // The same behind "COMMAND --home HOME".
  std::vector<std::string> OfServer(const std::string& command, const std::vector<std::string>& more) {
    std::vector<std::string> words = {command, "--home", server_.home()};
    words.insert(words.end(), more.begin(), more.end());
    return Offered(words);
  }

  bool files_ = false;  // of the last answer
};

TEST_F(CompletionTest, CommandsAndTheirOptions) {
  EXPECT_THAT(Offered({""}), IsSupersetOf({"submit", "jobs", "data", "completion"}));
  EXPECT_THAT(Offered({""}), Not(Contains("complete"))) << "it is hidden";
  EXPECT_THAT(Offered({"data", ""}), ElementsAre("list", "verify", "fetch", "import"));
  EXPECT_THAT(Offered({"data", "fetch", "--"}), Contains("--help"));
  EXPECT_THAT(Offered({"jobs", "--"}), IsSupersetOf({"--state", "--json", "--context"}));
  EXPECT_THAT(Offered({"reproduce", "layer-norm-2016", "-"}), Contains("--budget"));
  EXPECT_THAT(Offered({"no-such-command", ""}), Contains("submit"));
}

TEST_F(CompletionTest, FieldsOfTheExperimentThatIsNamed) {
  const auto draw = Offered({"submit", "draw", "--"});
  EXPECT_THAT(draw, IsSupersetOf({"--glimpses", "--norm", "--seeds"}));
  EXPECT_THAT(draw, Not(Contains("--passes")));
  EXPECT_THAT(Offered({"submit", "mnist_mlp", "--"}), Contains("--passes"));
  EXPECT_THAT(Offered({"submit", "--"}), Not(Contains("--passes")));
  EXPECT_THAT(Offered({"submit", ""}), IsSupersetOf({"mnist_mlp", "draw"}));
}

TEST_F(CompletionTest, ValuesBehindTheirOptionOrItsEqualsSignOrAComma) {
  const std::vector<std::string> norms = {"none", "batch", "layer", "weight", "rms"};
  EXPECT_THAT(Offered({"submit", "mnist_mlp", "--norm", ""}), ElementsAreArray(norms));
  EXPECT_THAT(Offered({"submit", "mnist_mlp", "--norm="}),
              ElementsAre("--norm=none", "--norm=batch", "--norm=layer", "--norm=weight", "--norm=rms"));
  EXPECT_THAT(Offered({"submit", "mnist_mlp", "--norm", "none,layer,b"}),
              ElementsAre("none,layer,batch", "none,layer,weight", "none,layer,rms"));
  EXPECT_THAT(Offered({"submit", "mnist_mlp", "--adam_bias_correction", ""}), ElementsAre("true", "false"));
  EXPECT_THAT(Offered({"jobs", "--state", ""}), Contains("running"));
  EXPECT_THAT(Offered({"jobs", "--json", ""}), ElementsAre()) << "a flag has no value";
  EXPECT_THAT(Offered({"data", "import", "mnist", ""}), ElementsAre());
  EXPECT_TRUE(files_);
  Offered({"submit", "--file", ""});
  EXPECT_TRUE(files_);
  Offered({"submit", "mnist_mlp", "--norm", ""});
  EXPECT_FALSE(files_);
}

TEST_F(CompletionTest, WhatTheServerKnows) {
  AddSucceeded({{"norm", "layer"}});
  (*server_.jobs[0].mutable_labels())["who"] = "ana";
  AddRunning({});
  (*server_.jobs[1].mutable_labels())["who"] = "it's me";
  server_.artifacts["j1 weights.safetensors"] = "1";
  v1::Paper& paper = server_.papers.emplace_back();
  paper.set_paper_id("a-paper");
  paper.add_items()->set_item_id("figure");
  EXPECT_THAT(OfServer("show", {""}), ElementsAre("j2", "j1"));
  EXPECT_THAT(OfServer("cancel", {"j1", ""}), ElementsAre("j2", "j1"));
  EXPECT_THAT(OfServer("write", {"--job", ""}), ElementsAre("j2", "j1"));
  EXPECT_THAT(OfServer("jobs", {"--label", ""}), ElementsAre("who=ana", "who=it's me"));
  EXPECT_THAT(OfServer("label", {"j1", "--remove", ""}), ElementsAre("who"));
  EXPECT_THAT(OfServer("curve", {"j1", ""}), ElementsAre("test/error", "train/loss"));
  EXPECT_THAT(OfServer("artifacts", {"j1", ""}), ElementsAre("weights.safetensors"));
  EXPECT_THAT(OfServer("table", {""}), ElementsAre("a-paper"));
  EXPECT_THAT(OfServer("table", {"a-paper", ""}), ElementsAre("figure"));
  EXPECT_THAT(OfServer("table", {"other", ""}), ElementsAre());
  EXPECT_THAT(OfServer("reproduce", {"a-paper", "--only", ""}), ElementsAre("figure"));
}

TEST_F(CompletionTest, ContextsAreTheUsers) {
  ::setenv("XDG_CONFIG_HOME", server_.home().c_str(), 1);
  ASSERT_EQ(RunLocal({"context", "add", "lab", "--home", server_.home()}).code, 0);
  AddRunning({});
  EXPECT_THAT(Offered({"jobs", "--context", ""}), ElementsAre("lab"));
  EXPECT_THAT(Offered({"context", "use", ""}), ElementsAre("lab"));
  EXPECT_THAT(Offered({"show", "--context", "lab", ""}), ElementsAre("j1"));
  ::unsetenv("XDG_CONFIG_HOME");
}

TEST_F(CompletionTest, WithoutAServerNothingIsSaid) {
  server_.Stop();
  EXPECT_THAT(OfServer("show", {""}), ElementsAre());
  EXPECT_THAT(Offered({"show", "--context", "no-such", ""}), ElementsAre());
  EXPECT_THAT(Offered({"show", "--address", "nonsense", ""}), ElementsAre());
}

// --- the shells themselves ---

class ShellTest : public CompletionTest {
 protected:
  // What `shell` prints for `code`, with normlab on PATH.
  std::string Printed(const std::string& shell, const std::string& code) const {
    const std::string file = server_.home() + "/code";
    std::ofstream(file) << code << "\n";
    const std::string environment = "NORMLAB_HOME=" + server_.home() + " XDG_CONFIG_HOME=" + server_.home() +
                                    " HOME=" + server_.home() + " PATH=" + ExecutableDirectory() + ":$PATH ";
    FILE* pipe = ::popen(("cd " + server_.home() + " && " + environment + shell + " " + file + " 2>&1").c_str(), "r");
    std::string text;
    for (char buffer[256]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) {
      text += buffer;
    }
    EXPECT_EQ(::pclose(pipe), 0);
    return text;
  }
  static bool Has(const std::string& shell) { return ::system((shell + " --version >/dev/null 2>&1").c_str()) == 0; }

  void AddOddLabels() {
    (*AddRunning({}).mutable_labels())["who"] = "it's $(touch ran) `touch ran`";
    std::ofstream(server_.home() + "/a spec.yaml") << "";
  }
};

TEST_F(ShellTest, Bash) {
  if (!Has("bash")) {
    GTEST_SKIP() << "bash is not here";
  }
  AddOddLabels();
  const auto offered = [this](const std::string& words) {
    return Printed("bash -u",
                   "source <(normlab completion bash); COMP_WORDS=(normlab " + words +
                       "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _normlab; printf '%s\\n' \"${COMPREPLY[@]}\"");
  };
  EXPECT_EQ(Printed("bash -u", "source <(normlab completion bash); complete -p normlab"),
            "complete -F _normlab normlab\n");
  EXPECT_EQ(offered("re"), "reproduce\nreport\nresume\n");
  EXPECT_EQ(offered("submit mn"), "mnist_mlp\n");
  EXPECT_EQ(offered("submit mnist_mlp --batch-s"), "--batch-size\n");
  EXPECT_EQ(offered("submit mnist_mlp --norm l"), "layer\n");
  EXPECT_EQ(offered("submit mnist_mlp --norm = l"), "layer\n") << "bash takes --norm=l apart";
  EXPECT_EQ(offered("submit mnist_mlp --norm none,l"), "none,layer\n");
  EXPECT_EQ(offered("data ''"), "list\nverify\nfetch\nimport\n");
  EXPECT_EQ(offered("show ''"), "j1\n");
  EXPECT_EQ(offered("submit --file a"), "a spec.yaml\n");
  EXPECT_EQ(offered("jobs --label who = i"), "'it'\\''s $(touch ran) `touch ran`'\n");
  EXPECT_FALSE(std::filesystem::exists(server_.home() + "/ran"));
}

// zsh's own functions for offering, replaced by ones that print.
TEST_F(ShellTest, Zsh) {
  if (!Has("zsh")) {
    GTEST_SKIP() << "zsh is not here";
  }
  AddOddLabels();
  const auto offered = [this](const std::string& words) {
    return Printed(
        "zsh -f",
        "compdef() { print -- $2 has $1 }\n_describe() { print -l -- \"${(@P)2}\" }\n_files() { print FILES }\n"
        "compset() { : }\nsource <(normlab completion zsh)\nwords=(normlab " +
            words + ")\nCURRENT=$#words\n_normlab");
  };
  EXPECT_THAT(offered("''"), HasSubstr("normlab has _normlab\n"));
  EXPECT_THAT(offered("''"), HasSubstr("\nsubmit:Queue training jobs. One, several seeds"));
  EXPECT_THAT(offered("submit mnist_mlp --norm ''"), HasSubstr("\nnone:\nbatch:\nlayer:\n"));
  EXPECT_THAT(offered("show ''"), HasSubstr("\nj1:RUNNING, mnist_mlp"));
  EXPECT_THAT(offered("jobs --label ''"), HasSubstr("\nwho=it's $(touch ran) `touch ran`:\n"));
  EXPECT_THAT(offered("submit --file ''"), HasSubstr("FILES"));
  EXPECT_FALSE(std::filesystem::exists(server_.home() + "/ran"));
}

TEST_F(ShellTest, Fish) {
  if (!Has("fish")) {
    GTEST_SKIP() << "fish is not here";
  }
  AddOddLabels();
  const auto offered = [this](const std::string& line) {
    return Printed("fish", "normlab completion fish | source; complete -C 'normlab " + line + "'");
  };
  EXPECT_THAT(offered("re"), HasSubstr("reproduce\tRun what a paper"));
  EXPECT_THAT(offered("submit mnist_mlp --norm "), HasSubstr("layer\n"));
  EXPECT_THAT(offered("submit mnist_mlp --norm=l"), HasSubstr("--norm=layer\n"));
  EXPECT_THAT(offered("submit mnist_mlp --batch-s"), HasSubstr("--batch-size\t"));
  EXPECT_THAT(offered("show "), HasSubstr("j1\tRUNNING, mnist_mlp"));
  EXPECT_THAT(offered("jobs --label who"), HasSubstr("who=it"));
  EXPECT_THAT(offered("submit --file a"),
              testing::AnyOf(HasSubstr("a spec.yaml"),
                             HasSubstr("a\\ spec.yaml")));  // fish quotes it as it is put in, or before
  EXPECT_FALSE(std::filesystem::exists(server_.home() + "/ran"));
}

}  // namespace
}  // namespace normlab::client
