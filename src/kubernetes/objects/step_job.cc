#include "kubernetes/objects/step_job.h"

#include <cmath>

#include "base/hash.h"
#include "base/strings.h"
#include "kubernetes/objects/pod.h"
#include "kubernetes/objects/priority_classes.h"

namespace keelson::kubernetes {
namespace {

constexpr int kRetries = 2;         // three attempts, as on one machine
constexpr int kEndedAsAsked = 3;    // the exit code of a worker that left a checkpoint (app/roles/worker_role.cc)
constexpr int kGraceSeconds = 120;  // for that checkpoint: the notice of a spot node
constexpr std::size_t kHashDigits = 8;
constexpr const char* kWorker = "worker";
constexpr const char* kAttemptFolder = "/var/run/keelson/attempt";

// A Job cannot be changed: with another revision, image or server it is another one.
std::string JobHash(const Owner& owner) {
  return Sha256::Hex(owner.revision + "\n" + owner.settings.image + "\n" + owner.settings.version + "\n" +
                     ServerUrl(owner.settings))
      .substr(0, kHashDigits);
}

bool Trains(const project::PipelineStep& step) {
  return step.kind == "train";
}

Json WorkerContainer(const Owner& owner, const project::PipelineStep& step, const std::string& secret) {
  const project::ResourcesSpec& resources = Trains(step) ? owner.project.train->resources : kStepResources;
  const auto threads = std::to_string(static_cast<int>(std::ceil(resources.cpu)));
  Json container =
      Container(owner.settings, kWorker, {"worker", "--spec", std::string(kAttemptFolder) + "/spec.json"}, resources);
  container["env"] = {{{"name", "KEELSON_SERVER"}, {"value", ServerUrl(owner.settings)}},
                      SecretVariable("KEELSON_TOKEN", secret, "token"),
                      {{"name", "OMP_NUM_THREADS"}, {"value", threads}},
                      {{"name", "OMP_WAIT_POLICY"}, {"value", "PASSIVE"}}};
  container["volumeMounts"].push_back(Mount("data", kDataFolder, false));
  container["volumeMounts"].push_back(Mount("attempt", kAttemptFolder, true));
  return container;
}

Json WorkerPod(const Owner& owner, const project::PipelineStep& step, const std::string& secret) {
  Json spec = PodSpec(kTrainingPriority);
  spec["restartPolicy"] = "Never";
  spec["terminationGracePeriodSeconds"] = kGraceSeconds;
  spec["containers"] = Json::array({WorkerContainer(owner, step, secret)});
  spec["volumes"].push_back({{"name", "data"}, {"persistentVolumeClaim", {{"claimName", kDataClaim}}}});
  const Json items = Json::array({{{"key", "spec.json"}, {"path", "spec.json"}}});
  spec["volumes"].push_back({{"name", "attempt"}, {"secret", {{"secretName", secret}, {"items", items}}}});
  return spec;
}

}  // namespace

std::optional<Json> StepJob(const Owner& owner, const project::PipelineStep& step) {
  if (step.kind == "search") return std::nullopt;
  const std::string name = ObjectName({owner.project.name, step.name, JobHash(owner)});
  Json object = NewObject(owner, "batch/v1", "Job", name, component::kPipeline);
  Json& labels = object["metadata"]["labels"];
  labels["keelson.dev/step-kind"] = step.kind;
  labels["keelson.dev/queue"] = owner.project.train ? owner.project.train->queue : "default";
  object["metadata"]["annotations"] = {{"keelson.dev/step", step.name}};
  if (!step.needs.empty()) object["metadata"]["annotations"]["keelson.dev/needs"] = Join(step.needs, ",");
  object["spec"] = {
      {"suspend", true},
      {"backoffLimit", kRetries},
      {"podReplacementPolicy", "Failed"},
      {"podFailurePolicy",
       {{"rules",
         Json::array(
             {{{"action", "Ignore"},
               {"onPodConditions", Json::array({{{"type", "DisruptionTarget"}, {"status", "True"}}})}},
              {{"action", "Ignore"},
               {"onExitCodes",
                {{"containerName", kWorker}, {"operator", "In"}, {"values", Json::array({kEndedAsAsked})}}}}})}}},
      {"template",
       {{"metadata", {{"labels", Labels(owner, component::kPipeline)}}},
        {"spec", WorkerPod(owner, step, name + "-attempt")}}}};
  // Karpenter would take a node to make its pool smaller, for it cannot see what work would be lost.
  if (Trains(step)) object["spec"]["template"]["metadata"]["annotations"] = {{"karpenter.sh/do-not-disrupt", "true"}};
  return object;
}

}  // namespace keelson::kubernetes
