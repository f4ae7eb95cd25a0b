// The socket for the stock TensorBoard: TLS because that program speaks nothing else on a Unix socket, and the socket's mode
// to keep strangers out.
#include <grpcpp/security/credentials.h>

#include <fstream>

#include "base/fs.h"
#include "base/paths.h"
#include "proto/transport/address.h"
#include "proto/transport/certificate.h"
#include "tensorboard/data_provider.grpc.pb.h"
#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

namespace tb = ::tensorboard::data;
namespace fs = std::filesystem;

constexpr fs::perms kOwnersOnly = fs::perms::owner_read | fs::perms::owner_write;

class TensorboardDoorTest : public ServerTest {
 protected:
  std::string Home() { return Options().home; }
  std::string Trust() { return *PosixFileSystem().Read(TensorboardCertificatePath(Home())); }

  // As `--grpc_creds_type ssl_dev` dials, with GRPC_DEFAULT_SSL_ROOTS_FILE_PATH.
  grpc::Status Call(const std::string& trust) {
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return CallBy(grpc::CreateCustomChannel(GrpcTarget(TensorboardSocketPath(Home())),
                                            grpc::SslCredentials({trust, "", ""}), arguments));
  }
  static grpc::Status CallBy(const std::shared_ptr<grpc::Channel>& channel) {
    CallContext context;
    tb::ListRunsResponse response;
    return tb::TensorBoardDataProvider::NewStub(channel)->ListRuns(&context, {}, &response);
  }
};

TEST_F(TensorboardDoorTest, WhoTrustsTheCertificateIsServed) {
  const grpc::Status status = Call(Trust());
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(TensorboardDoorTest, OnlyItsOwnerCanOpenTheSocketAndReadTheKey) {
  EXPECT_EQ(fs::status(TensorboardSocketPath(Home())).permissions(), kOwnersOnly);
  EXPECT_EQ(fs::status(TensorboardCertificatePath(Home())).permissions(), kOwnersOnly);
}

TEST_F(TensorboardDoorTest, OthersCertificatesAreNotTrusted) {
  EXPECT_EQ(Call(MakeCertificate()->certificate_pem).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TensorboardDoorTest, WhatIsNoTlsIsNotServed) {
  EXPECT_EQ(CallBy(grpc::CreateChannel(GrpcTarget(TensorboardSocketPath(Home())), grpc::InsecureChannelCredentials()))
                .error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

// A TensorBoard that runs reads what to trust once.
TEST_F(TensorboardDoorTest, TheCertificateOutlivesTheServer) {
  const std::string trust = Trust();
  StopServer();
  EXPECT_FALSE(fs::exists(TensorboardSocketPath(Home())));
  StartServer();
  EXPECT_EQ(Trust(), trust);
  EXPECT_TRUE(Call(trust).ok());
}

TEST_F(TensorboardDoorTest, ADamagedCertificateIsMadeAnew) {
  const std::string trust = Trust();
  for (const std::string& damaged : {std::string(), trust.substr(0, trust.size() / 2),
                                     MakeCertificate()->key_pem + MakeCertificate()->certificate_pem}) {
    StopServer();
    std::ofstream(TensorboardCertificatePath(Home()), std::ios::trunc) << damaged;
    StartServer();
    EXPECT_NE(Trust(), damaged);
    EXPECT_TRUE(Call(Trust()).ok());
  }
}

class LongHomeTest : public ServerTest {
 protected:
  DaemonOptions Options() override {
    DaemonOptions options = ServerTest::Options();
    options.home = folder_.path() + "/" + std::string(100, 'h');
    return options;
  }
};

TEST_F(LongHomeTest, WhereItsSocketCannotBeEverythingElseIsServed) {
  EXPECT_FALSE(fs::exists(TensorboardSocketPath(Options().home)));
  EXPECT_NE(Create(1).job_id(), "");
}

}  // namespace
}  // namespace normlab::server
