// What is typed: numbers, seeds, bytes that are not UTF-8, values that are empty; and failures with their cause.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "client/client.h"
#include "client/commands/arguments.h"
#include "client/error.h"
#include "client/reach.h"
#include "tests/client/command_test.h"

namespace normlab::client {
namespace {

using testing::HasSubstr;

class WordsTest : public CommandTest {};

TEST_F(WordsTest, NumbersAreFiniteInRangeAndNeverWrap) {
  AddSucceeded({});
  const std::vector<std::vector<std::string>> wrong = {{"curve", "j1", "test/error", "--from", "-1"},
                                                       {"curve", "j1", "test/error", "--to", "-1"},
                                                       {"curve", "j1", "test/error", "--to", "18446744073709551616"},
                                                       {"curve", "j1", "test/error", "--max-points", "-1"},
                                                       {"curve", "j1", "test/error", "--max-points", "4294967296"},
                                                       {"curve", "j1", "test/error", "--from", "0x10"},
                                                       {"write", "text", "--job", "j1", "--seed", "-1"},
                                                       {"write", "text", "--job", "j1", "--bias", "nan"},
                                                       {"write", "text", "--job", "j1", "--bias", "inf"},
                                                       {"write", "text", "--job", "j1", "--prime", "-1"},
                                                       {"verify", "j1", "--last", "0"},
                                                       {"verify", "j1", "--threads", "1e2"},
                                                       {"jobs", "--limit", "nan"},
                                                       {"submit", "mnist_mlp", "--priority", "2147483648"}};
  for (const std::vector<std::string>& words : wrong) {
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.code, kExitUsage) << words.back();
    EXPECT_THAT(outcome.err, HasSubstr(words[words.size() - 2] + ": is " + words.back() + "; expected a")) << words[0];
    EXPECT_LT(outcome.err.size(), 200u) << outcome.err;
  }
  EXPECT_TRUE(server_.calls.empty());
}

TEST_F(WordsTest, SeedsMayBeTheLargestThereIs) {
  std::vector<FieldViolation> violations;
  EXPECT_THAT(ParseSeeds("18446744073709551614-18446744073709551615", violations),
              testing::ElementsAre(18446744073709551614u, 18446744073709551615u));
  EXPECT_TRUE(violations.empty());
  for (const char* wrong : {"0-18446744073709551615", "18446744073709551616", "-1", "1-", "2-1", "1e3"}) {
    violations.clear();
    EXPECT_TRUE(ParseSeeds(wrong, violations).empty()) << wrong;
    EXPECT_EQ(violations.size(), 1u) << wrong;
  }
}

TEST_F(WordsTest, WhatIsEmptyIsNotTakenForAbsent) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"submit", "mnist_mlp", "--seeds", ""},
                                                {"jobs", "--experiment", ""},
                                                {"show", ""},
                                                {"export", "j1", "-o", ""}}) {
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.code, kExitUsage) << words[0];
    EXPECT_THAT(outcome.err, HasSubstr("is empty")) << words[0];
  }
}

TEST_F(WordsTest, BytesThatAreNotUtf8AreNamed) {
  const Outcome label = Run({"submit", "mnist_mlp", "--label", "who=Ren\xe9"});
  EXPECT_EQ(label.code, kExitUsage);
  EXPECT_THAT(label.err, HasSubstr("normlab: --label has the byte 0xe9 at position 8, which is not UTF-8"));
  EXPECT_EQ(Run({"show", "j\xff"}).code, kExitUsage);
  EXPECT_EQ(Run({"submit", "mnist_mlp", "--norm", "l\xc0\x80"}).code, kExitUsage);
  const std::string spec = server_.home() + "/spec.yaml";
  std::ofstream(spec) << "seed: 1\n# Ren\xe9\nmnist_mlp: {norm: layer}\n";
  const Outcome file = Run({"submit", "--file", spec});
  EXPECT_EQ(file.code, kExitUsage);
  EXPECT_THAT(file.err, HasSubstr("--file: " + spec + " has the byte 0xe9 at position 14"));
  EXPECT_TRUE(server_.calls.empty());
  const std::string manifest = server_.home() + "/m\xe9.yaml";
  EXPECT_EQ(Run({"table", manifest, "mnist"}).code, kExitUsage);
  // The last guard, for callers of the library.
  v1::ListJobsRequest request;
  (*request.mutable_labels())["who"] = "Ren\xe9";
  const auto client = Client::Connect({.home = server_.home()});
  const absl::Status status = (*client)->ListJobs(request).status();
  EXPECT_EQ(FieldViolations(status).at(0).path, "labels[0].value");
  EXPECT_TRUE(server_.calls.empty());
}

TEST_F(WordsTest, AFailureWithoutWordsStillSaysSomething) {
  EXPECT_EQ(RenderError(absl::InternalError("")), "INTERNAL (no reason was given)\n");
}

TEST_F(WordsTest, ErrorsOfOptionsNameTheOption) {
  server_.failures["BatchCreateJobs"] = {BadRequest({{"requests[0].labels[wh o]", "is not a label's name"}})};
  EXPECT_THAT(Run({"submit", "mnist_mlp", "--label", "wh o=x"}).err, HasSubstr("normlab: --label wh o is not"));
}

TEST_F(WordsTest, AValueGivenTwiceCountsOnce) {
  ASSERT_EQ(Run({"submit", "mnist_mlp", "--norm", "layer,layer,none"}).code, 0);
  EXPECT_EQ(server_.created.at(0).requests_size(), 2);
}

TEST_F(WordsTest, IdsAndJsonAreNeverCut) {
  for (int i = 0; i < 1203; ++i) {
    server_.AddJob({{"seed", std::to_string(i)}});
  }
  const Outcome ids = Run({"jobs", "--ids"});
  EXPECT_EQ(std::count(ids.out.begin(), ids.out.end(), '\n'), 1203);
  const auto json = nlohmann::json::parse(Run({"jobs", "--json"}).out);
  EXPECT_EQ(json["jobs"].size(), 1203u);
  EXPECT_EQ(json["next_page_token"], "");
  const Outcome page = Run({"jobs", "--ids", "--limit", "7"});
  EXPECT_EQ(std::count(page.out.begin(), page.out.end(), '\n'), 7);
  EXPECT_THAT(page.err, HasSubstr("There are more: normlab jobs --page"));
}

TEST_F(WordsTest, JobsAreNamedOnce) {
  AddSucceeded({});
  const Outcome outcome = Run({"compare", "j1", "j1"});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("j1 is named twice"));
}

TEST_F(WordsTest, NoWeightsOfAJobThatDivergedAreToCome) {
  AddSucceeded({}).set_state(v1::JOB_STATE_DIVERGED);
  const Outcome outcome = Run({"artifacts", "j1"});
  EXPECT_THAT(outcome.err, HasSubstr("j1 is DIVERGED and has no files"));
}

TEST(ReachTest, EveryCauseHasItsText) {
  const ScratchFolder folder;
  const auto reach = [&](const std::string& name) { return Reach({.home = folder.path(), .socket = name}); };
  EXPECT_TRUE(absl::IsNotFound(reach(folder.path() + "/none")));
  EXPECT_THAT(Message(reach(folder.path() + "/none")), HasSubstr("start one with `normlab up`"));
  std::ofstream(folder.path() + "/file") << "x";
  EXPECT_THAT(Message(reach(folder.path() + "/file")), HasSubstr("is not a socket"));
  EXPECT_THAT(Message(reach(folder.path() + "/file/below")), HasSubstr("Not a directory"));
  EXPECT_EQ(ExitCodeFor(NoServer({.socket = folder.path() + "/file"})), kExitUnavailable);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("a local file")), kExitFailed);
  EXPECT_THAT(Message(NoServer({.address = "127.0.0.1:1"})), HasSubstr("normlabd --listen 127.0.0.1:1"));
}

// Root may read everything, so that the refusal is another user's.
TEST(ReachTest, AHomeThatMayNotBeReadIsNotOneWithoutAServer) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder.path() + "/run");
  ::chmod(folder.path().c_str(), 0700);
  const auto as_nobody = [&] {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) {
      ::_exit(98);
    }
    if (::getuid() != kNobody) {
      ::chmod((folder.path() + "/run").c_str(), 0);
    }
    const absl::Status status = Reach({.home = folder.path()});
    ::_exit(absl::IsPermissionDenied(status) && Message(status).find("permission denied") != std::string::npos ? 0 : 1);
  };
  EXPECT_EXIT(as_nobody(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace normlab::client
