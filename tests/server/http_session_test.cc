// The link that opens the page: a code that is good once, soon, and with the server that ran when it was made.
#include "server/http/sessions.h"

#include "proto/transport/link_code.h"
#include "tests/server/http_fixture.h"

namespace normlab::server {
namespace {

using std::chrono::milliseconds;

const std::string kToken(64, 'a');

class SessionsTest : public testing::Test {
 protected:
  std::string Code(milliseconds after_start, const std::string& token = kToken) const {
    return *MakeLinkCode(token, start_ + after_start);
  }
  int Exchange(const std::string& code) {
    const http::Answer answer = sessions_.Exchange(nlohmann::json{{"code", code}}.dump());
    const auto json = nlohmann::json::parse(answer.body);
    EXPECT_EQ(answer.status == 200, json.contains("token")) << answer.body;
    if (answer.status == 200) {
      EXPECT_EQ(json["token"], kToken);
      EXPECT_EQ(json["role"], "admin");
    }
    return answer.status;
  }

  const std::chrono::system_clock::time_point start_{std::chrono::seconds(1'800'000'000)};
  std::chrono::system_clock::time_point now_ = start_;
  http::Sessions sessions_{[] { return kToken; }, [this] { return now_; }};
};

TEST_F(SessionsTest, ACodeIsGoodOnce) {
  const std::string code = Code(milliseconds(0));
  EXPECT_EQ(Exchange(code), 200);
  EXPECT_EQ(Exchange(code), 401);
  EXPECT_EQ(Exchange(Code(milliseconds(0))), 200) << "another one is another";
}

TEST_F(SessionsTest, ACodeIsGoodForMinutes) {
  const std::string early = Code(milliseconds(0)), late = Code(milliseconds(0));
  now_ = start_ + kLinkCodeLife;
  EXPECT_EQ(Exchange(early), 200);
  now_ += milliseconds(1);
  EXPECT_EQ(Exchange(late), 401);
  EXPECT_EQ(Exchange(early), 401) << "although it is forgotten";
}

TEST_F(SessionsTest, ACodeOfAnEarlierServerOrTheFutureIsNone) {
  EXPECT_EQ(Exchange(Code(milliseconds(-1))), 401);
  EXPECT_EQ(Exchange(Code(milliseconds(1))), 401);
}

TEST_F(SessionsTest, WhatTheTokenDidNotMakeIsNoCode) {
  const std::string code = Code(milliseconds(0));
  EXPECT_EQ(Exchange(Code(milliseconds(0), std::string(64, 'b'))), 401);
  for (std::size_t i = 0; i < code.size(); ++i) {
    std::string wrong = code;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    EXPECT_EQ(Exchange(wrong), 401) << i;
  }
  for (const std::string& wrong : {std::string(), code.substr(1), code + "0", kToken, std::string(60, '\0')}) {
    EXPECT_EQ(Exchange(wrong), 401);
  }
  EXPECT_EQ(Exchange(code), 200) << "none of them used it up";
}

TEST_F(SessionsTest, AnythingElseIsABadRequest) {
  for (const char* body :
       {"", "{}", "[]", "null", "{\"code\":1}", "{\"code\":null}", "{\"code\":\"x\",\"y\":1}", "{", "\xff"}) {
    EXPECT_EQ(sessions_.Exchange(body).status, 400) << body;
  }
}

class HttpSessionTest : public HttpTest {};

TEST_F(HttpSessionTest, TheLinkOpensASession) {
  const absl::StatusOr<std::string> link = daemon_->PageLink();
  ASSERT_TRUE(link.ok()) << link.status();
  const std::string start = fmt::format("http://127.0.0.1:{}/#t=", Port());
  ASSERT_TRUE(link->starts_with(start)) << *link;
  const HttpRequest exchange{.target = "/session",
                             .body = fmt::format(R"({{"code":"{}"}})", link->substr(start.size()))};
  const HttpResponse session = Call(exchange);
  ASSERT_EQ(session.status, 200) << session.body;
  EXPECT_EQ(session.headers.at("cache-control"), "no-store");
  EXPECT_EQ(Call({.target = "/v1/JobService/ListJobs", .token = session.Json()["token"]}).status, 200);
  const HttpResponse again = Call(exchange);
  EXPECT_EQ(again.status, 401);
  EXPECT_THAT(again.Text(), testing::HasSubstr("normlab page"));
}

TEST_F(HttpSessionTest, AnotherPageCannotExchangeACode) {
  EXPECT_EQ(Call({.target = "/session", .headers = {{"Origin", "http://evil.example"}}}).status, 403);
  EXPECT_EQ(Call({.target = "/session", .headers = {{"Content-Type", "text/plain"}}}).status, 415);
  EXPECT_EQ(Call({.method = "GET", .target = "/session"}).status, 405);
  EXPECT_EQ(Call({.target = "/session", .body = std::string(2'000, ' ')}).status, 413);
}

}  // namespace
}  // namespace normlab::server
