#include "proto/transport/tls_probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <memory>

#include "base/descriptor.h"
#include "proto/transport/address.h"
#include "proto/transport/authority.h"
#include "proto/transport/x509.h"

namespace normlab {
namespace {

using std::chrono::milliseconds;

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* connection) const { SSL_free(connection); }
  void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// The error of connect(2), 0 if there is a connection.
int ConnectTo(const addrinfo& address, milliseconds patience, Descriptor& socket) {
  socket = Descriptor(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) {
    return errno;
  }
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) {
    return 0;
  }
  pollfd ready{socket.get(), POLLOUT, 0};
  if (errno != EINPROGRESS || ::poll(&ready, 1, static_cast<int>(patience.count())) != 1) {
    return errno == EINPROGRESS ? ETIMEDOUT : errno;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

absl::StatusOr<Descriptor> Connect(const Remote& remote, const std::string& where, milliseconds patience) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(remote.host.c_str(), fmt::to_string(remote.port).c_str(), &hints, &found);
      error != 0) {
    return absl::UnavailableError(fmt::format("{}: {}", where, ::gai_strerror(error)));
  }
  const Owned<addrinfo> addresses(found);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Descriptor socket;
    error = ConnectTo(*address, patience, socket);
    if (error == 0) {
      const timeval limit{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      const int flags = ::fcntl(socket.get(), F_GETFL);
      ::fcntl(socket.get(), F_SETFL, flags & ~O_NONBLOCK);
      return socket;
    }
  }
  return error == ECONNREFUSED ? absl::NotFoundError(fmt::format("nobody listens at {}", where))
                               : SystemError(where, error);
}

// What is wrong with the server's certificate; OK: nothing.
absl::Status CheckServer(const SSL* connection, const std::string& where) {
  const long verdict = SSL_get_verify_result(connection);
  if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    const x509::Owned<X509> certificate(SSL_get1_peer_certificate(connection));
    return absl::UnavailableError(
        fmt::format("the certificate of {} is for other hosts: {}; use one of them in --address", where,
                    fmt::join(HostsOf(x509::PemOf(certificate.get())), ", ")));
  }
  return verdict == X509_V_OK
             ? absl::OkStatus()
             : absl::UnavailableError(
                   fmt::format("the certificate of {} is not accepted: {}; --ca wants the certificate of who signed it",
                               where, X509_verify_cert_error_string(verdict)));
}

// Why there was no handshake, or nothing after it. `asked`: the server wanted a certificate; gRPC's says no word when it does not
// like what it gets.
absl::Status Explain(bool asked, const DialTarget& target) {
  const unsigned long error = ERR_peek_last_error();
  const std::string& where = target.address;
  if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER || ERR_GET_REASON(error) == SSL_R_PACKET_LENGTH_TOO_LONG) {
    return absl::UnavailableError(fmt::format("{} does not speak TLS; leave out --ca", where));
  }
  if (asked && target.cert.empty()) {
    return absl::UnavailableError(
        fmt::format("{} asks for a certificate of yours: --cert FILE --key FILE (normlab admin certs issue)", where));
  }
  if (asked) {
    return absl::UnavailableError(
        fmt::format("{} does not accept the certificate in {}: it has expired, or its signer is not in the server's "
                    "--tls-client-ca",
                    where, target.cert));
  }
  const char* const text = ERR_reason_error_string(error);
  return absl::UnavailableError(
      fmt::format("{}: no TLS connection: {}", where, text == nullptr ? "the server ended it" : text));
}

Owned<SSL_CTX> MakeContext(const DialTarget& target) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE,
                     nullptr);  // the verdict is looked at afterwards, and nothing is sent
  SSL_CTX_load_verify_locations(context.get(), target.ca.c_str(), nullptr);
  if (!target.cert.empty()) {
    SSL_CTX_use_certificate_chain_file(context.get(), target.cert.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), target.key.c_str(), SSL_FILETYPE_PEM);
  }
  static constexpr unsigned char kHttp2[] = "\x02h2";
  SSL_CTX_set_alpn_protos(context.get(), kHttp2, sizeof kHttp2 - 1);
  return context;
}

void ExpectHost(SSL* connection, const std::string& host) {
  in6_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), host.c_str());
  } else {
    SSL_set1_host(connection, host.c_str());
    SSL_set_tlsext_host_name(connection, host.c_str());
  }
}

}  // namespace

absl::Status ProbeTls(const DialTarget& target, milliseconds patience) {
  NORMLAB_ASSIGN_OR_RETURN(const Remote remote, ReadRemote("--address", target.address));
  NORMLAB_ASSIGN_OR_RETURN(const Descriptor socket, Connect(remote, target.address, patience));
  bool asked = false;
  ERR_clear_error();
  const Owned<SSL_CTX> context = MakeContext(target);
  const Owned<SSL> connection(SSL_new(context.get()));
  ExpectHost(connection.get(), remote.host);
  SSL_set_fd(connection.get(), socket.get());
  SSL_set_cert_cb(
      connection.get(),
      [](SSL*, void* seen) {
        *static_cast<bool*>(seen) = true;
        return 1;
      },
      &asked);
  // In TLS 1.3 a server says what it thinks of a client's certificate after the handshake; one of HTTP/2 speaks first.
  const bool shaken = SSL_connect(connection.get()) == 1;
  if (shaken) {
    NORMLAB_RETURN_IF_ERROR(CheckServer(connection.get(), target.address));
  }
  char byte = 0;
  return shaken && SSL_read(connection.get(), &byte, 1) == 1 ? absl::OkStatus() : Explain(asked, target);
}

}  // namespace normlab
