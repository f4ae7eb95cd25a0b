// `normlab admin certs`: which files there are afterwards, that they go together, and what is never written over.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "proto/transport/authority.h"
#include "proto/transport/pem_files.h"
#include "tests/client/command_test.h"
#include "tests/scratch_folder.h"

namespace normlab::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class AdminCertsTest : public CommandTest {
 protected:
  std::string File(const std::string& name) const { return folder_.path() + "/certs/" + name; }
  std::string Read(const std::string& name) const {
    std::ifstream file(File(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Outcome Certs(const std::string& command, std::vector<std::string> words) {
    words.insert(words.begin(), {"admin", "certs", command, folder_.path() + "/certs"});
    return RunLocal(words);
  }
  absl::Status Pair(const std::string& name) const {
    return CheckPair("cert", File(name + ".pem"), Read(name + ".pem"), "key", File(name + ".key"), Read(name + ".key"));
  }

  const ScratchFolder folder_;
};

TEST_F(AdminCertsTest, InitMakesAnAuthorityAndAServersCertificate) {
  const Outcome made = Certs("init", {"--host", "lab.example", "--host", "10.0.0.7"});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr(File("server.pem") + "\n"));
  EXPECT_TRUE(Pair("ca").ok()) << Pair("ca");
  EXPECT_TRUE(Pair("server").ok()) << Pair("server");
  EXPECT_THAT(HostsOf(Read("server.pem")), ElementsAre("lab.example", "10.0.0.7"));
  using std::filesystem::perms;
  for (const char* key : {"ca.key", "server.key"}) {
    EXPECT_EQ(std::filesystem::status(File(key)).permissions(), perms::owner_read | perms::owner_write) << key;
  }
  const std::string before = Read("ca.pem");
  EXPECT_EQ(Certs("init", {"--host", "lab.example"}).code, 2) << "what it signed may be in use";
  EXPECT_EQ(Read("ca.pem"), before);
}

TEST_F(AdminCertsTest, IssueAndRenewKeepTheAuthority) {
  EXPECT_THAT(Certs("issue", {"ana"}).err, HasSubstr("normlab admin certs init"));
  ASSERT_EQ(Certs("init", {"--host", "lab.example"}).code, 0);
  ASSERT_EQ(Certs("issue", {"ana"}).code, 0);
  EXPECT_TRUE(Pair("ana").ok()) << Pair("ana");
  const std::string ana = Read("ana.pem");
  EXPECT_EQ(Certs("issue", {"ana"}).code, 2) << "it is there";
  EXPECT_EQ(Read("ana.pem"), ana);
  EXPECT_EQ(Certs("issue", {"ana", "--renew"}).code, 0);
  EXPECT_NE(Read("ana.pem"), ana);
  const std::string server = Read("server.pem");
  const std::string authority = Read("ca.pem");
  EXPECT_EQ(Certs("renew", {}).code, 0);
  EXPECT_NE(Read("server.pem"), server);
  EXPECT_THAT(HostsOf(Read("server.pem")), ElementsAre("lab.example")) << "the same hosts";
  EXPECT_TRUE(Pair("server").ok());
  EXPECT_EQ(Certs("renew", {"--host", "other.example"}).code, 0);
  EXPECT_THAT(HostsOf(Read("server.pem")), ElementsAre("other.example"));
  EXPECT_EQ(Read("ca.pem"), authority);
}

TEST_F(AdminCertsTest, NoNameLeadsElsewhere) {
  ASSERT_EQ(Certs("init", {"--host", "lab.example"}).code, 0);
  for (const std::string name : {"../ana", "ca", "server", "a/b", "", ".ana"}) {
    EXPECT_EQ(Certs("issue", {name}).code, 2) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/ana.pem"));
  EXPECT_EQ(Certs("init", {}).code, 2);
}

}  // namespace
}  // namespace normlab::client
