// http_server.h - the HTTP door: the API as JSON, and the page, on a loopback port.
//
// Nothing is encrypted, so only the kernel may carry it. Calls go through the in-process channel of the gRPC server, and so
// through the same gate as all others; no service knows which door a call came through.
//
// Thread safety: Start and Stop from one thread; threads of its own serve.
#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "proto/transport/address.h"
#include "server/http/limits.h"
#include "server/http/pages.h"
#include "server/http/rest_api.h"

namespace normlab::server::http {

struct HttpOptions {
  Loopback listen;  // port 0: any free one
  Limits limits = {};
  std::shared_ptr<grpc::Channel> channel = {};  // to the services
  std::span<const Page> pages = {};
  std::vector<const RestApi*> apis = {};  // of other programs; borrowed
  // OK for the value of an Authorization header that shows a token of this server.
  std::function<absl::Status(std::string_view authorization)> identify = {};
  std::function<absl::StatusOr<std::string>()> admin_token = {};  // reads it from its file
  std::function<bool()> serving = {};                             // whether calls are served, for /healthz
};

class HttpServer {
 public:
  // Serves when it returns OK. kFailedPrecondition when the port is taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpOptions options);
  // Stop(0).
  virtual ~HttpServer() = default;

  // Takes no more connections; answers under way have until `grace` has passed. The gRPC server must still be there.
  virtual void Stop(std::chrono::milliseconds grace) = 0;

  virtual int port() const = 0;
};

}  // namespace normlab::server::http
