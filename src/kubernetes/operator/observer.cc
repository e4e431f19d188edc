#include "kubernetes/operator/observer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "kubernetes/changes/change_plan.h"
#include "kubernetes/changes/our_kinds.h"
#include "kubernetes/operator/job_admission.h"
#include "kubernetes/operator/member.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using Key = std::pair<std::string, std::string>;

const Key kProjects = {"keelson.dev/v1", "Project"};
const Key kJobs = {"batch/v1", "Job"};
const Key kPods = {"v1", "Pod"};
const Key kNodes = {"v1", "Node"};

// What whoever set up the workspace has made and keeps: we neither make nor look at it. An attempt's Secrets are
// nobody's to read but the pod's.
bool IsLeftToOthers(const Key& key) {
  static const std::array kKinds = {"Namespace", "Role", "RoleBinding", "Secret", "Project", "Job"};
  return std::ranges::find(kKinds, key.second) != kKinds.end();
}

std::string LabelOf(const json& object, const char* name) {
  return TextAt(object, {"metadata", "labels", name});
}

void AddTo(Objects* list, const Mirror::Objects& objects) {
  for (const auto& [name, object] : objects) list->push_back(object);
}

}  // namespace

Observer::Observer(ApiClient& client, std::chrono::milliseconds silence, std::function<void()> on_change)
    : client_(client), silence_(silence), on_change_(std::move(on_change)) {}

void Observer::Follow(const Key& key, const std::string& selector) {
  const Kind* const kind = kinds_.Find(key.first, key.second);
  const auto there = followed_.find(key);
  if (kind == nullptr) {
    if (there != followed_.end()) {
      LogWarning("the cluster has a kind no more", {{"kind", key.second}});
      followed_.erase(there);
      on_change_();
    }
    return;
  }
  if (there != followed_.end()) return;
  auto mirror = std::make_unique<Mirror>(
      client_, *kind,
      MirrorOptions{
          .label_selector = selector, .silence = silence_, .keep_fields_of = kFieldManager, .on_change = on_change_});
  followed_.emplace(key, Followed{*kind, std::move(mirror)});
}

Status Observer::Refresh() {
  KEELSON_ASSIGN_OR_RETURN(Kinds kinds, client_.Discover());
  // A group whose own server is down is not gone: what we know of it stands.
  for (const auto& [key, followed] : followed_) {
    if (std::ranges::find(kinds.unavailable, key.first) != kinds.unavailable.end()) return {};
  }
  kinds_ = std::move(kinds);
  Follow(kProjects, "");
  Follow(kPods, "");
  Follow(kNodes, "");
  Follow(kJobs, kQueueLabel);
  for (const auto& [version, name] : kOurKinds) {
    const Key key(version, name);
    if (!IsLeftToOthers(key)) Follow(key, std::string(kManagerLabel) + "=keelson");
  }
  return {};
}

const Kind* Observer::Find(std::string_view api_version, std::string_view kind) const {
  return kinds_.Find(api_version, kind);
}

std::set<Addon> Observer::addons() const {
  return AddonsOf(
      [this](std::string_view api_version, std::string_view kind) { return kinds_.Offers(api_version, kind); });
}

bool Observer::has_projects() const {
  return followed_.contains(kProjects);
}

std::optional<Error> Observer::problem() const {
  for (const auto& [key, followed] : followed_) {
    if (auto problem = followed.mirror->problem()) return problem;
  }
  return std::nullopt;
}

std::optional<Mirror::Objects> Observer::Of(const Key& key) const {
  const auto found = followed_.find(key);
  return found == followed_.end() ? std::nullopt : found->second.mirror->Snapshot();
}

std::optional<Observation> Observer::Look() const {
  const auto projects = Of(kProjects);
  const auto pods = Of(kPods);
  const auto nodes = Of(kNodes);
  const auto jobs = Of(kJobs);
  if (!projects || !pods || !nodes || !jobs) return std::nullopt;
  Observation seen;
  for (const auto& [name, object] : *projects) seen.projects.emplace(name, object);
  AddTo(&seen.pods, *pods);
  AddTo(&seen.nodes, *nodes);
  AddTo(&seen.jobs, *jobs);
  const auto sort = [](const Objects& objects, const char* label, std::map<ProjectName, Objects>* into) {
    for (const SharedObject& object : objects) {
      if (const std::string project = LabelOf(*object, label); !project.empty())
        (*into)[{NamespaceOf(*object), project}].push_back(object);
    }
  };
  sort(seen.jobs, kProjectLabel, &seen.owned);
  for (const SharedObject& pod : seen.pods) {
    if (LabelOf(*pod, "app.kubernetes.io/name") != "keelson") continue;
    if (const std::string project = LabelOf(*pod, "app.kubernetes.io/instance"); !project.empty())
      seen.pods_of[{NamespaceOf(*pod), project}].push_back(pod);
  }
  for (const auto& [key, followed] : followed_) {
    if (key == kProjects || key == kPods || key == kNodes || key == kJobs) continue;
    const auto objects = followed.mirror->Snapshot();
    if (!objects) return std::nullopt;
    Objects list;
    AddTo(&list, *objects);
    sort(list, kProjectLabel, &seen.owned);
  }
  return seen;
}

}  // namespace keelson::kubernetes
