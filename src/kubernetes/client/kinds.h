#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::kubernetes {

// One kind of object as the API server offers it.
struct Kind {
  std::string group;     // "" for the core
  std::string version;   // "v1"
  std::string name;      // "Deployment"
  std::string resource;  // "deployments"
  bool namespaced = true;
  std::vector<std::string> verbs = {};

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  // "/apis/apps/v1/namespaces/NAMESPACE/deployments/NAME"; of all namespaces, or of all objects, when those are "".
  std::string Path(std::string_view in_namespace = {}, std::string_view object = {}) const;
  bool operator==(const Kind&) const = default;
};

// What a cluster offers, asked of it: by this an operator that is installed is known.
class Kinds {
 public:
  // Adds the answer of /api/v1 or /apis/GROUP/VERSION (an APIResourceList). Sub-resources are left out.
  Status Add(const nlohmann::json& list);
  // The same of all groups together (an APIGroupDiscoveryList, apidiscovery.k8s.io/v2); what of it is stale, because
  // its own server does not answer, is unavailable.
  static bool IsOfAllGroups(const nlohmann::json& list);
  Status AddAll(const nlohmann::json& list);
  // "apps/v1" and "Deployment"; null when the cluster has no such kind.
  const Kind* Find(std::string_view api_version, std::string_view name) const;
  bool Has(std::string_view api_version, std::string_view name) const { return Find(api_version, name) != nullptr; }
  // It has the kind, or its group is named and does not answer at the moment: what is installed is not gone because its
  // server is being restarted.
  bool Offers(std::string_view api_version, std::string_view name) const;
  std::vector<const Kind*> All() const;  // valid until Add
  std::size_t size() const { return kinds_.size(); }
  std::vector<std::string> unavailable;  // group versions that the cluster names but whose server does not answer

 private:
  void AddVersion(const std::string& group, const nlohmann::json& version);

  std::map<std::pair<std::string, std::string>, Kind, std::less<>> kinds_;
};

}  // namespace keelson::kubernetes
