// Who comes in at MLflow's paths, and who does not: the same token, roles, origins, sizes and times as everywhere else.
#include "tests/server/mlflow_fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

class MlflowDoorTest : public MlflowTest {
 protected:
  HttpRequest Log(std::map<std::string, std::string> headers) const {
    return {.target = "/api/2.0/mlflow/experiments/create",
            .body = R"({"name":"x"})",
            .token = Token(),
            .headers = std::move(headers)};
  }
  // Nothing that was refused has made an experiment.
  void ExpectUntouched() const { EXPECT_EQ(Get("experiments/get-by-name?experiment_name=x").status, 404); }
};

TEST_F(MlflowDoorTest, NothingIsAnsweredWithoutAToken) {
  for (const std::string& shown : {std::string(), "Bearer " + std::string(64, '0'), "Basic " + Token()}) {
    for (const auto& [verb, path] : {std::pair("POST", "/api/2.0/mlflow/experiments/create"),
                                     {"GET", "/api/2.0/mlflow/runs/get?run_id=j1"},
                                     {"GET", "/api/2.0/mlflow/nothing"},
                                     {"PUT", "/api/2.0/mlflow-artifacts/artifacts/j1/a"},
                                     {"GET", "/api/2.0/mlflow-artifacts/artifacts?path=j1"},
                                     {"GET", "/api/3.0/mlflow/server-info"}}) {
      const HttpResponse response =
          Call({.method = verb, .target = path, .body = R"({"name":"x"})", .headers = {{"Authorization", shown}}});
      ExpectError(response, 401, "UNAUTHENTICATED", "");
      EXPECT_EQ(response.headers.at("www-authenticate"), "Bearer");
    }
  }
  ExpectUntouched();
}

TEST_F(MlflowDoorTest, ViewersReadAndSubmittersWrite) {
  const std::string run = NewRun("0");
  for (const auto& [what, body] :
       std::map<std::string, Json>{{"experiments/create", {{"name", "x"}}},
                                   {"runs/create", {{"experiment_id", "0"}}},
                                   {"runs/log-batch", {{"run_id", run}}},
                                   {"runs/log-metric", {{"run_id", run}}},
                                   {"runs/log-parameter", {{"run_id", run}}},
                                   {"runs/set-tag", {{"run_id", run}}},
                                   {"runs/delete-tag", {{"run_id", run}}},
                                   {"runs/update", {{"run_id", run}}},
                                   {"runs/delete", {{"run_id", run}}},
                                   {"runs/restore", {{"run_id", run}}},
                                   {"runs/log-inputs", {{"run_id", run}}},
                                   {"runs/outputs", {{"run_id", run}}},
                                   {"logged-models", {{"source_run_id", run}}},
                                   {"experiments/set-experiment-tag", {{"experiment_id", "0"}}}}) {
    for (const Role role : {Role::kViewer, Role::kWorker}) {
      ExpectError(Post(what, body, role), 403, "PERMISSION_DENIED", "submitter");
    }
  }
  EXPECT_EQ(Files("PUT", "/" + run + "/a", "x", Role::kViewer).status, 403);
  EXPECT_EQ(Files("GET", "?path=" + run, "", Role::kViewer).Json()["files"].size(), 0u);
  EXPECT_EQ(Get("runs/get?run_id=" + run, Role::kWorker).status, 403);
  EXPECT_EQ(Post("runs/search", {{"experiment_ids", {"0"}}}, Role::kViewer).status, 200);
  EXPECT_EQ(Post("experiments/search", Json::object(), Role::kViewer).status, 200);
  ExpectUntouched();
}

// A hostile name that points here, another page, a page of another port, a form.
TEST_F(MlflowDoorTest, PagesElsewhereAreRefused) {
  const std::string port = fmt::format(":{}", Port());
  for (const auto& headers : std::vector<std::map<std::string, std::string>>{{{"Host", "evil.example" + port}},
                                                                             {{"Host", "127.0.0.1:1"}},
                                                                             {{"Origin", "http://evil.example"}},
                                                                             {{"Origin", "http://127.0.0.1:1"}},
                                                                             {{"Origin", "null"}},
                                                                             {{"Sec-Fetch-Site", "cross-site"}},
                                                                             {{"Sec-Fetch-Site", "same-site"}}}) {
    EXPECT_EQ(Call(Log(headers)).status, 403) << headers.begin()->second;
  }
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""}) {
    ExpectWrong(Call(Log({{"Content-Type", type}})), "Content-Type");
  }
  ExpectUntouched();
  EXPECT_EQ(Call(Log({{"Origin", "http://127.0.0.1" + port}})).status, 200) << "and the same call of ours is answered";
}

TEST_F(MlflowDoorTest, MangledRequestsAreRefused) {
  const auto get = [this](const std::string& target) {
    return Call({.method = "GET", .target = target, .body = "", .token = Token()});
  };
  ExpectWrong(get("/api/2.0/mlflow/runs/get?run_id=%zz"), "query has");
  ExpectWrong(get("/api/2.0/mlflow/runs/get?run_id=%f"), "query has");
  ExpectWrong(get("/api/2.0/mlflow/runs/get?run_id=%ff%fe"), "UTF-8");
  ExpectWrong(get("/api/2.0/mlflow/metrics/get-history?run_id=j1&max_results=many"), "max_results is many");
  ExpectWrong(get("/api/2.0/mlflow-artifacts/artifacts/%ff"), "path is");
  ExpectError(get("/api/2.0/mlflow/runs/get?run_id=j99&unknown=1&run_id="), 400, "INVALID_PARAMETER_VALUE",
              "run_id is empty");
  ExpectError(get("/api/2.0/mlflowery"), 404, "ENDPOINT_NOT_FOUND", "mlflowery");
  for (const char* body : {"", "{", "[]", "null", R"({"name":7})", R"({"name":"x","tags":3})", "{\"name\":\"\xff\"}"}) {
    EXPECT_EQ(Call({.target = "/api/2.0/mlflow/experiments/create", .body = body, .token = Token()}).status, 400)
        << body;
  }
  ExpectUntouched();
}

TEST_F(MlflowDoorTest, FieldsThatNewerClientsSendAreLeftOut) {
  EXPECT_EQ(Post("experiments/create", {{"name", "y"}, {"workspace", "w"}, {"new", {{"deep", 1}}}}).status, 200);
  EXPECT_EQ(Get("experiments/get-by-name?experiment_name=y&workspace=w").status, 200);
}

TEST_F(MlflowDoorTest, MuchIsRefused) {
  HttpClient client(Port());
  const HttpResponse refused = client.Call(
      {.target = "/api/2.0/mlflow/experiments/create", .body = std::string(5 << 20, ' '), .token = Token()});
  EXPECT_EQ(refused.status, 413);
  ExpectUntouched();
}

// With the door closed there is no port; with it open, the paths are its own and not those of the page.
TEST_F(MlflowDoorTest, TheServerSaysWhatItIs) {
  EXPECT_EQ(Call({.method = "GET", .target = "/api/3.0/mlflow/server-info", .body = "", .token = Token(Role::kViewer)})
                .Json(),
            (Json{{"store_type", "normlab"}, {"workspaces_enabled", false}}));
}

class MlflowClosedTest : public MlflowTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = MlflowTest::Options();
    options.http.reset();
    return options;
  }
};

TEST_F(MlflowClosedTest, WithTheDoorClosedNothingIsThere) { EXPECT_EQ(Port(), 0); }

}  // namespace
}  // namespace normlab::server
