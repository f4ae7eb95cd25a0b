// The writer by itself: its log stays short although reads overlap without end; calls that share a group with one that
// meets a damaged page are kept.
#include <atomic>
#include <fstream>
#include <semaphore>
#include <thread>

#include "results/store/readers.h"
#include "results/store/writer.h"
#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

// A read that lasts until it is told to end.
class LongRead {
 public:
  explicit LongRead(Readers& readers)
      : thread_([this, &readers] {
          status_ = readers.Read([this](Connection& db) -> absl::Status {
            NORMLAB_RETURN_IF_ERROR(db.Int("SELECT count(*) FROM t").status());
            inside_ = true;
            end_.acquire();
            return absl::OkStatus();
          });
        }) {}
  ~LongRead() {
    end_.release();
    thread_.join();
    EXPECT_OK(status_);
  }
  bool inside() const { return inside_; }

 private:
  std::atomic<bool> inside_ = false;
  std::binary_semaphore end_{0};
  absl::Status status_;
  std::thread thread_;
};

TEST(WriterTest, ReadsThatOverlapWithoutEndDoNotKeepItGrowing) {
  constexpr int kCheckpointPages = 20;
  const ScratchFolder folder;
  const std::string path = folder.path() + "/t.db";
  auto db = Connection::Open(path, {});
  ASSERT_OK((*db)->Script("PRAGMA journal_mode = WAL; CREATE TABLE t(a BLOB)"));
  const auto readers = Readers::Open(path, 2, "", std::chrono::minutes(1));
  ASSERT_OK(readers.status());
  Writer writer(
      *std::move(db),
      {.checkpoint_pages = kCheckpointPages, .readers = readers->get(), .on_commit = [] {}, .on_stopped = {}});
  auto before = std::make_unique<LongRead>(**readers);
  std::uintmax_t longest = 0;
  for (int i = 0; i < 400; ++i) {
    ASSERT_OK(writer.Run(Writer::Lane::kPoints, 1,
                         [](Connection& c) { return c.Run("INSERT INTO t VALUES(zeroblob(3000))"); }));
    auto next = std::make_unique<LongRead>(**readers);
    while (!next->inside() && !(*readers)->paused()) {
      std::this_thread::yield();
    }
    before = std::move(next);  // the one before ends while this one is under way, or waits for just that
    longest = std::max(longest, std::filesystem::file_size(path + "-wal"));
  }
  before.reset();
  EXPECT_LE(longest, 6 * kCheckpointPages * 4120) << "bytes; a page of the log has 4,120";
  (*readers)->Close();
  RecordReliability(20, fmt::format("400 commits under overlapping reads: the log was at most {} KiB", longest / 1024));
}

TEST(WriterTest, ADamagedPageUndoesNoCallOfTheSameGroup) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/t.db";
  std::int64_t page = 0;
  {
    const auto db = Connection::Open(path, {});
    ASSERT_OK((*db)->Script("PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER); CREATE TABLE damaged(a INTEGER)"));
    page = *(*db)->Int("SELECT rootpage FROM sqlite_schema WHERE name = 'damaged'");
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp((page - 1) * 4096);
  file.write(std::string(4096, '\x7f').data(), 4096);
  file.close();

  auto db = Connection::Open(path, {});
  Writer writer(*std::move(db), {.checkpoint_pages = 1000, .readers = nullptr, .on_commit = [] {}, .on_stopped = {}});
  std::atomic<bool> done = false;
  std::thread culprit([&] {
    while (!done) {
      EXPECT_THAT(writer.Run(Writer::Lane::kState, 0,
                             [](Connection& c) {
                               c.Run("SELECT * FROM damaged").IgnoreError();  // SQLite remembers, whoever forgets
                               return absl::OkStatus();
                             }),
                  HasCode(absl::StatusCode::kDataLoss));
    }
  });
  std::int64_t calls = 0;
  for (int runs = 0; runs < 2; ++calls) {  // twice in one call: it was in a group that could not be committed
    runs = 0;
    const absl::Status status = writer.Run(Writer::Lane::kState, 0, [&runs](Connection& c) {
      ++runs;
      return c.Run("INSERT INTO t VALUES(1)");
    });
    EXPECT_OK(status);
    if (!status.ok()) {
      break;
    }
  }
  done = true;
  culprit.join();
  std::int64_t kept = 0;
  ASSERT_OK(writer.Run(Writer::Lane::kState, 0, [&kept](Connection& c) {
    const absl::StatusOr<std::int64_t> rows = c.Int("SELECT count(*) FROM t");
    kept = rows.ok() ? *rows : -1;
    return rows.status();
  }));
  EXPECT_EQ(kept, calls) << "each once";
}

}  // namespace
}  // namespace normlab::store
