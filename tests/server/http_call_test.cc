// The API as JSON: every method through the same gate as over gRPC, its messages and its errors.
#include <google/protobuf/descriptor.h>

#include <fstream>

#include "base/crc32c.h"
#include "server/http/methods.h"
#include "tests/server/http_fixture.h"

namespace normlab::server {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class HttpCallTest : public HttpTest {};

// ---- The same gate.

TEST_F(HttpCallTest, NoMethodAnswersWithoutAToken) {
  ASSERT_GT(http::AllMethods().size(), 20u);
  HttpClient client(Port());
  for (const auto* method : http::AllMethods()) {
    const std::string type = method->client_streaming() ? "application/x-ndjson" : "application/json";
    for (const std::string& shown : {std::string(), "Bearer " + std::string(64, '0'), Token(), "bearer " + Token(),
                                     "Bearer " + Token() + "x", "Basic " + Token()}) {
      const HttpResponse response = client.Call({.target = http::HttpPath(*method),
                                                 .body = "",
                                                 .headers = {{"Authorization", shown}, {"Content-Type", type}}});
      EXPECT_EQ(response.status, 401) << method->full_name() << " with " << shown;
      EXPECT_EQ(response.Code(), "UNAUTHENTICATED");
      EXPECT_EQ(response.headers.at("www-authenticate"), "Bearer");
    }
  }
}

// An empty message to every method with every role: both doors say the same.
TEST_F(HttpCallTest, EveryMethodSaysToEveryRoleWhatItSaysOverGrpc) {
  for (const auto* method : http::AllMethods()) {
    const bool follows = method->name() == "WatchJobs";  // a job id that is none, so that nothing is followed for ever
    for (const Role role : {Role::kViewer, Role::kSubmitter, Role::kWorker, Role::kAdmin}) {
      const RawAnswer grpc =
          CallRaw(NewChannel(), http::GrpcPath(*method), follows ? "\x0a\x01x" : "", "Bearer " + Token(role));
      const HttpResponse http = Call(
          {.target = http::HttpPath(*method),
           .body = follows ? R"({"job_ids":["x"]})" : "{}",
           .token = Token(role),
           .headers = {{"Content-Type", method->client_streaming() ? "application/x-ndjson" : "application/json"}}});
      const nlohmann::json json = http.Json();
      const int code = json.contains("error") ? json["error"]["code"].get<int>() : 0;
      const bool answered = grpc.status.error_code() == grpc::StatusCode::CANCELLED;  // by us, once it was
      if ((method->name() == "CreateBackup" || method->name() == "StartScrub") && role == Role::kAdmin) {
        EXPECT_TRUE(answered || grpc.status.ok())
            << method->full_name();  // one at a time: what the second is told is not that
        continue;
      }
      EXPECT_EQ(code, answered ? 0 : static_cast<int>(grpc.status.error_code()))
          << method->full_name() << " as " << RoleName(role) << ": " << http.body << grpc.status.error_message();
      if (code != 0) {
        EXPECT_EQ(http.Text(), grpc.status.error_message()) << method->full_name();
      }
    }
  }
}

// ---- Messages.

TEST_F(HttpCallTest, AMessageIsItsJson) {
  const HttpResponse created = Call(
      "JobService/CreateJob", R"({"spec":{"seed":"7","mnist_mlp":{"norm":"NORM_KIND_LAYER"}},"labels":{"a":"ü"}})");
  ASSERT_EQ(created.status, 200) << created.body;
  EXPECT_EQ(created.headers.at("content-type"), "application/json");
  const nlohmann::json job = created.Json()["job"];
  EXPECT_EQ(job["spec"]["seed"], "7") << "64-bit integers are strings";
  EXPECT_EQ(job["spec"]["mnist_mlp"]["norm"], "NORM_KIND_LAYER");
  EXPECT_EQ(job["state"], "JOB_STATE_QUEUED");
  EXPECT_EQ(job["labels"]["a"], "ü");
  EXPECT_EQ(job["steps_done"], "0") << "defaults are there";
  EXPECT_EQ(created.Json()["reused"], false);
  EXPECT_FALSE(job.contains("finished")) << "messages that are not set are not";

  const HttpResponse got = Call("JobService/GetJob", fmt::format(R"({{"jobId":{}}})", job["job_id"].dump()));
  EXPECT_EQ(got.Json()["job"]["identity"], job["identity"]) << got.body;
}

TEST_F(HttpCallTest, ARepeatedRequestIdGetsTheFirstAnswer) {
  const std::string body = fmt::format(R"({{"request_id":"{}","spec":{{"mnist_mlp":{{}}}}}})", Uuid(1));
  const HttpResponse first = Call("JobService/CreateJob", body);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(Call("JobService/CreateJob", body).Json(), first.Json());
  const HttpResponse other =
      Call("JobService/CreateJob", fmt::format(R"({{"request_id":"{}","spec":{{"draw":{{}}}}}})", Uuid(1)));
  EXPECT_EQ(other.status, 409) << other.body;
}

TEST_F(HttpCallTest, RequestsFollowEachOtherOnOneConnection) {
  HttpClient client(Port());
  const HttpRequest list{.target = "/v1/JobService/ListJobs", .token = Token()};
  EXPECT_EQ(client.Call(list).status, 200);
  EXPECT_EQ(client.Call({.target = "/v1/JobService/GetJob", .token = Token()}).status, 400);
  client.Send(client.Text(list) + client.Text({.method = "GET", .target = "/healthz"}) + client.Text(list));
  EXPECT_EQ(client.Read().Json()["jobs"], nlohmann::json::array());
  EXPECT_EQ(client.Read().body, "ok\n");
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(HttpCallTest, ABodyInChunksIsOne) {
  HttpClient client(Port());
  client.Send(client.Text({.target = "/v1/JobService/ListJobs",
                           .body = "",
                           .token = Token(),
                           .headers = {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}}) +
              "2\r\n{\"\r\n5\r\npage_\r\n");
  client.Send("8;x=y\r\nsize\":1}\r\n0\r\n\r\n");
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(HttpCallTest, WhoWaitsToBeAskedForTheBodyIsAsked) {
  HttpClient client(Port());
  client.Send(client.Text({.target = "/v1/JobService/ListJobs",
                           .body = "",
                           .token = Token(),
                           .headers = {{"Content-Length", "2"}, {"Expect", "100-continue"}}}));
  EXPECT_EQ(client.ReadHeader().status, 100);
  client.Send("{}");
  EXPECT_EQ(client.Read().status, 200);
}

// ---- Errors.

TEST_F(HttpCallTest, AnErrorHasTheFieldsThatItHasOverGrpc) {
  v1::CreateJobRequest request = MnistRequest();
  request.mutable_spec()->mutable_mnist_mlp()->set_batch_size(-1);
  request.mutable_spec()->mutable_mnist_mlp()->set_train_images(-1);
  CallContext context;
  v1::CreateJobResponse ignored;
  const grpc::Status grpc = jobs_->CreateJob(&context, request, &ignored);

  const HttpResponse http =
      Call("JobService/CreateJob",
           R"({"spec":{"seed":1,"mnist_mlp":{"norm":"NORM_KIND_LAYER","batch_size":-1,"train_images":-1}}})");
  EXPECT_EQ(http.status, 400);
  const nlohmann::json error = http.Json()["error"];
  EXPECT_EQ(error["code"], 3);
  EXPECT_EQ(error["status"], "INVALID_ARGUMENT");
  EXPECT_EQ(error["message"], grpc.error_message());
  std::vector<std::string> fields;
  for (const auto& detail : error["details"]) {
    EXPECT_TRUE(detail.contains("@type"));
    if (detail["@type"] == "type.googleapis.com/google.rpc.BadRequest") {
      for (const auto& violation : detail["field_violations"]) {
        fields.push_back(violation["field"]);
      }
    }
  }
  EXPECT_EQ(fields, WrongFields(grpc));
  EXPECT_EQ(fields.size(), 2u);
}

TEST_F(HttpCallTest, JsonThatIsNoMessageNamesTheField) {
  const auto field = [this](const std::string& body) {
    const HttpResponse response = Call("JobService/BatchCreateJobs", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.Code(), "INVALID_ARGUMENT") << body;
    return response.Field();
  };
  EXPECT_EQ(field(R"({"requets":[]})"), "requets");
  EXPECT_EQ(field(R"({"requests":[{},{"spec":{"mnist_mlp":{"batchsize":4}}}]})"),
            "requests[1].spec.mnist_mlp.batchsize");
  EXPECT_EQ(field(R"({"requests":[{"priority":"high"}]})"), "requests[0].priority");
  EXPECT_EQ(field(R"({"requests":[{"priority":99999999999}]})"), "requests[0].priority");
  EXPECT_EQ(field(R"({"requests":[{"spec":{"mnist_mlp":{"norm":"BATCH_NORM"}}}]})"), "requests[0].spec.mnist_mlp.norm");
  EXPECT_EQ(field(R"({"requests":[{"spec":[]}]})"), "requests[0].spec");
  for (const char* text : {"", "[]", "null", "1", "{", "{}{}", "{\"requests\":[", "\xff", "{\"request_id\":\"\xc3\"}",
                           "{\"request_id\":\"\\ud800\"}"}) {
    EXPECT_EQ(field(text), "") << text;
  }
}

TEST_F(HttpCallTest, DeepJsonIsRefused) {
  std::string objects, arrays = R"({"requests":)";
  for (int i = 0; i < 100'000; ++i) {
    objects += R"({"requests":[)";
    arrays += '[';
  }
  for (const std::string& body : {objects, arrays}) {
    EXPECT_EQ(Call("JobService/BatchCreateJobs", body).status, 400);
  }
}

TEST_F(HttpCallTest, WhatIsNotHereIsSaid) {
  for (const char* target : {"/v1/JobService/NoSuch", "/v1/NoService/ListJobs", "/v1/", "/v1/JobService", "/v2/x", "/x",
                             "/v1/JobService/ListJobs/", "/v1/JobService/ListJobs?x=1", "/v1/./JobService/ListJobs",
                             "/v1/grpc.health.v1.Health/Check", "/v1/JobService/..", "//", "/assets/../healthz",
                             "/%2e%2e/etc/passwd", "/v1/JobService%2fListJobs", "/assets/\\..\\", "*", "x"}) {
    const HttpResponse response = Call({.target = target, .token = Token()});
    EXPECT_EQ(response.status, 404) << target;
    EXPECT_EQ(response.Code(), "NOT_FOUND") << target;
  }
  const HttpResponse get = Call({.method = "GET", .target = "/v1/JobService/ListJobs", .token = Token()});
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.headers.at("allow"), "POST");
  const HttpResponse post = Call({.target = "/healthz"});
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.headers.at("allow"), "GET, HEAD");
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""}) {
    const HttpResponse response =
        Call({.target = "/v1/JobService/ListJobs", .token = Token(), .headers = {{"Content-Type", type}}});
    EXPECT_EQ(response.status, 415) << type;
  }
}

TEST_F(HttpCallTest, MetricsAreTextForWhoeverShowsAToken) {
  HttpClient client(Port());
  const HttpRequest scrape{.method = "GET", .target = "/metrics", .token = Token(Role::kViewer)};
  for (int i = 0; i < 2; ++i) {
    const HttpResponse response = client.Call(scrape);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.at("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_THAT(response.body, testing::HasSubstr("\n# TYPE normlab_jobs gauge\n"));
    EXPECT_TRUE(response.body.ends_with("# EOF\n"));
  }
  EXPECT_EQ(Fetch("/metrics").status, 401);
  EXPECT_EQ(Call({.method = "GET", .target = "/metrics", .token = Token(Role::kWorker)}).status, 403);
  EXPECT_EQ(Call({.target = "/metrics", .token = Token()}).status, 405);
}

TEST_F(HttpCallTest, AServerThatStopsSaysSo) {
  EXPECT_EQ(Fetch("/healthz").body, "ok\n");
  daemon_->Stop();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/home/run/http"));
}

TEST_F(HttpCallTest, TheAddressIsInAFile) {
  std::ifstream file(folder_.path() + "/home/run/http");
  std::string address;
  file >> address;
  EXPECT_EQ(address, fmt::format("127.0.0.1:{}", Port()));
}

// ---- Streams.

class HttpStreamTest : public HttpTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = HttpTest::Options();
    options.limits.streams = 1;
    return options;
  }

  void Watch(HttpClient& client, const std::string& body) const {
    client.Send({.target = "/v1/JobService/WatchJobs", .body = body, .token = Token(Role::kViewer)});
  }
  static nlohmann::json Data(const std::optional<std::string>& event) {
    return event && event->starts_with("data: ") ? nlohmann::json::parse(event->substr(6)) : nlohmann::json();
  }
};

TEST_F(HttpStreamTest, AServerStreamIsEvents) {
  const v1::Job job = Create(1);
  HttpClient client(Port());
  Watch(client, fmt::format(R"({{"job_ids":["{}"]}})", job.job_id()));
  const HttpResponse header = client.ReadHeader();
  EXPECT_EQ(header.status, 200);
  EXPECT_EQ(header.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(Data(client.ReadEvent())["jobs"][0]["state"], "JOB_STATE_QUEUED");
  const auto lease = LeaseOne();
  EXPECT_EQ(Data(client.ReadEvent())["jobs"][0]["state"], "JOB_STATE_RUNNING");
  ASSERT_TRUE(Finish(lease.attempt()).ok());
  EXPECT_EQ(Data(client.ReadEvent())["jobs"][0]["state"], "JOB_STATE_SUCCEEDED");
  EXPECT_EQ(client.ReadEvent(), "event: end\ndata: {}");
  EXPECT_EQ(client.ReadEvent(), std::nullopt);
  EXPECT_EQ(client.Call({.method = "GET", .target = "/healthz"}).status, 200) << "the connection goes on";
}

TEST_F(HttpStreamTest, AStreamThatFailsBeforeItBeginsIsAnOrdinaryError) {
  HttpClient client(Port());
  Watch(client, R"({"job_ids":["j99"]})");
  const HttpResponse response = client.Read();
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.Code(), "NOT_FOUND");
}

TEST_F(HttpStreamTest, AStreamWithoutNewsBeginsAllTheSameAndEndsWithTheServer) {
  HttpClient client(Port());
  Watch(client, "{}");
  EXPECT_EQ(client.ReadHeader().status, 200);
  const v1::Job job = Create(1);
  EXPECT_EQ(Data(client.ReadEvent())["jobs"][0]["job_id"], job.job_id());
  daemon_->Stop();
  EXPECT_TRUE(client.Closed());
}

// One place for streams: the second is served only once the first has been given up.
TEST_F(HttpStreamTest, AReaderWhoLeavesGivesHisPlaceBack) {
  {
    HttpClient client(Port());
    Watch(client, "{}");
    EXPECT_EQ(client.ReadHeader().status, 200);
    const HttpResponse second = Call("JobService/WatchJobs", "{}");
    EXPECT_EQ(second.status, 429);
    EXPECT_EQ(second.Code(), "RESOURCE_EXHAUSTED");
  }
  const v1::Job job = Create(1);
  CallContext context;
  v1::CancelJobRequest cancel;
  cancel.set_job_id(job.job_id());
  v1::CancelJobResponse ignored;
  ASSERT_TRUE(jobs_->CancelJob(&context, cancel, &ignored).ok());
  const std::string body = fmt::format(R"({{"job_ids":["{}"]}})", job.job_id());
  EXPECT_TRUE(Eventually([&] { return Call("JobService/WatchJobs", body).status == 200; }));
}

TEST_F(HttpStreamTest, AClientStreamIsALineForEachMessage) {
  Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  const std::string header = fmt::format(
      R"({{"header":{{"attempt":{{"job_id":"{}","number":{},"secret":"{}"}},"step":"3","size":"6","crc32c":{}}}}})",
      attempt.job_id(), attempt.number(), attempt.secret(), Crc32c("abcdef"));
  const auto put = [&](const std::string& lines) {
    return Call({.target = "/v1/WorkerService/PutCheckpoint",
                 .body = lines,
                 .token = Token(Role::kWorker),
                 .headers = {{"Content-Type", "application/x-ndjson"}}});
  };
  const HttpResponse wrong = put(header + "\n{\"daten\":\"YWJj\"}\n");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.Field(), "line 2.daten");
  const HttpResponse whole = put(header + "\n{\"data\":\"YWJj\"}\n{\"data\":\"ZGVm\"}");
  EXPECT_EQ(whole.status, 200) << whole.body;
  EXPECT_EQ(whole.body, "{}");
  const HttpResponse read =
      Call("ArtifactService/ReadCheckpoint", fmt::format(R"({{"job_id":"{}","at_most_step":"9"}})", attempt.job_id()));
  EXPECT_THAT(read.body,
              AllOf(HasSubstr(R"("step":"3")"), HasSubstr(R"({"data":"YWJjZGVm"})"), HasSubstr("event: end")));
}

}  // namespace
}  // namespace normlab::server
