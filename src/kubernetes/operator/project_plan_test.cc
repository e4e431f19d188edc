#include "kubernetes/operator/project_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kubernetes/changes/change_plan.h"
#include "kubernetes/objects/objects_testing.h"
#include "kubernetes/objects/project_definition.h"
#include "kubernetes/operator/operator_testing.h"

namespace keelson::kubernetes {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the objects of this room's tests
using What = ObjectChange::What;

constexpr const char* kServes = "train: {label: late, trainer: {xgboost: {}}}\nserve: {replicas: {min: 1, max: 1}}\n";

// A cluster that does what it is told: it takes objects as they are applied.
struct Cluster {
  explicit Cluster(const std::string& more = kServes, int version = 1) {
    settings = TestSettings();
    snapshot.project = Share(Project(more, version));
  }

  static json Project(const std::string& more, int version) {
    Settings chosen = TestSettings();
    chosen.model_version = version;
    const TestOwner made = MakeOwner(more, chosen);
    json object = ProjectResource(made.owner());
    object["metadata"]["uid"] = "u-ships";
    object["metadata"]["generation"] = 1;
    object["metadata"]["resourceVersion"] = "1";
    return object;
  }
  ProjectPlan Plan() const { return PlanProject(snapshot, settings, kNow); }
  ProjectPlan Step() {
    ProjectPlan plan = Plan();
    for (const ObjectChange& change : plan.changes) {
      std::erase_if(snapshot.owned, [&](const SharedObject& each) { return KeyOf(*each) == KeyOf(change.object); });
      if (change.what == What::kApply) snapshot.owned.push_back(Share(change.object));
    }
    if (plan.status) snapshot.project = Share(With(*snapshot.project, "/status", *plan.status));
    return plan;
  }
  void Settle() {
    for (int i = 0; i < 3; ++i) Step();
  }
  json* Find(const std::string& kind, const std::string& name) {
    for (SharedObject& each : snapshot.owned) {
      if (KeyOf(*each) != ObjectKey(kind, name)) continue;
      scratch = *each;
      return &scratch;
    }
    return nullptr;
  }
  void Put(const json& object) {
    std::erase_if(snapshot.owned, [&](const SharedObject& each) { return KeyOf(*each) == KeyOf(object); });
    snapshot.owned.push_back(Share(object));
  }
  void Available(const std::string& deployment, int replicas) {
    Put(With(*Find("Deployment", deployment), "/status", {{"availableReplicas", replicas}}));
  }
  std::string Condition(const std::string& type) const {
    for (const json& each : snapshot.project->at("status").at("conditions")) {
      if (each.at("type") == type) {
        return each.at("status").get<std::string>() + " " + each.at("reason").get<std::string>() + ": " +
               each.at("message").get<std::string>();
      }
    }
    return "";
  }

  ProjectSnapshot snapshot;
  Settings settings;
  json scratch;
};

std::vector<std::string> Told(const ProjectPlan& plan) {
  std::vector<std::string> told;
  for (const ObjectChange& change : plan.changes)
    told.push_back((change.what == What::kApply ? "+" : "-") + Called(change.object));
  return told;
}

json Pod(const std::string& version, const json& status) {
  json pod = TestPod("ships-v1-x", "n0", PodSpecWith("1"));
  pod["metadata"]["labels"] = {{"keelson.dev/model-version", version}, {"app.kubernetes.io/component", "endpoint"}};
  pod["status"] = status;
  return pod;
}

TEST(ProjectPlan, MakesWhatIsMissingOwnedByTheProjectAndThenNothing) {
  Cluster cluster;
  const ProjectPlan plan = cluster.Step();
  EXPECT_GE(plan.changes.size(), 8U);
  for (const ObjectChange& change : plan.changes) {
    EXPECT_EQ(change.what, What::kApply);
    EXPECT_TRUE(change.is_new);
    EXPECT_EQ(change.object.at("metadata").at("ownerReferences").at(0).at("uid"), "u-ships");
    EXPECT_EQ(change.object.at("metadata").at("namespace"), "ships");
    for (const char* other : {"Namespace", "Project", "Job"}) EXPECT_NE(change.object.at("kind"), other);
  }
  cluster.Settle();
  const ProjectPlan again = cluster.Plan();
  EXPECT_TRUE(again.changes.empty());
  EXPECT_EQ(again.status, std::nullopt);
  EXPECT_TRUE(again.told.empty());
  EXPECT_EQ(cluster.Condition("Applied"), "True AsWanted: the cluster has what the project asks for");
}

TEST(ProjectPlan, PutsRightWhatSomebodyHasDeletedOrChanged) {
  Cluster cluster;
  cluster.Settle();
  std::erase_if(cluster.snapshot.owned, [](const SharedObject& each) { return each->at("kind") == "Service"; });
  cluster.Put(With(*cluster.Find("Deployment", "ships-v1"), "/spec/template/spec/containers/0/image", "other:1"));
  EXPECT_EQ(Told(cluster.Step()), (std::vector<std::string>{"+Deployment ships-v1", "+Service ships-v1"}));
  EXPECT_TRUE(cluster.Plan().changes.empty());
}

// Of the HTTPRoute: "ships-v1:80 ships-v2:20".
std::string SharesOf(Cluster& cluster) {
  std::string shares;
  const json* const route = cluster.Find("HTTPRoute", "ships");
  if (route == nullptr) return "no route";
  for (const json& backend : route->at("spec").at("rules").at(0).at("backendRefs")) {
    shares += (shares.empty() ? "" : " ") + backend.at("name").get<std::string>() + ":" + backend.at("weight").dump();
  }
  return shares;
}

TEST(ProjectPlan, ACanaryGetsItsShareOfTheRouteOnceItAnswersAndTakesOverOnceItIsTheVersion) {
  Cluster cluster;
  cluster.settings.addons = {Addon::kGatewayApi};
  const auto annotate = [&](const char* name, const json& value) {
    json project = *cluster.snapshot.project;
    project["metadata"]["annotations"][name] = value;
    if (value.is_null()) project["metadata"]["annotations"].erase(name);
    cluster.snapshot.project = Share(project);
  };
  annotate(kGatewayAnnotation, "infra/public");
  cluster.Settle();
  cluster.Available("ships-v1", 1);
  cluster.Settle();
  EXPECT_EQ(SharesOf(cluster), "ships-v1:100");
  annotate(kCanaryVersionAnnotation, "2");
  annotate(kCanaryPercentAnnotation, "20");
  cluster.Settle();
  EXPECT_NE(cluster.Find("Deployment", "ships-v2"), nullptr);
  EXPECT_EQ(SharesOf(cluster), "ships-v1:100 ships-v2:0");
  EXPECT_EQ(cluster.Condition("Ready"), "True Serving: version 1 serves, version 2 has no replica yet that answers");
  cluster.Available("ships-v2", 1);
  cluster.Settle();
  EXPECT_EQ(SharesOf(cluster), "ships-v1:80 ships-v2:20");
  EXPECT_EQ(cluster.Condition("Ready"), "True Serving: version 1 serves, version 2 gets 20 % of the requests");
  annotate(kCanaryVersionAnnotation, nullptr);
  annotate(kModelVersionAnnotation, "2");
  cluster.Settle();
  EXPECT_EQ(SharesOf(cluster), "ships-v2:100");
  EXPECT_EQ(cluster.Find("Deployment", "ships-v1"), nullptr);
  // And a next one without a canary: requests go on to where they went until it answers.
  annotate(kModelVersionAnnotation, "3");
  cluster.Settle();
  EXPECT_EQ(SharesOf(cluster), "ships-v2:100");
  cluster.Available("ships-v3", 1);
  cluster.Settle();
  EXPECT_EQ(SharesOf(cluster), "ships-v3:100");
  EXPECT_TRUE(cluster.Plan().changes.empty());
}

TEST(ProjectPlan, ACanaryThatNobodyCanDivideForIsToldAndChangesNothing) {
  Cluster cluster;
  cluster.Settle();
  json project = *cluster.snapshot.project;
  project["metadata"]["annotations"][kCanaryVersionAnnotation] = "2";
  cluster.snapshot.project = Share(project);
  EXPECT_TRUE(cluster.Step().changes.empty());
  EXPECT_TRUE(cluster.Condition("Valid").starts_with("False Mistake: nobody divides the requests"));
}

TEST(ProjectPlan, ReadyFollowsTheReplicas) {
  Cluster cluster;
  cluster.Settle();
  EXPECT_EQ(cluster.Condition("Ready"), "False Starting: version 1 has 0 of the 1 replicas that it needs");
  cluster.Available("ships-v1", 1);
  const ProjectPlan plan = cluster.Step();
  ASSERT_EQ(plan.told.size(), 1U);
  EXPECT_EQ(plan.told[0].reason, "Serving");
  EXPECT_EQ(cluster.Condition("Ready"), "True Serving: version 1 serves");
  EXPECT_EQ(cluster.snapshot.project->at("status").at("champion"), 1);
}

TEST(ProjectPlan, TellsWhatIsWrongInOneSentence) {
  Cluster cluster;
  cluster.Settle();
  cluster.snapshot.pods = {
      Share(Pod("1", {{"conditions", {{{"type", "PodScheduled"}, {"status", "False"}, {"message", "no GPU"}}}}}))};
  cluster.Step();
  EXPECT_EQ(cluster.Condition("Ready"), "False Unschedulable: no node takes pod ships-v1-x: no GPU");
  cluster.snapshot.pods = {Share(Pod("1", {{"phase", "Running"}}))};
  cluster.snapshot.nodes_away = {"n0"};
  cluster.Step();
  EXPECT_EQ(cluster.Condition("Ready"), "False NodeNotReady: node n0 of pod ships-v1-x does not answer");
  cluster.Available("ships-v1", 1);
  cluster.Step();
  EXPECT_EQ(cluster.Condition("Ready"),
            "True Impaired: version 1 serves, but node n0 of pod ships-v1-x does not answer");
}

TEST(ProjectPlan, WhatTheApiServerRefusesIsTold) {
  Cluster cluster;
  cluster.Settle();
  cluster.snapshot.refused = {{{"Service", "ships-v1"}, "somebody manages .spec.selector"}, {{"X", "y"}, "no"}};
  const ProjectPlan plan = cluster.Step();
  EXPECT_EQ(cluster.Condition("Applied"),
            "False Refused: Service ships-v1: somebody manages .spec.selector (and 1 more)");
  EXPECT_EQ(plan.told.size(), 1U);
}

TEST(ProjectPlan, AVersionGoesOnlyWhenTheNextOneAnswers) {
  Cluster cluster;
  cluster.Settle();
  cluster.Available("ships-v1", 1);
  cluster.Settle();
  const json status = cluster.snapshot.project->at("status");
  cluster.snapshot.project = Share(With(Cluster::Project(kServes, 2), "/status", status));
  EXPECT_EQ(Told(cluster.Step()),
            (std::vector<std::string>{"+Deployment ships-v2", "+Service ships-v2", "+PodDisruptionBudget ships-v2"}));
  EXPECT_TRUE(cluster.Step().changes.empty());
  EXPECT_NE(cluster.Find("Deployment", "ships-v1"), nullptr);
  cluster.Available("ships-v2", 1);
  auto told = Told(cluster.Step());
  std::ranges::sort(told);
  EXPECT_EQ(told,
            (std::vector<std::string>{"-Deployment ships-v1", "-PodDisruptionBudget ships-v1", "-Service ships-v1"}));
}

TEST(ProjectPlan, WithoutAVersionThereIsNoEndpoint) {
  Cluster cluster;
  json project = *cluster.snapshot.project;
  project["metadata"]["annotations"].erase(kModelVersionAnnotation);
  cluster.snapshot.project = Share(project);
  for (const std::string& told : Told(cluster.Step())) EXPECT_FALSE(told.contains("Deployment")) << told;
  EXPECT_TRUE(cluster.Condition("Ready").starts_with("False NoVersion"));
  EXPECT_FALSE(cluster.snapshot.project->at("status").contains("champion"));
}

TEST(ProjectPlan, WhatIsWantedNoMoreGoesButJobsAndWhatIsSomebodyElses) {
  Cluster cluster;
  cluster.Settle();
  const json labels = {{kProjectLabel, "ships"}, {kManagerLabel, "keelson"}};
  const json ours = {{"kind", "ConfigMap"},
                     {"metadata", {{"name", "old"}, {"namespace", "ships"}, {"labels", labels}}}};
  cluster.Put(ours);
  cluster.Put(With(With(ours, "/kind", "Job"), "/metadata/name", "step"));
  cluster.Put(With(With(ours, "/metadata/name", "theirs"), "/metadata/ownerReferences",
                   json::array({{{"kind", "Chart"}, {"name", "x"}}})));
  cluster.Put(With(With(ours, "/metadata/name", "going"), "/metadata/deletionTimestamp", "2026-11-30T12:00:00Z"));
  EXPECT_EQ(Told(cluster.Plan()), std::vector<std::string>{"-ConfigMap old"});
}

TEST(ProjectPlan, AProjectWithAMistakeChangesNothing) {
  Cluster cluster;
  cluster.Settle();
  const std::size_t before = cluster.snapshot.owned.size();
  cluster.snapshot.project = Share(With(*cluster.snapshot.project, "/train/lable", "x"));
  const ProjectPlan plan = cluster.Step();
  EXPECT_TRUE(plan.changes.empty());
  EXPECT_EQ(cluster.snapshot.owned.size(), before);
  EXPECT_TRUE(cluster.Condition("Valid").starts_with("False Mistake: ")) << cluster.Condition("Valid");
  EXPECT_TRUE(cluster.Condition("Valid").contains("lable"));
}

TEST(ProjectPlan, AddonsThatComeAndGoChangeWhatIsWanted) {
  Cluster cluster("train: {label: late, trainer: {xgboost: {}}}\nserve: {replicas: {min: 1, max: 3}}\n");
  cluster.Settle();
  cluster.settings.addons = {Addon::kKeda};
  EXPECT_EQ(Told(cluster.Step()),
            (std::vector<std::string>{"+TriggerAuthentication ships-v1", "+ScaledObject ships-v1"}));
  cluster.settings.addons = {};
  auto told = Told(cluster.Step());
  std::ranges::sort(told);
  EXPECT_EQ(told, (std::vector<std::string>{"-ScaledObject ships-v1", "-TriggerAuthentication ships-v1"}));
}

TEST(ProjectPlan, JobsThatWaitOrFailAreTold) {
  Cluster cluster;
  cluster.snapshot.waiting = {{"train-1", "waits for quota: it asks for 2 cores; one like it is before it"},
                              {"train-2", "waits"}};
  cluster.Settle();
  EXPECT_EQ(cluster.Condition("Jobs"),
            "True Waiting: job train-1 waits for quota: it asks for 2 cores (and 1 more wait)");
  cluster.snapshot.waiting.clear();
  const json labels = {{kProjectLabel, "ships"}, {kManagerLabel, "keelson"}};
  cluster.Put({{"kind", "Job"},
               {"metadata", {{"name", "step"}, {"namespace", "ships"}, {"labels", labels}}},
               {"status", {{"conditions", {{{"type", "Failed"}, {"status", "True"}, {"message", "too often"}}}}}}});
  cluster.Settle();
  EXPECT_EQ(cluster.Condition("Jobs"), "False JobFailed: job step has failed: too often");
}

}  // namespace
}  // namespace keelson::kubernetes
