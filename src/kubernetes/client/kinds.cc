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

Status Kinds::Add(const nlohmann::json& list) {
  const auto refuse = [] {
    return Fail(ErrorCode::kUnavailable, "the API server's list of kinds is not one", "APIResourceList");
  };
  if (!list.is_object() || list.value("kind", nlohmann::json()) != "APIResourceList") return refuse();
  const auto version = list.find("groupVersion");
  const auto resources = list.find("resources");
  if (version == list.end() || !version->is_string() || resources == list.end() || !resources->is_array())
    return refuse();
  const auto api_version = version->get<std::string>();
  const std::size_t slash = api_version.find('/');
  for (const auto& one : *resources) {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string() || !one.contains("kind") ||
        !one["kind"].is_string())
      return refuse();
    Kind kind{.group = slash == std::string::npos ? "" : api_version.substr(0, slash),
              .version = slash == std::string::npos ? api_version : api_version.substr(slash + 1),
              .name = one["kind"],
              .resource = one["name"],
              .namespaced = false,
              .verbs = {}};
    if (kind.resource.contains('/')) continue;
    if (const auto namespaced = one.find("namespaced"); namespaced != one.end() && namespaced->is_boolean())
      kind.namespaced = namespaced->get<bool>();
    if (const auto verbs = one.find("verbs"); verbs != one.end() && verbs->is_array()) {
      for (const auto& verb : *verbs) {
        if (verb.is_string()) kind.verbs.push_back(verb);
      }
    }
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
