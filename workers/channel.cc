#include "workers/channel.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <sys/stat.h>

#include "absl/strings/ascii.h"
#include "base/fs.h"

namespace normlab::workers {

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const std::string& socket, const std::string& address) {
  const bool loopback =
      address.rfind("127.", 0) == 0 || address.rfind("localhost:", 0) == 0 || address.rfind("[::1]:", 0) == 0;
  if (!address.empty() && !loopback) {
    return absl::InvalidArgumentError(fmt::format(
        "--address {}: only loopback (127.0.0.1, localhost, [::1]) is spoken without encryption; for another machine "
        "open a tunnel, such as: ssh -L 7070:127.0.0.1:7070 HOST",
        address));
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);  // also how long one try to connect may take
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  return grpc::CreateCustomChannel(address.empty() ? "unix:" + socket : address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return absl::InvalidArgumentError(
        fmt::format("token file {} can be read by others; run: chmod 600 {}", path, path));
  }
  auto text = PosixFileSystem().Read(path);
  if (!text.ok()) {
    return absl::InvalidArgumentError(fmt::format("--token-file: {}", Message(text.status())));
  }
  return std::string(absl::StripAsciiWhitespace(*text));
}

}  // namespace normlab::workers
