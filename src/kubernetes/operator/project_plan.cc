#include "kubernetes/operator/project_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "kubernetes/changes/change_plan.h"
#include "kubernetes/client/api_client.h"
#include "kubernetes/objects/endpoint.h"
#include "kubernetes/objects/project_objects.h"
#include "kubernetes/operator/coverage.h"
#include "kubernetes/operator/member.h"
#include "kubernetes/operator/project_object.h"
#include "kubernetes/operator/trouble.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr const char* kModelVersionLabel = "keelson.dev/model-version";

std::string LabelOf(const json& object, const char* name) {
  return TextAt(object, {"metadata", "labels", name});
}

bool IsMadeHere(const Json& object) {
  static constexpr std::array kOthers = {"Namespace", "Project", "Job"};
  const std::string kind = object.at("kind");
  return std::ranges::find(kOthers, kind) == kOthers.end();
}

bool IsOfEndpoint(const json& object) {
  return LabelOf(object, "app.kubernetes.io/component") == component::kEndpoint;
}

class Planning {
 public:
  Planning(const ProjectSnapshot& snapshot, const Settings& settings, Instant now)
      : snapshot_(snapshot), object_(*snapshot.project), settings_(settings), now_(now) {}

  ProjectPlan Plan() {
    auto read = ReadProject(object_);
    if (!read) return Mistaken(read.error());
    project_ = *std::move(read);
    settings_.workspace = NamespaceOf(object_);
    if (project_.image) settings_.image = *project_.image;
    settings_.model_version = project_.model_version.value_or(1);
    settings_.canary_version = project_.canary_version;
    // A canary gets its share once a replica of it answers.
    settings_.canary_percent = CanaryAnswers() ? project_.canary_percent : 0;
    settings_.gateway = project_.gateway;
    const auto objects = ProjectObjects(project_.project, project_.revision, settings_);
    if (!objects) return Mistaken(objects.error());
    Tell("Valid", "True", "Read", "the project can be read");
    Compare(*objects);
    TellApplied();
    TellJobs();
    TellReady();
    Finish();
    return std::move(plan_);
  }

 private:
  ProjectPlan Mistaken(const Error& error) {
    Tell("Valid", "False", "Mistake", error.message);
    Tell("Ready", "Unknown", "Mistake", "what there was before stays until the project can be read");
    Finish();
    return std::move(plan_);
  }

  void Tell(std::string type, std::string status, std::string reason, std::string message) {
    told_.push_back({std::move(type), std::move(status), std::move(reason), std::move(message)});
  }
  void Tell(std::string type, const Trouble& trouble) {
    Tell(std::move(type), "False", trouble.reason, trouble.sentence);
  }

  json Owner() const {
    return {{"apiVersion", "keelson.dev/v1"},
            {"kind", "Project"},
            {"name", NameOf(object_)},
            {"uid", object_.at("metadata").value("uid", "")},
            {"controller", true}};
  }

  void Compare(const std::vector<Json>& objects) {
    std::map<ObjectKey, const json*> there;
    for (const SharedObject& each : snapshot_.owned) {
      if (IsOf(*each, NameOf(object_))) there.emplace(KeyOf(*each), each.get());
    }
    const bool taken_over = HasTakenOver();
    std::set<ObjectKey> names;
    for (const Json& each : objects) {
      if (!IsMadeHere(each)) continue;
      json wanted = each;
      if (!project_.model_version && IsOfEndpoint(wanted)) continue;
      wanted["metadata"]["ownerReferences"] = json::array({Owner()});
      const ObjectKey key = KeyOf(wanted);
      names.insert(key);
      const auto live = there.find(key);
      // Until the next version has a replica that answers, requests go where they went.
      if (live != there.end() && key.first == "HTTPRoute" && !taken_over) continue;
      if (live == there.end()) {
        plan_.changes.push_back({ObjectChange::What::kApply, std::move(wanted), true});
      } else if (!IsAsWanted(*live->second, wanted)) {
        plan_.changes.push_back(
            {ObjectChange::What::kApply, std::move(wanted), false, ResourceVersionOf(*live->second)});
      }
    }
    for (const SharedObject& each : snapshot_.owned) {
      const json& live = *each;
      if (live.value("kind", "") == "Job" || names.contains(KeyOf(live)) || !IsOf(live, NameOf(object_))) continue;
      if (live.at("metadata").contains("deletionTimestamp")) continue;
      const bool serves = !LabelOf(live, kModelVersionLabel).empty();
      if (serves && project_.project.serve && !taken_over) continue;
      plan_.changes.push_back({ObjectChange::What::kDelete, live, false});
    }
  }

  const json* Deployment() const { return DeploymentOf(settings_.model_version); }
  const json* DeploymentOf(int version) const {
    Settings settings = settings_;
    settings.model_version = version;
    const std::string name = RevisionName({project_.project, project_.revision, settings});
    for (const SharedObject& each : snapshot_.owned) {
      if (each->value("kind", "") == "Deployment" && NameOf(*each) == name) return each.get();
    }
    return nullptr;
  }

  static int Available(const json& deployment) {
    const json& available = Member(deployment, {"status", "availableReplicas"});
    return available.is_number_integer() ? available.get<int>() : 0;
  }

  bool CanaryAnswers() const {
    const json* const deployment =
        project_.canary_version && project_.project.serve ? DeploymentOf(*project_.canary_version) : nullptr;
    return deployment != nullptr && Available(*deployment) > 0;
  }

  // The version that is to serve does: what served before may go.
  bool HasTakenOver() const {
    if (!project_.project.serve || !project_.model_version) return false;
    const json* const deployment = Deployment();
    return deployment != nullptr && Available(*deployment) > 0;
  }

  void TellApplied() {
    if (!snapshot_.refused.empty()) {
      const auto& [key, why] = *snapshot_.refused.begin();
      const std::string more =
          snapshot_.refused.size() == 1 ? "" : fmt::format(" (and {} more)", snapshot_.refused.size() - 1);
      Tell("Applied", "False", "Refused", fmt::format("{} {}: {}{}", key.first, key.second, why, more));
    } else if (plan_.changes.empty()) {
      Tell("Applied", "True", "AsWanted", "the cluster has what the project asks for");
    }
  }

  void TellJobs() {
    int waiting = 0;
    std::string first;
    for (const SharedObject& each : snapshot_.owned) {
      if (each->value("kind", "") != "Job") continue;
      if (const auto trouble = TroubleOfJob(*each)) return Tell("Jobs", *trouble);
    }
    for (const SharedObject& pod : snapshot_.pods) {
      if (LabelOf(*pod, "app.kubernetes.io/component") != component::kPipeline) continue;
      if (const auto trouble = TroubleOf(*pod)) return Tell("Jobs", *trouble);
    }
    for (const auto& [name, why] : snapshot_.waiting) {
      if (++waiting == 1) first = fmt::format("job {} {}", name, why.substr(0, why.find(';')));
    }
    if (waiting == 0) return Tell("Jobs", "True", "NothingWaits", "no job waits or has failed");
    Tell("Jobs", "True", "Waiting", waiting == 1 ? first : fmt::format("{} (and {} more wait)", first, waiting - 1));
  }

  std::optional<Trouble> TroubleOf(const json& pod) const {
    if (auto trouble = TroubleOfPod(pod)) return trouble;
    const std::string node = NodeOf(pod);
    if (!snapshot_.nodes_away.contains(node) || !Occupies(pod)) return std::nullopt;
    return Trouble{"NodeNotReady", fmt::format("node {} of pod {} does not answer", node, NameOf(pod))};
  }

  std::string OfCanary() const {
    if (!project_.canary_version) return "";
    if (CanaryAnswers())
      return fmt::format(", version {} gets {} % of the requests", *project_.canary_version, settings_.canary_percent);
    return fmt::format(", version {} has no replica yet that answers", *project_.canary_version);
  }

  void TellReady() {
    if (!project_.project.serve) return Tell("Ready", "True", "NothingToServe", "the project serves nothing");
    if (!project_.model_version) {
      return Tell("Ready", "False", "NoVersion",
                  "no version of the model is to be served: the annotation keelson.dev/model-version says which");
    }
    const int version = *project_.model_version;
    const json* const deployment = Deployment();
    const int available = deployment == nullptr ? 0 : Available(*deployment);
    const int least = std::max(1, project_.project.serve->min_replicas);
    std::optional<Trouble> trouble;
    if (deployment != nullptr) trouble = TroubleOfDeployment(*deployment);
    for (const SharedObject& pod : snapshot_.pods) {
      if (trouble) break;
      if (LabelOf(*pod, kModelVersionLabel) == std::to_string(version)) trouble = TroubleOf(*pod);
    }
    if (available >= least) {
      return Tell(
          "Ready", "True", trouble ? "Impaired" : "Serving",
          fmt::format("version {} serves{}{}", version, OfCanary(), trouble ? ", but " + trouble->sentence : ""));
    }
    const bool asleep = deployment != nullptr && Member(*deployment, {"spec", "replicas"}) == 0;
    if (asleep && project_.project.serve->min_replicas == 0)
      return Tell("Ready", "True", "Asleep", fmt::format("version {} sleeps until it is asked", version));
    if (trouble) return Tell("Ready", *trouble);
    Tell("Ready", "False", "Starting",
         fmt::format("version {} has {} of the {} replicas that it needs", version, available, least));
  }

  void Finish() {
    plan_.told = NewIn(object_, told_);
    json status = StatusOf(object_, project_.revision, project_.project.serve ? project_.model_version : std::nullopt,
                           told_, now_);
    if (status != object_.value("status", json::object())) plan_.status = std::move(status);
  }

  const ProjectSnapshot& snapshot_;
  const json& object_;
  Settings settings_;
  const Instant now_;
  ProjectObject project_;
  std::vector<Told> told_;
  ProjectPlan plan_;
};

}  // namespace

ObjectKey KeyOf(const json& object) {
  return {object.value("kind", ""), NameOf(object)};
}

ProjectPlan PlanProject(const ProjectSnapshot& snapshot, const Settings& settings, Instant now) {
  return Planning(snapshot, settings, now).Plan();
}

}  // namespace keelson::kubernetes
