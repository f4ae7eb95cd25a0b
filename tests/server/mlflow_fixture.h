// mlflow_fixture.h - MLflow's REST API on a server with its HTTP door open.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tests/server/http_fixture.h"

namespace normlab::server {

class MlflowTest : public HttpTest {
 protected:
  using Json = nlohmann::json;

  HttpResponse Post(const std::string& what, const Json& body, Role role = Role::kSubmitter,
                    const std::string& verb = "POST") const {
    return Call({.method = verb, .target = "/api/2.0/mlflow/" + what, .body = body.dump(), .token = Token(role)});
  }
  HttpResponse Get(const std::string& what, Role role = Role::kViewer) const {
    return Call({.method = "GET", .target = "/api/2.0/mlflow/" + what, .body = "", .token = Token(role)});
  }
  HttpResponse Files(const std::string& verb, const std::string& path, const std::string& body = "",
                     Role role = Role::kSubmitter) const {
    return Call(
        {.method = verb, .target = "/api/2.0/mlflow-artifacts/artifacts" + path, .body = body, .token = Token(role)});
  }

  // Short ways; they expect success.
  Json Made(const std::string& what, const Json& body) const {
    const HttpResponse response = Post(what, body);
    EXPECT_EQ(response.status, 200) << what << " " << response.body;
    return response.Json();
  }
  std::string NewExperiment(const std::string& name = "theirs") const {
    return Made("experiments/create", {{"name", name}})["experiment_id"];
  }
  std::string NewRun(const std::string& experiment, const Json& more = Json::object()) const {
    Json body = {{"experiment_id", experiment}, {"start_time", 1000}};
    body.update(more);
    return Made("runs/create", body)["run"]["info"]["run_id"];
  }
  Json Run(const std::string& id) const {
    const HttpResponse response = Get("runs/get?run_id=" + id);
    EXPECT_EQ(response.status, 200) << response.body;
    return response.Json()["run"];
  }
  std::vector<std::string> Search(const Json& body) const {
    std::vector<std::string> ids;
    const Json answer = Made("runs/search", body);
    for (const Json& run : answer["runs"]) {
      ids.push_back(run["info"]["run_id"]);
    }
    return ids;
  }
  static std::string Pair(const Json& pairs, const std::string& key) {
    for (const Json& pair : pairs) {
      if (pair["key"] == key) {
        return pair["value"];
      }
    }
    return "(none)";
  }
  static Json Metric(const std::string& key, const Json& value, int step = 0, int timestamp = 1) {
    return {{"key", key}, {"value", value}, {"timestamp", timestamp}, {"step", step}};
  }

  // {"error_code": ..., "message": ...}: the code, and that the message names the field.
  static void ExpectError(const HttpResponse& response, int status, const std::string& code, const std::string& text) {
    EXPECT_EQ(response.status, status) << response.body;
    ASSERT_TRUE(response.Json().is_object()) << response.body;
    EXPECT_EQ(response.Json()["error_code"], code) << response.body;
    EXPECT_THAT(response.Json()["message"].get<std::string>(), testing::HasSubstr(text));
  }
  static void ExpectWrong(const HttpResponse& response, const std::string& text) {
    ExpectError(response, 400, "INVALID_PARAMETER_VALUE", text);
  }
};

}  // namespace normlab::server
