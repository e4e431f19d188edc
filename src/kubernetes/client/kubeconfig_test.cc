#include "kubernetes/client/kubeconfig.h"

#include <gtest/gtest.h>

namespace keelson::kubernetes {
namespace {

constexpr const char* kWhole = R"(
apiVersion: v1
kind: Config
preferences: {}
current-context: lab
clusters:
- name: lab
  cluster: {server: "https://10.0.0.1:6443", certificate-authority: pki/ca.crt}
- name: prod
  cluster: {server: "https://prod.example/k8s/clusters/c-1", certificate-authority-data: cGVt}
contexts:
- name: lab
  context: {cluster: lab, user: me}
- name: prod
  context: {cluster: prod, user: plugin, namespace: ml}
users:
- name: me
  user: {client-certificate: /etc/me.crt, client-key-data: a2V5}
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: bin/aws
      args: [eks, get-token]
      env: [{name: AWS_PROFILE, value: lab}]
      interactiveMode: IfAvailable
      provideClusterInfo: true
- name: token
  user: {tokenFile: token, token: t}
)";

Kubeconfig Read(const std::string& text) {
  auto config = Kubeconfig::Parse(text, "/home/me/.kube", "config");
  EXPECT_TRUE(config.has_value()) << config.error().ToString();
  return config.value_or(Kubeconfig{});
}

Error Problem(const std::string& text) {
  const auto config = Kubeconfig::Parse(text, "/f", "config");
  if (!config.has_value()) return config.error();
  const auto access = config->Resolve("");
  EXPECT_FALSE(access.has_value());
  return access.has_value() ? Error{} : access.error();
}

// A kubeconfig with these entries of its one cluster and its one user.
std::string With(const std::string& cluster, const std::string& user) {
  return "clusters: [{name: c, cluster: {" + cluster + "}}]\nusers: [{name: u, user: {" + user +
         "}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n";
}

TEST(KubeconfigTest, ResolvesTheCurrentContextWithPathsBesideTheFile) {
  const auto access = Read(kWhole).Resolve("");
  ASSERT_TRUE(access.has_value()) << access.error().ToString();
  EXPECT_EQ(access->server, "https://10.0.0.1:6443");
  EXPECT_EQ(access->authority.path, "/home/me/.kube/pki/ca.crt");
  EXPECT_EQ(access->certificate.path, "/etc/me.crt");
  EXPECT_EQ(access->key.text, "key");
  EXPECT_EQ(access->default_namespace, "default");
}

TEST(KubeconfigTest, ResolvesANamedContextWithAPlugin) {
  const auto access = Read(kWhole).Resolve("prod");
  ASSERT_TRUE(access.has_value()) << access.error().ToString();
  EXPECT_EQ(access->authority.text, "pem");
  EXPECT_EQ(access->default_namespace, "ml");
  ASSERT_TRUE(access->exec.has_value());
  EXPECT_EQ(access->exec->command, "/home/me/.kube/bin/aws");
  EXPECT_EQ(access->exec->arguments, (std::vector<std::string>{"eks", "get-token"}));
  EXPECT_EQ(access->exec->environment.at("AWS_PROFILE"), "lab");
  EXPECT_TRUE(access->exec->provide_cluster_info);
}

TEST(KubeconfigTest, KnowsTheParts) {
  const auto config = Read(kWhole);
  EXPECT_EQ(config.users.at("token").token_file, "/home/me/.kube/token");
  EXPECT_EQ(config.users.at("token").token, "t");
  EXPECT_EQ(config.contexts.size(), 2U);
  EXPECT_TRUE(Read("").contexts.empty());
  EXPECT_TRUE(Read("{}").contexts.empty());
}

TEST(KubeconfigTest, TheFirstFileThatSaysSomethingIsRight) {
  auto first = Read(With("server: \"https://one\"", "token: a") + "kind: Config");
  first.Merge(Read(With("server: \"https://two\"", "as: somebody") + "---ignored: 0\n"));
  EXPECT_EQ(first.Resolve("")->server, "https://one");  // and the other's "as" is not this user's
  first.Merge(Read(kWhole));
  EXPECT_EQ(first.current_context, "x");
  EXPECT_EQ(first.Resolve("lab")->server, "https://10.0.0.1:6443");
}

TEST(KubeconfigTest, RefusesWhatItWouldHaveToIgnore) {
  const std::string server = "server: \"https://one\"";
  for (const auto& [cluster, user, name] : std::vector<std::array<std::string, 3>>{
           {server + ", insecure-skip-tls-verify: true", "token: a", "insecure-skip-tls-verify"},
           {server + ", proxy-url: \"http://p\"", "token: a", "proxy-url"},
           {server + ", tls-server-name: n", "token: a", "tls-server-name"},
           {server, "auth-provider: {name: gcp}", "auth-provider"},
           {server, "as: root, token: a", "as"}}) {
    const Error error = Problem(With(cluster, user));
    EXPECT_EQ(error.code, ErrorCode::kUnsupported) << name;
    EXPECT_TRUE(error.message.contains(name)) << error.message;
  }
}

TEST(KubeconfigTest, SaysWhichFieldIsWrongAndNoneOfItsValue) {
  const std::string server = "server: \"https://one\"";
  struct Case {
    std::string text, message;
  };
  for (const auto& [text, message] : std::vector<Case>{
           {"[1]", "it is not a map"},
           {"kind: Pod", "its kind is not Config"},
           {"clusters: {a: b}", "clusters is not a list"},
           {"clusters: [a]", "clusters has an item that is not a map"},
           {"a: [b", "it is not YAML"},
           {"current-context: {a: b}", "is not a text"},
           {With("server: [s3cret]", "token: a"), "clusters.c.server is not a text"},
           {With(server, "client-key-data: \"s3cret!\""), "users.u.client-key-data is not base64"},
           {With(server, "exec: {apiVersion: v0, command: c}"), "users.u.exec.apiVersion is none of"},
           {With(server, "exec: {apiVersion: client.authentication.k8s.io/v1}"), "users.u.exec.command is missing"},
           {With(server, "exec: {apiVersion: client.authentication.k8s.io/v1, command: c, interactiveMode: Always}"),
            "interactiveMode is Always"},
           {With(server + ", insecure-skip-tls-verify: s3cret", "token: a"), "is neither true nor false"},
           {With("server: \"\"", "token: a"), "it has no server"},
           {With("server: \"ftp://s3cret\"", "token: a"), "its server is not an address"},
           {With(server, "client-certificate: /c"), "given together"},
           {"contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x", "its cluster is not"},
           {"contexts: []\ncurrent-context: x", "has no context \"x\""},
           {"contexts: []", "has no current-context"}}) {
    const Error error = Problem(text);
    EXPECT_TRUE(error.message.contains(message)) << error.ToString() << " expected: " << message;
    EXPECT_FALSE(error.ToString().contains("s3cret")) << error.ToString();
  }
}

TEST(KubeconfigTest, EndsOnWhatIsDeepOrLarge) {
  EXPECT_FALSE(Kubeconfig::Parse(std::string(100'000, '['), "", "config").has_value());
  EXPECT_FALSE(Kubeconfig::Parse(std::string(std::size_t{5} << 20, 'a'), "", "config").has_value());
}

TEST(ParseServerTest, TellsThePathBeforeEveryPath) {
  const auto plain = ParseServer("https://10.0.0.1:6443");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->target.port, 6443);
  EXPECT_EQ(plain->prefix, "");
  const auto behind = ParseServer("https://rancher.example/k8s/clusters/c-1/");
  ASSERT_TRUE(behind.has_value());
  EXPECT_EQ(behind->target.host, "rancher.example");
  EXPECT_EQ(behind->prefix, "/k8s/clusters/c-1");
  EXPECT_FALSE(ParseServer("https://host/a b").has_value());
  EXPECT_FALSE(ParseServer("host").has_value());
}

}  // namespace
}  // namespace keelson::kubernetes
