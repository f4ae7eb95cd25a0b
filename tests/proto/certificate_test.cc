// A private authority: what it issues, for whom, and what a server or client takes from files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <fstream>

#include "proto/transport/authority.h"
#include "proto/transport/pem_files.h"
#include "proto/transport/tls_identity.h"
#include "proto/transport/x509.h"
#include "tests/scratch_folder.h"

namespace normlab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// OpenSSL's verdict on a certificate for this purpose.
int Verify(const Certificate& authority, const Certificate& issued, int purpose) {
  const x509::Owned<X509> root = x509::ReadCertificate(authority.certificate_pem);
  const x509::Owned<X509> leaf = x509::ReadCertificate(issued.certificate_pem);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, root.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context, purpose);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context);
  const int verdict = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return verdict;
}

TEST(Authority, SignsServersAndClientsForWhatTheyAre) {
  const Certificate authority = *MakeAuthority();
  const Certificate server = *IssueServerCertificate(authority, {"lab.example", "10.0.0.7", "2001:db8::7"});
  const Certificate client = *IssueClientCertificate(authority, "ana");
  EXPECT_EQ(Verify(authority, server, X509_PURPOSE_SSL_SERVER), X509_V_OK);
  EXPECT_EQ(Verify(authority, client, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_NE(Verify(authority, client, X509_PURPOSE_SSL_SERVER), X509_V_OK) << "no client can pose as the server";
  EXPECT_NE(Verify(authority, server, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_NE(Verify(*MakeAuthority(), server, X509_PURPOSE_SSL_SERVER), X509_V_OK) << "another's";
  EXPECT_THAT(HostsOf(server.certificate_pem), ElementsAre("lab.example", "10.0.0.7", "2001:db8::7"));
  const x509::Owned<X509> leaf = x509::ReadCertificate(server.certificate_pem);
  EXPECT_EQ(X509_check_host(leaf.get(), "lab.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(leaf.get(), "10.0.0.7", 0), 1);
  EXPECT_EQ(X509_check_host(leaf.get(), "other.example", 0, 0, nullptr), 0);
}

TEST(Authority, WhatItIssuedSignsNothing) {
  const Certificate authority = *MakeAuthority();
  const Certificate client = *IssueClientCertificate(authority, "ana");
  const Certificate forged = *IssueServerCertificate(client, {"lab.example"});
  EXPECT_NE(Verify(client, forged, X509_PURPOSE_SSL_SERVER), X509_V_OK);
  // Each of these alone would keep it from that.
  const x509::Owned<X509> root = x509::ReadCertificate(authority.certificate_pem);
  const x509::Owned<X509> leaf = x509::ReadCertificate(client.certificate_pem);
  EXPECT_EQ(X509_get_pathlen(root.get()), 0) << "nothing stands between it and what it signs";
  EXPECT_EQ(X509_get_extension_flags(leaf.get()) & EXFLAG_CA, 0u);
  EXPECT_EQ(X509_get_key_usage(leaf.get()), static_cast<std::uint32_t>(KU_DIGITAL_SIGNATURE));
}

TEST(Authority, NoTwoCertificatesHaveOneNumber) {
  const Certificate authority = *MakeAuthority();
  const x509::Owned<X509> one = x509::ReadCertificate(IssueClientCertificate(authority, "ana")->certificate_pem);
  const x509::Owned<X509> other = x509::ReadCertificate(IssueClientCertificate(authority, "ana")->certificate_pem);
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(one.get()), X509_get0_serialNumber(other.get())), 0);
}

TEST(Authority, AnothersKeySignsNothing) {
  const Certificate mixed = {.key_pem = MakeAuthority()->key_pem, .certificate_pem = MakeAuthority()->certificate_pem};
  EXPECT_EQ(IssueClientCertificate(mixed, "ana").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Authority, ServesAsLongAsAskedFor) {
  const x509::Owned<X509> leaf =
      x509::ReadCertificate(IssueServerCertificate(*MakeAuthority(), {"a"}, 30)->certificate_pem);
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(leaf.get()));
  EXPECT_GE(days, 29);
  EXPECT_LE(days, 30);
  EXPECT_LT(X509_cmp_current_time(X509_get0_notBefore(leaf.get())), 0) << "a clock that is behind takes it too";
}

TEST(Authority, NamesCannotBringAnythingElseIntoACertificate) {
  const Certificate authority = *MakeAuthority();
  for (const std::string& bad : {std::string(), std::string("a,DNS:evil.example"), std::string("10.0.0.7:50051"),
                                 std::string("[::1]"), std::string("a b"), std::string("a\nb"),
                                 std::string("*.example"), std::string("a\0b", 3), std::string(254, 'a')}) {
    EXPECT_EQ(IssueServerCertificate(authority, {"good.example", bad}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
    EXPECT_EQ(IssueClientCertificate(authority, bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(IssueServerCertificate(authority, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

class TlsFilesTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  TlsFiles Files() const {
    return {.certificate = Write("server.pem", server_.certificate_pem), .key = Write("server.key", server_.key_pem)};
  }

  const ScratchFolder folder_;
  const Certificate authority_ = *MakeAuthority();
  const Certificate server_ = *IssueServerCertificate(authority_, {"localhost"});
};

TEST_F(TlsFilesTest, WhatCannotBeUsedIsNamed) {
  const TlsFiles good = Files();
  EXPECT_TRUE(TlsIdentity::Load(good).ok());
  const std::string other = Write("other.key", IssueServerCertificate(authority_, {"a"})->key_pem);
  const std::string open = Write("open.key", server_.key_pem, 0640);
  const std::string text = Write("text", "not a certificate");
  const auto refused = [](const TlsFiles& files) {
    const absl::Status status = TlsIdentity::Load(files).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return Message(status);
  };
  EXPECT_THAT(refused({good.certificate, other}), HasSubstr("--tls-key " + other + ": is not the key of"));
  EXPECT_THAT(refused({good.certificate, open}), HasSubstr("chmod 600 " + open));
  EXPECT_THAT(refused({text, good.key}), HasSubstr("--tls-cert " + text + ": holds no certificate"));
  EXPECT_THAT(refused({good.certificate, text}), HasSubstr("--tls-key " + text + ": holds no key"));
  EXPECT_THAT(refused({good.certificate, good.key, text}), HasSubstr("--tls-client-ca " + text));
  EXPECT_THAT(refused({"/nowhere", good.key}), HasSubstr("--tls-cert /nowhere: cannot be read"));
  EXPECT_THAT(refused({folder_.path(), good.key}), HasSubstr("is no file"));
  const std::string large = Write("large", server_.certificate_pem + std::string(1 << 20, '\n'));
  EXPECT_THAT(refused({large, good.key}), HasSubstr("is no file of at most 1 MiB"));
}

TEST_F(TlsFilesTest, AReplacementIsTakenOnceItsKeyIsThere) {
  const TlsFiles files = Files();
  const auto identity = *TlsIdentity::Load(files);
  const std::int64_t before = identity->ends();
  EXPECT_EQ(*identity->LookAgain(), false);
  const Certificate fresh = *IssueServerCertificate(authority_, {"localhost"}, 1'000);
  Write("server.key", fresh.key_pem);
  EXPECT_THAT(Message(identity->LookAgain().status()), HasSubstr("is not the key"));
  EXPECT_EQ(*identity->LookAgain(), false) << "told once";
  EXPECT_EQ(identity->ends(), before);
  Write("server.pem", fresh.certificate_pem);
  EXPECT_EQ(*identity->LookAgain(), true);
  EXPECT_GT(identity->ends(), before);
  EXPECT_EQ(*identity->LookAgain(), false);
}

// The Unix socket needs none.
TEST_F(TlsFilesTest, AnExpiredCertificateKeepsNoServerFromStartingAndReplacesNone) {
  const Certificate ended = *IssueServerCertificate(authority_, {"a"}, 0);
  const TlsFiles files{Write("server.pem", ended.certificate_pem), Write("server.key", ended.key_pem)};
  const auto identity = *TlsIdentity::Load(files);
  EXPECT_THAT(Message(identity->CheckNotExpired()), HasSubstr("--tls-cert " + files.certificate + ": has expired"));
  EXPECT_EQ(*identity->LookAgain(), false);
  Files();
  EXPECT_EQ(*identity->LookAgain(), true);
  EXPECT_EQ(Message(identity->CheckNotExpired()), "");
  Write("server.key", ended.key_pem);
  Write("server.pem", ended.certificate_pem);
  EXPECT_THAT(Message(identity->LookAgain().status()), HasSubstr("has expired"));
  EXPECT_EQ(Message(identity->CheckNotExpired()), "") << "the one before stays";
}

TEST_F(TlsFilesTest, AClientsFilesAreCheckedBeforeItDials) {
  const std::string ca = Write("ca.pem", authority_.certificate_pem, 0644);
  const std::string cert = Write("me.pem", server_.certificate_pem, 0644);
  const std::string key = Write("me.key", server_.key_pem);
  const std::string open = Write("open.key", server_.key_pem, 0644);
  EXPECT_TRUE(CheckClientFiles({.ca = ca, .cert = cert, .key = key}).ok());
  EXPECT_TRUE(CheckClientFiles({}).ok());
  EXPECT_THAT(Message(CheckClientFiles({.ca = key})), HasSubstr("--ca " + key));
  EXPECT_THAT(Message(CheckClientFiles({.ca = ca, .cert = cert, .key = open})), HasSubstr("chmod 600"));
  EXPECT_THAT(Message(CheckClientFiles({.ca = ca, .cert = ca, .key = key})), HasSubstr("is not the key of"));
  const Certificate ended = *IssueServerCertificate(authority_, {"a"}, 0);
  const std::string old = Write("old.pem", ended.certificate_pem);
  EXPECT_THAT(Message(CheckClientFiles({.ca = ca, .cert = old, .key = Write("old.key", ended.key_pem)})),
              HasSubstr("--cert " + old + ": has expired"));
}

}  // namespace
}  // namespace normlab
