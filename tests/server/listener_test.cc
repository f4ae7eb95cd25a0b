#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "tests/reliability.h"
#include "tests/sanitizer.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

constexpr int kPatienceMs = static_cast<int>(std::chrono::milliseconds(kPatience).count());

constexpr char kNoPipe[] =
    "the sanitizer of undefined behaviour looks at objects through a pipe, for which no descriptor is left";

class ListenerTest : public ServerTest {};

// gRPC's own listener would be deaf for ever after this.
TEST_F(ListenerTest, RunningOutOfDescriptorsIsNotTheEnd) {
  if (kSanitized) {
    GTEST_SKIP() << kNoPipe;
  }
  ASSERT_NE(Create(1).job_id(), "");
  const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Options().socket_path.copy(address.sun_path, sizeof address.sun_path - 1);

  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<int> holes;  // fill the gaps below the highest descriptor, so that the limit really bites
  const int highest = ::fcntl(client, F_DUPFD_CLOEXEC, 200);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(highest);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) {
    holes.push_back(fd);
  }
  ASSERT_EQ(errno, EMFILE);
  ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  pollfd hang_up{client, POLLIN, 0};
  EXPECT_EQ(::poll(&hang_up, 1, kPatienceMs), 1);  // the server took the connection and dropped it
  char byte = 0;
  EXPECT_LE(::read(client, &byte, 1), 0);

  for (const int fd : holes) {
    ::close(fd);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ::close(highest);
  ::close(client);
  const auto fresh = v1::JobService::NewStub(NewChannel());
  CallContext context;
  v1::ListJobsResponse response;
  EXPECT_TRUE(fresh->ListJobs(&context, {}, &response).ok());
  RecordReliability(26, "accepted again");
}

// As if other threads were always faster to take the descriptor that is kept for this.
TEST_F(ListenerTest, WhatCannotEvenBeDroppedWaitsWithoutKeepingTheServerBusy) {
  if (kSanitized) {
    GTEST_SKIP() << kNoPipe;
  }
  ASSERT_NE(Create(1).job_id(), "");
  const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  Options().socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  const std::string path = folder_.path() + "/stderr";
  const int log = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const int before_stderr = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  ASSERT_EQ(::dup2(log, STDERR_FILENO), STDERR_FILENO);
  const auto lines = [log] {
    std::string text(1 << 20, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::pread(log, text.data(), text.size(), 0))));
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find("connections_dropped", at)) != std::string::npos; ++at) {
      ++n;
    }
    return n;
  };

  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = 4;  // below the spare one; as many as poll needs
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(Eventually([&] { return lines() > 0; }));
  pollfd hang_up{client, POLLIN, 0};
  EXPECT_EQ(::poll(&hang_up, 1, 300), 0) << "nobody can take it";
  EXPECT_EQ(lines(), 1u);

  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_EQ(::dup2(before_stderr, STDERR_FILENO), STDERR_FILENO);
  for (const int fd : {client, log, before_stderr}) {
    ::close(fd);
  }
  const auto fresh = v1::JobService::NewStub(NewChannel());
  CallContext context;
  v1::ListJobsResponse response;
  EXPECT_TRUE(fresh->ListJobs(&context, {}, &response).ok());
}

class FewConnectionsTest : public ServerTest {
 protected:
  static constexpr int kLimit = 4;  // one is the fixture's own
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.limits.connections = kLimit;
    return options;
  }

  int Connect() {
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    Options().socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return client;
  }
  // Whether the server speaks to the new connection, as HTTP/2 servers do at once, or drops it.
  static bool Served(int client) {
    pollfd answer{client, POLLIN, 0};
    EXPECT_EQ(::poll(&answer, 1, kPatienceMs), 1);
    char byte = 0;
    return ::read(client, &byte, 1) == 1;
  }
};

TEST_F(FewConnectionsTest, OneTooManyIsDroppedUntilAnotherLeaves) {
  ASSERT_NE(Create(1).job_id(), "");
  std::vector<int> clients;
  for (int i = 1; i < kLimit; ++i) {
    clients.push_back(Connect());
    EXPECT_TRUE(Served(clients.back())) << i;
  }
  const int refused = Connect();
  EXPECT_FALSE(Served(refused));
  EXPECT_NE(Create(2).job_id(), "") << "those who are in are served";
  ::close(clients.back());
  clients.pop_back();
  EXPECT_TRUE(Eventually([&] {
    const int client = Connect();
    const bool served = Served(client);
    ::close(client);
    return served;
  }));
  for (const int fd : clients) {
    ::close(fd);
  }
  ::close(refused);
}

class FewTcpConnectionsTest : public FewConnectionsTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = FewConnectionsTest::Options();
    options.listen = Loopback{.host = "127.0.0.1", .port = 0};
    options.limits.tcp_connections = 2;
    return options;
  }

  int ConnectTcp() {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(daemon_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return client;
  }
};

TEST_F(FewTcpConnectionsTest, StrangersWhoFillThePortLeaveTheSocketToItsOwner) {
  ASSERT_NE(Create(1).job_id(), "");
  std::vector<int> clients = {ConnectTcp(), ConnectTcp(), ConnectTcp()};
  EXPECT_TRUE(Served(clients[0]));
  EXPECT_TRUE(Served(clients[1]));
  EXPECT_FALSE(Served(clients[2]));
  for (int i = 1; i < kLimit; ++i) {  // one is the fixture's own
    clients.push_back(Connect());
    EXPECT_TRUE(Served(clients.back())) << i;
  }
  for (const int fd : clients) {
    ::close(fd);
  }
}

TEST_F(ListenerTest, GarbageOnTheSocketHurtsNobody) {
  for (int i = 0; i < 50; ++i) {
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    Options().socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string bytes = i % 2 == 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "GET / HTTP/1.1\r\n\r\n";
    for (int k = 0; k < 400; ++k) {
      bytes += static_cast<char>((k * 7919 + i * 104729) >> 3);
    }
    (void)!::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::close(client);
  }
  EXPECT_NE(Create(1).job_id(), "");
  RecordReliability(24, "50 connections of garbage, the next call served");
}

}  // namespace
}  // namespace normlab::server
