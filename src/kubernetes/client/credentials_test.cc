#include "kubernetes/client/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/files.h"
#include "io/temp_folder.h"
#include "io/tls_testing.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

Environment Of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
  };
}

class CredentialsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(io::WriteFileAtomically(path, text).has_value());
    return path;
  }
  std::string Config(const std::string& name, const std::string& server, const std::string& user) {
    return Write(name, "clusters: [{name: c, cluster: {server: \"" + server + "\"}}]\nusers: [{name: u, user: {" +
                           user + "}}]\ncontexts: [{name: " + name +
                           ", context: {cluster: c, user: u}}]\ncurrent-context: " + name + "\n");
  }
  // A plugin that counts its calls and prints this.
  std::string Plugin(const std::string& script) {
    const std::string path = Write("plugin", "#!/bin/sh\necho x >>" + folder_.path() + "/calls\n" + script + "\n");
    chmod(path.c_str(), 0700);
    return path;
  }
  std::size_t Calls() { return io::FileSize(folder_.path() + "/calls").value_or(0) / 2; }
  Access WithPlugin(const std::string& script) {
    Access access;
    access.server = "http://127.0.0.1:1";
    access.exec.emplace();
    access.exec->api_version = kV1;
    access.exec->command = Plugin(script);
    return access;
  }

  io::TempFolder folder_ = io::TempFolder::Make().value();
  ManualClock clock_{Instant(std::chrono::hours(24 * 365 * 50))};
};

TEST_F(CredentialsTest, FindsTheClusterWhereKubectlDoes) {
  const std::string one = Config("one", "https://one", "token: a");
  const std::string two = Config("two", "https://two", "token: b");
  EXPECT_EQ(FindAccess(Of({{"KUBECONFIG", one + ":" + two}}))->server, "https://one");
  EXPECT_EQ(FindAccess(Of({{"KUBECONFIG", one}, {"HOME", folder_.path()}}), "one")->token, "a");
  ASSERT_TRUE(io::MakeFolders(folder_.path() + "/.kube").has_value());
  ASSERT_TRUE(io::WriteFileAtomically(folder_.path() + "/.kube/config", *io::ReadFile(two)).has_value());
  EXPECT_EQ(FindAccess(Of({{"HOME", folder_.path()}, {"KUBERNETES_SERVICE_HOST", "10.0.0.1"}}))->server, "https://two");
  const auto missing = FindAccess(Of({{"KUBECONFIG", folder_.path() + "/none"}}));
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const std::string none = folder_.path() + "/none";
  EXPECT_EQ(FindAccess(Of({{"KUBECONFIG", none + ":" + one}}))->server, "https://one") << "as kubectl passes over it";
  EXPECT_EQ(FindAccess(Of({{"KUBECONFIG", one + ":" + none}}))->server, "https://one");
  EXPECT_EQ(FindAccess(Of({{"KUBECONFIG", none + ":" + none + "2"}})).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FindAccess(Of({})).error().code, ErrorCode::kNotFound);
}

TEST_F(CredentialsTest, FindsTheClusterInAPod) {
  Write("token", "t\n");
  Write("ca.crt", "pem");
  Write("namespace", "lab\n");
  const auto access =
      FindAccess(Of({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}}), "", folder_.path());
  ASSERT_TRUE(access.has_value()) << access.error().ToString();
  EXPECT_EQ(access->server, "https://[fd00::1]:443");
  EXPECT_EQ(access->default_namespace, "lab");
  EXPECT_EQ(access->token_file, folder_.path() + "/token");
}

TEST_F(CredentialsTest, ReadsATokensFileAgain) {
  Access access;
  access.server = "http://127.0.0.1:1";
  access.token = "not this one";
  access.token_file = Write("token", "first\n");
  Credentials credentials(access, &clock_);
  EXPECT_EQ(credentials.Get()->authorization, "Bearer first");
  Write("token", "second");
  EXPECT_EQ(credentials.Get()->authorization, "Bearer first");
  clock_.Advance(std::chrono::minutes(2));
  EXPECT_EQ(credentials.Get()->authorization, "Bearer second");
  Write("token", "");  // as somebody writes it
  clock_.Advance(std::chrono::minutes(2));
  EXPECT_EQ(credentials.Get()->authorization, "Bearer second");
}

TEST_F(CredentialsTest, ConnectionsAreKeptAsLongAsTheTokensFileSaysTheSame) {
  Access access;
  access.server = "http://127.0.0.1:1";
  access.token_file = Write("token", "first\n");
  Credentials credentials(access, &clock_);
  const int version = credentials.Get()->version;
  for (int minutes = 0; minutes < 6; minutes += 2) {
    clock_.Advance(std::chrono::minutes(2));
    EXPECT_EQ(credentials.Get()->version, version);
  }
  Write("token", "second");
  clock_.Advance(std::chrono::minutes(2));
  const int next = credentials.Get()->version;
  EXPECT_NE(next, version);
  credentials.Renew(next);  // the server refused it: all is read again, whatever the file says
  EXPECT_NE(credentials.Get()->version, next);
}

TEST_F(CredentialsTest, SendsAPasswordAsHttpDoes) {
  Access access;
  access.server = "http://127.0.0.1:1";
  access.user = "me";
  access.password = "pw";
  EXPECT_EQ(Credentials(access, &clock_).Get()->authorization, "Basic bWU6cHc=");
}

TEST_F(CredentialsTest, ATokenThatNoHeaderCanHoldIsRefused) {
  Access access;
  access.server = "http://127.0.0.1:1";
  access.token = "s3cret\r\nx: y";
  const auto got = Credentials(access, &clock_).Get();
  ASSERT_FALSE(got.has_value());
  EXPECT_FALSE(got.error().ToString().contains("s3cret"));
}

TEST_F(CredentialsTest, AsksAPluginOnceUntilWhatItGaveExpires) {
  Credentials credentials(
      WithPlugin(
          R"(printf '{"apiVersion":"%s","kind":"ExecCredential","status":{"token":"t%s","expirationTimestamp":"2020-01-01T00:00:00Z"}}' )" +
          std::string(kV1) + " \"$(wc -l <" + folder_.path() + "/calls | tr -d ' ')\""),
      &clock_);
  const Instant now = *ParseInstant("2019-12-31T23:00:00Z");
  clock_.Advance(now - clock_.WallNow());
  EXPECT_EQ(credentials.Get()->authorization, "Bearer t1");
  EXPECT_EQ(credentials.Get()->authorization, "Bearer t1");
  clock_.Advance(std::chrono::hours(2));
  EXPECT_EQ(credentials.Get()->authorization, "Bearer t2");
}

TEST_F(CredentialsTest, WhatHasExpiredIsNotSentThoughThePluginFailsNow) {
  Credentials credentials(
      WithPlugin(
          "[ $(wc -l <" + folder_.path() + "/calls) -gt 1 ] && exit 1\n" +
          R"(printf '{"apiVersion":"%s","kind":"ExecCredential","status":{"token":"t","expirationTimestamp":"2020-01-01T00:00:00Z"}}' )" +
          std::string(kV1)),
      &clock_);
  clock_.Advance(*ParseInstant("2019-12-31T23:00:00Z") - clock_.WallNow());
  EXPECT_EQ(credentials.Get()->authorization, "Bearer t");
  clock_.Advance(std::chrono::hours(2));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(credentials.Get().error().code, ErrorCode::kUnauthenticated) << i;
}

TEST_F(CredentialsTest, RenewsOnceForAllThatWereRefusedTogether) {
  Credentials credentials(
      WithPlugin(R"(printf '{"apiVersion":"%s","kind":"ExecCredential","status":{"token":"t"}}' )" + std::string(kV1)),
      &clock_);
  const int version = credentials.Get()->version;
  credentials.Renew(version);
  const int renewed = credentials.Get()->version;
  EXPECT_NE(renewed, version);
  credentials.Renew(version);  // of a request that was sent before
  EXPECT_EQ(credentials.Get()->version, renewed);
  EXPECT_EQ(Calls(), 2U);
}

TEST_F(CredentialsTest, SaysWhyAPluginFailed) {
  const auto failed = Credentials(WithPlugin("echo no session >&2; exit 3"), &clock_).Get();
  EXPECT_EQ(failed.error().code, ErrorCode::kUnauthenticated);
  EXPECT_TRUE(failed.error().message.contains("code 3: no session")) << failed.error().message;
  Access access = WithPlugin("");
  access.exec->command = "keelson-no-such-plugin";
  access.exec->install_hint = "install it with apt";
  const auto missing = Credentials(access, &clock_).Get();
  EXPECT_TRUE(missing.error().message.contains("install it with apt")) << missing.error().message;
}

TEST_F(CredentialsTest, TellsAPluginWhatIsWanted) {
  Access access = WithPlugin(R"(case "$KUBERNETES_EXEC_INFO" in
*'"server":"http://127.0.0.1:1"'*) ;; *) exit 9 ;; esac
[ "$MINE" = yes ] || exit 8
printf '{"apiVersion":"%s","kind":"ExecCredential","status":{"token":"t"}}' )" +
                             std::string(kV1));
  access.exec->provide_cluster_info = true;
  access.exec->environment["MINE"] = "yes";
  const auto got = Credentials(access, &clock_).Get();
  EXPECT_TRUE(got.has_value()) << got.error().ToString();
}

TEST_F(CredentialsTest, TakesCertificatesFromTheConfigItself) {
  io::testing::TestAuthority authority(folder_.path(), "test");
  const auto issued = authority.Issue("me");
  Access access;
  access.server = "https://127.0.0.1:1";
  access.authority.text = *io::ReadFile(authority.ca());
  access.certificate.text = *io::ReadFile(issued.certificate);
  access.key.text = *io::ReadFile(issued.key);
  const auto got = Credentials(access, &clock_).Get();
  ASSERT_TRUE(got.has_value()) << got.error().ToString();
  EXPECT_NE(got->tls, nullptr);
  access.key.text = "no key";
  EXPECT_FALSE(Credentials(access, &clock_).Get().has_value());
}

TEST(PluginCredentialTest, RefusesWhatIsNone) {
  const std::string head = std::string(R"({"kind":"ExecCredential","apiVersion":")") + kV1 + R"(","status":)";
  EXPECT_EQ(ParsePluginCredential(head + R"({"token":"t"}})", kV1)->token, "t");
  EXPECT_EQ(ParsePluginCredential(head + R"({"clientCertificateData":"c","clientKeyData":"k"}})", kV1)->key.text, "k");
  for (const std::string& wrong :
       {std::string(), std::string("[]"), head + "{}}", head + "1}", head + R"({"token":7}})",
        head + R"({"token":"t","clientKeyData":"k"}})", head + R"({"token":"t","expirationTimestamp":"soon"}})",
        std::string(R"({"kind":"Pod","status":{"token":"t"}})"),
        std::string(R"({"kind":"ExecCredential","apiVersion":"v0","status":{"token":"t"}})"), std::string(50, '[')})
    EXPECT_FALSE(ParsePluginCredential(wrong, kV1).has_value()) << wrong;
}

}  // namespace
}  // namespace keelson::kubernetes
