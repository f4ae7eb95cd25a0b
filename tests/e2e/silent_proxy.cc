#include "tests/e2e/silent_proxy.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "proto/transport/address.h"

namespace normlab::e2e {
namespace {

constexpr std::chrono::milliseconds kSlice{20};

Descriptor Socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

// The two ends of a connection.
using Ends = std::array<Descriptor, 2>;

// Passes on what waits at end `from`; false: it has closed.
bool PassOn(const Ends& ends, std::size_t from) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(ends[from].get(), buffer.data(), buffer.size());
  return got > 0 && WriteAll(ends[1 - from].get(), {buffer.data(), static_cast<std::size_t>(got)}) == 0;
}

}  // namespace

SilentProxy::SilentProxy(std::string path, std::string target)
    : path_(std::move(path)), target_(std::move(target)), listener_(Socket()) {
  const sockaddr_un address = *SocketAddress(path_);
  EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(listener_.get(), 16), 0);
  thread_ = std::thread([this] { Run(); });
}

SilentProxy::~SilentProxy() {
  over_ = true;
  thread_.join();
}

void SilentProxy::Run() {
  std::vector<Ends> connections;
  while (!over_) {
    if (silent_) {
      std::this_thread::sleep_for(kSlice);
      continue;
    }
    std::vector<pollfd> waiting = {{listener_.get(), POLLIN, 0}};
    for (const Ends& ends : connections) {
      waiting.push_back({ends[0].get(), POLLIN, 0});
      waiting.push_back({ends[1].get(), POLLIN, 0});
    }
    if (::poll(waiting.data(), waiting.size(), kSlice.count()) <= 0) {
      continue;
    }
    for (std::size_t i = connections.size(); i-- > 0;) {
      for (std::size_t from = 0; from < 2; ++from) {
        if (waiting[1 + 2 * i + from].revents != 0 && !PassOn(connections[i], from)) {
          connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
          break;
        }
      }
    }
    if (waiting[0].revents != 0) {
      Ends ends = {Descriptor(::accept(listener_.get(), nullptr, nullptr)), Socket()};
      const sockaddr_un address = *SocketAddress(target_);
      if (::connect(ends[1].get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        connections.push_back(std::move(ends));
      }
    }
  }
}

}  // namespace normlab::e2e
