// http_fixture.h - a server with its HTTP door open, tokens of all roles, and a client.
#pragma once

#include <fmt/format.h>

#include <string>

#include "proto/transport/token.h"
#include "server/edge/roles.h"
#include "tests/server/fixture.h"
#include "tests/server/http_client.h"

namespace normlab::server {

class HttpTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.http = Loopback{.host = "127.0.0.1", .port = 0};
    for (const Role role : {Role::kViewer, Role::kSubmitter, Role::kWorker, Role::kAdmin}) {
      options.token_files[role] = TokenFile(role);
    }
    return options;
  }

  std::string TokenFile(Role role) const { return fmt::format("{}/tokens/{}", folder_.path(), RoleName(role)); }
  std::string Token(Role role = Role::kAdmin) const { return *ReadToken(TokenFile(role)); }
  int Port() const { return daemon_->http_port(); }

  // On a connection of its own.
  HttpResponse Call(const HttpRequest& request) const { return HttpClient(Port()).Call(request); }
  HttpResponse Call(const std::string& method, const std::string& body, Role role = Role::kAdmin) const {
    return Call({.target = "/v1/" + method, .body = body, .token = Token(role)});
  }
  HttpResponse Fetch(const std::string& target) const { return Call({.method = "GET", .target = target}); }
};

}  // namespace normlab::server
