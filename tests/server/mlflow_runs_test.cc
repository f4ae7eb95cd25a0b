// MLflow's runs: logged, found, read again after a restart, beside jobs of normlab's own.
#include <algorithm>

#include "tests/server/mlflow_fixture.h"

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class MlflowRunsTest : public MlflowTest {};

// ---- Runs of other programs.

TEST_F(MlflowRunsTest, WhatIsLoggedIsThereAfterARestart) {
  const std::string run =
      NewRun(NewExperiment(), {{"run_name", "fast"}, {"tags", {{{"key", "mlflow.user"}, {"value", "Ada"}}}}});
  Made("runs/log-batch",
       {{"run_id", run},
        {"metrics", {Metric("loss", 0.5, 1), Metric("loss", 0.25, 2), Metric("nan", "NaN")}},
        {"params", {{{"key", "lr"}, {"value", "0.1"}}}},
        {"tags", {{{"key", "program"}, {"value", "torch"}}, {{"key", "Training Info"}, {"value", "a model"}}}}});
  Made("runs/log-metric", {{"run_id", run}, {"key", "acc"}, {"value", 1}, {"timestamp", 7}});
  Made("runs/log-parameter", {{"run_uuid", run}, {"key", "p"}, {"value", ""}});
  Made("runs/set-tag", {{"run_id", run}, {"key", "gone"}, {"value", "x"}});
  Made("runs/delete-tag", {{"run_id", run}, {"key", "gone"}});
  Made("runs/log-inputs", {{"run_id", run}, {"datasets", {{{"dataset", {{"name", "iris"}, {"digest", "d1"}}}}}}});
  Made("runs/update", {{"run_id", run}, {"status", "FINISHED"}, {"end_time", 2000}});
  StopServer();
  StartServer();
  const Json read = Run(run);
  EXPECT_EQ(read["info"]["run_name"], "fast");
  EXPECT_EQ(read["info"]["user_id"], "Ada");
  EXPECT_EQ(read["info"]["status"], "FINISHED");
  EXPECT_EQ(read["info"]["start_time"], 1000) << "a number, as MLflow writes it";
  EXPECT_EQ(read["info"]["end_time"], 2000);
  EXPECT_EQ(read["info"]["lifecycle_stage"], "active");
  EXPECT_EQ(Pair(read["data"]["params"], "lr"), "0.1");
  EXPECT_EQ(Pair(read["data"]["params"], "p"), "");
  EXPECT_EQ(Pair(read["data"]["tags"], "program"), "torch");
  EXPECT_EQ(Pair(read["data"]["tags"], "Training Info"), "a model");
  EXPECT_EQ(Pair(read["data"]["tags"], "gone"), "(none)");
  EXPECT_EQ(read["inputs"]["dataset_inputs"][0]["dataset"]["name"], "iris");
  const Json& metrics = read["data"]["metrics"];
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics[0], Metric("acc", 1.0, 0, 7));
  EXPECT_EQ(metrics[1], Metric("loss", 0.25, 2));
  EXPECT_EQ(metrics[2], Metric("nan", "NaN"));
}

TEST_F(MlflowRunsTest, ABatchThatIsSentAgainAddsNothing) {
  const std::string run = NewRun("0");
  const Json batch = {{"run_id", run}, {"metrics", {Metric("m", 1, 5), Metric("m", 2, 5), Metric("m", "NaN", 5)}}};
  for (int i = 0; i < 3; ++i) {
    Made("runs/log-batch", batch);
  }
  EXPECT_EQ(Get("metrics/get-history?metric_key=m&run_id=" + run).Json()["metrics"].size(), 3u);
  EXPECT_EQ(Run(run)["data"]["metrics"][0]["value"], 2.0);
}

TEST_F(MlflowRunsTest, AHistoryIsReadInPages) {
  const std::string run = NewRun("0");
  Json metrics = Json::array();
  for (int i = 0; i < 7; ++i) {
    metrics.push_back(Metric("my metric", i, i));
  }
  Made("runs/log-batch", {{"run_id", run}, {"metrics", metrics}});
  std::vector<double> values;
  std::string token;
  do {
    const Json page =
        Get("metrics/get-history?metric_key=my+metric&max_results=3&run_id=" + run + "&page_token=" + token).Json();
    for (const Json& metric : page["metrics"]) {
      values.push_back(metric["value"]);
    }
    token = page.value("next_page_token", "");
  } while (!token.empty());
  EXPECT_THAT(values, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  ExpectWrong(Get("metrics/get-history?metric_key=m&page_token=x&run_id=" + run), "page_token is x");
  EXPECT_THAT(Get("metrics/get-history?metric_key=none&run_id=" + run).Json()["metrics"], IsEmpty());
}

TEST_F(MlflowRunsTest, AParameterIsSetOnce) {
  const std::string run = NewRun("0");
  const Json param = {{"run_id", run}, {"key", "lr"}, {"value", "1"}};
  Made("runs/log-parameter", param);
  Made("runs/log-parameter", param);
  Json other = param;
  other["value"] = "2";
  ExpectWrong(Post("runs/log-parameter", other), "lr");
  EXPECT_EQ(Pair(Run(run)["data"]["params"], "lr"), "1");
  ExpectWrong(Post("runs/log-batch",
                   {{"run_id", run}, {"params", {{{"key", "a"}, {"value", "1"}}, {{"key", "a"}, {"value", "2"}}}}}),
              "params[1].value is 2");
}

TEST_F(MlflowRunsTest, EveryWrongFieldIsNamed) {
  const std::string run = NewRun("0");
  const HttpResponse wrong = Post(
      "runs/log-batch", {{"run_id", run},
                         {"metrics", {Metric("a", 1), Metric("", 1), Metric("b", 1, -1), Metric("../x", 1, 0, -5)}},
                         {"params", {{{"key", "p?"}, {"value", std::string(6001, 'x')}}}},
                         {"tags", {{{"key", "t"}, {"value", std::string(8001, 'x')}}}}});
  for (const char* field :
       {"metrics[1].key is empty", "metrics[2].step is -1", "metrics[3].key is ../x", "metrics[3].timestamp is -5",
        "params[0].key is p?", "params[0].value has 6001", "tags[0].value has 8001"}) {
    ExpectWrong(wrong, field);
  }
  EXPECT_THAT(Run(run)["data"]["metrics"], IsEmpty()) << "nothing of it is kept";
  ExpectWrong(Post("runs/log-metric", {{"run_id", run}, {"key", "m"}}), "value is missing");
  ExpectWrong(Post("runs/log-metric", {{"run_id", run}, {"key", "m"}, {"value", 1}}), "timestamp is missing");
  ExpectWrong(Post("runs/log-metric", {{"run_id", run}, {"key", "m"}, {"value", "x"}, {"timestamp", 1}}), "value");
  ExpectWrong(Post("runs/update", {{"run_id", run}, {"end_time", -1}}), "end_time is -1");
  ExpectWrong(Post("runs/create", {{"experiment_id", "0"}, {"run_name", std::string(501, 'x')}}), "run_name has 501");
}

TEST_F(MlflowRunsTest, LimitsAreMlflows) {
  const std::string run = NewRun("0");
  const auto many = [](int n, const auto& make) {
    Json all = Json::array();
    for (int i = 0; i < n; ++i) {
      all.push_back(make(i));
    }
    return all;
  };
  const auto metric = [](int i) { return Metric("m", i, i); };
  const auto pair = [](int i) { return Json{{"key", "k" + std::to_string(i)}, {"value", "v"}}; };
  Made("runs/log-batch", {{"run_id", run}, {"metrics", many(1000, metric)}});
  ExpectWrong(Post("runs/log-batch", {{"run_id", run}, {"metrics", many(1001, metric)}}), "metrics has 1001");
  Made("runs/log-batch", {{"run_id", run}, {"params", many(100, pair)}, {"tags", many(100, pair)}});
  ExpectWrong(Post("runs/log-batch", {{"run_id", run}, {"params", many(101, pair)}}), "params has 101");
  ExpectWrong(Post("runs/log-batch", {{"run_id", run}, {"tags", many(101, pair)}}), "tags has 101");
  ExpectWrong(Post("runs/log-batch", {{"run_id", run}, {"metrics", many(950, metric)}, {"params", many(51, pair)}}),
              "1001 entries together");
  ExpectWrong(Post("runs/log-batch", {{"run_id", run}, {"metrics", {Metric(std::string(1 << 20, 'x'), 1)}}}),
              "body has");
}

TEST_F(MlflowRunsTest, ARunMayGoOnAndBePutAside) {
  const std::string experiment = NewExperiment();
  const std::string run = NewRun(experiment);
  Made("runs/update", {{"run_id", run}, {"status", "KILLED"}, {"run_name", "other"}});
  EXPECT_EQ(Run(run)["info"]["status"], "KILLED");
  const Json going = Made("runs/update", {{"run_id", run}, {"status", "RUNNING"}});
  EXPECT_EQ(going["run_info"]["status"], "RUNNING");
  EXPECT_FALSE(going["run_info"].contains("end_time"));
  EXPECT_EQ(going["run_info"]["run_name"], "other");
  Made("runs/delete", {{"run_id", run}});
  const Json in = {{"experiment_ids", {experiment}}};
  const auto view = [&](const char* type) {
    Json body = in;
    body["run_view_type"] = type;
    return Search(body);
  };
  EXPECT_EQ(Run(run)["info"]["lifecycle_stage"], "deleted");
  EXPECT_THAT(Search(in), IsEmpty());
  EXPECT_THAT(view("DELETED_ONLY"), ElementsAre(run));
  EXPECT_THAT(view("ALL"), ElementsAre(run));
  EXPECT_TRUE(HttpTest::Call("JobService/GetJob", Json{{"job_id", run}}.dump()).Json()["job"]["external"]["removed"])
      << "still a job";
  Made("runs/restore", {{"run_id", run}});
  EXPECT_THAT(Search(in), ElementsAre(run));
}

TEST_F(MlflowRunsTest, WhatIsNotThereIsSaidSo) {
  for (const char* id : {"j4711", "36fac2a9189c4487a7f62d2472a6806c", "x%20y"}) {
    ExpectError(Get(std::string("runs/get?run_id=") + id), 404, "RESOURCE_DOES_NOT_EXIST", "");
  }
  ExpectWrong(Get("runs/get"), "run_id is empty");
  ExpectError(Post("runs/log-batch", {{"run_id", "j4711"}, {"metrics", {Metric("m", 1)}}}), 404,
              "RESOURCE_DOES_NOT_EXIST", "j4711");
  ExpectError(Get("experiments/get?experiment_id=99"), 404, "RESOURCE_DOES_NOT_EXIST", "experiment_id is 99");
  ExpectError(Get("experiments/get-by-name?experiment_name=a%20b"), 404, "RESOURCE_DOES_NOT_EXIST", "a b");
  ExpectError(Post("runs/create", {{"experiment_id", "99"}}), 404, "RESOURCE_DOES_NOT_EXIST", "99");
  ExpectError(Post("runs/delete-tag", {{"run_id", NewRun("0")}, {"key", "none"}}), 404, "RESOURCE_DOES_NOT_EXIST",
              "none");
  ExpectError(Get("logged-models/m-0"), 404, "RESOURCE_DOES_NOT_EXIST", "m-0");
  ExpectError(Get("runs/dance"), 404, "ENDPOINT_NOT_FOUND", "docs/MLFLOW.md");
  ExpectError(Call({.method = "DELETE", .target = "/api/2.0/mlflow/runs/create", .token = Token()}), 404,
              "ENDPOINT_NOT_FOUND", "DELETE");
}

// ---- Searches.

TEST_F(MlflowRunsTest, RunsAreSearchedOrderedAndPaged) {
  const std::string experiment = NewExperiment();
  std::vector<std::string> runs;
  for (int i = 0; i < 5; ++i) {
    runs.push_back(NewRun(experiment, {{"start_time", i == 0 ? 5000 : 1000 + i}}));
    Made("runs/log-batch", {{"run_id", runs.back()},
                            {"metrics", {Metric("loss", i == 3 ? Json("NaN") : Json(0.1 * ((i * 2) % 5)))}},
                            {"params", {{{"key", "kind"}, {"value", i % 2 == 0 ? "even" : "odd"}}}}});
  }
  NewRun(NewExperiment("elsewhere"));
  const Json in = {{"experiment_ids", {experiment}}};
  const auto with = [&in](Json more) {
    more.update(in);
    return more;
  };
  EXPECT_THAT(Search(in), ElementsAre(runs[0], runs[4], runs[3], runs[2], runs[1])) << "the latest start first";
  EXPECT_THAT(Search(with({{"filter", "params.kind = 'odd'"}})), ElementsAre(runs[3], runs[1]));
  EXPECT_THAT(Search(with({{"filter", "metrics.loss < 0.25 and params.kind = 'even'"}})), ElementsAre(runs[0]));
  // loss of runs 0 to 4: 0, .2, .4, NaN, .3
  EXPECT_THAT(Search(with({{"order_by", {"metrics.loss DESC"}}})),
              ElementsAre(runs[2], runs[4], runs[1], runs[0], runs[3]));
  EXPECT_THAT(Search(with({{"order_by", {"params.kind", "metrics.loss ASC"}}})),
              ElementsAre(runs[0], runs[4], runs[2], runs[1], runs[3]));
  std::vector<std::string> paged;
  Json page = with({{"max_results", 2}, {"order_by", {"metrics.loss"}}});
  int pages = 0;
  for (;;) {
    const Json answer = Made("runs/search", page);
    for (const Json& run : answer["runs"]) {
      paged.push_back(run["info"]["run_id"]);
    }
    ++pages;
    if (!answer.contains("next_page_token")) {
      break;
    }
    page["page_token"] = answer["next_page_token"];
  }
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(paged, ElementsAre(runs[0], runs[1], runs[4], runs[2], runs[3]));
  page["page_token"] = "j4711";
  ExpectWrong(Post("runs/search", page), "page_token");
  ExpectWrong(Post("runs/search", with({{"filter", "loss < 1"}})), "filter has loss");
  ExpectWrong(Post("runs/search", with({{"order_by", {"metrics.a", "up"}}})), "order_by[1]");
  ExpectWrong(Post("runs/search", with({{"max_results", 50001}})), "max_results is 50001");
  EXPECT_THAT(Search({{"experiment_ids", {"99"}}}), IsEmpty());
}

TEST_F(MlflowRunsTest, ExperimentsAreOursAndTheirs) {
  const std::string made = NewExperiment("a name of theirs");
  Made("experiments/set-experiment-tag", {{"experiment_id", made}, {"key", "team"}, {"value", "x"}});
  ExpectError(Post("experiments/create", {{"name", "a name of theirs"}}), 400, "RESOURCE_ALREADY_EXISTS",
              "a name of theirs");
  ExpectError(Post("experiments/create", {{"name", "mnist_mlp"}}), 400, "RESOURCE_ALREADY_EXISTS", "mnist_mlp");
  ExpectWrong(Post("experiments/create", {{"name", ""}}), "name has 0 bytes");
  ExpectWrong(Post("experiments/create", {{"name", "x"}, {"artifact_location", "s3://x"}}), "artifact_location");
  const auto names = [this](const Json& body) {
    std::vector<std::string> found;
    const Json answer = Made("experiments/search", body);
    for (const Json& experiment : answer["experiments"]) {
      found.push_back(experiment["name"]);
    }
    return found;
  };
  EXPECT_THAT(names({{"max_results", 100}}),
              testing::AllOf(testing::Contains("mnist_mlp"), testing::Contains("Default"),
                             testing::Contains("a name of theirs")));
  EXPECT_THAT(names({{"filter", "name LIKE 'a name%'"}}), ElementsAre("a name of theirs"));
  EXPECT_THAT(names({{"filter", "tags.team = 'x'"}}), ElementsAre("a name of theirs"));
  EXPECT_EQ(Get("experiments/get-by-name?experiment_name=a+name+of+theirs").Json()["experiment"]["experiment_id"],
            made);
  EXPECT_EQ(Get("experiments/get?experiment_id=mnist_mlp").Json()["experiment"]["name"], "mnist_mlp");
  ExpectWrong(Post("runs/create", {{"experiment_id", "mnist_mlp"}}), "normlab trains itself");
}

// ---- Ours.

TEST_F(MlflowRunsTest, AJobOfOursIsARun) {
  v1::CreateJobRequest request = MnistRequest(7);
  request.mutable_spec()->mutable_mnist_mlp()->set_norm(v1::NORM_KIND_LAYER);
  (*request.mutable_labels())["item"] = "mnist";
  v1::CreateJobResponse created;
  CallContext context;
  ASSERT_TRUE(jobs_->CreateJob(&context, request, &created).ok());
  const std::string id = created.job().job_id();
  EXPECT_EQ(Run(id)["info"]["status"], "SCHEDULED");
  const v1::LeaseResponse::Lease lease = LeaseOne();
  ASSERT_TRUE(Append(lease.attempt(), "train/nll", 1, 30).ok());
  const Json run = Run(id);
  EXPECT_EQ(run["info"]["status"], "RUNNING");
  EXPECT_EQ(run["info"]["experiment_id"], "mnist_mlp");
  EXPECT_THAT(run["info"]["run_name"].get<std::string>(), HasSubstr("norm=layer"));
  EXPECT_EQ(Pair(run["data"]["params"], "norm"), "layer");
  EXPECT_EQ(Pair(run["data"]["params"], "seed"), "7");
  EXPECT_EQ(Pair(run["data"]["tags"], "item"), "mnist");
  EXPECT_EQ(Pair(run["data"]["tags"], "normlab.state"), "RUNNING");
  EXPECT_EQ(run["data"]["metrics"][0]["step"], 30);
  const Json history = Get("metrics/get-history?metric_key=train/nll&max_results=20&run_id=" + id).Json();
  EXPECT_EQ(history["metrics"].size(), 20u);
  const Json rest = Get("metrics/get-history?metric_key=train/nll&run_id=" + id +
                        "&page_token=" + history["next_page_token"].get<std::string>())
                        .Json();
  EXPECT_EQ(rest["metrics"].size(), 10u);
  EXPECT_EQ(rest["metrics"][0]["step"], 21);
  EXPECT_THAT(Search({{"experiment_ids", {"mnist_mlp"}}, {"filter", "params.norm = 'layer' and tags.item = 'mnist'"}}),
              ElementsAre(id));
  for (const auto& [what, body] :
       std::map<std::string, Json>{{"runs/log-batch", {{"run_id", id}, {"metrics", {Metric("train/nll", 0, 99)}}}},
                                   {"runs/set-tag", {{"run_id", id}, {"key", "k"}, {"value", "v"}}},
                                   {"runs/update", {{"run_id", id}, {"status", "FINISHED"}}},
                                   {"runs/delete", {{"run_id", id}}},
                                   {"runs/outputs", {{"run_id", id}, {"models", {{{"model_id", "m-1"}}}}}},
                                   {"logged-models", {{"source_run_id", id}, {"name", "m"}}}}) {
    ExpectWrong(Post(what, body, Role::kAdmin), "trained by normlab");
  }
  EXPECT_EQ(Files("PUT", "/" + id + "/a.txt", "x").status, 400);
  EXPECT_EQ(Run(id)["info"]["status"], "RUNNING");
}

// ---- Theirs among ours.

TEST_F(MlflowRunsTest, AnExternalRunIsAmongJobsCurvesAndComparisons) {
  const std::string experiment = NewExperiment();
  std::vector<std::string> runs;
  for (int seed = 1; seed <= 3; ++seed) {
    runs.push_back(
        NewRun(experiment,
               {{"run_name", "fast"},
                {"tags", {{{"key", "program"}, {"value", "torch"}}, {{"key", "mlflow.user"}, {"value", "Ada"}}}}}));
    Made("runs/log-batch",
         {{"run_id", runs.back()},
          {"metrics", {Metric("my loss", 1.0 / seed, 1), Metric("my loss", 0.5 / seed, 2)}},
          {"params", {{{"key", "seed"}, {"value", std::to_string(seed)}}, {{"key", "lr"}, {"value", "0.1"}}}}});
    Made("runs/update", {{"run_id", runs.back()}, {"status", "FINISHED"}, {"end_time", 2000}});
  }
  const Json listed = HttpTest::Call("JobService/ListJobs", R"({"labels":{"program":"torch"}})").Json();
  ASSERT_EQ(listed["jobs"].size(), 3u);
  const Json& job = listed["jobs"][0];
  EXPECT_EQ(job["external"]["name"], "fast");
  EXPECT_EQ(job["external"]["experiment"], "theirs");
  EXPECT_EQ(job["external"]["params"]["lr"], "0.1");
  EXPECT_EQ(job["labels"], (Json{{"program", "torch"}})) << "and not what MLflow says of itself";
  EXPECT_EQ(job["external"]["tags"]["mlflow.user"], "Ada");
  EXPECT_FALSE(job.contains("spec"));
  EXPECT_EQ(job["identity"], "");
  EXPECT_EQ(job["fingerprint"], "");
  const HttpResponse curve =
      HttpTest::Call("CurveService/ReadCurve", Json{{"job_id", runs[0]}, {"series", "my loss"}}.dump());
  EXPECT_THAT(curve.body, HasSubstr("0.5"));
  const HttpResponse compared =
      HttpTest::Call("ComparisonService/CompareJobs",
                     Json{{"job_ids", runs}, {"series", {"my loss"}}, {"format", "FORMAT_JSON"}}.dump());
  EXPECT_THAT(compared.body, HasSubstr("event: end"));
  EXPECT_EQ(HttpTest::Call("JobService/CancelJob", Json{{"request_id", Uuid(1)}, {"job_id", NewRun(experiment)}}.dump())
                .Json()["job"]["state"],
            "JOB_STATE_CANCELLED");
}

// ---- Files and models.

TEST_F(MlflowRunsTest, FilesAreWrittenListedAndRead) {
  const std::string run = NewRun("0");
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(Files("PUT", "/" + run + "/plots/loss%20(1).bin", large).status, 200);
  EXPECT_EQ(Files("PUT", "/" + run + "/a.txt", "").status, 200);
  EXPECT_EQ(Files("PUT", "/" + run + "/a.txt", "hello").status, 200) << "replaced";
  StopServer();
  StartServer();
  EXPECT_EQ(Files("GET", "/" + run + "/plots/loss%20(1).bin").body, large);
  const HttpResponse text = Files("GET", "/" + run + "/a.txt", "", Role::kViewer);
  EXPECT_EQ(text.body, "hello");
  EXPECT_EQ(text.headers.at("content-type"), "application/octet-stream") << "nothing that a browser would run";
  const Json files = Files("GET", "?path=" + run).Json()["files"];
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0], (Json{{"path", "a.txt"}, {"is_dir", false}, {"file_size", 5}}));
  EXPECT_EQ(files[1], (Json{{"path", "plots"}, {"is_dir", true}}));
  const Json inside = Get("artifacts/list?path=plots&run_id=" + run).Json();
  EXPECT_EQ(inside["files"][0]["path"], "plots/loss (1).bin");
  EXPECT_EQ(inside["files"][0]["file_size"], large.size());
  EXPECT_THAT(inside["root_uri"].get<std::string>(), HasSubstr(run));
  ExpectError(Files("GET", "/" + run + "/none"), 404, "RESOURCE_DOES_NOT_EXIST", "none");
  for (const char* path : {"/../a", "/%2e%2e/a", "/x//y", "/x%0ay", "/"}) {
    EXPECT_EQ(Files("PUT", "/" + run + path, "x").status, 400) << path;
  }
  EXPECT_EQ(Files("PUT", "/nobody/a", "x").status, 404);
}

// A sender who leaves before his file's end has stored nothing.
TEST_F(MlflowRunsTest, HalfAFileIsNone) {
  const std::string run = NewRun("0");
  {
    HttpClient client(Port());
    std::string text = client.Text({.method = "PUT",
                                    .target = "/api/2.0/mlflow-artifacts/artifacts/" + run + "/half",
                                    .body = std::string(1000, 'x'),
                                    .token = Token()});
    text.resize(text.size() - 500);
    client.Send(text);
  }
  EXPECT_EQ(Files("PUT", "/" + run + "/whole", "x").status, 200);
  EXPECT_EQ(Files("GET", "?path=" + run).Json()["files"].size(), 1u);
  EXPECT_EQ(Files("GET", "/" + run + "/half").status, 404);
}

TEST_F(MlflowRunsTest, AModelIsKeptWithItsRun) {
  const std::string run = NewRun("0");
  const Json made = Made("logged-models", {{"experiment_id", "0"},
                                           {"name", "net"},
                                           {"source_run_id", run},
                                           {"params", {{{"key", "a"}, {"value", "1"}}}}})["model"];
  const std::string id = made["info"]["model_id"];
  EXPECT_EQ(made["info"]["status"], "LOGGED_MODEL_PENDING");
  EXPECT_EQ(made["info"]["artifact_uri"], "mlflow-artifacts:/" + run + "/models/" + id);
  EXPECT_EQ(Post("logged-models/" + id, {{"model_id", id}, {"status", "LOGGED_MODEL_READY"}}, Role::kSubmitter, "PATCH")
                .status,
            200);
  EXPECT_EQ(
      Post("logged-models/" + id + "/tags", {{"tags", {{{"key", "t"}, {"value", "v"}}}}}, Role::kSubmitter, "PATCH")
          .status,
      200);
  Made("logged-models/" + id + "/params", {{"params", {{{"key", "b"}, {"value", "2"}}}}});
  Made("runs/outputs", {{"run_id", run}, {"models", {{{"model_id", id}, {"step", 3}}}}});
  StopServer();
  StartServer();
  const Json read = Get("logged-models/" + id).Json()["model"];
  EXPECT_EQ(read["info"]["status"], "LOGGED_MODEL_READY");
  EXPECT_EQ(Pair(read["info"]["tags"], "t"), "v");
  EXPECT_EQ(Pair(read["data"]["params"], "b"), "2");
  EXPECT_EQ(Run(run)["outputs"]["model_outputs"][0]["model_id"], id);
  EXPECT_EQ(Made("logged-models/search", {{"experiment_ids", {"0"}}, {"filter", "name = 'net'"}})["models"].size(), 1u);
  EXPECT_THAT(Made("logged-models/search", {{"experiment_ids", {"0"}}, {"filter", "name = 'no'"}})["models"],
              IsEmpty());
  EXPECT_THAT(Made("logged-models/search", {{"experiment_ids", {"1"}}})["models"], IsEmpty());
  ExpectWrong(Post("logged-models", {{"experiment_id", "0"}, {"name", "net"}}), "source_run_id is empty");
  ExpectWrong(Post("logged-models/" + id, {{"status", "LOGGED_MODEL_PENDING"}}, Role::kSubmitter, "PATCH"),
              "status is LOGGED_MODEL_PENDING");
}

}  // namespace
}  // namespace normlab::server
