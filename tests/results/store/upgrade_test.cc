// A store of version 1 of the schema, with a row for each point of a tail, becomes one of today.
#include <bit>

#include "results/store/chunk_rows.h"
#include "results/store/schema.h"
#include "tests/reliability.h"
#include "tests/results/store/fixture.h"

namespace normlab::store {
namespace {

Points MakePoints(std::uint64_t first, std::size_t n) {
  Points points;
  for (std::uint64_t step = first; step < first + n; ++step) {
    points.steps.push_back(step);
    points.wall_ms.push_back(static_cast<std::int64_t>(step) * 3);
    points.sequences.push_back(step);
    points.attempts.push_back(1);
    points.values.push_back(1.0 / static_cast<double>(step));
  }
  return points;
}

// Job 1, RUNNING, whose series "loss" holds the points of steps 1 to 1536: one chunk, and a tail of 512.
void FillVersion1(Connection& db) {
  ASSERT_OK(db.Script(
      "INSERT INTO job(id, experiment, identity, dataset, state, priority, attempt, created_ms, revision, spec, "
      "worker) "
      "VALUES(1, 'mnist_mlp', 'a', 'mnist', 2, 0, 1, 1, 1, x'00', 'w');"
      "INSERT INTO attempt(job, number, worker, started_ms) VALUES(1, 1, 'w', 1);"
      "INSERT INTO checkpoint(job, step, attempt, size, crc32c, score, file) VALUES(1, 1536, 1, 7, 0, 0.5, 'c');"
      "UPDATE counter SET revision = 1, sequence = 1536"));
  ASSERT_OK(
      db.Run("INSERT INTO series(id, job, name, points, tail_points, first_step, last_step, last_sequence, "
             "min_bits, max_bits, last_bits) VALUES(1, 1, 'loss', 1536, 512, 1, 1536, 1536, ?1, ?2, ?1)",
             Exactly{1.0 / 1536}, Exactly{1.0}));
  ASSERT_OK(InsertChunk(db, 1, MakePoints(1, 1024)));
  const Points tail = MakePoints(1025, 512);
  for (std::size_t i = 0; i < tail.size(); ++i) {
    ASSERT_OK(db.Run("INSERT INTO tail(series, step, sequence, wall_ms, bits, attempt) VALUES(1, ?1, ?2, ?3, ?4, ?5)",
                     tail.steps[i], tail.sequences[i], tail.wall_ms[i], Exactly{tail.values[i]}, tail.attempts[i]));
  }
}

TEST(UpgradeTest, Version1KeepsItsPointsAndGoesOn) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/normlab.db";
  {
    auto db = Connection::Open(path, {});
    ASSERT_OK(db.status());
    ASSERT_OK(PrepareSchema(**db, path, 1, Migrations().first(1)));
    ASSERT_NO_FATAL_FAILURE(FillVersion1(**db));
  }
  const auto store = Store::Open(folder.path());
  ASSERT_OK(store.status());
  EXPECT_EQ((*store)->ActiveJobs()->at(0).worker, "w");
  EXPECT_EQ((*store)->ActiveJobs()->at(0).worker_id, "") << "nobody knows whose it was";
  const auto append = (*store)->AppendPoints({1, 1}, {Column("loss", {1536, 1537}, {1.0 / 1536, 7})});
  ASSERT_OK(append.status());
  EXPECT_EQ(append->repeated, 1u);
  const auto curve = (*store)->ReadCurve(1, "loss", {});
  ASSERT_OK(curve.status());
  ASSERT_EQ(curve->steps.size(), 1537u);
  const Points expected = MakePoints(1, 1536);
  for (std::size_t i = 0; i < 1536; ++i) {
    EXPECT_EQ(curve->steps[i], expected.steps[i]);
    EXPECT_EQ(curve->values[i], expected.values[i]);
    EXPECT_EQ(curve->wall_ms[i], expected.wall_ms[i]);
  }
  const auto news = (*store)->PointsSince({1}, 1500, 1000);
  ASSERT_OK(news.status());
  EXPECT_EQ(news->columns.at(0).steps.front(), 1501u);
  EXPECT_EQ(news->columns.at(0).steps.back(), 1537u);
  const auto db = Connection::Open(path, {.read_only = true, .vfs = {}});
  EXPECT_EQ(*(*db)->Int("SELECT sum(points) FROM overview"), 1024);
  EXPECT_EQ(*(*db)->Int("SELECT count(*) FROM attempt WHERE worker = 'w' AND worker_id = ''"), 1);
  EXPECT_FALSE((*db)->Int("SELECT count(*) FROM tail_version_1").ok());
  EXPECT_EQ(*(*db)->Int("SELECT step FROM checkpoint WHERE file = 'c'"), 1536);
  RecordReliability(39, "version 1 opens and goes on");
}

TEST(UpgradeTest, Version6KeepsItsAnswersAndKnowsNoMoreThanItDid) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/normlab.db";
  {
    auto db = Connection::Open(path, {});
    ASSERT_OK(db.status());
    ASSERT_OK(PrepareSchema(**db, path, 1, Migrations().first(6)));
    ASSERT_OK((*db)->Script(
        "INSERT INTO job(id, experiment, identity, dataset, state, priority, attempt, created_ms, revision, spec) "
        "VALUES(1, 'mnist_mlp', 'a', 'mnist', 4, 0, 1, 1, 1, x'00'), (2, 'mnist_mlp', 'b', 'mnist', 4, 0, 1, 2, 2, "
        "x'00');"
        "INSERT INTO attempt(job, number, worker, started_ms, ended_ms, reason) VALUES(1, 1, 'w', 1, 2, 'SUCCEEDED');"
        "INSERT INTO request(id, uid, method, body_hash, answered_ms) VALUES(1, 'r', 'CreateJobs', 'h', 1000);"
        "INSERT INTO answer(request, position, job, reused, attempt) VALUES(1, 0, 1, 1, 0)"));
    ASSERT_OK(
        (*db)->Run("INSERT INTO series(id, job, name, points, min_bits, max_bits, last_bits) "
                   "VALUES(1, 1, 'test/error', 1, ?1, ?1, ?1), (2, 2, 'test/error', 1, ?2, ?2, ?2)",
                   Exactly{0.25}, Exactly{0.125}));
  }
  StoreOptions options;
  options.now_ms = [] { return std::int64_t{2'000}; };
  const auto store = Store::Open(folder.path(), options);
  ASSERT_OK(store.status());
  const auto again = (*store)->CreateJobs({"r", "h"}, {MakeJob("something else")});
  ASSERT_OK(again.status());
  EXPECT_EQ(again->at(0).job.id, 1);
  EXPECT_TRUE(again->at(0).reused);
  EXPECT_EQ((*store)->GetJob(1)->resumed_from, 0);
  const auto attempts = (*store)->ListAttempts(1);
  ASSERT_OK(attempts.status());
  EXPECT_EQ(attempts->at(0).ending, "SUCCEEDED");
  EXPECT_EQ(attempts->at(0).steps_done, std::nullopt);
  JobOrder best{.by = JobOrder::By::kLowest};
  best.series = "test/error";
  const auto ordered = (*store)->ListOrdered({}, best, std::nullopt, 10);
  ASSERT_OK(ordered.status());
  EXPECT_EQ(ordered->jobs.at(0).id, 2);
  EXPECT_EQ(ordered->values.at(0), 0.125);
}

}  // namespace
}  // namespace normlab::store
