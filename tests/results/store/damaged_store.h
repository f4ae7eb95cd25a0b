// damaged_store.h - a store whose file can be changed behind its back.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "tests/results/store/fixture.h"

namespace normlab::store {

class DamagedStoreTest : public StoreTest {
 protected:
  // Damages the store while it is closed.
  void Damage(const std::function<void(Connection&)>& damage) {
    store_.reset();
    auto db = Connection::Open(DbPath(), {});
    damage(**db);
    db->reset();
    Reopen();
  }
  void DamageRows(const std::string& update) {
    Damage([&](Connection& db) { ASSERT_OK(db.Script(update)); });
  }
  // Overwrites the root page of a table, which in these small stores holds all of it or leads to it.
  void DamagePage(std::string_view table) {
    store_.reset();
    std::int64_t page = 0;
    {
      const auto db = Connection::Open(DbPath(), {});
      ASSERT_OK((*db)->Checkpoint(true));
      page = *(*db)->Int("SELECT rootpage FROM sqlite_schema WHERE name = ?1", table);
    }
    ASSERT_GT(page, 1);
    std::fstream file(DbPath(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((page - 1) * 4096);
    file.write(std::string(4096, '\x7f').data(), 4096);
    file.close();
    Reopen();
  }

  // Turns one bit of a file over.
  static void Flip(const std::string& path, std::size_t at) {
    std::string bytes = *PosixFileSystem().Read(path);
    bytes[at] ^= 1;
    ASSERT_OK(PosixFileSystem().AtomicWrite(path, bytes));
  }

  // In a folder below the store's.
  std::string OnlyFileIn(const std::string& folder) const {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() + "/" + folder)) {
      EXPECT_EQ(found, "");
      found = entry.path().string();
    }
    return found;
  }
  std::string DbPath() const { return folder_.path() + "/normlab.db"; }
};

}  // namespace normlab::store
