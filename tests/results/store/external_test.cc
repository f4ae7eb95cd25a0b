// Runs of other programs: points in any order and as often as they are told, text, states, files, and what of ours they never get.
#include "results/store/external_runs.h"

#include <bit>
#include <cmath>

#include "base/rng.h"
#include "results/store/schema.h"
#include "tests/results/store/damaged_store.h"

namespace normlab::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class ExternalTest : public StoreTest {
 protected:
  ExternalRuns& runs() { return store_->external(); }

  JobId Start(const std::string& experiment = "theirs") {
    const auto made = runs().CreateExperiment(experiment, {});
    EXPECT_TRUE(made.ok() || absl::IsAlreadyExists(made.status()));
    std::int64_t id = 0;
    const std::vector<ExternalExperiment> all = *runs().ListExperiments();
    for (const ExternalExperiment& known : all) {
      id = known.name == experiment ? known.id : id;
    }
    const auto run = runs().CreateRun(
        {.experiment = id, .started_ms = 5, .labels = {{"program", "torch"}}, .tags = {{"mlflow.user", "me"}}});
    EXPECT_OK(run.status());
    return run->id;
  }

  absl::Status Log(JobId run, std::vector<LoggedPoint> points) {
    RunChange change;
    change.points = std::move(points);
    return runs().Change(run, change);
  }
  absl::Status Set(JobId run, const std::function<void(RunChange&)>& say) {
    RunChange change;
    say(change);
    return runs().Change(run, change);
  }
  SeriesInfo Series(JobId run, const std::string& name) {
    const std::vector<SeriesInfo> all = *store_->ListSeries(run);
    for (const SeriesInfo& info : all) {
      if (info.name == name) {
        return info;
      }
    }
    ADD_FAILURE() << "no series " << name;
    return {};
  }
};

TEST_F(ExternalTest, ARunIsAJobThatNoWorkerGets) {
  const JobId run = Start();
  const JobId ours = Create("ours");
  EXPECT_EQ(LeaseOne().job, ours);
  EXPECT_FALSE(store_->LeaseNext({}, {"host:1"})->has_value());
  const Job job = *store_->GetJob(run);
  EXPECT_EQ(job.state, JobState::kRunning);
  EXPECT_EQ(job.experiment, "theirs");
  EXPECT_EQ(job.started_ms, 5);
  EXPECT_THAT(job.labels, ElementsAre(Pair("program", "torch")));
  ASSERT_TRUE(job.external.has_value());
  EXPECT_THAT(job.external->tags, ElementsAre(Pair("mlflow.user", "me")));
  EXPECT_FALSE(store_->GetJob(ours)->external.has_value());
  EXPECT_THAT(*store_->ActiveJobs(), testing::SizeIs(1)) << "a server that starts waits for no worker of it";
  EXPECT_EQ(store_->ListJobs(OfLabels({{"program", "torch"}}), {}, 10)->jobs.size(), 1u);
}

TEST_F(ExternalTest, APointIsKeptOnceAndEveryOtherValueOfItsStepToo) {
  const JobId run = Start();
  const std::vector<LoggedPoint> batch = {
      {"loss", 3, 10, 0.5}, {"loss", 1, 9, 0.7}, {"loss", 3, 11, 0.4}, {"loss", 3, 10, NAN}};
  ASSERT_OK(Log(run, batch));
  ASSERT_OK(Log(run, batch)) << "an answer was lost";
  ASSERT_OK(Log(run, {{"loss", 2, 10, 0.6}}));
  Reopen();
  const History history = *runs().ReadHistory(run, "loss", {}, 100);
  ASSERT_EQ(history.points.size(), 5u);
  EXPECT_FALSE(history.next.has_value());
  std::vector<std::uint64_t> steps;
  for (const LoggedPoint& point : history.points) {
    steps.push_back(point.step);
  }
  EXPECT_THAT(steps, ElementsAre(1, 2, 3, 3, 3));
  const Curve curve = *store_->ReadCurve(run, "loss", {});
  EXPECT_THAT(curve.steps, ElementsAre(1, 2, 3));
  EXPECT_THAT(curve.values, ElementsAre(0.7, 0.6, 0.4)) << "of a step, the latest";
  const SeriesInfo info = Series(run, "loss");
  EXPECT_EQ(info.points, 3u);
  EXPECT_EQ(info.first_step, 1u);
  EXPECT_EQ(info.last_step, 3u);
  EXPECT_EQ(info.last, 0.4);
  EXPECT_EQ(info.last_ms, 11);
  EXPECT_EQ(info.min, 0.4);
  EXPECT_EQ(info.max, 0.7);
  EXPECT_EQ(info.not_finite, 1u);
  EXPECT_EQ(store_->GetJob(run)->steps_done, 3u);
}

TEST_F(ExternalTest, OfOneStepAndTimeTheGreatestCountsWhateverCameFirst) {
  const JobId run = Start();
  for (const auto& [series, first, second] :
       {std::tuple("a", 1.0, 2.0), {"b", 2.0, 1.0}, {"c", -1.0, -2.0}, {"d", NAN, -3.0}, {"e", -3.0, NAN}}) {
    ASSERT_OK(Log(run, {{series, 7, 1, first}, {series, 7, 1, second}}));
    const double expected = std::isnan(first) ? second : std::isnan(second) ? first : std::max(first, second);
    EXPECT_EQ(Series(run, series).last, expected) << series;
    EXPECT_THAT(store_->ReadCurve(run, series, {})->values, ElementsAre(expected)) << series;
  }
}

TEST_F(ExternalTest, TheLastIsThatOfTheCurveInWhateverOrderPointsCome) {
  const JobId run = Start();
  Rng rng(4711, "order");
  const double values[] = {1.0, -1.0, 0.0, -0.0, NAN, -NAN, INFINITY};
  for (int i = 0; i < 60; ++i) {
    const std::string series = fmt::format("s{}", i);
    for (int calls = 0; calls < 4; ++calls) {
      std::vector<LoggedPoint> points;
      for (std::uint64_t n = rng.Below(4); n-- > 0;) {
        points.push_back({series, rng.Below(2), static_cast<std::int64_t>(rng.Below(2)), values[rng.Below(7)]});
      }
      ASSERT_OK(Log(run, points));
    }
    const Curve curve = *store_->ReadCurve(run, series, {});
    if (!curve.values.empty()) {
      EXPECT_EQ(std::bit_cast<std::int64_t>(Series(run, series).last), std::bit_cast<std::int64_t>(curve.values.back()))
          << series;
      EXPECT_EQ(Series(run, series).last_ms, curve.wall_ms.back()) << series;
    }
  }
}

TEST_F(ExternalTest, AHistoryComesInPagesWithoutGapOrRepetition) {
  const JobId run = Start();
  std::vector<LoggedPoint> points;
  for (std::uint64_t i = 0; i < 10; ++i) {
    points.push_back({"m", i / 3, static_cast<std::int64_t>(i / 2), static_cast<double>(i) - 5});
  }
  ASSERT_OK(Log(run, points));
  std::vector<double> read;
  std::optional<PointPlace> after;
  int pages = 0;
  do {
    const History page = *runs().ReadHistory(run, "m", after, 4);
    for (const LoggedPoint& point : page.points) {
      read.push_back(point.value);
    }
    after = page.next;
    ++pages;
  } while (after);
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(read, UnorderedElementsAre(-5, -4, -3, -2, -1, 0, 1, 2, 3, 4));
  EXPECT_THAT(runs().ReadHistory(run, "other", {}, 4)->points, IsEmpty());
}

TEST_F(ExternalTest, WhoFollowsGetsEachNewPointOnce) {
  const JobId run = Start();
  ASSERT_OK(Log(run, {{"a", 1, 1, 1}, {"b", 5, 1, 2}}));
  const PointBatch first = *store_->PointsSince({run}, 0, 100);
  ASSERT_EQ(first.columns.size(), 2u);
  ASSERT_OK(Log(run, {{"a", 0, 1, 3}, {"a", 1, 1, 1}}));
  const PointBatch news = *store_->PointsSince({run}, first.sequence, 100);
  ASSERT_EQ(news.columns.size(), 1u);
  EXPECT_THAT(news.columns[0].steps, ElementsAre(0)) << "the other was there";
  EXPECT_TRUE(store_->PointsSince({run}, news.sequence, 100)->columns.empty());
}

TEST_F(ExternalTest, ALongCurveIsThinnedOut) {
  const JobId run = Start();
  std::vector<LoggedPoint> points;
  for (std::uint64_t i = 0; i < 6000; ++i) {
    points.push_back({"m", i, 1, i == 4321 ? 100.0 : 1.0});
  }
  ASSERT_OK(Log(run, points));
  CurveRange range;
  range.max_points = 20;
  const Curve curve = *store_->ReadCurve(run, "m", range);
  EXPECT_EQ(curve.points_total, 6000u);
  EXPECT_LE(curve.steps.size(), 20u);
  EXPECT_THAT(curve.values, testing::Contains(100.0));
}

TEST_F(ExternalTest, AChangeIsAllOrNothing) {
  const JobId run = Start();
  ASSERT_OK(Set(run, [](RunChange& c) { c.params["lr"] = "0.1"; }));
  ASSERT_OK(Set(run, [](RunChange& c) { c.params["lr"] = "0.1"; })) << "told again";
  const absl::Status refused = Set(run, [](RunChange& c) {
    c.points = {{"m", 1, 1, 1}};
    c.set_tags["t"] = "v";
    c.params = {{"a", "b"}, {"lr", "0.2"}};
  });
  EXPECT_THAT(refused, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Message(refused), testing::AllOf(HasSubstr("lr"), HasSubstr("0.1"), HasSubstr("0.2")));
  const Job job = *store_->GetJob(run);
  EXPECT_THAT(job.external->params, ElementsAre(Pair("lr", "0.1")));
  EXPECT_THAT(job.external->tags, ElementsAre(Pair("mlflow.user", "me")));
  EXPECT_THAT(*store_->ListSeries(run), IsEmpty());
}

TEST_F(ExternalTest, ARunHoldsOnlySoMuchText) {
  const JobId run = Start();  // with a label and a tag
  const auto many = [](int from, int to) {
    return [from, to](RunChange& c) {
      for (int i = from; i < to; ++i) {
        c.params[fmt::format("p{}", i)] = "v";
      }
    };
  };
  ASSERT_OK(Set(run, many(0, 9'998)));
  const absl::Status refused = Set(run, many(9'998, 9'999));
  EXPECT_THAT(refused, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Message(refused), testing::AllOf(HasSubstr("10001"), HasSubstr("at most 10000 of 8388608 bytes")));
  EXPECT_OK(Set(run, many(0, 1))) << "it is there already";
  EXPECT_OK(Log(run, {{"loss", 1, 1, 0.5}})) << "points are no text";
  ASSERT_OK(Set(run, [](RunChange& c) { c.remove = {"mlflow.user"}; }));
  EXPECT_OK(Set(run, many(9'998, 9'999)));

  const JobId wordy = Start();
  const auto say = [](std::size_t bytes) {
    return [bytes](RunChange& c) { c.set_tags["t"] = std::string(bytes, 'x'); };
  };
  const absl::Status too_long = Set(wordy, say(8 << 20));
  EXPECT_THAT(too_long, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_FALSE(store_->GetJob(wordy)->external->tags.contains("t"));
  EXPECT_OK(Set(wordy, say((8 << 20) - 100)));
}

TEST_F(ExternalTest, ATagIsALabelOrATextAndNeverBoth) {
  const JobId run = Start();
  ASSERT_OK(Set(run, [](RunChange& c) { c.set_tags["program"] = "a long text"; }));
  EXPECT_THAT(store_->GetJob(run)->labels, IsEmpty());
  EXPECT_EQ(store_->GetJob(run)->external->tags.at("program"), "a long text");
  ASSERT_OK(Set(run, [](RunChange& c) { c.set_labels["program"] = "jax"; }));
  EXPECT_THAT(store_->GetJob(run)->labels, ElementsAre(Pair("program", "jax")));
  EXPECT_FALSE(store_->GetJob(run)->external->tags.contains("program"));
  ASSERT_OK(Set(run, [](RunChange& c) { c.remove = {"program", "mlflow.user"}; }));
  EXPECT_THAT(store_->GetJob(run)->labels, IsEmpty());
  EXPECT_THAT(store_->GetJob(run)->external->tags, IsEmpty());
}

TEST_F(ExternalTest, ItsProgramSaysWhenItEndsAndMayGoOn) {
  const JobId run = Start();
  const std::uint64_t before = store_->GetJob(run)->revision;
  ASSERT_OK(Set(run, [](RunChange& c) { c.state = JobState::kSucceeded, c.finished_ms = 99; }));
  EXPECT_EQ(store_->GetJob(run)->state, JobState::kSucceeded);
  EXPECT_EQ(store_->GetJob(run)->finished_ms, 99);
  EXPECT_GT(store_->GetJob(run)->revision, before) << "who watches jobs hears of it";
  ASSERT_OK(Set(run, [](RunChange& c) { c.state = JobState::kRunning, c.finished_ms = 99; }));
  EXPECT_EQ(store_->GetJob(run)->state, JobState::kRunning);
  EXPECT_EQ(store_->GetJob(run)->finished_ms, 0) << "it has not ended";
  ASSERT_OK(Set(run, [](RunChange& c) { c.state = JobState::kFailed; }));
  EXPECT_EQ(store_->GetJob(run)->finished_ms, now_ms_) << "it did not say when";
}

TEST_F(ExternalTest, ARunWhoseProgramIsGoneCanBeCancelledAndDeleted) {
  const JobId run = Start();
  ASSERT_OK(Log(run, {{"m", 1, 1, 1}}));
  EXPECT_THAT(store_->Delete({}, run), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(store_->Cancel({}, run).status());
  EXPECT_EQ(store_->GetJob(run)->state, JobState::kCancelled) << "at once: there is no worker to be waited for";
  EXPECT_THAT(store_->ResumeAsNew({}, run).status(), HasCode(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(store_->Delete({}, run));
  EXPECT_THAT(store_->GetJob(run).status(), HasCode(absl::StatusCode::kNotFound));
  const auto db = Connection::Open(folder_.path() + "/normlab.db", {.read_only = true, .vfs = {}});
  for (const char* table : {"loose", "external_run", "external_text", "series", "label"}) {
    EXPECT_EQ(*(*db)->Int(fmt::format("SELECT count(*) FROM {}", table)), 0) << table;
  }
}

TEST_F(ExternalTest, JobsOfOursTakeNothing) {
  const AttemptId ours = CreateAndLease("ours");
  ASSERT_OK(store_->AppendPoints(ours, {Ramp("loss", 1, 3)}).status());
  const absl::Status refused = Log(ours.job, {{"loss", 9, 1, 1}});
  EXPECT_THAT(refused, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Series(ours.job, "loss").points, 3u);
  EXPECT_THAT(runs().NewArtifactFile(ours.job, "a").status(), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(runs().ReadHistory(ours.job, "loss", {}, 9).status(), HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Log(4711, {}), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(ExternalTest, FilesLieInFoldersAndNowhereElse) {
  const JobId run = Start();
  auto file = *runs().NewArtifactFile(run, "plots/loss (1).png");
  ASSERT_OK(file->Append("PNG"));
  const ArtifactInfo info{
      .name = "plots/loss (1).png", .media_type = "image/png", .step = 0, .size = 3, .crc32c = Crc32c("PNG")};
  ASSERT_OK(runs().PutArtifact(run, info, std::move(file)));
  Reopen();
  EXPECT_EQ(store_->OpenArtifact(run, info.name)->info.size, 3u);
  for (const std::string& path : {std::string("../a"), std::string("a/../b"), std::string("/a"), std::string("a//b"),
                                  std::string("a/"), std::string("."), std::string(), std::string("a\\b"),
                                  std::string("c:a"), std::string("a\nb"), std::string(501, 'a')}) {
    EXPECT_THAT(runs().NewArtifactFile(run, path).status(), HasCode(absl::StatusCode::kInvalidArgument)) << path;
  }
  EXPECT_OK(runs().NewArtifactFile(run, std::string(500, 'a')).status());
}

TEST_F(ExternalTest, NotesAreFoundByTheirKey) {
  const JobId run = Start();
  ASSERT_OK(Set(run, [](RunChange& c) { c.notes[{"model", "m-1"}] = "{}"; }));
  ASSERT_OK(Set(run, [](RunChange& c) { c.notes[{"model", "m-1"}] = "{\"a\":1}"; }));
  EXPECT_THAT(*runs().Notes(run, "model"), ElementsAre(Pair("m-1", "{\"a\":1}")));
  EXPECT_EQ(*runs().FindNote("model", "m-1"), std::pair(run, std::string("{\"a\":1}")));
  EXPECT_THAT(runs().FindNote("model", "m-2").status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(runs().FindNote("other", "m-1").status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(*runs().AllNotes("model"), ElementsAre("{\"a\":1}"));
}

TEST_F(ExternalTest, ExperimentsHaveNamesOfTheirOwn) {
  const auto made = runs().CreateExperiment("mine", {{"a", "b"}});
  ASSERT_OK(made.status());
  EXPECT_THAT(runs().CreateExperiment("mine", {}).status(), HasCode(absl::StatusCode::kAlreadyExists));
  ASSERT_OK(runs().TagExperiment(made->id, "a", "c"));
  EXPECT_THAT(runs().TagExperiment(made->id + 1, "a", "c"), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(runs().CreateRun({.experiment = made->id + 1, .started_ms = 0, .labels = {}, .tags = {}}).status(),
              HasCode(absl::StatusCode::kNotFound));
  Reopen();
  const auto all = *runs().ListExperiments();
  ASSERT_EQ(all.size(), 2u) << "that of runs that name none, and this one";
  EXPECT_EQ(all[0].id, 0);
  EXPECT_EQ(all[0].name, "Default");
  EXPECT_THAT(all[1].tags, ElementsAre(Pair("a", "c")));
}
TEST_F(ExternalTest, DeletionTakesALongCurveInSlices) {
  const JobId run = Start();
  for (std::uint64_t from = 0; from < 25'000; from += 1'000) {
    std::vector<LoggedPoint> points;
    for (std::uint64_t step = from; step < from + 1'000; ++step) {
      points.push_back({.series = "m", .step = step, .wall_ms = 1, .value = 0.5});
    }
    ASSERT_OK(Log(run, std::move(points)));
  }
  ASSERT_OK(Set(run, [](RunChange& c) { c.state = JobState::kFailed; }));
  ASSERT_OK(store_->Delete({}, run));
  Reopen();  // waits for what is purged in the background
  const auto db = Connection::Open(folder_.path() + "/normlab.db", {.read_only = true, .vfs = {}});
  EXPECT_EQ(*(*db)->Int("SELECT count(*) FROM loose"), 0);
  EXPECT_EQ(*(*db)->Int("SELECT count(*) FROM purge"), 0);
}

class DamagedExternalTest : public DamagedStoreTest {
 protected:
  DamagedExternalTest() {
    const auto run = store_->external().CreateRun({.experiment = 0, .started_ms = 0, .labels = {}, .tags = {}});
    EXPECT_OK(run.status());
    run_ = run->id;
    RunChange change;
    change.points = {{"m", 1, 1, 0.5}, {"m", 2, 1, 0.25}, {"m", 3, 1, 0.125}};
    EXPECT_OK(store_->external().Change(run_, change));
  }
  JobId run_ = 0;
};

// Of a step that all points share, it would otherwise be all of them each time.
TEST_F(DamagedExternalTest, NoPointThatIsThereIsReadForOneThatComes) {
  DamageRows("UPDATE loose SET crc32c = crc32c + 1");
  RunChange change;
  change.points = {{"m", 3, 0, 0.75}};
  ASSERT_OK(store_->external().Change(run_, change));
  const SeriesInfo info = store_->ListSeries(run_)->front();
  EXPECT_EQ(info.last, 0.125) << "that of step 3 which was measured last";
  EXPECT_EQ(info.last_ms, 1);
}

// Any column of a point that is not what was logged.
TEST_F(DamagedExternalTest, AChangedPointIsFoundAndTheRestStays) {
  CurveRange whole_range;
  whole_range.skip_damaged = true;
  for (const char* change : {"step = 7", "wall_ms = 2", "bits = bits + 1", "sequence = sequence + 9"}) {
    DamageRows(fmt::format("UPDATE loose SET {} WHERE step = 2", change));
    EXPECT_THAT(store_->ReadCurve(run_, "m", {}).status(), HasCode(absl::StatusCode::kDataLoss)) << change;
    EXPECT_THAT(store_->external().ReadHistory(run_, "m", {}, 10).status(), HasCode(absl::StatusCode::kDataLoss))
        << change;
    const auto whole = store_->ReadCurve(run_, "m", whole_range);
    ASSERT_OK(whole.status());
    EXPECT_THAT(whole->values, ElementsAre(0.5, 0.125)) << change;
    const auto report = store_->Scrub([](const UpkeepProgress&) { return true; });
    ASSERT_OK(report.status());
    EXPECT_THAT(report->damage, ElementsAre(HasSubstr("j1 m: 1 damaged; checksum mismatch"))) << change;
    DamageRows("UPDATE loose SET step = 2, wall_ms = 1, bits = 4598175219545276416, sequence = 2 WHERE step IN (2, 7)");
  }
  EXPECT_OK(store_->ReadCurve(run_, "m", {}).status());
}

// A store of before this, with a job of its own, opens and takes external runs; what was not kept then is not made up.
TEST(ExternalUpgradeTest, AStoreOfVersion7TakesExternalRuns) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/normlab.db";
  {
    auto db = Connection::Open(path, {});
    ASSERT_OK(db.status());
    ASSERT_OK(PrepareSchema(**db, path, 1, Migrations().first(7)));
    ASSERT_OK(
        (*db)->Script("INSERT INTO job(id, experiment, identity, dataset, state, priority, attempt, created_ms, "
                      "revision, spec, worker) "
                      "VALUES(1, 'mnist_mlp', 'a', 'mnist', 2, 0, 1, 1, 1, x'00', 'w');"
                      "INSERT INTO attempt(job, number, worker, started_ms) VALUES(1, 1, 'w', 1);"
                      "INSERT INTO series(id, job, name) VALUES(1, 1, 'empty');"
                      "UPDATE counter SET revision = 1"));
  }
  const auto store = Store::Open(folder.path());
  ASSERT_OK(store.status());
  EXPECT_FALSE((*store)->GetJob(1)->external.has_value());
  EXPECT_EQ((*store)->ListSeries(1)->at(0).last_ms, 0);
  ASSERT_OK((*store)->AppendPoints({1, 1}, {Column("loss", {1}, {0.5})}).status());
  EXPECT_GT((*store)->ListSeries(1)->at(1).last_ms, 0);
  const auto run = (*store)->external().CreateRun({.experiment = 0, .started_ms = 0, .labels = {}, .tags = {}});
  ASSERT_OK(run.status());
  EXPECT_EQ(run->id, 2);
}

}  // namespace
}  // namespace normlab::store
