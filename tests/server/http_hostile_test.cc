// Whoever means no good: hostile pages in the user's own browser, and whoever can reach the port.
#include <poll.h>

#include "tests/peak_memory.h"
#include "tests/reliability.h"
#include "tests/sanitizer.h"
#include "tests/server/http_fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

class HttpHostileTest : public HttpTest {
 protected:
  HttpRequest List(std::map<std::string, std::string> headers) const {
    return {.target = "/v1/JobService/ListJobs", .token = Token(), .headers = std::move(headers)};
  }
  std::string Origin() const { return fmt::format("http://127.0.0.1:{}", Port()); }
};

// ---- Pages elsewhere.

// A hostile name that its owner makes point to 127.0.0.1: the browser takes the page and our answers for one site.
TEST_F(HttpHostileTest, AnotherHostNameIsRefused) {
  const std::string port = fmt::format(":{}", Port());
  for (const std::string& host : {"evil.example" + port, "127.0.0.1" + port + ".evil.example", std::string("127.0.0.1"),
                                  std::string("127.0.0.1:1"), "127.0.0.2" + port, "[::1]" + port, "0.0.0.0" + port,
                                  "localhost." + port, "evil@127.0.0.1" + port, "127.1" + port, std::string("")}) {
    for (const char* target : {"/", "/healthz", "/openapi.json"}) {
      const HttpResponse page = Call({.method = "GET", .target = target, .headers = {{"Host", host}}});
      EXPECT_EQ(page.status, 403) << host << " " << target;
    }
    const HttpResponse call = Call(List({{"Host", host}}));
    EXPECT_EQ(call.status, 403) << host;
    EXPECT_EQ(call.Code(), "PERMISSION_DENIED");
    EXPECT_THAT(call.Text(), HasSubstr("localhost" + port)) << "says what is expected";
  }
  EXPECT_EQ(Call(List({{"Host", "localhost" + port}})).status, 200);
  RecordReliability(35, "other host names refused");
}

TEST_F(HttpHostileTest, TwoHostsAreNone) {
  HttpClient client(Port());
  std::string text = client.Text(List({}));
  text.insert(text.find("\r\n") + 2, "Host: evil.example\r\n");
  client.Send(text);
  EXPECT_THAT(client.Read().status, testing::AnyOf(400, 403));
}

TEST_F(HttpHostileTest, AnotherPagesCallIsRefused) {
  for (const std::string& origin :
       {std::string("http://evil.example"), std::string("null"), fmt::format("https://127.0.0.1:{}", Port()),
        std::string("http://127.0.0.1:1"), Origin() + "/", Origin() + ".evil.example", std::string("file://")}) {
    EXPECT_EQ(Call(List({{"Origin", origin}})).status, 403) << origin;
    EXPECT_EQ(Call({.method = "OPTIONS", .target = "/v1/JobService/ListJobs", .headers = {{"Origin", origin}}}).status,
              403);
  }
  for (const char* site : {"cross-site", "same-site", "other", "Same-Origin"}) {
    EXPECT_EQ(Call(List({{"Sec-Fetch-Site", site}})).status, 403) << site;
    EXPECT_EQ(Call({.method = "GET", .target = "/healthz", .headers = {{"Sec-Fetch-Site", site}}}).status, 403) << site;
  }
  EXPECT_EQ(Call(List({{"Origin", Origin()}, {"Sec-Fetch-Site", "same-origin"}})).status, 200);
  RecordReliability(35, "other pages refused");
}

// A form can be sent from anywhere, and its text can look like JSON; what it cannot have is our content type.
TEST_F(HttpHostileTest, AFormIsNoCall) {
  for (const char* type : {"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"}) {
    EXPECT_EQ(Call(List({{"Content-Type", type}})).status, 415) << type;
  }
}

TEST_F(HttpHostileTest, ALinkMayOpenThePageAndNothingElse) {
  const std::map<std::string, std::string> link = {
      {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}};
  EXPECT_NE(Call({.method = "GET", .target = "/", .headers = link}).status, 403);
  EXPECT_EQ(Call({.method = "GET", .target = "/healthz", .headers = link}).status, 403);
  EXPECT_EQ(Call(List(link)).status, 403);
  std::map<std::string, std::string> frame = link;
  frame["Sec-Fetch-Dest"] = "iframe";
  EXPECT_EQ(Call({.method = "GET", .target = "/", .headers = frame}).status, 403);
}

TEST_F(HttpHostileTest, EveryAnswerKeepsTheBrowserStrict) {
  std::vector<HttpResponse> answers = {Fetch("/"),
                                       Fetch("/healthz"),
                                       Fetch("/nothing"),
                                       Call(List({})),
                                       Call(List({{"Host", "evil"}})),
                                       Call("ArtifactService/ReadArtifact", R"({"job_id":"x"})")};
  HttpClient broken(Port());
  broken.Send("?\r\n\r\n");
  answers.push_back(broken.Read());
  HttpClient stream(Port());
  stream.Send({.target = "/v1/JobService/WatchJobs", .token = Token()});
  answers.push_back(stream.ReadHeader());
  for (const HttpResponse& answer : answers) {
    ASSERT_NE(answer.status, 0);
    const std::string& policy = answer.headers.at("content-security-policy");
    EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(policy, testing::Not(HasSubstr("unsafe")));
    EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(answer.headers.at("cross-origin-resource-policy"), "same-origin");
    EXPECT_FALSE(answer.headers.contains("set-cookie"));
    for (const auto& [name, value] : answer.headers) {
      EXPECT_FALSE(name.starts_with("access-control-")) << name;
    }
  }
}

// ---- Requests that are none.

TEST_F(HttpHostileTest, WhatIsNoRequestIsRefusedAndClosed) {
  const std::string host = fmt::format("Host: 127.0.0.1:{}\r\n", Port());
  const std::vector<std::string> requests = {
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n" + host + "\r\n",
      "GET / HTTP/1.1\n" + host + "\n",
      "GET / HTTP/1.1\r\n" + host + "Bad Header: x\r\n\r\n",
      "GET / HTTP/1.1\r\n" + host + "A: x\x01y\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\n" + host + "\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 1x\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
      "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
  };
  for (const std::string& request : requests) {
    HttpClient client(Port());
    client.Send(request);
    const HttpResponse response = client.Read();
    EXPECT_EQ(response.status, 400) << request;
    EXPECT_EQ(response.Code(), "INVALID_ARGUMENT") << request;
    EXPECT_TRUE(client.Closed());
  }
  HttpClient old(Port());
  old.Send("GET /healthz HTTP/1.0\r\n" + host + "\r\n");
  EXPECT_EQ(old.Read().status, 505);
  EXPECT_TRUE(old.Closed());
}

TEST_F(HttpHostileTest, ABadChunkEndsTheRequest) {
  for (const char* body : {"x\r\n", "-1\r\n", "fffffffffffffffff\r\n", "2\r\n{}x\r\n0\r\n\r\n", "\r\n\r\n"}) {
    HttpClient client(Port());
    client.Send(client.Text({.target = "/v1/JobService/ListJobs",
                             .body = body,
                             .token = Token(),
                             .headers = {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}}));
    const HttpResponse response = client.Read();
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_TRUE(client.Closed());
  }
}

TEST_F(HttpHostileTest, ALongHeaderIsRefused) {
  for (const std::string& request : {"GET /" + std::string(20'000, 'a'),
                                     "GET / HTTP/1.1\r\nA: " + std::string(20'000, 'a'), "GET / HTTP/1.1\r\n" + [] {
                                       std::string many;
                                       for (int i = 0; i < 5'000; ++i) {
                                         many += "A:b\r\n";
                                       }
                                       return many;
                                     }()}) {
    HttpClient client(Port());
    client.Send(request);
    EXPECT_EQ(client.Read().status, 431);
    EXPECT_TRUE(client.Closed());
  }
}

// Refused by what it says of itself, before it is sent; in chunks, once it is too long.
TEST_F(HttpHostileTest, ALongBodyIsRefused) {
  HttpClient client(Port());
  client.Send(client.Text(
      {.target = "/v1/JobService/ListJobs", .body = "", .token = Token(), .headers = {{"Content-Length", "5000000"}}}));
  EXPECT_EQ(client.Read().status, 413);

  HttpClient chunked(Port());
  std::string text = chunked.Text({.target = "/v1/JobService/ListJobs",
                                   .body = "",
                                   .token = Token(),
                                   .headers = {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}});
  for (int i = 0; i < 5; ++i) {
    text += "100000\r\n" + std::string(1 << 20, ' ') + "\r\n";
  }
  chunked.Send(text);
  EXPECT_EQ(chunked.Read().status, 413);

  const HttpResponse line = Call({.target = "/v1/WorkerService/PutArtifact",
                                  .body = std::string(5 << 20, ' '),
                                  .token = Token(),
                                  .headers = {{"Content-Type", "application/x-ndjson"}}});
  EXPECT_EQ(line.status, 400) << "a stream may be long, but not its lines";
}

// Nobody's body is read before his token is known.
TEST_F(HttpHostileTest, AStrangersBodyIsNotRead) {
  HttpClient client(Port());
  client.Send(client.Text({.target = "/v1/JobService/ListJobs", .body = "", .headers = {{"Content-Length", "1000"}}}));
  EXPECT_EQ(client.Read().status, 401) << "although it was never sent";
  EXPECT_TRUE(client.Closed());
}

}  // namespace
}  // namespace normlab::server
