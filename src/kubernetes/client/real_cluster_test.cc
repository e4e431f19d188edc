// Our client against the real API server of tests/kubernetes/cluster; `script/test kubernetes` starts it.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "kubernetes/client/api_client.h"
#include "kubernetes/client/mirror.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kLong{120'000};

class RealCluster : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KEELSON_CLUSTER_FOLDER") == nullptr) {
      GTEST_SKIP() << "KEELSON_CLUSTER_FOLDER names no cluster; script/test kubernetes starts one";
    }
    folder_ = std::getenv("KEELSON_CLUSTER_FOLDER");
    client_ = Connect("admin");
    ASSERT_NE(client_, nullptr);
    const auto kinds = client_->Discover();
    ASSERT_TRUE(kinds.has_value()) << kinds.error().ToString();
    kinds_ = *kinds;
    const json made = {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", namespace_}}}};
    ASSERT_TRUE(client_->Apply(Find("v1", "Namespace"), made).has_value());
  }
  void TearDown() override {
    if (client_ != nullptr) {
      EXPECT_TRUE(client_->Delete(Find("v1", "Namespace"), "", namespace_).has_value());
    }
  }

  std::unique_ptr<ApiClient> Connect(const std::string& who) {
    const auto access = FindAccess([&](const std::string& name) -> std::optional<std::string> {
      if (name == "KUBECONFIG") return folder_ + "/" + who + ".kubeconfig";
      return std::nullopt;
    });
    EXPECT_TRUE(access.has_value()) << access.error().ToString();
    auto client = ApiClient::Create(*access, {.clock = &clock_});
    EXPECT_TRUE(client.has_value()) << client.error().ToString();
    return client ? *std::move(client) : nullptr;
  }
  const Kind& Find(const std::string& api_version, const std::string& name) const {
    const Kind* const kind = kinds_.Find(api_version, name);
    EXPECT_NE(kind, nullptr) << name;
    return *kind;
  }
  json ConfigMap(const std::string& name, const std::string& value) const {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", name}, {"namespace", namespace_}}},
            {"data", {{"key", value}}}};
  }
  json Deployment(int replicas) const {
    const json labels = {{"app", "x"}};
    return {{"apiVersion", "apps/v1"},
            {"kind", "Deployment"},
            {"metadata", {{"name", "served"}, {"namespace", namespace_}}},
            {"spec",
             {{"replicas", replicas},
              {"selector", {{"matchLabels", labels}}},
              {"template",
               {{"metadata", {{"labels", labels}}},
                {"spec", {{"containers", {{{"name", "main"}, {"image", "example.org/none:1"}}}}}}}}}}};
  }
  void Control(const std::string& what) {
    ASSERT_EQ(std::system(fmt::format("$KEELSON_CLUSTER {} >/dev/null", what).c_str()), 0) << what;
  }

  std::string folder_;
  SystemClock clock_;
  std::unique_ptr<ApiClient> client_;
  Kinds kinds_;
  const std::string namespace_ = "client-" + RandomId().substr(0, 8);
};

TEST_F(RealCluster, KnowsUsByCertificateTokenAndPlugin) {
  for (const char* who : {"admin", "token", "exec"}) {
    const auto client = Connect(who);
    ASSERT_NE(client, nullptr);
    EXPECT_TRUE(client->Get(Find("v1", "Namespace"), "", "default").has_value()) << who;
  }
}

TEST_F(RealCluster, KnowsUsInAPod) {
  const io::TempFolder account = io::TempFolder::Make().value();
  const auto copy = [&](const std::string& from, const std::string& to) {
    ASSERT_TRUE(io::WriteFileAtomically(account.path() + "/" + to, *io::ReadFile(folder_ + "/" + from)).has_value());
  };
  copy("ca.crt", "ca.crt");
  copy("admin.token", "token");
  ASSERT_TRUE(io::WriteFileAtomically(account.path() + "/namespace", namespace_).has_value());
  const std::string server = client_->credentials().access().server;
  const auto access = FindAccess(
      [&](const std::string& name) -> std::optional<std::string> {
        if (name == "KUBERNETES_SERVICE_HOST") return "127.0.0.1";
        if (name == "KUBERNETES_SERVICE_PORT") return server.substr(server.rfind(':') + 1);
        return std::nullopt;
      },
      "", account.path());
  ASSERT_TRUE(access.has_value()) << access.error().ToString();
  EXPECT_EQ(access->default_namespace, namespace_);
  const auto client = ApiClient::Create(*access, {.clock = &clock_});
  ASSERT_TRUE(client.has_value());
  EXPECT_TRUE((*client)->Get(Find("v1", "Namespace"), "", namespace_).has_value());
}

TEST_F(RealCluster, RefusesAWrongTokenAndAServerOfAnotherAuthority) {
  Access access = client_->credentials().access();
  access.certificate = {};
  access.key = {};
  access.token = "wrong";
  const auto stranger = ApiClient::Create(access, {.clock = &clock_});
  ASSERT_TRUE(stranger.has_value());
  EXPECT_EQ((*stranger)->Get(Find("v1", "Namespace"), "", "default").error().code, ErrorCode::kUnauthenticated);
  access.authority.path = folder_ + "/front.crt";
  const auto misled = ApiClient::Create(access, {.clock = &clock_});
  ASSERT_TRUE(misled.has_value());
  EXPECT_EQ((*misled)->Get(Find("v1", "Namespace"), "", "default").error().code, ErrorCode::kUnauthenticated);
}

TEST_F(RealCluster, DiscoversAKindThatAppearsAndVanishes) {
  EXPECT_TRUE(kinds_.Has("apps/v1", "Deployment"));
  EXPECT_FALSE(Find("v1", "Node").namespaced);
  const std::string group = namespace_ + ".example.org";
  const json definition = {{"apiVersion", "apiextensions.k8s.io/v1"},
                           {"kind", "CustomResourceDefinition"},
                           {"metadata", {{"name", "ships." + group}}},
                           {"spec",
                            {{"group", group},
                             {"scope", "Namespaced"},
                             {"names", {{"plural", "ships"}, {"singular", "ship"}, {"kind", "Ship"}}},
                             {"versions",
                              {{{"name", "v1"},
                                {"served", true},
                                {"storage", true},
                                {"schema", {{"openAPIV3Schema", {{"type", "object"}}}}}}}}}}};
  const Kind& definitions = Find("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  const auto known = [&](bool wanted) {
    for (int i = 0; i < 600; ++i) {
      const auto kinds = client_->Discover();
      if (kinds && kinds->Has(group + "/v1", "Ship") == wanted) return true;
      std::this_thread::sleep_for(milliseconds(200));
    }
    return false;
  };
  EXPECT_FALSE(kinds_.Has(group + "/v1", "Ship"));
  ASSERT_TRUE(client_->Apply(definitions, definition).has_value());
  EXPECT_TRUE(known(true));
  ASSERT_TRUE(client_->Delete(definitions, "", "ships." + group).has_value());
  EXPECT_TRUE(known(false));
}

TEST_F(RealCluster, ApplyingTwiceChangesNothing) {
  const auto first = client_->Apply(Find("v1", "ConfigMap"), ConfigMap("a", "one"));
  const auto second = client_->Apply(Find("v1", "ConfigMap"), ConfigMap("a", "one"));
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(ResourceVersionOf(*first), ResourceVersionOf(*second));
  EXPECT_EQ(first->at("metadata").at("managedFields").at(0).at("manager"), "keelson");
}

TEST_F(RealCluster, ADryRunChangesNothingAndSaysWhatIsWrong) {
  ASSERT_TRUE(client_->Apply(Find("v1", "ConfigMap"), ConfigMap("dry", "x"), true).has_value());
  EXPECT_EQ(client_->Get(Find("v1", "ConfigMap"), namespace_, "dry").error().code, ErrorCode::kNotFound);
  json wrong = ConfigMap("wrong", "x");
  wrong["spec"] = {{"nope", 1}};
  const auto unknown = client_->Apply(Find("v1", "ConfigMap"), wrong, true);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument) << unknown.error().ToString();
  json bad = Deployment(1);
  bad["spec"]["template"]["spec"]["containers"][0].erase("image");
  bad["spec"]["replicas"] = -1;
  EXPECT_EQ(client_->Apply(Find("apps/v1", "Deployment"), bad, true).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RealCluster, NeverTakesReplicasFromWhoScales) {
  const Kind& deployments = Find("apps/v1", "Deployment");
  ASSERT_TRUE(client_->Apply(deployments, Deployment(1)).has_value());
  Control(fmt::format("kubectl $KEELSON_CLUSTER_FOLDER -n {} scale deployment served --replicas=3", namespace_));
  const auto conflict = client_->Apply(deployments, Deployment(1));
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, ErrorCode::kFailedPrecondition) << conflict.error().ToString();
  EXPECT_TRUE(conflict.error().message.contains("replicas")) << conflict.error().message;
}

// The API server keeps no record of who scales what nobody has applied (it skips managers of a Scale without any), so
// no conflict would stop us there: what an autoscaler owns is left out from the first apply on.
TEST_F(RealCluster, LeavesReplicasAloneThatItNeverNames) {
  const Kind& deployments = Find("apps/v1", "Deployment");
  json without = Deployment(0);
  without["spec"].erase("replicas");
  ASSERT_TRUE(client_->Apply(deployments, without).has_value());
  Control(fmt::format("kubectl $KEELSON_CLUSTER_FOLDER -n {} scale deployment served --replicas=3", namespace_));
  without["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/none:2";
  ASSERT_TRUE(client_->Apply(deployments, without).has_value());
  EXPECT_EQ(client_->Get(deployments, namespace_, "served")->at("spec").at("replicas"), 3);
}

TEST_F(RealCluster, ListsManyPages) {
  const Kind& maps = Find("v1", "ConfigMap");
  for (int i = 0; i < 25; ++i) {
    json map = ConfigMap(fmt::format("m-{}", i), "x");
    map["metadata"]["labels"] = {{"paged", "yes"}};
    ASSERT_TRUE(client_->Create(maps, map).has_value());
  }
  EXPECT_EQ(client_->Create(maps, ConfigMap("m-1", "x")).error().code, ErrorCode::kAlreadyExists);
  const auto list = client_->List(maps, namespace_, {.label_selector = "paged=yes", .page = 7});
  ASSERT_TRUE(list.has_value()) << list.error().ToString();
  EXPECT_EQ(list->items.size(), 25U);
  EXPECT_FALSE(list->resource_version.empty());
}

TEST_F(RealCluster, PatchesAndDeletesTheOneThatWasMeant) {
  const Kind& maps = Find("v1", "ConfigMap");
  const auto made = client_->Create(maps, ConfigMap("p", "one"));
  ASSERT_TRUE(made.has_value());
  ASSERT_TRUE(client_->Patch(maps, namespace_, "p", PatchKind::kMerge, {{"data", {{"more", "two"}}}}).has_value());
  ASSERT_TRUE(client_
                  ->Patch(maps, namespace_, "p", PatchKind::kJson,
                          json::array({{{"op", "replace"}, {"path", "/data/key"}, {"value", "three"}}}))
                  .has_value());
  EXPECT_EQ(client_->Get(maps, namespace_, "p")->at("data"), (json{{"key", "three"}, {"more", "two"}}));
  EXPECT_EQ(client_->Delete(maps, namespace_, "p", "11111111-1111-1111-1111-111111111111").error().code,
            ErrorCode::kAborted);
  EXPECT_TRUE(client_->Delete(maps, namespace_, "p", made->at("metadata").at("uid")).has_value());
  EXPECT_TRUE(client_->Delete(maps, namespace_, "p").has_value());  // it is gone: no error
}

TEST_F(RealCluster, AMirrorFollowsThroughARestartOfTheApiServer) {
  const Kind& maps = Find("v1", "ConfigMap");
  const Mirror mirror(*client_, maps, {.in_namespace = namespace_});
  const auto value_is = [&](const std::string& wanted) {
    return mirror.Await(
        [&](const Mirror::Objects& objects) {
          const auto found = objects.find({namespace_, "followed"});
          return found == objects.end() ? wanted.empty() : found->second->at("data").at("key") == wanted;
        },
        kLong);
  };
  ASSERT_TRUE(value_is("").has_value());
  ASSERT_TRUE(client_->Apply(maps, ConfigMap("followed", "one")).has_value());
  EXPECT_TRUE(value_is("one").has_value());
  Control("stop $KEELSON_CLUSTER_FOLDER apiserver");
  EXPECT_TRUE(mirror.Snapshot()->contains({namespace_, "followed"}));
  Control("start $KEELSON_CLUSTER_FOLDER apiserver");
  ASSERT_TRUE(client_->Apply(maps, ConfigMap("followed", "two")).has_value());
  EXPECT_TRUE(value_is("two").has_value());
  ASSERT_TRUE(client_->Delete(maps, namespace_, "followed").has_value());
  EXPECT_TRUE(value_is("").has_value());
}

}  // namespace
}  // namespace keelson::kubernetes
