// Opening: new files, older and newer schemas, files of others.
#include "results/store/schema.h"

#include <fstream>
#include <sstream>

#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

using testing::HasSubstr;

class SchemaTest : public testing::Test {
 protected:
  std::unique_ptr<Connection> Connect(const std::string& name = "normlab.db") {
    auto db = Connection::Open(folder_.path() + "/" + name, {});
    EXPECT_OK(db.status());
    return *std::move(db);
  }
  absl::Status Open() { return Store::Open(folder_.path()).status(); }
  std::string Bytes() const {
    std::stringstream bytes;
    bytes << std::ifstream(folder_.path() + "/normlab.db", std::ios::binary).rdbuf();
    return bytes.str();
  }
  std::vector<std::string> Backups() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      if (entry.path().extension() == ".backup") {
        names.push_back(entry.path().filename().string());
      }
    }
    return names;
  }

  ScratchFolder folder_;
};

TEST_F(SchemaTest, ANewStoreIsMarkedPrivateAndDurable) {
  ASSERT_OK(Open());
  const auto db = Connect();
  EXPECT_EQ(*db->Int("PRAGMA application_id"), kApplicationId);
  EXPECT_EQ(*db->Int("PRAGMA user_version"), static_cast<std::int64_t>(Migrations().size()));
  Query mode = db->Ask("PRAGMA journal_mode");
  ASSERT_TRUE(mode.Next());
  EXPECT_EQ(mode.Text(0), "wal");
  const auto permissions = std::filesystem::status(folder_.path() + "/normlab.db").permissions();
  EXPECT_EQ(permissions & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
  EXPECT_TRUE(Backups().empty());
}

TEST_F(SchemaTest, ANewerSchemaIsRefusedAndUntouched) {
  ASSERT_OK(Open());
  ASSERT_OK(Connect()->Script("PRAGMA user_version = 4711"));
  const std::string before = Bytes();
  const absl::Status status = Open();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Message(status), HasSubstr("newer normlab (schema version 4711"));
  EXPECT_EQ(Bytes(), before);
  RecordReliability(39, "a newer one is refused");
}

TEST_F(SchemaTest, AForeignDatabaseIsRefusedAndUntouched) {
  ASSERT_OK(Connect()->Script("CREATE TABLE photos(x)"));
  const std::string before = Bytes();
  const absl::Status status = Open();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Message(status), HasSubstr("not a normlab store"));
  EXPECT_EQ(Bytes(), before);
}

TEST_F(SchemaTest, AFileThatIsNoDatabaseIsRefusedAndUntouched) {
  std::ofstream(folder_.path() + "/normlab.db") << std::string(5000, 'x');
  const absl::Status status = Open();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Message(status), HasSubstr("normlab.db"));
  EXPECT_EQ(Bytes(), std::string(5000, 'x'));
}

TEST_F(SchemaTest, ASecondStoreOnTheFolderIsRefused) {
  const auto first = Store::Open(folder_.path());
  ASSERT_OK(first.status());
  const absl::Status second = Open();
  EXPECT_THAT(second, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Message(second), HasSubstr("process"));
}

constexpr Migration kFirst = {"CREATE TABLE note(x INTEGER) STRICT; INSERT INTO note VALUES(1);"};
constexpr Migration kSecond = {"ALTER TABLE note ADD COLUMN y INTEGER; UPDATE note SET y = x + 1;"};
constexpr Migration kBroken = {"UPDATE note SET x = 99; INSERT INTO nowhere VALUES(1);"};

TEST_F(SchemaTest, AnOlderSchemaIsBackedUpAndUpgraded) {
  const std::string path = folder_.path() + "/normlab.db";
  const Migration old[] = {kFirst};
  ASSERT_OK(PrepareSchema(*Connect(), path, 111, old));
  EXPECT_TRUE(Backups().empty()) << "an empty file needs none";
  const Migration current[] = {kFirst, kSecond};
  ASSERT_OK(PrepareSchema(*Connect(), path, 222, current));
  EXPECT_EQ(*Connect()->Int("SELECT y FROM note"), 2);
  EXPECT_EQ(*Connect()->Int("PRAGMA user_version"), 2);
  ASSERT_THAT(Backups(), testing::ElementsAre("normlab.db.v1-222.backup"));
  const auto backup = Connect(Backups()[0]);
  EXPECT_EQ(*backup->Int("SELECT x FROM note"), 1);
  EXPECT_EQ(*backup->Int("PRAGMA user_version"), 1);
  EXPECT_EQ(*backup->Int("PRAGMA application_id"), kApplicationId);
  EXPECT_FALSE(backup->Int("SELECT y FROM note").ok());
  ASSERT_OK(PrepareSchema(*Connect(), path, 333, current));
  EXPECT_EQ(Backups().size(), 1u) << "nothing to do, nothing to back up";
}

TEST_F(SchemaTest, AFailedUpgradeChangesNothing) {
  const std::string path = folder_.path() + "/normlab.db";
  const Migration old[] = {kFirst};
  ASSERT_OK(PrepareSchema(*Connect(), path, 111, old));
  const Migration current[] = {kFirst, kBroken};
  const absl::Status status = PrepareSchema(*Connect(), path, 222, current);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(Message(status), HasSubstr("from schema version 1"));
  EXPECT_EQ(*Connect()->Int("SELECT x FROM note"), 1);
  EXPECT_EQ(*Connect()->Int("PRAGMA user_version"), 1);
  EXPECT_EQ(Backups().size(), 1u);
  RecordReliability(39, "a failed upgrade changes nothing");
}

// A version 0 with the tables of version 1 in it cannot come from us; one that only says so is upgraded with a backup.
TEST_F(SchemaTest, AFileOfOursWithoutTablesIsFilled) {
  ASSERT_OK(Connect()->Script(fmt::format("PRAGMA application_id = {}; CREATE TABLE early(x)", kApplicationId)));
  ASSERT_OK(Open());
  EXPECT_EQ(Backups().size(), 1u);
  const auto store = Store::Open(folder_.path());
  ASSERT_OK(store.status());
  EXPECT_OK((*store)->CreateJobs({}, {MakeJob("a")}).status());
}

}  // namespace
}  // namespace normlab::store
