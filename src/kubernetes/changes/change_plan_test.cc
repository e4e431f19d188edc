#include "kubernetes/changes/change_plan.h"

#include <gtest/gtest.h>

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using What = Change::What;

json Object(const std::string& kind, const std::string& name, const std::string& project = "ships") {
  return {{"kind", kind},
          {"metadata",
           {{"name", name},
            {"namespace", "lab"},
            {"uid", "u-" + name},
            {"labels", {{kProjectLabel, project}, {kManagerLabel, "keelson"}}}}}};
}

json With(json object, const std::string& pointer, const json& value) {
  object[json::json_pointer(pointer)] = value;
  return object;
}

std::vector<std::string> Told(const std::vector<Change>& changes) {
  std::vector<std::string> told;
  for (const Change& change : changes)
    told.push_back(std::to_string(static_cast<int>(change.what)) + " " + Called(change.object));
  return told;
}

TEST(PlanChanges, CreatesWhatIsMissingChangesWhatDiffersAndDeletesTheRest) {
  const json same = Object("Service", "same");
  const json other = Object("Service", "other");
  const json gone = With(Object("Job", "gone"), "/spec", {{"suspend", true}}), old = Object("Service", "old");
  const auto plan = PlanChanges("ships",
                                {{Object("Job", "fresh"), nullptr, nullptr},
                                 {same, same, same},
                                 {other, other, With(other, "/spec", {{"port", 1}})}},
                                {same, other, gone, old});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(Told(*plan), (std::vector<std::string>{"0 Job fresh", "1 Service other", "2 Service old", "2 Job gone"}));
  EXPECT_EQ((*plan)[1].lines, std::vector<std::string>{"+ /spec: {\"port\":1}"});
}

TEST(PlanChanges, IsEmptyWhenAllIsAsWanted) {
  const json there = Object("Service", "same");
  EXPECT_TRUE(PlanChanges("ships", {{there, there, there}}, {there})->empty());
}

TEST(PlanChanges, TouchesNothingThatIsNotTheProjects) {
  for (const json& live :
       {Object("Service", "x", "trains"), With(Object("Service", "x"), "/metadata/labels", json::object()),
        With(Object("Service", "x"), "/metadata/ownerReferences", json::array({{{"kind", "Other"}}}))}) {
    const auto plan = PlanChanges("ships", {{Object("Service", "x"), live, nullptr}}, {});
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().code, ErrorCode::kAlreadyExists);
    EXPECT_EQ(plan.error().message, "there is a Service x already, which is not of the project ships");
  }
}

TEST(PlanChanges, WhatTheProjectItselfOwnsIsTheProjects) {
  const json owner = {{"apiVersion", "keelson.dev/v1"}, {"kind", "Project"}, {"name", "ships"}, {"uid", "u"}};
  const json owned = With(Object("Service", "x"), "/metadata/ownerReferences", json::array({owner}));
  EXPECT_TRUE(IsOf(owned, "ships"));
  EXPECT_FALSE(IsOf(With(owned, "/metadata/ownerReferences/0/name", "trains"), "ships"));
  EXPECT_FALSE(IsOf(With(owned, "/metadata/ownerReferences/0/apiVersion", "other.dev/v1"), "ships"));
}

TEST(PlanChanges, LeavesAJobThatRuns) {
  const json runs = With(Object("Job", "runs"), "/status", {{"active", 1}});
  const json between = With(Object("Job", "between"), "/status", {{"failed", 1}});  // one pod failed, none is there yet
  const json ended = With(Object("Job", "ended"), "/status",
                          {{"succeeded", 1}, {"conditions", {{{"type", "Complete"}, {"status", "True"}}}}});
  const json waits = With(Object("Job", "waits"), "/spec", {{"suspend", true}});
  const json ends = With(waits, "/status", {{"active", 1}});
  EXPECT_EQ(Told(*PlanChanges("ships", {}, {runs, between, ended, waits, With(ends, "/metadata/name", "ends")})),
            (std::vector<std::string>{"3 Job ends", "2 Job waits", "2 Job ended", "3 Job between", "3 Job runs"}));
}

TEST(PlanDeletion, TakesEverythingInTheOppositeOrder) {
  const auto plan =
      PlanDeletion({Object("Namespace", "lab"), Object("Service", "a"), Object("Job", "b")}, {{"lab", {}}});
  EXPECT_EQ(Told(plan), (std::vector<std::string>{"2 Job b", "2 Service a", "2 Namespace lab"}));
}

TEST(PlanDeletion, KeepsANamespaceInWhichThereIsSomethingElse) {
  const auto plan = PlanDeletion({Object("Namespace", "lab"), Object("Namespace", "free")},
                                 {{"lab", {"ConfigMap mine", "Pod p", "Pod q"}}, {"free", {}}});
  EXPECT_EQ(Told(plan), (std::vector<std::string>{"2 Namespace free", "3 Namespace lab"}));
  EXPECT_EQ(plan[1].lines, std::vector<std::string>{"what is not of the project is in it: ConfigMap mine and 2 more"});
}

}  // namespace
}  // namespace keelson::kubernetes
