#include "client/become.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptor.h"

namespace normlab::client {

absl::Status Become(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  sigset_t none;  // ours are blocked for the signal thread, and exec would hand that on
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(argv[0], argv.data());
  return SystemError(argv[0], errno);
}

}  // namespace normlab::client
