#include "app/roles/access.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>

#include "io/files.h"
#include "io/temp_folder.h"
#include "io/tls_testing.h"

namespace keelson::app {
namespace {

using ::testing::HasSubstr;

class AccessTest : public ::testing::Test {
 protected:
  static ListenOptions At(const std::string& host, std::vector<std::string> names = {}) {
    ListenOptions listen;
    listen.host = host;
    listen.names = std::move(names);
    return listen;
  }
  Result<Access> Open(const ListenOptions& listen) { return Access::Open(listen, token_file_, nullptr, token_); }
  Result<Access> OpenTls(ListenOptions listen, const std::string& token_file, bool client_ca) {
    io::testing::TestAuthority authority(temp_.path(), "authority");
    const auto files = authority.Issue("box", {.alternatives = "DNS:keelson.example"});
    listen.certificate = files.certificate;
    listen.key = files.key;
    if (client_ca) listen.client_ca = authority.ca();
    const auto tls = listen.OpenTls(false);
    EXPECT_TRUE(tls.has_value()) << tls.error().ToString();
    return Access::Open(listen, token_file, *tls, token_);
  }
  static ErrorCode Code(const Access& access, io::HttpHeaders headers, const std::string& certificate = "") {
    io::HttpRequest request;
    request.method = "POST";
    request.path = "/api/keelson/v1/projects";
    request.headers = std::move(headers);
    request.client_certificate = certificate;
    const Status status = access.Check(request);
    return status.has_value() ? kOk : status.error().code;
  }
  static constexpr ErrorCode kOk = ErrorCode::kInternal;  // which Check never gives

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
  const std::string token_file_ = temp_.File("token.sha256");
  std::optional<std::string> token_;
};

TEST_F(AccessTest, OnLoopbackNobodyNeedsATokenAndForeignPagesAreRefused) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    const auto access = Open(At(host));
    ASSERT_TRUE(access.has_value());
    EXPECT_FALSE(token_.has_value());
    EXPECT_EQ(Code(*access, {{"host", "127.0.0.1:7070"}}), kOk);
    EXPECT_EQ(Code(*access, {{"host", "localhost:7070"}}), kOk);
    EXPECT_EQ(Code(*access, {{"host", "evil.example:7070"}}), ErrorCode::kPermissionDenied);
    EXPECT_EQ(Code(*access, {{"host", "10.0.0.1:7070"}}), ErrorCode::kPermissionDenied);
    EXPECT_EQ(Code(*access, {{"host", "127.0.0.1:7070"}, {"origin", "http://evil.example"}}),
              ErrorCode::kPermissionDenied);
  }
  EXPECT_FALSE(io::Exists(token_file_));
}

TEST_F(AccessTest, ANameThatOnlyLooksLikeLoopbackIsNone) {
  for (const char* host :
       {"127.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "", "::", "128.0.0.1", "10.127.0.1"})
    EXPECT_FALSE(IsLoopback(host)) << host;
}

TEST_F(AccessTest, ElsewhereTheTokenIsShownOnceAndStoredAsAHash) {
  const auto access = Open(At("0.0.0.0"));
  ASSERT_TRUE(access.has_value());
  ASSERT_TRUE(token_.has_value());
  const std::string token = *token_;
  EXPECT_EQ(io::ReadFile(token_file_)->find(token), std::string::npos);
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1:7070"}, {"authorization", "Bearer " + token}}), kOk);
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1:7070"}}), ErrorCode::kUnauthenticated);
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1"}, {"authorization", "Bearer " + token + "x"}}),
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1"}, {"authorization", token}}), ErrorCode::kUnauthenticated);
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1"}, {"authorization", "Bearer "}}), ErrorCode::kUnauthenticated);

  token_.reset();
  const auto again = Open(At("0.0.0.0"));
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(token_.has_value());
  EXPECT_EQ(Code(*again, {{"host", "10.0.0.1"}, {"authorization", "Bearer " + token}}), kOk);
}

// The token alone does not open the door to a page of somebody else that got hold of it.
TEST_F(AccessTest, NamesAreToBeKnownWithTheTokenToo) {
  const auto access = Open(At("0.0.0.0", {"Keelson.Example"}));
  ASSERT_TRUE(access.has_value());
  const std::string bearer = "Bearer " + *token_;
  std::array<char, 256> machine{};
  gethostname(machine.data(), machine.size() - 1);
  EXPECT_EQ(Code(*access, {{"host", "keelson.example:7070"}, {"authorization", bearer}}), kOk);
  EXPECT_EQ(Code(*access, {{"host", machine.data()}, {"authorization", bearer}}), kOk);
  EXPECT_EQ(Code(*access, {{"host", "evil.example"}, {"authorization", bearer}}), ErrorCode::kPermissionDenied);
  EXPECT_EQ(Code(*access, {{"host", "keelson.example"}, {"origin", "https://evil.example"}, {"authorization", bearer}}),
            ErrorCode::kPermissionDenied);
}

TEST_F(AccessTest, ACertificateStandsForTheToken) {
  const auto access = OpenTls(At("0.0.0.0"), token_file_, true);
  ASSERT_TRUE(access.has_value());
  ASSERT_TRUE(token_.has_value());
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1"}}, "CN=me"), kOk);
  EXPECT_EQ(Code(*access, {{"host", "keelson.example"}}, "CN=me"), kOk) << "a name of the certificate";
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1"}}), ErrorCode::kUnauthenticated);
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1"}, {"authorization", "Bearer " + *token_}}), kOk);
  // A browser shows the certificate by itself, whichever page asks: the origin is looked at all the same.
  EXPECT_EQ(Code(*access, {{"host", "10.0.0.1"}, {"origin", "https://evil.example"}}, "CN=me"),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(Code(*access, {{"host", "evil.example"}}, "CN=me"), ErrorCode::kPermissionDenied);
}

TEST_F(AccessTest, ClientAuthoritiesAskForCredentialsOnLoopbackToo) {
  const auto access = OpenTls(ListenOptions(), "", true);
  ASSERT_TRUE(access.has_value());
  EXPECT_EQ(Code(*access, {{"host", "localhost"}}, "CN=me"), kOk);
  EXPECT_EQ(Code(*access, {{"host", "localhost"}}), ErrorCode::kUnauthenticated);
  EXPECT_EQ(Code(*access, {{"host", "localhost"}, {"authorization", "Bearer "}}), ErrorCode::kUnauthenticated);
  const auto open = OpenTls(ListenOptions(), "", false);
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(Code(*open, {{"host", "localhost"}}), kOk);
}

TEST_F(AccessTest, WithoutAWayToKnowWhoAsksNothingListensElsewhere) {
  const auto access = Access::Open(At("0.0.0.0"), "", nullptr, token_);
  ASSERT_FALSE(access.has_value());
  EXPECT_EQ(access.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(access.error().message, HasSubstr("--tls-client-ca"));
  EXPECT_FALSE(OpenTls(At("0.0.0.0"), "", false).has_value());
  EXPECT_TRUE(OpenTls(At("0.0.0.0"), "", true).has_value());
}

TEST_F(AccessTest, ADamagedHashLetsNobodyIn) {
  for (const std::string& content : {std::string("short"), std::string(64, 'z'), std::string()}) {
    ASSERT_TRUE(io::WriteFileAtomically(token_file_, content).has_value());
    EXPECT_EQ(Open(At("10.0.0.1")).error().code, ErrorCode::kDataLoss);
  }
}

}  // namespace
}  // namespace keelson::app
