#include "kubernetes/operator/trouble.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/strings.h"
#include "kubernetes/client/api_client.h"
#include "kubernetes/operator/member.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr std::size_t kLongest = 300;  // of what others say

// What Kubernetes said, as the end of a sentence.
std::string Said(const json& object, std::initializer_list<const char*> path) {
  std::string text = TextAt(object, path);
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  if (text.size() > kLongest) {
    text.resize(kLongest);
    while (!IsValidUtf8(text)) text.pop_back();
    text += "...";
  }
  return text.empty() ? "" : ": " + text;
}

bool HasNoImage(const std::string& reason) {
  static const std::set<std::string> reasons = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName",
                                                "ErrImageNeverPull", "RegistryUnavailable"};
  return reasons.contains(reason);
}

std::string LimitOf(const json& pod, const std::string& container) {
  for (const char* group : {"containers", "initContainers"}) {
    for (const json& each : Member(pod, {"spec", group})) {
      if (each.value("name", "") == container) return TextAt(each, {"resources", "limits", "memory"});
    }
  }
  return "";
}

std::optional<Trouble> TroubleOfEnd(const json& pod, const std::string& container, const json& ended) {
  const json& code = Member(ended, {"exitCode"});
  if (TextAt(ended, {"reason"}) == "OOMKilled") {
    const std::string limit = LimitOf(pod, container);
    return Trouble{"OutOfMemory",
                   fmt::format("pod {} was killed because its container {} took more memory than {}", NameOf(pod),
                               container, limit.empty() ? "its node had" : "its limit of " + limit)};
  }
  if (!code.is_number_integer() || code == 0) return std::nullopt;
  return Trouble{"Failed", fmt::format("container {} of pod {} ended with exit code {}{}", container, NameOf(pod),
                                       code.get<std::int64_t>(), Said(ended, {"message"}))};
}

std::optional<Trouble> TroubleOfContainer(const json& pod, const json& status) {
  const std::string container = status.value("name", "");
  if (const json& waiting = Member(status, {"state", "waiting"}); waiting.is_object()) {
    const std::string reason = waiting.value("reason", "");
    if (HasNoImage(reason)) {
      return Trouble{"ImageMissing", fmt::format("pod {} cannot have the image {}{}", NameOf(pod),
                                                 status.value("image", ""), Said(waiting, {"message"}))};
    }
    if (reason == "CrashLoopBackOff") {
      const json& last = Member(status, {"lastState", "terminated"});
      if (auto trouble = TroubleOfEnd(pod, container, last)) return trouble;
      return Trouble{"Failed", fmt::format("container {} of pod {} ends again and again", container, NameOf(pod))};
    }
    if (reason == "CreateContainerConfigError" || reason == "CreateContainerError" || reason == "RunContainerError") {
      return Trouble{"CannotStart", fmt::format("container {} of pod {} cannot start{}", container, NameOf(pod),
                                                Said(waiting, {"message"}))};
    }
  }
  if (auto trouble = TroubleOfEnd(pod, container, Member(status, {"state", "terminated"}))) return trouble;
  // It runs again, but what it died of would come again.
  const json& last = Member(status, {"lastState", "terminated"});
  return TextAt(last, {"reason"}) == "OOMKilled" ? TroubleOfEnd(pod, container, last) : std::nullopt;
}

const json* ConditionOf(const json& object, const char* type, const char* status) {
  for (const json& condition : Member(object, {"status", "conditions"})) {
    if (condition.value("type", "") == type && condition.value("status", "") == status) return &condition;
  }
  return nullptr;
}

}  // namespace

std::optional<Trouble> TroubleOfPod(const json& pod) {
  if (TextAt(pod, {"status", "reason"}) == "Evicted") {
    return Trouble{"Evicted", fmt::format("pod {} was evicted from node {}{}", NameOf(pod),
                                          TextAt(pod, {"spec", "nodeName"}), Said(pod, {"status", "message"}))};
  }
  if (Member(pod, {"metadata", "deletionTimestamp"}).is_string())
    return std::nullopt;  // it goes, and why is told already
  if (const json* const disruption = ConditionOf(pod, "DisruptionTarget", "True")) {
    return Trouble{"Evicted", fmt::format("pod {} was taken from node {}{}", NameOf(pod),
                                          TextAt(pod, {"spec", "nodeName"}), Said(*disruption, {"message"}))};
  }
  for (const char* group : {"initContainerStatuses", "containerStatuses"}) {
    for (const json& status : Member(pod, {"status", group})) {
      if (auto trouble = TroubleOfContainer(pod, status)) return trouble;
    }
  }
  if (const json* const placed = ConditionOf(pod, "PodScheduled", "False")) {
    return Trouble{"Unschedulable", fmt::format("no node takes pod {}{}", NameOf(pod), Said(*placed, {"message"}))};
  }
  if (TextAt(pod, {"status", "phase"}) == "Failed") {
    return Trouble{"Failed", fmt::format("pod {} has failed{}", NameOf(pod), Said(pod, {"status", "message"}))};
  }
  return std::nullopt;
}

std::optional<Trouble> TroubleOfDeployment(const json& deployment) {
  if (const json* const failure = ConditionOf(deployment, "ReplicaFailure", "True")) {
    const std::string message = TextAt(*failure, {"message"});
    const bool quota = message.contains("exceeded quota");
    return Trouble{quota ? "QuotaExceeded" : "PodsRefused",
                   fmt::format("{} for replicas of {}{}",
                               quota ? "the quota of the namespace has no room" : "the cluster takes no pods",
                               NameOf(deployment), Said(*failure, {"message"}))};
  }
  if (const json* const stuck = ConditionOf(deployment, "Progressing", "False")) {
    return Trouble{"NoProgress", fmt::format("the replicas of {} do not become ready{}", NameOf(deployment),
                                             Said(*stuck, {"message"}))};
  }
  return std::nullopt;
}

std::optional<Trouble> TroubleOfJob(const json& job) {
  const json* const failed = ConditionOf(job, "Failed", "True");
  if (failed == nullptr) return std::nullopt;
  return Trouble{"JobFailed", fmt::format("job {} has failed{}", NameOf(job), Said(*failed, {"message"}))};
}

}  // namespace keelson::kubernetes
