// What one caller may take: time, connections, memory; and the page's files. The door alone, before a service of the test.
#include <grpcpp/server_builder.h>
#include <poll.h>

#include <atomic>

#include "server/http/http_server.h"
#include "tests/reliability.h"
#include "tests/server/http_fixture.h"

namespace normlab::server {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBig = 1 << 20;
constexpr int kMany = 2'000;

// Streams big messages for as long as they are taken; one that is asked for a revision fails after its first.
class Fountain : public v1::JobService::Service {
 public:
  grpc::Status WatchJobs(grpc::ServerContext*, const v1::WatchJobsRequest* request,
                         grpc::ServerWriter<v1::WatchJobsResponse>* writer) override {
    v1::WatchJobsResponse message;
    if (request->after_revision() > 0) {
      writer->Write(message);
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "it is gone");
    }
    message.add_jobs()->set_error(std::string(kBig, 'x'));
    while (sent < kMany && writer->Write(message)) {
      ++sent;
    }
    ended = true;
    return grpc::Status::OK;
  }

  std::atomic<int> sent{0};
  std::atomic<bool> ended{false};
};

constexpr http::Page kPages[] = {
    {"/", "text/html; charset=utf-8", "\"e1\"", "<title>normlab</title>", "zipped page"},
    {"/assets/main.js", "text/javascript; charset=utf-8", "\"e2\"", "start()", "zipped script"}};

class HttpLimitsTest : public testing::Test {
 protected:
  void Start(http::Limits limits, std::span<const http::Page> pages = {}) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&fountain_);
    services_ = builder.BuildAndStart();
    auto server = http::HttpServer::Start({.listen = {.host = "127.0.0.1", .port = 0},
                                           .limits = limits,
                                           .channel = services_->InProcessChannel(grpc::ChannelArguments()),
                                           .pages = pages,
                                           .identify = [](std::string_view) { return absl::OkStatus(); },
                                           .admin_token = [] { return absl::InternalError("there is none"); },
                                           .serving = [this] { return serving_.load(); }});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  int Port() const { return server_->port(); }
  HttpResponse Get(const std::string& target, std::map<std::string, std::string> headers = {},
                   const std::string& method = "GET") const {
    return HttpClient(Port()).Call({.method = method, .target = target, .headers = std::move(headers)});
  }

  Fountain fountain_;
  std::atomic<bool> serving_{true};
  std::unique_ptr<grpc::Server> services_;
  std::unique_ptr<http::HttpServer> server_;
};

// ---- Time. That a connection is closed in the end is what these tests wait for.

TEST_F(HttpLimitsTest, WhoSaysNothingIsClosed) {
  Start({.idle = milliseconds(50)});
  EXPECT_TRUE(HttpClient(Port()).Closed());
  HttpClient kept(Port());
  EXPECT_EQ(kept.Call({.method = "GET", .target = "/healthz"}).status, 200);
  EXPECT_TRUE(kept.Closed());
}

// Each byte comes in time, but the header as a whole does not.
TEST_F(HttpLimitsTest, ASlowHeaderIsCutOff) {
  Start({.header = milliseconds(200)});
  HttpClient client(Port());
  client.Send("GET /healthz HTTP/1.1\r\nX: ");
  EXPECT_TRUE(Eventually([&] {
    client.Send("x");
    pollfd event{client.fd(), POLLIN, 0};
    return ::poll(&event, 1, 20) > 0;  // it is closed
  }));
  EXPECT_TRUE(client.Closed());
  RecordReliability(27, "closed, with a limit of 200 ms");
}

TEST_F(HttpLimitsTest, ASlowBodyIsCutOff) {
  Start({.body = milliseconds(200)});
  HttpClient client(Port());
  client.Send(
      client.Text({.target = "/v1/JobService/ListJobs", .body = "", .headers = {{"Content-Length", "100000"}}}));
  EXPECT_TRUE(Eventually([&] {
    client.Send(" ");
    pollfd event{client.fd(), POLLIN, 0};
    return ::poll(&event, 1, 20) > 0;
  }));
  EXPECT_TRUE(client.Closed());
}

// The service waits with its reader: what is on its way is bounded. Who does not read at all is left in the end.
TEST_F(HttpLimitsTest, AReaderWhoDoesNotReadIsWaitedForAndThenLeft) {
  Start({.write = milliseconds(2'000)});
  HttpClient client(Port());
  client.Send({.target = "/v1/JobService/WatchJobs"});
  EXPECT_TRUE(Eventually([&] { return fountain_.ended.load(); }));
  EXPECT_LT(fountain_.sent, 32) << "MiB, most of them in the kernel's buffers";
}

TEST_F(HttpLimitsTest, AReaderWhoReadsGetsAll) {
  Start({});
  HttpClient client(Port());
  client.Send({.target = "/v1/JobService/WatchJobs"});
  EXPECT_EQ(client.ReadHeader().status, 200);
  for (int i = 0; i < 100; ++i) {
    const std::optional<std::string> event = client.ReadEvent();
    ASSERT_TRUE(event && event->size() > kBig);
  }
}

TEST_F(HttpLimitsTest, AStreamThatFailsAfterItBeganEndsWithAnErrorEvent) {
  Start({});
  HttpClient client(Port());
  client.Send({.target = "/v1/JobService/WatchJobs", .body = R"({"after_revision":"1"})"});
  EXPECT_EQ(client.ReadHeader().status, 200);
  EXPECT_EQ(client.ReadEvent(), R"(data: {"jobs":[]})");
  EXPECT_EQ(client.ReadEvent(),
            "event: error\ndata: "
            R"({"error":{"status":"NOT_FOUND","code":5,"message":"it is gone","details":[]}})");
  EXPECT_EQ(client.ReadEvent(), std::nullopt);
}

// ---- Connections.

TEST_F(HttpLimitsTest, ConnectionsBeyondTheLimitAreClosed) {
  Start({.connections = 2});
  std::optional<HttpClient> first(Port());
  HttpClient second(Port());
  EXPECT_EQ(first->Call({.method = "GET", .target = "/healthz"}).status, 200);
  EXPECT_EQ(second.Call({.method = "GET", .target = "/healthz"}).status, 200);
  EXPECT_TRUE(HttpClient(Port()).Closed());
  EXPECT_EQ(second.Call({.method = "GET", .target = "/healthz"}).status, 200) << "those that are there stay";
  first.reset();
  EXPECT_TRUE(Eventually([&] { return Get("/healthz").status == 200; })) << "a place that is given back is taken again";
}

TEST_F(HttpLimitsTest, StoppingEndsEverything) {
  Start({});
  HttpClient idle(Port()), reads(Port()), half(Port());
  EXPECT_EQ(idle.Call({.method = "GET", .target = "/healthz"}).status, 200);
  reads.Send({.target = "/v1/JobService/WatchJobs"});
  EXPECT_EQ(reads.ReadHeader().status, 200);
  half.Send("GET / HT");
  server_->Stop(milliseconds(1));
  EXPECT_TRUE(idle.Closed() && reads.Closed() && half.Closed());
  EXPECT_TRUE(Eventually([&] { return fountain_.ended.load(); }));
}

TEST_F(HttpLimitsTest, ATakenPortIsSaid) {
  Start({});
  const auto second = http::HttpServer::Start({.listen = {.host = "127.0.0.1", .port = Port()},
                                               .channel = services_->InProcessChannel(grpc::ChannelArguments())});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(second.status()), testing::HasSubstr("--http"));
}

// ---- Files.

TEST_F(HttpLimitsTest, HealthIsWhetherCallsAreServed) {
  Start({});
  EXPECT_EQ(Get("/healthz").body, "ok\n");
  serving_ = false;
  EXPECT_EQ(Get("/healthz").status, 503);
}

TEST_F(HttpLimitsTest, WithoutAPageTheRootSaysHowToGetIt) {
  Start({});
  const HttpResponse root = Get("/");
  EXPECT_EQ(root.status, 404);
  EXPECT_THAT(root.body, testing::HasSubstr("Node.js"));
}

TEST_F(HttpLimitsTest, FilesComeAsTheyAreOrCompressed) {
  Start({}, kPages);
  const HttpResponse page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<title>normlab</title>");
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.headers.at("vary"), "Accept-Encoding");
  EXPECT_FALSE(page.headers.contains("content-encoding"));
  const HttpResponse zipped = Get("/assets/main.js?v=1", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(zipped.body, "zipped script");
  EXPECT_EQ(zipped.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(Get("/assets/main.js", {{"Accept-Encoding", "br, gzip;q=0"}}).body, "start()");
  EXPECT_EQ(Get("/assets/other.js").status, 404);
}

TEST_F(HttpLimitsTest, WhatABrowserHasIsNotSentAgain) {
  Start({}, kPages);
  const HttpResponse same = Get("/", {{"If-None-Match", "\"e1\""}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.headers.at("etag"), "\"e1\"");
  EXPECT_EQ(Get("/", {{"If-None-Match", "\"e2\""}}).status, 200);
}

TEST_F(HttpLimitsTest, HeadIsGetWithoutItsBody) {
  Start({}, kPages);
  HttpClient client(Port());
  for (int i = 0; i < 2; ++i) {
    const HttpResponse head = client.Call({.method = "HEAD", .target = "/"});
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.headers.at("content-length"), "22");
  }
}

}  // namespace
}  // namespace normlab::server
