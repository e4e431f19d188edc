#include "io/tls_files.h"

#include <gmock/gmock.h>

#include "io/files.h"
#include "io/http_testing.h"
#include "io/tls.h"
#include "io/tls_testing.h"

namespace keelson::io {
namespace {

using ::testing::HasSubstr;
using testing::IssuedCertificate;

class TlsFilesTest : public ::testing::Test {
 protected:
  // The error of a server with these files.
  Error Refused(const IssuedCertificate& files, const std::string& client_ca = "") {
    auto server = TlsServer::Open({.certificate = files.certificate, .key = files.key, .client_ca = client_ca});
    EXPECT_FALSE(server.has_value());
    return server.has_value() ? Error{} : server.error();
  }
  void Write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(WriteFileAtomically(path, text).has_value());
    chmod(path.c_str(), 0600);
  }

  testing::TempFolder folder_;
  testing::TestAuthority authority_{folder_ / "", "authority"};
};

TEST_F(TlsFilesTest, APairWithItsChainIsRead) {
  const auto files = authority_.Issue("box", {.alternatives = "DNS:Box.Example,DNS:*.wild.example,IP:10.0.0.1"});
  Write(files.certificate, *ReadFile(files.certificate) + *ReadFile(authority_.ca()));
  const auto identity = ReadIdentity(files.certificate, files.key);
  ASSERT_TRUE(identity.has_value()) << identity.error().ToString();
  EXPECT_EQ(identity->chain.size(), 1u);
  EXPECT_EQ(CertificateName(identity->certificate.get()), "CN=localhost");
  EXPECT_EQ(DnsNames(identity->certificate.get()), std::vector<std::string>{"box.example"});
}

TEST_F(TlsFilesTest, ACertificateWithoutASubjectIsNamedByItsFingerprint) {
  const auto files = authority_.Issue("box", {.name = ""});
  const auto identity = ReadIdentity(files.certificate, files.key);
  ASSERT_TRUE(identity.has_value());
  EXPECT_THAT(CertificateName(identity->certificate.get()), ::testing::MatchesRegex("sha256:[0-9a-f]{64}"));
}

TEST_F(TlsFilesTest, EachMistakeSaysWhatWhereAndWhatToDo) {
  const auto good = authority_.Issue("good");
  const auto other = authority_.Issue("other");
  const std::string none = folder_ / "none.pem";
  EXPECT_EQ(Refused({none, good.key}).code, ErrorCode::kNotFound);
  EXPECT_EQ(Refused({none, good.key}).where, none);
  EXPECT_EQ(Refused({good.certificate, none}).where, none);

  const Error mixed = Refused({good.certificate, other.key});
  EXPECT_THAT(mixed.message, HasSubstr("of another certificate"));
  EXPECT_EQ(mixed.where, other.key);
  EXPECT_THAT(Refused({good.key, good.certificate}).message, HasSubstr("swapped"));
  EXPECT_THAT(Refused({good.certificate, good.certificate}).message, HasSubstr("swapped"));

  const auto expired = authority_.Issue("expired", {.valid_from = -7'200, .valid_to = -3'600});
  EXPECT_THAT(Refused(expired).message, HasSubstr("expired on"));
  EXPECT_EQ(Refused(expired).where, expired.certificate);
  const auto early = authority_.Issue("early", {.valid_from = 3'600});
  EXPECT_THAT(Refused(early).message, HasSubstr("valid only from"));

  EXPECT_THAT(Refused(authority_.Issue("locked", {.password = "secret"})).message, HasSubstr("openssl pkey"));
  EXPECT_THAT(Refused(authority_.Issue("weak", {.rsa_bits = 1'024})).message, HasSubstr("cannot be used"));

  const auto open = authority_.Issue("open");
  chmod(open.key.c_str(), 0644);
  EXPECT_EQ(Refused(open).code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(Refused(open).message, HasSubstr("chmod 600"));
  chmod(open.key.c_str(), 0640);
  EXPECT_TRUE(TlsServer::Open({.certificate = open.certificate, .key = open.key}).has_value());

  EXPECT_THAT(Refused(good, none).where, none);
  EXPECT_THAT(Refused(good, good.key).message, HasSubstr("swapped"));
}

TEST_F(TlsFilesTest, WhatIsNotPemIsSaidSo) {
  const auto files = authority_.Issue("box");
  const std::string whole = *ReadFile(files.certificate);
  const std::string key = *ReadFile(files.key);
  Write(files.certificate, "");
  EXPECT_THAT(Refused(files).message, HasSubstr("no certificate in PEM form"));
  Write(files.certificate, "\x30\x82\x01\x02 and so on");
  EXPECT_THAT(Refused(files).message, HasSubstr("DER"));
  Write(files.certificate, whole);
  Write(files.key, "\x30\x82\x01\x02 and so on");
  EXPECT_THAT(Refused(files).message, HasSubstr("DER"));
  Write(files.key, "nothing");
  EXPECT_THAT(Refused(files).message, HasSubstr("no private key in PEM form"));
  Write(files.key, key.substr(0, key.size() / 2));
  EXPECT_THAT(Refused(files).message, HasSubstr("damaged"));
}

// Cut anywhere, or with one character changed, a certificate is refused or, where the change is of no matter, read; it
// never ends the program.
TEST_F(TlsFilesTest, DamagedAtEveryPlace) {
  const auto files = authority_.Issue("box");
  const std::string whole = *ReadFile(files.certificate);
  for (std::size_t at = 0; at + 2 < whole.size(); at += 7) {
    Write(files.certificate, whole.substr(0, at));
    EXPECT_FALSE(ReadCertificates(files.certificate).has_value()) << at;
    std::string changed = whole;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    Write(files.certificate, changed);
    const auto read = ReadIdentity(files.certificate, files.key);
    EXPECT_TRUE(read.has_value() || !read.error().message.empty());
  }
}

TEST_F(TlsFilesTest, AClientsCertificateNeedsItsKey) {
  const auto files = authority_.Issue("me");
  EXPECT_TRUE(TlsClient::Open({.ca = authority_.ca(), .certificate = files.certificate, .key = files.key}).has_value());
  EXPECT_EQ(TlsClient::Open({.certificate = files.certificate}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(TlsClient::Open({.ca = folder_ / "none"}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace keelson::io
