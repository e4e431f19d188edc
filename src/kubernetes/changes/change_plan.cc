#include "kubernetes/changes/change_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kubernetes/changes/object_diff.h"
#include "kubernetes/client/api_client.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

using Identity = std::tuple<std::string, std::string, std::string>;  // kind, namespace, name

Identity IdentityOf(const json& object) {
  return {object.value("kind", ""), NamespaceOf(object), NameOf(object)};
}

bool Runs(const json& object) {
  if (object.value("kind", "") != "Job") return false;
  static const json::json_pointer active("/status/active");
  if (object.contains(active) && object.at(active) > 0) return true;  // suspended, its pods still end
  static const json::json_pointer suspended("/spec/suspend");
  return !object.value(suspended, false) && !HasEnded(object);
}

}  // namespace

bool IsOwnedByProjectOrNobody(const json& object, const std::string& project) {
  const json owners = object.at("metadata").value("ownerReferences", json::array());
  return std::ranges::all_of(owners, [&](const json& owner) {
    return owner.value("kind", "") == "Project" && owner.value("apiVersion", "").starts_with("keelson.dev/") &&
           owner.value("name", "") == project;
  });
}

bool IsOf(const json& object, const std::string& project) {
  if (!IsOwnedByProjectOrNobody(object, project)) return false;
  const json labels = object.at("metadata").value("labels", json::object());
  return labels.value(kProjectLabel, "") == project && labels.value(kManagerLabel, "") == "keelson";
}

bool HasEnded(const json& job) {
  if (job.at("metadata").contains("deletionTimestamp")) return true;
  static const std::set<std::string> kEnds = {"Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"};
  const json status = job.value("status", json::object());
  return std::ranges::any_of(status.value("conditions", json::array()), [](const json& condition) {
    return condition.value("status", "") == "True" && kEnds.contains(condition.value("type", ""));
  });
}

std::string Called(const json& object) {
  return object.value("kind", "") + " " + NameOf(object);
}

Result<std::vector<Change>> PlanChanges(const std::string& project, const std::vector<WantedObject>& wanted,
                                        const std::vector<json>& owned) {
  std::vector<Change> changes;
  std::set<Identity> names;
  for (const WantedObject& one : wanted) {
    names.insert(IdentityOf(one.object));
    if (one.live.is_null()) {
      changes.push_back({Change::What::kCreate, one.object, {}});
      continue;
    }
    if (!IsOf(one.live, project)) {
      return Fail(ErrorCode::kAlreadyExists,
                  fmt::format("there is a {} already, which is not of the project {}", Called(one.object), project),
                  NamespaceOf(one.object));
    }
    auto lines = DiffObjects(one.live, one.proposed);
    if (!lines.empty()) changes.push_back({Change::What::kUpdate, one.object, std::move(lines)});
  }
  for (auto object = owned.rbegin(); object != owned.rend(); ++object) {
    if (names.contains(IdentityOf(*object))) continue;
    if (Runs(*object)) {
      changes.push_back({Change::What::kKeep, *object, {"it runs; a later apply deletes it"}});
    } else {
      changes.push_back({Change::What::kDelete, *object, {}});
    }
  }
  return changes;
}

std::vector<Change> PlanDeletion(const std::vector<json>& owned,
                                 const std::map<std::string, std::vector<std::string>>& strangers) {
  std::vector<Change> changes;
  for (auto object = owned.rbegin(); object != owned.rend(); ++object) {
    const auto found = strangers.find(NameOf(*object));
    if (object->value("kind", "") == "Namespace" && found != strangers.end() && !found->second.empty()) {
      const std::string more = found->second.size() == 1 ? "" : fmt::format(" and {} more", found->second.size() - 1);
      changes.push_back({Change::What::kKeep,
                         *object,
                         {fmt::format("what is not of the project is in it: {}{}", found->second.front(), more)}});
    } else {
      changes.push_back({Change::What::kDelete, *object, {}});
    }
  }
  return changes;
}

}  // namespace keelson::kubernetes
