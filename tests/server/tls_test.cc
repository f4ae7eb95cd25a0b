// TLS on the port: who gets in, who does not, and that strangers never reach HTTP/2. A client of OpenSSL says byte for byte what a
// test wants said; what may be expected of gRPC's own is tried with our own way to dial.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/descriptor.h"
#include "normlab/v1/admin.grpc.pb.h"
#include "proto/transport/authority.h"
#include "proto/transport/channel.h"
#include "proto/transport/tls_probe.h"
#include "proto/transport/token.h"
#include "tests/reliability.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

using testing::HasSubstr;

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// One TLS connection to a port of this machine, whoever is there.
class TlsPeer {
 public:
  TlsPeer(int port, int version, const std::string& cert = "", const std::string& key = "")
      : context_(SSL_CTX_new(TLS_client_method())), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::signal(SIGPIPE, SIG_IGN);               // a server may have ended what is written to
    SSL_CTX_set_security_level(context_, 0);  // this client would speak anything
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    static constexpr unsigned char kHttp2[] = "\x02h2";
    SSL_CTX_set_alpn_protos(context_, kHttp2, sizeof kHttp2 - 1);
    if (!cert.empty()) {
      EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context_, cert.c_str()), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM), 1);
    }
    connection_ = SSL_new(context_);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval limit{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SSL_set_fd(connection_, socket_.get());
    ERR_clear_error();
    shaken_ = SSL_connect(connection_) == 1;
  }
  ~TlsPeer() {
    SSL_free(connection_);
    SSL_CTX_free(context_);
  }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  bool shaken() const { return shaken_; }
  // What the server says; nothing once it has ended the connection.
  std::string Hear() {
    char bytes[4096];
    const int n = shaken_ ? SSL_read(connection_, bytes, sizeof bytes) : 0;
    return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string();
  }
  bool Say(const std::string& bytes) {
    return shaken_ && SSL_write(connection_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }

 private:
  SSL_CTX* context_;
  Descriptor socket_;
  SSL* connection_ = nullptr;
  bool shaken_ = false;
};

class TlsTest : public ServerTest {
 protected:
  void SetUp() override {
    Put("ca", authority_);
    Put("server", *IssueServerCertificate(authority_, {"localhost", "127.0.0.1"}));
    Put("ana", *IssueClientCertificate(authority_, "ana"));
    Put("rogue-ca", rogue_);
    Put("rogue", *IssueClientCertificate(rogue_, "ana"));
    ServerTest::SetUp();
  }
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.listen = ListenAddress("0.0.0.0", 0, /*loopback=*/false);
    options.tls = TlsFiles{.certificate = Cert("server"), .key = Key("server"), .client_authority = Cert("ca")};
    options.limits.connections_of_one = 8;
    return options;
  }
  std::string Cert(const std::string& name) const { return folder_.path() + "/" + name + ".pem"; }
  std::string Key(const std::string& name) const { return folder_.path() + "/" + name + ".key"; }
  void Put(const std::string& name, const Certificate& certificate) const {
    std::ofstream(Key(name)) << certificate.key_pem;
    ::chmod(Key(name).c_str(), 0600);
    std::ofstream(Cert(name)) << certificate.certificate_pem;
  }
  std::string Address(const std::string& host = "localhost") const {
    return fmt::format("{}:{}", host, daemon_->port());
  }
  DialTarget With(const std::string& ca, const std::string& name) const {
    DialTarget target{.address = Address(), .token_file = folder_.path() + "/token"};
    target.ca = ca.empty() ? "" : Cert(ca);
    target.cert = name.empty() ? "" : Cert(name);
    target.key = name.empty() ? "" : Key(name);
    return target;
  }
  // The code of a call.
  static grpc::StatusCode List(const DialTarget& target, std::string* error = nullptr) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const absl::StatusOr<Dialled> dialled = Dial(target, arguments);
    EXPECT_TRUE(dialled.ok()) << dialled.status();
    CallContext context;
    context.AddMetadata(kAuthorization, dialled->authorization);
    v1::ListJobsResponse response;
    const grpc::Status status = v1::JobService::NewStub(dialled->channel)->ListJobs(&context, {}, &response);
    if (error != nullptr) {
      *error = status.error_message();
    }
    return status.error_code();
  }
  static std::string WhyNot(const DialTarget& target) { return Message(ProbeTls(target, kPatience)); }

  const Certificate authority_ = *MakeAuthority();
  const Certificate rogue_ = *MakeAuthority();
};

TEST_F(TlsTest, ACertificateAndATokenLetIn) {
  std::string error;
  EXPECT_EQ(List(With("ca", "ana"), &error), grpc::StatusCode::OK) << error;
  DialTarget by_number = With("ca", "ana");
  by_number.address = Address("127.0.0.1");
  EXPECT_EQ(List(by_number, &error), grpc::StatusCode::OK) << error;
  EXPECT_EQ(WhyNot(With("ca", "ana")), "");
  DialTarget without = With("ca", "ana");
  without.token_file = "";
  EXPECT_EQ(List(without), grpc::StatusCode::UNAUTHENTICATED) << "a certificate is no token";
  EXPECT_NE(Create(1).job_id(), "") << "the Unix socket is as before";
}

// The table of who is refused, with what he is told.
TEST_F(TlsTest, NobodyElseIsLetIn) {
  EXPECT_EQ(List(With("ca", "")), grpc::StatusCode::UNAVAILABLE) << "no certificate";
  EXPECT_THAT(WhyNot(With("ca", "")), HasSubstr("asks for a certificate of yours"));
  EXPECT_EQ(List(With("ca", "rogue")), grpc::StatusCode::UNAVAILABLE) << "one that another authority signed";
  EXPECT_THAT(WhyNot(With("ca", "rogue")), HasSubstr("does not accept the certificate in"));
  EXPECT_EQ(List(With("rogue-ca", "ana")), grpc::StatusCode::UNAVAILABLE) << "a server that another authority signed";
  EXPECT_THAT(WhyNot(With("rogue-ca", "ana")), HasSubstr("is not accepted"));
  DialTarget elsewhere = With("ca", "ana");
  elsewhere.address = Address("127.0.0.2");
  EXPECT_EQ(List(elsewhere), grpc::StatusCode::UNAVAILABLE) << "a server's certificate for other hosts";
  EXPECT_THAT(WhyNot(elsewhere), HasSubstr("is for other hosts: localhost, 127.0.0.1"));
  DialTarget plain = With("", "");
  plain.address = Address("127.0.0.1");
  EXPECT_EQ(List(plain), grpc::StatusCode::UNAVAILABLE) << "in the clear";
  RecordReliability(34, "5 of 5 wrong sides refused, each with its reason");
}

TEST_F(TlsTest, OldVersionsAreNotSpoken) {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    EXPECT_FALSE(TlsPeer(daemon_->port(), version, Cert("ana"), Key("ana")).shaken()) << version;
  }
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPeer peer(daemon_->port(), version, Cert("ana"), Key("ana"));
    EXPECT_TRUE(peer.shaken()) << version;
    EXPECT_NE(peer.Hear(), "") << "an HTTP/2 server speaks first";
  }
  RecordReliability(34, "TLS 1.0 and 1.1 not spoken");
}

// What resets streams by the thousand has to speak HTTP/2 first (CVE-2023-44487).
TEST_F(TlsTest, WhoHasNoCertificateNeverReachesHttp2) {
  std::string resets = kPreface;
  resets += std::string("\0\0\0\4\0\0\0\0\0", 9);  // SETTINGS
  for (int i = 0; i < 1'000; ++i) {
    const char id = static_cast<char>(1 + 2 * (i % 60));
    resets += std::string("\0\0\1\1\5\0\0\0", 8) + id + '\x82';                       // HEADERS, :method GET
    resets += std::string("\0\0\4\3\0\0\0\0", 8) + id + std::string("\0\0\0\10", 4);  // RST_STREAM, CANCEL
  }
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::string& name : {std::string(), std::string("rogue")}) {
      TlsPeer peer(daemon_->port(), version, name.empty() ? "" : Cert(name), name.empty() ? "" : Key(name));
      peer.Say(resets);  // into a connection that is closed, or about to be
      EXPECT_EQ(peer.Hear(), "") << "not one byte of HTTP/2 for " << (name.empty() ? "nobody" : name);
    }
  }
  EXPECT_EQ(List(With("ca", "ana")), grpc::StatusCode::OK);
  RecordReliability(25, "1,000 resets of whoever has no certificate: not one byte of HTTP/2");
}

TEST_F(TlsTest, PlainBytesHurtNobody) {
  for (const std::string& bytes :
       {std::string(kPreface), std::string("GET / HTTP/1.1\r\n\r\n"), std::string(9'000, '\x16')}) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(daemon_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    std::string heard;
    char piece[512];
    for (ssize_t n = 0; (n = ::recv(socket.get(), piece, sizeof piece, 0)) > 0;) {
      heard.append(piece, static_cast<std::size_t>(n));
    }
    EXPECT_LE(heard.size(), 64u) << "an alert at most, and then the end";
  }
  EXPECT_EQ(List(With("ca", "ana")), grpc::StatusCode::OK);
}

TEST_F(TlsTest, ACertificateIsReplacedWhileTheServerRuns) {
  ASSERT_EQ(List(With("ca", "ana")), grpc::StatusCode::OK);
  const Certificate next = *MakeAuthority();
  Put("next-ca", next);
  EXPECT_NE(List(With("next-ca", "ana")), grpc::StatusCode::OK);
  std::ofstream(Cert("server")) << "half a fi";  // a replacement that cannot be used changes nothing
  EXPECT_EQ(List(With("ca", "ana")), grpc::StatusCode::OK);
  Put("server", *IssueServerCertificate(next, {"localhost"}));
  EXPECT_TRUE(Eventually([this] { return ProbeTls(With("next-ca", "ana"), kPatience).ok(); }));
  EXPECT_EQ(List(With("next-ca", "ana")), grpc::StatusCode::OK);
  Put("ca", next);  // now those whose clients it signed, too
  Put("ben", *IssueClientCertificate(next, "ben"));
  EXPECT_TRUE(Eventually([this] { return ProbeTls(With("next-ca", "ben"), kPatience).ok(); }));
  EXPECT_EQ(List(With("next-ca", "ana")), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, TheAuditNamesTheCertificate) {
  const auto dialled = Dial(With("ca", "ana"), {});
  CallContext context;
  context.AddMetadata(kAuthorization, dialled->authorization);
  v1::CreateJobResponse response;
  ASSERT_EQ(v1::JobService::NewStub(dialled->channel)->CreateJob(&context, MnistRequest(1), &response).error_message(),
            "");
  CallContext reading;
  const auto reader = v1::AdminService::NewStub(NewChannel())->ReadAudit(&reading, {});
  v1::ReadAuditResponse audit;
  ASSERT_TRUE(reader->Read(&audit));
  EXPECT_EQ(audit.entries(0).certificate(), "ana");
  EXPECT_EQ(audit.entries(0).who(), "admin token");
  EXPECT_EQ(audit.entries(0).peer(), "127.0.0.1");
  while (reader->Read(&audit)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(TlsTest, OneAddressCannotTakeAllConnections) {
  std::vector<std::unique_ptr<TlsPeer>> peers;
  const auto another = [&] {
    peers.push_back(std::make_unique<TlsPeer>(daemon_->port(), TLS1_3_VERSION, Cert("ana"), Key("ana")));
    return peers.back()->Hear() != "";
  };
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(another()) << i;
  }
  EXPECT_FALSE(another());
  peers.erase(peers.begin());
  EXPECT_TRUE(Eventually(another));
}

class TlsWithoutClientsTest : public TlsTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = TlsTest::Options();
    options.tls->client_authority = "";
    return options;
  }
};

TEST_F(TlsWithoutClientsTest, ATokenAloneLetsIn) {
  EXPECT_EQ(List(With("ca", "")), grpc::StatusCode::OK);
  EXPECT_EQ(List(With("rogue-ca", "")), grpc::StatusCode::UNAVAILABLE);
  DialTarget nobody = With("ca", "");
  nobody.token_file = "";
  EXPECT_EQ(List(nobody), grpc::StatusCode::UNAUTHENTICATED);
}

TEST(Tls, NoServerStartsInTheClearWhereOthersReachIt) {
  const ScratchFolder folder;
  DaemonOptions options;
  options.home = folder.path() + "/home";
  options.socket_path = folder.path() + "/s";
  options.papers = &judging::BuiltInPapers();
  options.listen = ListenAddress("0.0.0.0", 0, /*loopback=*/false);
  EXPECT_EQ(Daemon::Start(options).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace normlab::server
