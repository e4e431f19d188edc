// What is asked: the calls of ApiClient, each as the API server's documentation has it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kubernetes/client/api_client.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr int kFreshLists = 3;
// A server that does not know it answers with what it would have answered anyway.
constexpr const char* kOfAllGroups =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

std::string MetadataOf(const json& object, const char* name) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return "";
  const auto found = metadata->find(name);
  return found != metadata->end() && found->is_string() ? found->get<std::string>() : std::string();
}

const char* ContentType(PatchKind how) {
  switch (how) {
    case PatchKind::kMerge:
      return "application/merge-patch+json";
    case PatchKind::kJson:
      return "application/json-patch+json";
    case PatchKind::kStrategic:
      break;
  }
  return "application/strategic-merge-patch+json";
}

}  // namespace

std::string NameOf(const json& object) {
  return MetadataOf(object, "name");
}
std::string NamespaceOf(const json& object) {
  return MetadataOf(object, "namespace");
}
std::string ResourceVersionOf(const json& object) {
  return MetadataOf(object, "resourceVersion");
}

Result<json> ApiClient::Get(const Kind& kind, const std::string& in_namespace, const std::string& name) {
  return AskForObject({.path = kind.Path(in_namespace, name)});
}

Result<ObjectList> ApiClient::List(const Kind& kind, const std::string& in_namespace, const ListOptions& options) {
  Call call{.path = kind.Path(in_namespace),
            .query = {{"limit", fmt::to_string(options.page)}},
            .patience = options.patience};
  if (!options.label_selector.empty()) call.query.emplace_back("labelSelector", options.label_selector);
  if (!options.field_selector.empty()) call.query.emplace_back("fieldSelector", options.field_selector);
  const std::size_t without_token = call.query.size();
  ObjectList list;
  for (int begun = 1;;) {
    auto page = AskForObject(call);
    if (!page) {
      // kAborted: the pages of that resource version are gone (410); what was read is of no use.
      const bool gone = page.error().code == ErrorCode::kAborted && call.query.size() > without_token;
      if (!gone || ++begun > kFreshLists) return std::unexpected(page.error());
      call.query.resize(without_token);
      list = {};
      continue;
    }
    const auto items = page->find("items");
    if (items == page->end() || !(items->is_array() || items->is_null()))
      return Fail(ErrorCode::kUnavailable, "what answers is no API server: it gave no list", call.path);
    for (json& item : *items) list.items.push_back(std::move(item));
    list.resource_version = ResourceVersionOf(*page);
    const std::string token = MetadataOf(*page, "continue");
    if (token.empty()) break;
    call.query.resize(without_token);
    call.query.emplace_back("continue", token);
  }
  // The items of a list do not say what they are.
  for (json& item : list.items) {
    if (!item.is_object()) return Fail(ErrorCode::kUnavailable, "a list with something that is no object", call.path);
    item["apiVersion"] = kind.ApiVersion();
    item["kind"] = kind.name;
  }
  return list;
}

Result<json> ApiClient::Create(const Kind& kind, const json& object, bool dry_run) {
  Call call{.method = "POST",
            .path = kind.Path(NamespaceOf(object)),
            .query = {{"fieldManager", kFieldManager}, {"fieldValidation", "Strict"}},
            .content_type = "application/json",
            .body = object.dump(),
            .repeatable = dry_run};
  if (dry_run) call.query.emplace_back("dryRun", "All");
  return AskForObject(call);
}

Result<json> ApiClient::Apply(const Kind& kind, const json& object, bool dry_run) {
  const std::string name = NameOf(object);
  if (name.empty()) return Fail(ErrorCode::kInvalidArgument, "an object without a name cannot be applied", kind.name);
  Call call{.method = "PATCH",
            .path = kind.Path(NamespaceOf(object), name),
            .query = {{"fieldManager", kFieldManager}, {"force", "false"}, {"fieldValidation", "Strict"}},
            .content_type = "application/apply-patch+yaml",  // JSON is YAML
            .body = object.dump()};
  if (dry_run) call.query.emplace_back("dryRun", "All");
  return AskForObject(call);
}

Result<json> ApiClient::Patch(const Kind& kind, const std::string& in_namespace, const std::string& name, PatchKind how,
                              const json& patch, const std::string& subresource) {
  std::string path = kind.Path(in_namespace, name);
  if (!subresource.empty()) path += "/" + subresource;
  return AskForObject({.method = "PATCH",
                       .path = std::move(path),
                       .query = {{"fieldManager", kFieldManager}, {"fieldValidation", "Strict"}},
                       .content_type = ContentType(how),
                       .body = patch.dump(),
                       .repeatable = how == PatchKind::kMerge});  // the others may add to a list each time
}

Status ApiClient::Delete(const Kind& kind, const std::string& in_namespace, const std::string& name,
                         const std::string& uid) {
  json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!uid.empty()) options["preconditions"]["uid"] = uid;
  const auto answer = Ask({.method = "DELETE",
                           .path = kind.Path(in_namespace, name),
                           .content_type = "application/json",
                           .body = options.dump()});
  if (!answer && answer.error().code != ErrorCode::kNotFound) return std::unexpected(answer.error());
  return {};
}

Result<std::string> ApiClient::Log(const std::string& in_namespace, const std::string& pod, const LogOptions& options) {
  const Kind pods{.group = "", .version = "v1", .name = "Pod", .resource = "pods"};
  Call call{.path = pods.Path(in_namespace, pod) + "/log", .query = {{"limitBytes", fmt::to_string(options.at_most)}}};
  if (!options.container.empty()) call.query.emplace_back("container", options.container);
  if (options.previous) call.query.emplace_back("previous", "true");
  if (options.tail) call.query.emplace_back("tailLines", fmt::to_string(*options.tail));
  KEELSON_ASSIGN_OR_RETURN(io::HttpResponse answer, Ask(call));
  return std::move(answer.body);
}

Status ApiClient::AddKindsOf(const std::string& api_version, const std::string& path, Kinds* kinds) {
  auto kinds_of = AskForObject({.path = path});
  // An aggregated server that is down, or a CRD that went while we asked.
  if (!kinds_of &&
      (kinds_of.error().code == ErrorCode::kUnavailable || kinds_of.error().code == ErrorCode::kNotFound)) {
    kinds->unavailable.push_back(api_version);
    return {};
  }
  if (!kinds_of) return std::unexpected(kinds_of.error());
  return kinds->Add(*kinds_of);
}

Result<Kinds> ApiClient::Discover() {
  const auto ask = [this](const char* path) { return AskForObject({.path = path, .accept = kOfAllGroups}); };
  Kinds kinds;
  KEELSON_ASSIGN_OR_RETURN(const json core, ask("/api"));
  KEELSON_RETURN_IF_ERROR(Kinds::IsOfAllGroups(core) ? kinds.AddAll(core) : AddKindsOf("v1", "/api/v1", &kinds));
  KEELSON_ASSIGN_OR_RETURN(const json groups, ask("/apis"));
  if (Kinds::IsOfAllGroups(groups)) {
    KEELSON_RETURN_IF_ERROR(kinds.AddAll(groups));
    return kinds;
  }
  const json list = groups.value("groups", json());
  if (!list.is_array()) return Fail(ErrorCode::kUnavailable, "what answers is no API server", "/apis");
  for (const json& group : list) {
    const json versions = group.is_object() ? group.value("versions", json()) : json();
    if (!versions.is_array()) continue;
    for (const json& version : versions) {
      const auto name = version.is_object() ? version.find("groupVersion") : version.end();
      if (name == version.end() || !name->is_string()) continue;
      const auto api_version = name->get<std::string>();
      KEELSON_RETURN_IF_ERROR(AddKindsOf(api_version, "/apis/" + api_version, &kinds));
    }
  }
  return kinds;
}

}  // namespace keelson::kubernetes
