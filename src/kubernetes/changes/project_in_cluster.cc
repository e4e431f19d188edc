#include "kubernetes/changes/project_in_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "kubernetes/changes/our_kinds.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

// What Kubernetes puts into every namespace, or keeps there of what was.
bool IsOfKubernetes(const json& object, const Kind& kind) {
  const std::string name = NameOf(object);
  return kind.name == "Event" || (kind.name == "ServiceAccount" && name == "default") ||
         (kind.name == "ConfigMap" && name == "kube-root-ca.crt");
}

// A list names the kind once, for all.
json Whole(const Kind& kind, json object) {
  object["apiVersion"] = kind.ApiVersion();
  object["kind"] = kind.name;
  return object;
}

bool CanBeListed(const Kind& kind) {
  return std::ranges::find(kind.verbs, "list") != kind.verbs.end() &&
         std::ranges::find(kind.verbs, "delete") != kind.verbs.end();
}

}  // namespace

Result<ProjectInCluster> ProjectInCluster::Open(ApiClient& client, std::string project) {
  KEELSON_ASSIGN_OR_RETURN(Kinds kinds, client.Discover());
  return ProjectInCluster(client, std::move(project), std::move(kinds));
}

Result<const Kind*> ProjectInCluster::KindOf(const json& object) const {
  const std::string version = object.at("apiVersion");
  const std::string name = object.at("kind");
  if (const Kind* const kind = kinds_.Find(version, name)) return kind;
  return Fail(
      ErrorCode::kUnsupported,
      fmt::format("the cluster has no kind {} of {}{}", name, version,
                  version.starts_with("keelson.dev/") ? ": `keelson render --kubernetes --cluster` prints it" : ""),
      NameOf(object));
}

Result<WantedObject> ProjectInCluster::LookUp(json object) {
  KEELSON_ASSIGN_OR_RETURN(const Kind* const kind, KindOf(object));
  WantedObject wanted;
  wanted.object = std::move(object);
  auto live = client_.Get(*kind, NamespaceOf(wanted.object), NameOf(wanted.object));
  if (!live && live.error().code == ErrorCode::kNotFound) return wanted;
  if (!live) return std::unexpected(live.error());
  wanted.live = *std::move(live);
  if (!IsOf(wanted.live, project_)) return wanted;  // which is an error, but not one of the dry run
  // Who owns it is said by the server that acts on the cluster; it stays so.
  if (const auto owners = wanted.live.at("metadata").find("ownerReferences");
      owners != wanted.live.at("metadata").end())
    wanted.object["metadata"]["ownerReferences"] = *owners;
  KEELSON_ASSIGN_OR_RETURN(wanted.proposed, client_.Apply(*kind, wanted.object, true));
  return wanted;
}

Result<std::vector<json>> ProjectInCluster::Owned() {
  std::vector<json> owned;
  for (const auto& [version, name] : kOurKinds) {
    const Kind* const kind = kinds_.Find(version, name);
    if (kind == nullptr) continue;
    const std::string selector = fmt::format("{}={},{}=keelson", kProjectLabel, project_, kManagerLabel);
    KEELSON_ASSIGN_OR_RETURN(auto list, client_.List(*kind, "", {.label_selector = selector}));
    for (json& object : list.items) {
      if (IsOf(object, project_)) owned.push_back(Whole(*kind, std::move(object)));
    }
  }
  return owned;
}

// What a thing of the whole cluster owns nobody else stands for.
bool ProjectInCluster::GoesWithAnother(const json& object) const {
  return std::ranges::any_of(object.at("metadata").value("ownerReferences", json::array()), [&](const json& owner) {
    const Kind* const kind = kinds_.Find(owner.value("apiVersion", ""), owner.value("kind", ""));
    return kind == nullptr || kind->namespaced;
  });
}

Result<std::vector<std::string>> ProjectInCluster::Strangers(const std::string& in_namespace) {
  std::vector<std::string> strangers;
  std::set<std::pair<std::string, std::string>> seen;  // a resource has several versions
  for (const Kind* kind : kinds_.All()) {
    if (!kind->namespaced || !CanBeListed(*kind) || !seen.emplace(kind->group, kind->resource).second) continue;
    KEELSON_ASSIGN_OR_RETURN(auto list, client_.List(*kind, in_namespace));
    for (json& object : list.items) {
      if (GoesWithAnother(object) || IsOf(object, project_) || IsOfKubernetes(object, *kind)) continue;
      strangers.push_back(kind->name + " " + NameOf(object));
    }
  }
  return strangers;
}

Result<std::vector<Change>> ProjectInCluster::PlanApply(const std::vector<json>& objects) {
  std::vector<WantedObject> wanted;
  for (const json& object : objects) {
    KEELSON_ASSIGN_OR_RETURN(wanted.emplace_back(), LookUp(object));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto owned, Owned());
  return PlanChanges(project_, wanted, owned);
}

Result<std::vector<Change>> ProjectInCluster::PlanDelete() {
  KEELSON_ASSIGN_OR_RETURN(const auto owned, Owned());
  std::map<std::string, std::vector<std::string>> strangers;
  for (const json& object : owned) {
    if (object.at("kind") != "Namespace") continue;
    KEELSON_ASSIGN_OR_RETURN(strangers[NameOf(object)], Strangers(NameOf(object)));
  }
  return PlanDeletion(owned, strangers);
}

Status ProjectInCluster::CarryOut(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (change.what == Change::What::kKeep) continue;
    KEELSON_ASSIGN_OR_RETURN(const Kind* const kind, KindOf(change.object));
    if (change.what == Change::What::kDelete) {
      // Only that one: what somebody has made under its name meanwhile is not the project's.
      KEELSON_RETURN_IF_ERROR(client_.Delete(*kind, NamespaceOf(change.object), NameOf(change.object),
                                             change.object.at("metadata").at("uid")));
    } else {
      KEELSON_RETURN_IF_ERROR(client_.Apply(*kind, change.object));
    }
  }
  return {};
}

}  // namespace keelson::kubernetes
