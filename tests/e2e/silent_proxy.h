// silent_proxy.h - a way to a Unix socket that can go dead without a word: connections stay open, and nothing comes through.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "base/descriptor.h"

namespace normlab::e2e {

// Passes on what comes to `path` to whoever listens at `target`, and what he answers.
class SilentProxy {
 public:
  SilentProxy(std::string path, std::string target);
  ~SilentProxy();  // closes the connections
  SilentProxy(const SilentProxy&) = delete;
  SilentProxy& operator=(const SilentProxy&) = delete;

  const std::string& path() const { return path_; }
  // From now on it reads nothing and writes nothing, until Speak: then what waits comes through, late.
  void FallSilent() { silent_ = true; }
  void Speak() { silent_ = false; }

 private:
  void Run();

  const std::string path_, target_;
  Descriptor listener_;
  std::atomic<bool> silent_ = false;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace normlab::e2e
