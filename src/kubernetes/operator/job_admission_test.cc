#include "kubernetes/operator/job_admission.h"

#include <gtest/gtest.h>

#include "kubernetes/operator/operator_testing.h"
#include "scheduling/queue_lookup.h"

namespace keelson::kubernetes {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the objects of this room's tests
using What = JobChange::What;

json Job(const std::string& name, bool suspended, int pods, const json& pod_spec) {
  return {{"kind", "Job"},
          {"metadata",
           {{"name", name},
            {"namespace", "lab"},
            {"uid", "u-" + name},
            {"resourceVersion", "7"},
            {"creationTimestamp", "2026-11-30T11:00:00Z"},
            {"labels", {{kQueueLabel, "default"}}}}},
          {"spec", {{"suspend", suspended}, {"parallelism", pods}, {"template", {{"spec", pod_spec}}}}},
          {"status", json::object()}};
}

struct Scene {
  AdmissionSnapshot snapshot;
  Scene& Nodes(int count, const std::string& cpu = "8", int gpus = 8) {
    for (int i = 0; i < count; ++i) snapshot.nodes.push_back(Share(TestNode("n" + std::to_string(i), cpu, gpus)));
    return *this;
  }
  Scene& Add(const json& job) {
    snapshot.jobs.push_back(Share(job));
    return *this;
  }
  Scene& Pod(const json& pod) {
    snapshot.pods.push_back(Share(pod));
    return *this;
  }
  AdmissionPlan Plan(Instant now = kNow) const {
    auto plan = PlanAdmission(snapshot, now);
    EXPECT_TRUE(plan.has_value()) << plan.error().ToString();
    return plan ? *std::move(plan) : AdmissionPlan{};
  }
  std::vector<std::string> Told(Instant now = kNow) const {
    std::vector<std::string> told;
    for (const JobChange& change : Plan(now).changes)
      told.push_back((change.what == What::kRelease ? "+" : "-") + JobId(*change.job));
    return told;
  }
};

using Strings = std::vector<std::string>;

TEST(JobAdmission, LetsRunWhatFitsGangByGang) {
  Scene scene;
  scene.Nodes(2).Add(Job("gang", true, 2, PodSpecWith("6", 8))).Add(Job("late", true, 1, PodSpecWith("6", 8)));
  EXPECT_EQ(scene.Told(), Strings{"+lab/gang"});
  EXPECT_TRUE(scene.Plan().waiting.at("lab/late").starts_with("waits for nodes"));
  // With one node there is no half of a gang.
  Scene small;
  small.Nodes(1).Add(Job("gang", true, 2, PodSpecWith("6", 8))).Add(Job("late", true, 1, PodSpecWith("6", 8)));
  EXPECT_EQ(small.Told(), Strings{"+lab/late"});
  EXPECT_EQ(small.Plan().waiting.at("lab/gang"),
            "cannot run: it asks for 2 pods at once, and the pool has room for 1 of them, were it empty");
}

TEST(JobAdmission, SaysWhichJobItSawAndWhoseQuotaItUses) {
  Scene scene;
  scene.Nodes(1).Add(Job("one", true, 1, PodSpecWith("1")));
  const auto plan = scene.Plan();
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(plan.changes[0].patch,
            (json{{"metadata", {{"resourceVersion", "7"}, {"annotations", {{kFlavorAnnotation, "the whole cluster"}}}}},
                  {"spec", {{"suspend", false}}}}));
}

TEST(JobAdmission, WhatRunsHoldsItsRoomAlsoBeforeItsPodsAreThere) {
  Scene scene;
  scene.Nodes(1, "8", 0).Add(Job("runs", false, 1, PodSpecWith("6"))).Add(Job("waits", true, 1, PodSpecWith("6")));
  EXPECT_EQ(scene.Told(), Strings{});
  scene.Pod(TestPod("runs-x", "n0", PodSpecWith("6"), "u-runs"));
  EXPECT_EQ(scene.Told(), Strings{});
  scene.snapshot.jobs[0] =
      Share(With(*scene.snapshot.jobs[0], "/status/conditions", {{{"type", "Complete"}, {"status", "True"}}}));
  EXPECT_EQ(scene.Told(), Strings{});  // its pod is still there
  scene.snapshot.pods[0] = Share(With(*scene.snapshot.pods[0], "/status/phase", "Succeeded"));
  EXPECT_EQ(scene.Told(), Strings{"+lab/waits"});
}

TEST(JobAdmission, PodsOfOthersCountAndAreNotTouched) {
  Scene scene;
  scene.Nodes(1, "8", 8).Add(Job("one", true, 1, PodSpecWith("4", 5)));
  scene.Pod(TestPod("daemon", "n0", PodSpecWith("1", 4)));
  EXPECT_EQ(scene.Told(), Strings{});
  scene.snapshot.pods[0] = Share(TestPod("daemon", "n0", PodSpecWith("1", 3)));
  EXPECT_EQ(scene.Told(), Strings{"+lab/one"});
}

TEST(JobAdmission, InferenceTakesThePlaceOfTrainingWhichGoesBackIntoTheLine) {
  const json urgent =
      With(Job("urgent", true, 1, PodSpecWith("6")), "/spec/template/spec/priorityClassName", "keelson-inference");
  Scene scene;
  scene.Nodes(1, "8", 0)
      .Add(With(Job("training", false, 1, PodSpecWith("6")), "/metadata/annotations", {{kPreemptedAnnotation, "2"}}))
      .Add(urgent)
      .Pod(TestPod("t", "n0", PodSpecWith("6"), "u-training"));
  const auto plan = scene.Plan();
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(plan.changes[0].patch.at("spec"), (json{{"suspend", true}}));
  EXPECT_EQ(plan.changes[0].patch.at("metadata").at("annotations").at(kPreemptedAnnotation), "3");
  EXPECT_EQ(plan.changes[0].why, "makes room for lab/urgent");
  // Suspended, but its pod still writes its checkpoint: the room is not free yet.
  scene.snapshot.jobs[0] = Share(With(*scene.snapshot.jobs[0], "/spec/suspend", true));
  scene.snapshot.pods[0] = Share(With(*scene.snapshot.pods[0], "/metadata/deletionTimestamp", "2026-11-30T12:00:00Z"));
  EXPECT_EQ(scene.Told(), Strings{});
  scene.snapshot.pods.clear();
  EXPECT_EQ(scene.Told(), Strings{"+lab/urgent"});
}

TEST(JobAdmission, PodsThatNoNodeTakesGiveTheirPlaceBack) {
  const json homeless =
      With(TestPod("x", "", PodSpecWith("1"), "u-runs"), "/status/conditions",
           {{{"type", "PodScheduled"}, {"status", "False"}, {"lastTransitionTime", "2026-11-30T12:00:00Z"}}});
  Scene scene;
  scene.Nodes(1).Add(Job("runs", false, 2, PodSpecWith("1"))).Pod(homeless);
  EXPECT_EQ(scene.Told(kNow + std::chrono::minutes(4)), Strings{});
  EXPECT_EQ(scene.Told(kNow + std::chrono::minutes(5)), Strings{"-lab/runs"});
  scene.Pod(TestPod("y", "n0", PodSpecWith("1"), "u-runs"));  // one of them works
  EXPECT_EQ(scene.Told(kNow + std::chrono::minutes(5)), Strings{});
}

TEST(JobAdmission, AStepWaitsUntilItKnowsWhatToDo) {
  json step = With(Job("step", true, 1, PodSpecWith("1")), "/metadata/labels/keelson.dev~1step-kind", "train");
  Scene scene;
  scene.Nodes(1).Add(step);
  EXPECT_EQ(scene.Told(), Strings{});
  EXPECT_EQ(scene.Plan().waiting.at("lab/step"), "waits to be told what it is to do");
  scene.snapshot.jobs[0] = Share(With(step, "/metadata/annotations", {{kAttemptAnnotation, "1"}}));
  EXPECT_EQ(scene.Told(), Strings{"+lab/step"});
}

TEST(JobAdmission, QueuesAreDeclaredAndAFlavorSaysWhere) {
  Scene scene;
  scene.Nodes(2, "8", 0);
  scheduling::Queues& queues = scene.snapshot.queues;
  scheduling::AddUnlimitedQueue("research", "a", &queues);
  queues.flavors[0].node_labels = {{"pool", "a"}};
  queues.cluster_queues[0].flavors[0].of[0] = scheduling::ResourceQuota{3'000, {}, {}};
  json job = Job("one", true, 1, PodSpecWith("2"));
  job["metadata"]["labels"][kQueueLabel] = "research";
  scene.Add(job).Add(With(job, "/metadata/name", "two"));
  const auto plan = scene.Plan();
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(plan.changes[0].patch.at("spec").at("template").at("spec").at("nodeSelector"), (json{{"pool", "a"}}));
  EXPECT_TRUE(plan.waiting.at("lab/two").starts_with("waits for quota"));
  job["metadata"]["labels"][kQueueLabel] = "reserch";
  scene.Add(With(job, "/metadata/name", "lost"));
  EXPECT_TRUE(scene.Plan().waiting.at("lab/lost").starts_with("there is no queue 'reserch'"));
}

TEST(JobAdmission, AnotherFlavorTakesTheLabelsOfTheFormerAway) {
  Scene scene;
  scene.Nodes(1, "8", 0);
  scheduling::Queues& queues = scene.snapshot.queues;
  scheduling::AddUnlimitedQueue("research", "spot", &queues);
  queues.flavors[0].node_labels = {{"kubernetes.io/hostname", "n0"}, {"pool", "a"}};
  json job = Job("one", true, 1, PodSpecWith("2"));
  job["metadata"]["labels"][kQueueLabel] = "research";
  // Of its selectors the project has said one itself; another is of the flavor that it had before it was preempted.
  job["spec"]["template"]["spec"]["nodeSelector"] = {{"pool", "a"}, {"spot", "no"}};
  job["metadata"]["annotations"] = {{kFlavorAnnotation, "on-demand"}, {kFlavorLabelsAnnotation, "spot"}};
  scene.Add(job);
  const auto plan = scene.Plan();
  ASSERT_EQ(plan.changes.size(), 1U);
  json released = job;
  released.merge_patch(plan.changes[0].patch);
  EXPECT_EQ(released.at("spec").at("template").at("spec").at("nodeSelector"),
            (json{{"pool", "a"}, {"kubernetes.io/hostname", "n0"}}));
  EXPECT_EQ(released.at("metadata").at("annotations").at(kFlavorLabelsAnnotation), "kubernetes.io/hostname");
}

TEST(JobAdmission, WhereKueueIsAJobIsHandedToItOnceItKnowsWhatToDo) {
  Scene scene;
  scene.snapshot.by_kueue = true;
  json job = Job("one", true, 1, PodSpecWith("2"));
  job["metadata"]["labels"][kQueueLabel] = "research";
  scene.Nodes(1).Add(job).Add(Job("runs", false, 1, PodSpecWith("2")));
  const auto plan = scene.Plan();
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(plan.changes[0].what, What::kHandOver);
  EXPECT_EQ(plan.changes[0].patch,
            (json{{"metadata", {{"resourceVersion", "7"}, {"labels", {{kKueueQueueLabel, "research"}}}}}}));
  job.merge_patch(plan.changes[0].patch);
  scene.snapshot.jobs[0] = Share(job);
  EXPECT_TRUE(scene.Plan().changes.empty());
  EXPECT_EQ(scene.Plan().waiting.at("lab/one"), "waits in Kueue's queue 'research'; its Workload says for what");
  // A step is not let run before its inputs are there, by Kueue either.
  scene.snapshot.jobs[0] =
      Share(With(Job("one", true, 1, PodSpecWith("2")), "/metadata/labels/keelson.dev~1step-kind", "train"));
  EXPECT_TRUE(scene.Plan().changes.empty());
  EXPECT_EQ(scene.Plan().waiting.at("lab/one"), "waits to be told what it is to do");
}

TEST(JobAdmission, WhenKueueIsGoneItsJobsStandInLineHereAgain) {
  Scene scene;
  json job = Job("one", true, 1, PodSpecWith("2"));
  job["metadata"]["labels"][kKueueQueueLabel] = "default";
  scene.Nodes(1).Add(job);
  const auto plan = scene.Plan();
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(plan.changes[0].what, What::kRelease);
  EXPECT_TRUE(plan.changes[0].patch.at("metadata").at("labels").at(kKueueQueueLabel).is_null());
}

TEST(JobAdmission, WhereNodesComeForPodsThatWaitQuotasAloneDecide) {
  Scene scene;
  scene.Add(Job("one", true, 4, PodSpecWith("64")));
  EXPECT_EQ(scene.Told(), Strings{"+lab/one"});
  scene.Nodes(1);
  EXPECT_EQ(scene.Told(), Strings{});
  scene.snapshot.by_nodes = false;
  EXPECT_EQ(scene.Told(), Strings{"+lab/one"});
}

TEST(JobAdmission, CarriedOutAndPlannedAgainItSaysNothing) {
  Scene scene;
  scene.Nodes(3);
  for (int i = 0; i < 12; ++i) scene.Add(Job("j" + std::to_string(i), true, 1 + i % 3, PodSpecWith("3", i % 4)));
  for (const JobChange& change : scene.Plan().changes) {
    for (SharedObject& job : scene.snapshot.jobs) {
      if (JobId(*job) != JobId(*change.job)) continue;
      json changed = *job;
      changed.merge_patch(change.patch);
      job = Share(std::move(changed));
    }
  }
  EXPECT_EQ(scene.Told(), Strings{});
}

}  // namespace
}  // namespace keelson::kubernetes
