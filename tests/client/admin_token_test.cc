// `normlab admin token` and `normlab admin audit`: what is asked of the server, and where a secret goes.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/client/command_test.h"
#include "tests/scratch_folder.h"

namespace normlab::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class AdminTokenTest : public CommandTest {
 protected:
  const ScratchFolder folder_;
};

TEST_F(AdminTokenTest, ATokenIsShownOnceOnStdoutAlone) {
  const Outcome made = Run({"admin", "token", "create", "ana", "--role", "submitter", "--expires", "90"});
  EXPECT_EQ(made.code, 0);
  EXPECT_EQ(made.out, server_.admin.secret + "\n");
  EXPECT_THAT(made.err, Not(HasSubstr(server_.admin.secret)));
  ASSERT_EQ(server_.admin.made.size(), 1u);
  EXPECT_EQ(server_.admin.made[0].name(), "ana");
  EXPECT_EQ(server_.admin.made[0].role(), v1::ROLE_SUBMITTER);
  EXPECT_EQ(server_.admin.made[0].lifetime_seconds(), 90u * 86'400);
}

TEST_F(AdminTokenTest, WithOutItGoesIntoAFileOfItsOwnersAlone) {
  const std::string path = folder_.path() + "/ana.token";
  const Outcome made = Run({"admin", "token", "create", "ana", "--role", "viewer", "--out", path});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out + made.err, Not(HasSubstr(server_.admin.secret)));
  EXPECT_EQ(ReadAll(path), server_.admin.secret + "\n");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path).permissions(), perms::owner_read | perms::owner_write);
  EXPECT_EQ(Run({"admin", "token", "rotate", "ana", "--out", path}).code, 2) << "it is there";
  EXPECT_THAT(server_.admin.rotated, ElementsAre()) << "and the old token goes on";
  const auto json = nlohmann::json::parse(
      Run({"admin", "token", "rotate", "ana", "--json", "--out", folder_.path() + "/2.token"}).out);
  EXPECT_EQ(json["name"], "ana");
  EXPECT_EQ(json["secret"], "");
  EXPECT_THAT(server_.admin.rotated, ElementsAre("ana"));
}

TEST_F(AdminTokenTest, ATokenThatCannotBeWrittenIsToldAsLost) {
  const Outcome made =
      Run({"admin", "token", "create", "ana", "--role", "viewer", "--out", folder_.path() + "/no/ana"});
  EXPECT_NE(made.code, 0);
  EXPECT_THAT(made.err, HasSubstr("normlab admin token rotate ana"));
}

TEST_F(AdminTokenTest, WrongWordsMakeNoToken) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"ana"},
                                                {"ana", "--role", "root"},
                                                {"--role", "viewer"},
                                                {"ana", "--role", "viewer", "--expires", "0"},
                                                {"ana", "--role", "viewer", "--expires", "4000"}}) {
    std::vector<std::string> all = {"admin", "token", "create"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(Run(all).code, 2);
  }
  EXPECT_TRUE(server_.admin.made.empty());
}

TEST_F(AdminTokenTest, TheListSaysWhichAreGood) {
  const auto add = [this](const std::string& name, v1::Role role, std::int64_t expires, std::int64_t revoked) {
    v1::Token token;
    token.set_name(name);
    token.set_role(role);
    token.mutable_created()->set_seconds(999'000'000);
    if (expires != 0) {
      token.mutable_expires()->set_seconds(expires);
    }
    if (revoked != 0) {
      token.mutable_revoked()->set_seconds(revoked);
    }
    server_.admin.tokens.push_back(token);
  };
  add("ana", v1::ROLE_SUBMITTER, 0, 0);
  add("ben", v1::ROLE_VIEWER, 1'000'086'400, 0);
  add("carla", v1::ROLE_WORKER, 999'999'000, 0);
  add("dan", v1::ROLE_ADMIN, 0, 999'990'000);
  const std::string list = Run({"admin", "token", "list"}).out;
  for (const char* state :
       {"good\n", "good until 2001-09-10T01:46:40Z", "expired 2001-09-09T01:30:00Z", "revoked 2001-09-08T23:00:00Z"}) {
    EXPECT_THAT(list, HasSubstr(state));
  }
  const auto json = nlohmann::json::parse(Run({"admin", "token", "list", "--json"}).out);
  EXPECT_EQ(json["tokens"][3]["name"], "dan");
  EXPECT_EQ(json["tokens"][3]["revoked"], "2001-09-08T23:00:00Z");
}

TEST_F(AdminTokenTest, RevokingNamesTheToken) {
  EXPECT_EQ(Run({"admin", "token", "revoke", "ana"}).out, "the token of ana is revoked\n");
  EXPECT_THAT(server_.admin.revoked, ElementsAre("ana"));
}

TEST_F(AdminTokenTest, TheAuditSaysWhoDidWhat) {
  v1::AuditEntry done;
  done.mutable_time()->set_seconds(1'000'000'000);
  done.set_who("ana");
  done.set_role("submitter");
  done.set_peer("10.0.0.7");
  done.set_certificate("lab-7");
  done.set_method("JobService.CancelJobs");
  for (int i = 1; i <= 6; ++i) {
    done.add_job_ids("j" + std::to_string(i));
  }
  done.set_jobs(250);
  done.set_outcome("OK");
  v1::AuditEntry refused;
  refused.mutable_time()->set_seconds(1'000'000'001);
  refused.set_peer("10.0.0.9");
  refused.set_method("JobService.ListJobs");
  refused.set_outcome("UNAUTHENTICATED");
  refused.set_error("this is no token of the server");
  refused.set_left_out(17);
  server_.admin.audit = {done, refused};
  const std::string text = Run({"admin", "audit", "--since", "1h"}).out;
  EXPECT_THAT(
      text,
      HasSubstr(
          "2001-09-09T01:46:40Z  ana (submitter) from 10.0.0.7 lab-7  JobService.CancelJobs j1 j2 j3 j4 j5 and 245 "
          "more  OK\n"));
  EXPECT_THAT(text, HasSubstr("(17 more calls refused before this"));
  EXPECT_THAT(text, HasSubstr("nobody known from 10.0.0.9  JobService.ListJobs  UNAUTHENTICATED: this is no token"));
  EXPECT_EQ(server_.admin.read_audit.since().seconds(), 1'000'000'100 - 3'600);
  const auto json = nlohmann::json::parse(Run({"admin", "audit", "--json"}).out);
  EXPECT_FALSE(server_.admin.read_audit.has_since());
  EXPECT_EQ(json["entries"].size(), 2u);
  EXPECT_EQ(json["entries"][0]["job_ids"][5], "j6");
  EXPECT_EQ(json["entries"][1]["left_out"], 17);
  EXPECT_EQ(Run({"admin", "audit", "--since", "yesterday"}).code, 2);
}

}  // namespace
}  // namespace normlab::client
