#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kubernetes/client/mirror.h"
#include "kubernetes/objects/settings.h"
#include "kubernetes/operator/node_room.h"

namespace keelson::kubernetes {

// (namespace, name) of a Project; what is of it carries both.
using ProjectName = std::pair<std::string, std::string>;

// All that decisions are made from, at one moment.
struct Observation {
  std::map<ProjectName, SharedObject> projects;
  std::map<ProjectName, Objects> owned;  // of the kinds that a project is made of, by its label; Jobs too
  std::map<ProjectName, Objects> pods_of;
  Objects pods;  // of the whole cluster
  Objects jobs;  // that stand in line
  Objects nodes;
};

// What the cluster has, kept up to date by a Mirror for each kind of interest that it knows; kinds come and go with
// operators that are installed and removed. One thread, but for `on_change`, which is called from the mirrors' threads.
class Observer {
 public:
  // `silence`: MirrorOptions::silence.
  Observer(ApiClient& client, std::chrono::milliseconds silence, std::function<void()> on_change);

  // Asks the cluster for its kinds, begins to follow the new ones and forgets those that are gone.
  Status Refresh();
  // Nothing before every mirror has listed once, and while the cluster has no kind Project.
  std::optional<Observation> Look() const;

  const Kind* Find(std::string_view api_version, std::string_view kind) const;
  std::set<Addon> addons() const;
  // Why the first mirror that is not up to date is not.
  std::optional<Error> problem() const;
  bool has_projects() const;

 private:
  struct Followed {
    Kind kind;
    std::unique_ptr<Mirror> mirror;
  };
  using Key = std::pair<std::string, std::string>;  // apiVersion, kind
  void Follow(const Key& key, const std::string& selector);
  std::optional<Mirror::Objects> Of(const Key& key) const;

  ApiClient& client_;
  const std::chrono::milliseconds silence_;
  const std::function<void()> on_change_;
  Kinds kinds_;
  std::map<Key, Followed> followed_;
};

}  // namespace keelson::kubernetes
