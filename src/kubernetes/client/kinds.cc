#include "kubernetes/client/kinds.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/http.h"

namespace keelson::kubernetes {

std::string Kind::Path(std::string_view in_namespace, std::string_view object) const {
  std::string path = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  if (namespaced && !in_namespace.empty()) path += "/namespaces/" + io::PercentEncode(in_namespace);
  path += "/" + resource;
  if (!object.empty()) path += "/" + io::PercentEncode(object);
  return path;
}

namespace {

std::unexpected<Error> NoList() {
  return Fail(ErrorCode::kUnavailable, "the API server's list of kinds is not one", "APIResourceList");
}

std::string TextOf(const nlohmann::json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> VerbsOf(const nlohmann::json& resource) {
  std::vector<std::string> verbs;
  for (const auto& verb : resource.value("verbs", nlohmann::json::array())) {
    if (verb.is_string()) verbs.push_back(verb);
  }
  return verbs;
}

}  // namespace

bool Kinds::IsOfAllGroups(const nlohmann::json& list) {
  return TextOf(list, "kind") == "APIGroupDiscoveryList";
}

void Kinds::AddVersion(const std::string& group, const nlohmann::json& version) {
  const std::string name = TextOf(version, "version");
  if (name.empty()) return;
  const std::string api_version = group.empty() ? name : group + "/" + name;
  if (TextOf(version, "freshness") == "Stale") unavailable.push_back(api_version);
  for (const auto& one : version.value("resources", nlohmann::json::array())) {
    const std::string resource = TextOf(one, "resource");
    const std::string kind = one.is_object() ? TextOf(one.value("responseKind", nlohmann::json()), "kind") : "";
    if (resource.empty() || kind.empty()) continue;
    kinds_.insert_or_assign({api_version, kind}, Kind{.group = group,
                                                      .version = name,
                                                      .name = kind,
                                                      .resource = resource,
                                                      .namespaced = TextOf(one, "scope") == "Namespaced",
                                                      .verbs = VerbsOf(one)});
  }
}

Status Kinds::AddAll(const nlohmann::json& list) {
  const auto items = list.is_object() ? list.find("items") : list.end();
  if (!IsOfAllGroups(list) || items == list.end() || !items->is_array()) return NoList();
  for (const auto& group : *items) {
    if (!group.is_object()) return NoList();
    const std::string name = TextOf(group.value("metadata", nlohmann::json()), "name");  // "" of the core
    for (const auto& version : group.value("versions", nlohmann::json::array())) AddVersion(name, version);
  }
  return {};
}

Status Kinds::Add(const nlohmann::json& list) {
  if (!list.is_object() || list.value("kind", nlohmann::json()) != "APIResourceList") return NoList();
  const auto version = list.find("groupVersion");
  const auto resources = list.find("resources");
  if (version == list.end() || !version->is_string() || resources == list.end() || !resources->is_array())
    return NoList();
  const auto api_version = version->get<std::string>();
  const std::size_t slash = api_version.find('/');
  for (const auto& one : *resources) {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string() || !one.contains("kind") ||
        !one["kind"].is_string())
      return NoList();
    Kind kind{.group = slash == std::string::npos ? "" : api_version.substr(0, slash),
              .version = slash == std::string::npos ? api_version : api_version.substr(slash + 1),
              .name = one["kind"],
              .resource = one["name"],
              .namespaced = false,
              .verbs = VerbsOf(one)};
    if (kind.resource.contains('/')) continue;
    if (const auto namespaced = one.find("namespaced"); namespaced != one.end() && namespaced->is_boolean())
      kind.namespaced = namespaced->get<bool>();
    kinds_.insert_or_assign({api_version, kind.name}, kind);
  }
  return {};
}

const Kind* Kinds::Find(std::string_view api_version, std::string_view name) const {
  const auto found = kinds_.find(std::pair<std::string, std::string>(api_version, name));
  return found == kinds_.end() ? nullptr : &found->second;
}

bool Kinds::Offers(std::string_view api_version, std::string_view name) const {
  return Has(api_version, name) || std::ranges::find(unavailable, api_version) != unavailable.end();
}

std::vector<const Kind*> Kinds::All() const {
  std::vector<const Kind*> all;
  for (const auto& [key, kind] : kinds_) all.push_back(&kind);
  return all;
}

}  // namespace keelson::kubernetes
