#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::kubernetes {

// Labels by which a project's objects are known (kubernetes/objects/metadata.h).
inline constexpr const char* kProjectLabel = "keelson.dev/project";
inline constexpr const char* kManagerLabel = "app.kubernetes.io/managed-by";

// One object that a project should have.
struct WantedObject {
  nlohmann::json object;
  nlohmann::json live;      // what is there under its name; null: nothing
  nlohmann::json proposed;  // what the API server says that it would become; null when nothing is there
};

struct Change {
  enum class What { kCreate, kUpdate, kDelete, kKeep };
  What what = What::kCreate;
  nlohmann::json object;           // as wanted; of kDelete and kKeep as it is there
  std::vector<std::string> lines;  // kUpdate: what differs (DiffObjects); kKeep: why it is not deleted
  bool operator==(const Change&) const = default;
};

// Whether an object is the project's, by its labels. What has another owner in the cluster than the Project of that
// name goes with that one and is not.
bool IsOf(const nlohmann::json& object, const std::string& project);
// Whether its owners, if it has any, are the Project of that name and nobody else.
bool IsOwnedByProjectOrNobody(const nlohmann::json& object, const std::string& project);

// Whether a Job has ended, or will without being asked.
bool HasEnded(const nlohmann::json& job);

// What makes a cluster have `wanted` and nothing else of the project: creations and updates in the order of `wanted`,
// then deletions of what else is `owned`, in the opposite order of theirs. A Job that was let run is kept, also between
// two of its pods: a later apply finds it ended. Pure. kAlreadyExists: under a name that is wanted there is something
// that is not the project's.
Result<std::vector<Change>> PlanChanges(const std::string& project, const std::vector<WantedObject>& wanted,
                                        const std::vector<nlohmann::json>& owned);

// What removes the project: deletions of what is `owned`, in the opposite order. Namespaces in which there is something
// else (`strangers`, by namespace, "ConfigMap mine") are kept.
std::vector<Change> PlanDeletion(const std::vector<nlohmann::json>& owned,
                                 const std::map<std::string, std::vector<std::string>>& strangers);

// "Deployment flight-delays-v1"
std::string Called(const nlohmann::json& object);

}  // namespace keelson::kubernetes
