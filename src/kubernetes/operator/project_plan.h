#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "kubernetes/objects/settings.h"
#include "kubernetes/operator/node_room.h"
#include "kubernetes/operator/project_status.h"
#include "kubernetes/operator/refusals.h"

namespace keelson::kubernetes {

ObjectKey KeyOf(const nlohmann::json& object);

// One Project of the cluster and all that is known of it.
struct ProjectSnapshot {
  SharedObject project;
  Objects owned;                               // by labels, of the kinds that a project is made of; Jobs as well
  Objects pods;                                // with its labels
  std::map<std::string, std::string> waiting;  // AdmissionPlan, of its Jobs, by name
  std::map<ObjectKey, std::string> refused;    // why the API server did not take what was last written
  std::set<std::string> nodes_away;            // that are not ready, by name
};

struct ObjectChange {
  enum class What { kApply, kDelete } what = What::kApply;
  nlohmann::json object;
  bool is_new = false;    // of kApply: nothing of ours is there under its name
  std::string seen = {};  // of kApply: the resource version of what is there
};

struct ProjectPlan {
  std::vector<ObjectChange> changes;     // in an order in which they can be made
  std::vector<Told> told;                // what is new or changed: an event each
  std::optional<nlohmann::json> status;  // nothing: it is as it should be
};

// Pure: what makes the cluster have what the Project asks for, and what is to be told of it. `settings` are those of
// all projects, with the addons that the cluster has. Carried out and planned again it has nothing to do.
//
// The namespace, the Project itself and the Jobs of its pipeline are others' (`keelson apply --kubernetes`, GitOps).
// What is made is owned by the Project: when that goes, it goes. What is ours and wanted no more is deleted, but for
// what serves a version of the model while the version that takes over has no replica that answers. Of a Project with a
// mistake in it nothing changes.
ProjectPlan PlanProject(const ProjectSnapshot& snapshot, const Settings& settings, Instant now);

}  // namespace keelson::kubernetes
