#include "server/render/planned_runs.h"

#include <map>

#include "results/store/external_runs.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kPaper[] = "layer-norm-2016";

class PaperServiceTest : public ServerTest {
 protected:
  grpc::Status Plan(const std::string& paper, const std::string& item, const std::string& budget,
                    v1::PlanReproductionResponse* response) {
    CallContext context;
    v1::PlanReproductionRequest request;
    request.set_paper_id(paper);
    request.add_item_ids(item);
    request.set_budget(budget);
    return papers_->PlanReproduction(&context, request, response);
  }
  grpc::Status Table(v1::Format format, v1::GetTableResponse* response, const std::string& paper = kPaper) {
    CallContext context;
    v1::GetTableRequest request;
    request.set_paper_id(paper);
    request.set_item_id("mnist");
    request.set_budget("smoke");
    request.set_format(format);
    return ReadRendered(papers_->GetTable(&context, request), response);
  }
  grpc::Status Figure(const std::string& item, v1::Format format, v1::GetFigureResponse* response) {
    CallContext context;
    v1::GetFigureRequest request;
    request.set_paper_id(kPaper);
    request.set_item_id(item);
    request.set_budget("smoke");
    request.set_format(format);
    return ReadRendered(papers_->GetFigure(&context, request), response);
  }
  grpc::Status Report(const std::vector<std::string>& items, v1::Format format, v1::GetReportResponse* response) {
    CallContext context;
    v1::GetReportRequest request;
    request.set_paper_id(kPaper);
    request.mutable_item_ids()->Add(items.begin(), items.end());
    request.set_budget("smoke");
    request.set_format(format);
    return ReadRendered(papers_->GetReport(&context, request), response);
  }
};

constexpr char kOwnManifest[] = R"(schema: 2
id: mine
title: A paper of one's own
items:
  pen:
    title: A pen
    place: Figure 1
    experiment: handwriting
    x: {series: train/update, unit: update}
    metrics:
      nll: {label: NLL, series: test/nll}
    arms:
      plain: {label: Plain, fields: {norm: none, dataset: synthetic_pen}}
    budgets:
      tiny: {summary: a try, seeds: 2, end: 4, fields: {updates: 4}}
)";

v1::PlanReproductionRequest PlanOf(const std::string& manifest) {
  v1::PlanReproductionRequest request;
  request.mutable_manifest()->set_file_name("mine.yaml");
  request.mutable_manifest()->set_text(manifest);
  request.set_budget("tiny");
  return request;
}

TEST_F(PaperServiceTest, PlansAndDrawsAPaperOfTheCallersOwn) {
  CallContext context;
  v1::PlanReproductionResponse plan;
  const v1::PlanReproductionRequest request = PlanOf(kOwnManifest);
  const grpc::Status status = papers_->PlanReproduction(&context, request, &plan);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(plan.paper_id(), "mine");
  ASSERT_EQ(plan.runs_size(), 2);
  EXPECT_EQ(plan.runs(1).spec().handwriting().updates(), 4);
  v1::GetFigureRequest figure;
  *figure.mutable_manifest() = request.manifest();
  figure.set_item_id("pen");
  figure.set_budget("tiny");
  figure.set_format(v1::FORMAT_PNG);
  v1::GetFigureResponse picture;
  CallContext drawing;
  ASSERT_TRUE(ReadRendered(papers_->GetFigure(&drawing, figure), &picture).ok());
  EXPECT_EQ(picture.media_type(), "image/png");
  EXPECT_THAT(picture.content(), testing::StartsWith("\x89PNG"));
}

TEST_F(PaperServiceTest, WrongManifestsAreTheCallersMistakes) {
  const auto error_of = [&](const v1::PlanReproductionRequest& request) {
    CallContext context;
    v1::PlanReproductionResponse plan;
    const grpc::Status status = papers_->PlanReproduction(&context, request, &plan);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return status.error_message();
  };
  const auto with = [](std::string text, const std::string& from, const std::string& to) {
    return PlanOf(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_THAT(error_of(with(kOwnManifest, "seeds: 2", "seads: 2")),
              HasSubstr("mine.yaml:15:30: items.pen.budgets.tiny.seads is not a field; did you mean seeds?"));
  EXPECT_THAT(error_of(with(kOwnManifest, "norm: none", "norm: nome")), HasSubstr("item pen, arm plain"));
  EXPECT_THAT(error_of(with(kOwnManifest, "id: mine", "id: layer-norm-2016")), HasSubstr("built in"));
  v1::PlanReproductionRequest both = PlanOf(kOwnManifest);
  both.set_paper_id("layer-norm-2016");
  EXPECT_THAT(error_of(both), HasSubstr("paper_id"));
  v1::PlanReproductionRequest large = PlanOf(kOwnManifest);
  (*large.mutable_manifest()->mutable_files())["a.csv"] = std::string(3 << 20, 'x');
  EXPECT_THAT(error_of(large), HasSubstr("manifest.files"));
}

TEST_F(PaperServiceTest, AnExperimentThatDoesNotExistIsNotRunAndSaysSo) {
  std::string text = kOwnManifest;
  text.replace(text.find("experiment: handwriting"), 23, "experiment: handwritin");
  const v1::PlanReproductionRequest request = PlanOf(text);
  CallContext context;
  v1::PlanReproductionResponse plan;
  ASSERT_TRUE(papers_->PlanReproduction(&context, request, &plan).ok());
  EXPECT_EQ(plan.runs_size(), 0);
  ASSERT_EQ(plan.not_run_size(), 1);
  EXPECT_EQ(plan.not_run(0).item_id(), "pen");
  EXPECT_THAT(plan.not_run(0).reason(), HasSubstr("normlab has no experiment"));
  v1::GetTableRequest table;
  *table.mutable_manifest() = request.manifest();
  table.set_item_id("pen");
  table.set_budget("tiny");
  v1::GetTableResponse content;
  CallContext reading;
  ASSERT_TRUE(ReadRendered(papers_->GetTable(&reading, table), &content).ok());
  EXPECT_THAT(content.content(), HasSubstr("normlab has no experiment handwritin; did you mean handwriting?"));
}

TEST_F(PaperServiceTest, WhatCanBeRunIsListedWithoutAReasonNotTo) {
  CallContext context;
  v1::ListPapersResponse response;
  ASSERT_TRUE(papers_->ListPapers(&context, {}, &response).ok());
  std::map<std::string, std::string> not_run;
  for (const auto& item : response.papers(0).items()) {
    not_run[item.item_id()] = item.not_run();
  }
  EXPECT_EQ(not_run.at("mnist"), "");
  EXPECT_EQ(not_run.at("order_embeddings"), "");
  EXPECT_EQ(not_run.at("convnets"), "");
  v1::PlanReproductionResponse plan;
  ASSERT_TRUE(Plan(kPaper, "order_embeddings", "smoke", &plan).ok());
  EXPECT_EQ(plan.runs_size(), 12);
}

TEST_F(PaperServiceTest, ListsPapersWithItemsAndBudgets) {
  CallContext context;
  v1::ListPapersResponse response;
  ASSERT_TRUE(papers_->ListPapers(&context, {}, &response).ok());
  ASSERT_GE(response.papers_size(), 1);
  EXPECT_EQ(response.papers(0).paper_id(), kPaper);
  ASSERT_GE(response.papers(0).items_size(), 1);
  EXPECT_EQ(response.papers(0).items(0).item_id(), "mnist");
  EXPECT_THAT(response.papers(0).items(0).budgets(), ElementsAre("smoke", "quick", "long", "paper"));
}

TEST_F(PaperServiceTest, EveryRunOfEveryPlanIsAValidJobAndIsFoundOnceStored) {
  for (const std::string budget : {"smoke", "quick", "long", "paper"}) {
    v1::PlanReproductionResponse plan;
    const grpc::Status status = Plan(kPaper, "mnist", budget, &plan);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_GT(plan.runs_size(), 0);
    v1::BatchCreateJobsRequest batch;
    for (const v1::PlannedRun& run : plan.runs()) {
      EXPECT_EQ(run.item_id(), "mnist");
      EXPECT_NE(run.arm(), "");
      *batch.add_requests()->mutable_spec() = run.spec();
    }
    CallContext context;
    v1::BatchCreateJobsResponse created;
    const grpc::Status stored = jobs_->BatchCreateJobs(&context, batch, &created);
    ASSERT_TRUE(stored.ok()) << stored.error_message();
    v1::PlanReproductionResponse again;
    ASSERT_TRUE(Plan(kPaper, "mnist", budget, &again).ok());
    for (int i = 0; i < again.runs_size(); ++i) {
      EXPECT_EQ(again.runs(i).identity(), created.jobs(i).job().identity());
      EXPECT_EQ(again.runs(i).job().job_id(), created.jobs(i).job().job_id());
    }
  }
}

TEST_F(PaperServiceTest, TablesComeFromTheStoreAndAreTheSameBytesTwice) {
  v1::GetTableResponse first, second;
  const grpc::Status status = Table(v1::FORMAT_MARKDOWN, &first);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_TRUE(Table(v1::FORMAT_MARKDOWN, &second).ok());
  EXPECT_EQ(first.content(), second.content());
  EXPECT_THAT(first.media_type(), HasSubstr("markdown"));
  ASSERT_EQ(first.claims_size(), 12);
  for (const v1::ClaimVerdict& claim : first.claims()) {
    EXPECT_EQ(claim.verdict(), v1::VERDICT_NOT_RUN) << claim.claim_id();
  }
}

// Three seeds of a made-up experiment's claims, without training: what a worker would have sent.
class JudgedServiceTest : public PaperServiceTest {
 protected:
  JudgedServiceTest() {
    std::string text = kOwnManifest;
    const std::string arms = "plain: {label: Plain, fields: {norm: none, dataset: synthetic_pen}}";
    text.replace(text.find(arms), arms.size(),
                 arms + "\n      layer: {label: LayerNorm, fields: {norm: layer, dataset: synthetic_pen}}");
    text.replace(text.find("seeds: 2"), 8, "seeds: 3");
    request_ = PlanOf(text + R"(    claims:
      - {id: lower, statement: LayerNorm writes better, place: p. 1, rule: lower, metric: nll, arm: layer, than: plain}
      - {id: bound, statement: It is a number, rule: below, metric: nll, arm: plain, bound: 100}
)");
  }
  // Every run of the plan has ended with test NLLs of `plain` and `layer`, a little apart by seed.
  void RunAll(double plain, double layer) {
    CallContext context;
    v1::PlanReproductionResponse plan;
    const grpc::Status planned = papers_->PlanReproduction(&context, request_, &plan);
    ASSERT_TRUE(planned.ok()) << planned.error_message();
    v1::BatchCreateJobsRequest submit;
    submit.set_request_id(Uuid(7));
    for (const v1::PlannedRun& run : plan.runs()) {
      *submit.add_requests()->mutable_spec() = run.spec();
    }
    CallContext submitting;
    v1::BatchCreateJobsResponse created;
    const grpc::Status submitted = jobs_->BatchCreateJobs(&submitting, submit, &created);
    ASSERT_TRUE(submitted.ok()) << submitted.error_message();
    for (int i = 0; i < plan.runs_size(); ++i) {
      const v1::LeaseResponse::Lease lease = LeaseOne();
      const v1::JobSpec& spec = lease.spec();
      const auto seed = static_cast<double>(spec.seed());
      End(lease.attempt(),
          spec.handwriting().norm() == v1::NORM_KIND_LAYER ? layer + 0.02 * seed : plain + 0.01 * seed);
    }
  }
  void End(const v1::Attempt& attempt, double nll) {
    v1::AppendPointsRequest points;
    *points.mutable_attempt() = attempt;
    for (const auto& [name, value] : {std::pair("train/update", 4.0), std::pair("test/nll", nll)}) {
      auto& column = *points.add_columns();
      column.set_series(name);
      column.add_steps(4);
      column.add_values(value);
      column.add_wall_ms(1);
    }
    CallContext appending;
    v1::AppendPointsResponse appended;
    const grpc::Status status = workers_->AppendPoints(&appending, points, &appended);
    ASSERT_TRUE(status.ok()) << status.error_message();
    Finish(attempt);
  }
  v1::GetTableResponse TableNow() {
    CallContext context;
    v1::GetTableRequest request;
    *request.mutable_manifest() = request_.manifest();
    request.set_item_id("pen");
    request.set_budget("tiny");
    v1::GetTableResponse table;
    const grpc::Status status = ReadRendered(papers_->GetTable(&context, request), &table);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return table;
  }

  v1::PlanReproductionRequest request_;
};

TEST_F(JudgedServiceTest, VerdictsAndCellsAreMessages) {
  RunAll(2, 1);
  const v1::GetTableResponse table = TableNow();
  ASSERT_EQ(table.claims_size(), 2);
  const v1::ClaimVerdict& lower = table.claims(0);
  EXPECT_EQ(lower.claim_id(), "lower");
  EXPECT_EQ(lower.statement(), "LayerNorm writes better");
  EXPECT_EQ(lower.place(), "p. 1");
  EXPECT_EQ(lower.verdict(), v1::VERDICT_DIRECTION_ONLY);
  EXPECT_EQ(lower.tier(), v1::TIER_REDUCED);
  EXPECT_EQ(lower.metric_id(), "nll");
  EXPECT_EQ(lower.arm_id(), "layer");
  EXPECT_EQ(lower.than_id(), "plain");
  EXPECT_EQ(lower.effect(), v1::EFFECT_DIFFERENCE);
  EXPECT_EQ(lower.shown(), "lower");
  EXPECT_FALSE(lower.bound());
  EXPECT_FALSE(lower.deviations().empty());
  EXPECT_FALSE(lower.fact());
  EXPECT_EQ(lower.n(), 3);
  EXPECT_EQ(lower.planned(), 3);
  EXPECT_EQ(lower.family(), 1);
  EXPECT_NEAR(lower.estimate(), -0.98, 1e-12);
  EXPECT_TRUE(lower.has_interval());
  EXPECT_EQ(lower.confidence(), 0.95);
  EXPECT_FALSE(lower.has_paper());
  EXPECT_FALSE(lower.has_margin());
  EXPECT_TRUE(lower.has_p() && lower.has_p_holm());
  EXPECT_THAT(lower.rule(), HasSubstr("REPRODUCED if lower"));
  EXPECT_THAT(lower.reason(), HasSubstr("Lower"));
  EXPECT_NE(lower.question(), "");
  EXPECT_NE(lower.method(), "");
  EXPECT_TRUE(table.claims(1).fact());
  EXPECT_EQ(table.claims(1).family(), 0);
  EXPECT_EQ(table.claims(1).effect(), v1::EFFECT_LARGEST);
  EXPECT_EQ(table.claims(1).than_id(), "");

  ASSERT_EQ(table.cells_size(), 2);
  const v1::TableCell& plain = table.cells(0);
  EXPECT_EQ(plain.arm_id(), "plain");
  EXPECT_EQ(plain.metric_id(), "nll");
  EXPECT_THAT(plain.values(), ElementsAre(2.01, 2.02, 2.03));
  EXPECT_NEAR(plain.mean(), 2.02, 1e-12);
  EXPECT_TRUE(plain.has_interval());
  EXPECT_FALSE(plain.has_paper());
  EXPECT_EQ(plain.at(), 4);
}

TEST_F(JudgedServiceTest, FiguresHaveTheirCurvesAsMessages) {
  RunAll(2, 1);
  CallContext context;
  v1::GetFigureRequest request;
  *request.mutable_manifest() = request_.manifest();
  request.set_item_id("pen");
  request.set_budget("tiny");
  v1::GetFigureResponse figure;
  ASSERT_TRUE(ReadRendered(papers_->GetFigure(&context, request), &figure).ok());
  EXPECT_EQ(figure.curves_size(), 0) << "they were not asked for";
  request.set_curves(true);
  CallContext again;
  ASSERT_TRUE(ReadRendered(papers_->GetFigure(&again, request), &figure).ok());
  ASSERT_EQ(figure.curves_size(), 8) << "three runs of each arm, and their mean";
  EXPECT_EQ(figure.curves(0).source(), v1::FigureCurve::SOURCE_RUN);
  EXPECT_EQ(figure.curves(0).seed(), 1);
  EXPECT_THAT(figure.curves(0).x(), ElementsAre(4));
  EXPECT_THAT(figure.curves(0).value(), ElementsAre(2.01));
  EXPECT_EQ(figure.curves(7).source(), v1::FigureCurve::SOURCE_MEAN);
  EXPECT_EQ(figure.curves(7).arm_id(), "layer");
  EXPECT_EQ(figure.curves(7).lo_size(), 1);
  EXPECT_EQ(figure.content(), "") << "nothing but the curves was asked for";
  request.set_format(v1::FORMAT_CSV);
  CallContext both;
  v1::GetFigureResponse with_content;
  ASSERT_TRUE(ReadRendered(papers_->GetFigure(&both, request), &with_content).ok());
  EXPECT_EQ(with_content.curves_size(), 8);
  EXPECT_NE(with_content.content(), "");
}

TEST_F(PaperServiceTest, PlansSayHowLikelyClaimsAreDecided) {
  CallContext context;
  v1::PlanReproductionRequest request;
  request.set_paper_id(kPaper);
  request.add_item_ids("mnist");
  request.set_budget("quick");
  request.set_seeds(5);
  v1::PlanReproductionResponse plan;
  const grpc::Status status = papers_->PlanReproduction(&context, request, &plan);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(plan.runs_size(), 30);
  EXPECT_EQ(plan.power_size(), 0) << "not asked for";
  EXPECT_EQ(plan.not_run_size(), 0);
  request.set_power(true);
  CallContext again;
  ASSERT_TRUE(papers_->PlanReproduction(&again, request, &plan).ok());
  ASSERT_EQ(plan.power_size(), 12);
  EXPECT_EQ(plan.power(0).claim_id(), "ln-faster-than-bn-batch-4");
  EXPECT_EQ(plan.power(0).seeds(), 5);
  EXPECT_GT(plan.power(0).decides(), 0);
  EXPECT_GT(plan.power(0).least_seeds(), 5);
  request.set_seeds(25);
  CallContext wrong;
  EXPECT_EQ(papers_->PlanReproduction(&wrong, request, &plan).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// Whoever does not read what was asked for holds a thread: as many as may read at all.
class NoReadersTest : public PaperServiceTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = PaperServiceTest::Options();
    options.limits.reads = 0;
    return options;
  }
};

TEST_F(NoReadersTest, TablesFiguresAndPagesAreCountedAsReads) {
  v1::GetTableResponse table;
  EXPECT_EQ(Table(v1::FORMAT_JSON, &table).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::GetFigureResponse figure;
  EXPECT_EQ(Figure("mnist", v1::FORMAT_SVG, &figure).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::GetReportResponse report;
  EXPECT_EQ(Report({}, v1::FORMAT_HTML, &report).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(PaperServiceTest, LongPagesComeInPieces) {
  CallContext context;
  v1::GetReportRequest request;
  request.set_paper_id(kPaper);
  request.set_budget("paper");
  v1::GetReportResponse report;
  int messages = 0;
  ASSERT_TRUE(ReadRendered(papers_->GetReport(&context, request), &report, &messages).ok());
  EXPECT_EQ(messages, static_cast<int>((report.content().size() + (256 << 10) - 1) / (256 << 10)));
  EXPECT_GT(messages, 1);
  EXPECT_THAT(report.content(), testing::EndsWith("</html>\n"));
}

TEST_F(PaperServiceTest, FiguresComeInTheFormatsThatHaveThem) {
  v1::GetFigureResponse figure;
  ASSERT_TRUE(Figure("mnist", v1::FORMAT_UNSPECIFIED, &figure).ok());
  EXPECT_EQ(figure.media_type(), "image/svg+xml");
  EXPECT_THAT(figure.content(), HasSubstr("<svg"));
  v1::GetFigureResponse again;
  ASSERT_TRUE(Figure("mnist", v1::FORMAT_SVG, &again).ok());
  EXPECT_EQ(again.content(), figure.content());
  EXPECT_EQ(Figure("mnist", v1::FORMAT_HTML, &figure).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Figure("minst", v1::FORMAT_SVG, &figure).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(PaperServiceTest, ReportsHoldEachItemAskedFor) {
  v1::GetReportResponse report;
  ASSERT_TRUE(Report({"mnist"}, v1::FORMAT_UNSPECIFIED, &report).ok());
  EXPECT_THAT(report.media_type(), HasSubstr("text/html"));
  EXPECT_THAT(report.content(), HasSubstr("<svg"));
  EXPECT_THAT(report.content(), HasSubstr("NOT_RUN"));
  v1::GetReportResponse markdown;
  ASSERT_TRUE(Report({}, v1::FORMAT_MARKDOWN, &markdown).ok());
  EXPECT_THAT(markdown.content(), HasSubstr("Figure 6"));
  EXPECT_EQ(Report({}, v1::FORMAT_CSV, &report).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Report({"nothing"}, v1::FORMAT_HTML, &report).error_code(), grpc::StatusCode::NOT_FOUND);
}

// Two items of a paper may have arms of one name; each reads its own runs.
TEST(StoredRuns, ItemsWithArmsOfOneNameDoNotShareRuns) {
  const ScratchFolder folder;
  auto store = store::Store::Open(folder.path());
  ASSERT_TRUE(store.ok());
  const auto planned = [](const std::string& item, const std::string& batch_size) {
    return judging::PlannedRun{
        .item = item, .arm = "layer", .experiment = "mnist_mlp", .fields = {{"batch_size", batch_size}}, .seed = 1};
  };
  const auto plan = ResolvePlan({planned("first", "128"), planned("second", "4")}, LocalData({}));
  ASSERT_TRUE(plan.ok()) << plan.status();
  store::NewJob job;
  job.identity = plan->at(1).job.identity;
  ASSERT_TRUE((*store)->CreateJobs({}, {job}).ok());
  StoredRuns runs(**store, *plan);
  EXPECT_EQ(runs.Find({.item = "first", .arm = "layer", .seed = 1})->job, "");
  EXPECT_EQ(runs.Find({.item = "second", .arm = "layer", .seed = 1})->job, "j1");
  EXPECT_EQ(runs.Find({.item = "third", .arm = "layer", .seed = 1}).status().code(), absl::StatusCode::kNotFound);
}

// Arms are compared seed by seed, so that a run of another seed must not stand in.
TEST(StoredRuns, ExternalRunsAreFoundByLabelsAndSeedAndTheNewestThatStandsCounts) {
  const ScratchFolder folder;
  auto store = store::Store::Open(folder.path());
  ASSERT_TRUE(store.ok());
  const judging::Labels torch = {{"program", "torch"}};
  const auto log = [&](const judging::Labels& labels, const std::string& seed, bool removed = false) {
    const store::Job run =
        *(*store)->external().CreateRun({.experiment = 0, .started_ms = 1, .labels = labels, .tags = {}});
    store::RunChange change;
    change.params = {{"seed", seed}};
    change.state = store::JobState::kSucceeded;
    change.removed = removed;
    EXPECT_TRUE((*store)->external().Change(run.id, change).ok());
    return "j" + std::to_string(run.id);
  };
  const auto planned = [&](std::uint64_t seed) {
    return judging::PlannedRun{
        .item = "mine", .arm = "theirs", .experiment = "mnist_mlp", .fields = {}, .seed = seed, .labels = torch};
  };
  const auto plan = ResolvePlan({planned(1), planned(2), planned(3)}, LocalData({}));
  ASSERT_TRUE(plan.ok()) << plan.status();
  log(torch, "1");
  const std::string second = log({{"program", "torch"}, {"more", "is no harm"}}, "2");
  const std::string newest = log(torch, "1");
  log(torch, "1", /*removed=*/true);
  log({{"program", "jax"}}, "1");
  log(torch, "11");
  log(torch, "one");
  StoredRuns runs(**store, *plan);
  const auto job = [&](std::uint64_t seed) { return runs.Find({.item = "mine", .arm = "theirs", .seed = seed})->job; };
  EXPECT_EQ(job(1), newest);
  EXPECT_EQ(job(2), second);
  EXPECT_EQ(job(3), "");
}

TEST_F(PaperServiceTest, UnknownPapersItemsAndBudgets) {
  v1::PlanReproductionResponse plan;
  const grpc::Status paper = Plan("layer-norm-2015", "mnist", "smoke", &plan);
  EXPECT_EQ(paper.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(paper.error_message(), HasSubstr("did you mean layer-norm-2016?"));
  EXPECT_EQ(Plan(kPaper, "mnits", "smoke", &plan).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Plan(kPaper, "mnist", "huge", &plan).error_code(), grpc::StatusCode::NOT_FOUND);
  v1::GetTableResponse table;
  EXPECT_THAT(WrongFields(Table(static_cast<v1::Format>(77), &table)), ElementsAre("format"));
}

TEST_F(PaperServiceTest, ExperimentsAreDescribedInFull) {
  CallContext context;
  v1::ListExperimentsResponse all;
  ASSERT_TRUE(experiments_->ListExperiments(&context, {}, &all).ok());
  ASSERT_GE(all.experiments_size(), 1);
  CallContext again;
  v1::DescribeExperimentRequest request;
  request.set_name("mnist_mlp");
  v1::DescribeExperimentResponse one;
  ASSERT_TRUE(experiments_->DescribeExperiment(&again, request, &one).ok());
  EXPECT_EQ(one.experiment().SerializeAsString(), all.experiments(0).SerializeAsString());
  EXPECT_EQ(one.experiment().fields(1).name(), "norm");
  EXPECT_EQ(one.experiment().fields(1).choices(2).name(), "layer");
  EXPECT_NE(one.experiment().fields(1).choices(2).meaning(), "");
  CallContext wrong;
  request.set_name("mnist-mlp2");
  const grpc::Status status = experiments_->DescribeExperiment(&wrong, request, &one);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("did you mean mnist_mlp?"));
}

}  // namespace
}  // namespace normlab::server
