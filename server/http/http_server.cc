#include "server/http/http_server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <list>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "normlab/v1/admin.pb.h"
#include "server/http/api_call.h"
#include "server/http/connection.h"
#include "server/http/methods.h"
#include "server/http/rest_call.h"
#include "server/http/router.h"
#include "server/http/services.h"
#include "server/http/sessions.h"

namespace normlab::server::http {
namespace {

using Tcp = asio::ip::tcp;

constexpr std::uint64_t kSessionBytes = 1 << 10;
constexpr int kThreads = 2;  // so that one long answer, while it becomes JSON, leaves others a thread
constexpr std::chrono::milliseconds kCloseGrace{1'000};  // for gRPC to let go of calls that are cancelled
constexpr std::chrono::milliseconds kPauseWithoutDescriptors{100};

// The connections there are, counted by the places they hold.
class Places {
 public:
  explicit Places(int limit) : limit_(limit) {}

  // Null: none is free.
  std::shared_ptr<void> Take() ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(mu_);
    if (taken_ >= limit_) {
      return nullptr;
    }
    ++taken_;
    return {this, [this](void*) { Give(); }};
  }

  void WaitUntilFree(std::chrono::steady_clock::time_point deadline) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(mu_);
    while (taken_ > 0 && lock.WaitUntil(given_, deadline)) {
    }
  }

 private:
  void Give() ABSL_LOCKS_EXCLUDED(mu_) {
    const MutexLock lock(mu_);
    --taken_;
    given_.notify_all();
  }

  const int limit_;
  Mutex mu_;
  int taken_ ABSL_GUARDED_BY(mu_) = 0;
  std::condition_variable given_;
};

Answer MetricsAnswer(const google::protobuf::Message& message) {
  const auto& metrics = static_cast<const v1::GetMetricsResponse&>(message);
  return {.content_type = metrics.media_type(), .body = metrics.content()};
}

// Members stand in the order in which they are made; destruction runs backwards: with the context go the connections.
class HttpServerImpl : public HttpServer {
 public:
  explicit HttpServerImpl(HttpOptions options)
      : options_(std::move(options)), places_(options_.limits.connections), services_(options_.channel) {}

  ~HttpServerImpl() override { Stop(std::chrono::milliseconds(0)); }

  absl::Status Listen() {
    beast::error_code error;
    const Tcp::endpoint endpoint(asio::ip::make_address(options_.listen.host, error),
                                 static_cast<unsigned short>(options_.listen.port));
    const auto step = [&error](auto&& act) { error ? void() : act(); };
    step([&] { acceptor_.open(endpoint.protocol(), error); });
    step([&] { acceptor_.set_option(asio::socket_base::reuse_address(true), error); });
    step([&] { acceptor_.bind(endpoint, error); });
    step([&] { acceptor_.listen(asio::socket_base::max_listen_connections, error); });
    if (error) {
      const std::string why =
          fmt::format("--http: listen on {} port {}: {}", options_.listen.host, options_.listen.port, error.message());
      return error == asio::error::address_in_use ? absl::FailedPreconditionError(why) : absl::UnavailableError(why);
    }
    options_.listen.port = acceptor_.local_endpoint().port();
    router_.emplace(RouterParts{.loopback = options_.listen,
                                .pages = options_.pages,
                                .apis = options_.apis,
                                .identify = options_.identify,
                                .serving = options_.serving});
    Accept();
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
    return absl::OkStatus();
  }

  void Stop(std::chrono::milliseconds grace) override {
    if (threads_.empty()) {
      return;
    }
    asio::post(strand_, [this] {
      stopping_ = true;
      beast::error_code ignored;
      acceptor_.close(ignored);
    });
    EndAll(&Connection::Finish, grace);
    EndAll(&Connection::Close, kCloseGrace);
    context_.stop();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
    services_.Stop();
  }

  int port() const override { return options_.listen.port; }

 private:
  // Ends every connection in this way, and waits until they are gone or `grace` has passed.
  void EndAll(void (Connection::*end)(), std::chrono::milliseconds grace) {
    asio::post(strand_, [this, end] {
      for (const std::weak_ptr<Connection>& known : connections_) {
        if (const auto connection = known.lock()) {
          ((*connection).*end)();
        }
      }
    });
    places_.WaitUntilFree(std::chrono::steady_clock::now() + grace);
  }

  // ---- On strand_.

  void Accept() {
    acceptor_.async_accept(asio::make_strand(context_), [this](beast::error_code error, Tcp::socket socket) {
      if (stopping_) {
        return;
      }
      if (error == asio::error::no_descriptors) {
        Log(LogLevel::kWarning, "http_waits", {{"why", "out of file descriptors; raise the limit (ulimit -n)"}});
        pause_.expires_after(kPauseWithoutDescriptors);
        pause_.async_wait([this](beast::error_code) { Accept(); });
        return;
      }
      if (!error) {
        Serve(std::move(socket));
      }
      Accept();
    });
  }

  void Serve(Tcp::socket socket) {
    std::shared_ptr<void> place = places_.Take();
    if ((place == nullptr) != std::exchange(full_, place == nullptr) && full_) {
      Log(LogLevel::kWarning, "connections_refused", {{"door", "http"}, {"limit", options_.limits.connections}});
    }
    if (place == nullptr) {
      return;  // which closes it
    }
    beast::error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    const auto connection =
        std::make_shared<Connection>(std::move(socket), options_.limits, handler_, std::move(place));
    connections_.remove_if([](const std::weak_ptr<Connection>& known) { return known.expired(); });
    connections_.push_back(connection);
    connection->Start();
  }

  // ---- On a connection's strand.

  void Handle(const std::shared_ptr<Connection>& connection) {
    Route route = router_->Find(connection->header());
    if (const auto* answer = std::get_if<Answer>(&route)) {
      connection->Respond(*answer);
    } else if (std::holds_alternative<OpenSession>(route)) {
      connection->ReadBody(kSessionBytes, [this, connection](const std::string& body) {
        connection->Respond(sessions_.Exchange(body));
      });
    } else if (std::holds_alternative<ReadMetrics>(route)) {
      RunApiCall(connection, *FindMethod("/v1/AdminService/GetMetrics"), services_, MetricsAnswer);
    } else if (auto* rest = std::get_if<RestRoute>(&route)) {
      RunRestCall(connection, *rest->api, std::move(rest->call), services_);
    } else {
      RunApiCall(connection, *std::get<const google::protobuf::MethodDescriptor*>(route), services_);
    }
  }

  HttpOptions options_;
  Places places_;
  Services services_;
  Sessions sessions_{options_.admin_token};
  std::optional<Router> router_;
  const Connection::Handler handler_ = [this](const auto& connection) { Handle(connection); };
  asio::io_context context_;
  asio::strand<asio::io_context::executor_type> strand_{context_.get_executor()};
  Tcp::acceptor acceptor_{strand_};
  asio::steady_timer pause_{strand_};
  std::list<std::weak_ptr<Connection>> connections_;
  bool stopping_ = false;
  bool full_ = false;  // as the last connection came
  std::vector<std::thread> threads_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpOptions options) {
  auto server = std::make_unique<HttpServerImpl>(std::move(options));
  NORMLAB_RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace normlab::server::http
