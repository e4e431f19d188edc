#include "kubernetes/operator/project_status.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/strings.h"
#include "kubernetes/client/api_client.h"
#include "kubernetes/operator/kubernetes_time.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr std::size_t kShownRevision = 12;
constexpr std::size_t kLongestNote = 1'000;  // of an Event: the API server takes no more than 1,024 bytes

json ConditionsOf(const json& project) {
  const json status = project.value("status", json::object());
  return status.is_object() ? status.value("conditions", json::array()) : json::array();
}

const json* Find(const json& conditions, const std::string& type) {
  for (const json& condition : conditions) {
    if (condition.value("type", "") == type) return &condition;
  }
  return nullptr;
}

}  // namespace

json StatusOf(const json& project, const std::string& revision, std::optional<int> model_version,
              const std::vector<Told>& told, Instant now) {
  const json generation = project.at("metadata").value("generation", json(1));
  json conditions = ConditionsOf(project);
  for (const Told& each : told) {
    json condition = {{"type", each.type},
                      {"status", each.status},
                      {"reason", each.reason},
                      {"message", each.message},
                      {"observedGeneration", generation},
                      {"lastTransitionTime", WholeSeconds(now)}};
    const auto place =
        std::ranges::find_if(conditions, [&](const json& other) { return other.value("type", "") == each.type; });
    if (place == conditions.end()) {
      conditions.push_back(std::move(condition));
      continue;
    }
    if (place->value("status", "") == each.status && place->contains("lastTransitionTime"))
      condition["lastTransitionTime"] = place->at("lastTransitionTime");
    *place = std::move(condition);
  }
  json status = project.value("status", json::object());
  if (!status.is_object()) status = json::object();
  status["observedGeneration"] = generation;
  status["conditions"] = std::move(conditions);
  if (!revision.empty()) status["revision"] = revision.substr(0, kShownRevision);
  if (model_version) {
    status["champion"] = *model_version;
  } else {
    status.erase("champion");
  }
  return status;
}

json StatusPatch(const json& project, json status) {
  const json before = project.value("status", json::object());
  if (before.is_object()) {
    for (const auto& [name, value] : before.items()) {
      if (!status.contains(name)) status[name] = nullptr;
    }
  }
  return {{"metadata", {{"resourceVersion", ResourceVersionOf(project)}}}, {"status", std::move(status)}};
}

std::vector<Told> NewIn(const json& project, const std::vector<Told>& told) {
  const json conditions = ConditionsOf(project);
  std::vector<Told> fresh;
  for (const Told& each : told) {
    const json* const before = Find(conditions, each.type);
    if (before == nullptr || before->value("status", "") != each.status || before->value("reason", "") != each.reason)
      fresh.push_back(each);
  }
  return fresh;
}

json EventOn(const json& object, const std::string& type, const std::string& reason, const std::string& note,
             const std::string& instance, Instant now) {
  std::string cut = note.substr(0, kLongestNote);
  while (!IsValidUtf8(cut)) cut.pop_back();
  const std::string hash = Sha256::Hex(reason + note + instance + std::to_string(ToMicros(now))).substr(0, 16);
  return {{"apiVersion", "events.k8s.io/v1"},
          {"kind", "Event"},
          {"metadata", {{"name", NameOf(object) + "." + hash}, {"namespace", NamespaceOf(object)}}},
          {"eventTime", MicroTime(now)},
          {"type", type},
          {"reason", reason},
          {"note", cut},
          {"action", "Reconcile"},
          {"reportingController", "keelson.dev/server"},
          {"reportingInstance", instance},
          {"regarding",
           {{"apiVersion", object.value("apiVersion", "")},
            {"kind", object.value("kind", "")},
            {"name", NameOf(object)},
            {"namespace", NamespaceOf(object)},
            {"uid", object.at("metadata").value("uid", "")},
            {"resourceVersion", ResourceVersionOf(object)}}}};
}

}  // namespace keelson::kubernetes
