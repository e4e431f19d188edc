#pragma once

#include <array>
#include <string_view>

namespace keelson::wire::kserve {

// What becomes of a field that KServe's definition has and an endpoint of Keelson has not.
enum class Treatment {
  kIgnored,  // written by an API server, or without meaning for what is answered
  kWarned,   // it is served all the same, and the user is told
  kRefused,  // what is answered, or who may ask, would be another
};

struct KnownField {
  std::string_view name;
  Treatment treatment;
  std::string_view why;
};

inline constexpr std::string_view kOneMachine = "replicas here are processes of the server's machine";
inline constexpr std::string_view kOwnContainer = "a replica is Keelson's own process and no container of yours";
inline constexpr std::string_view kNoFormat = "no such model can be served here";

inline constexpr std::array kMetadataFields = {
    KnownField{"namespace", Treatment::kWarned, "a server has no namespaces: the name alone counts"},
    KnownField{"labels", Treatment::kWarned, "an endpoint has none"},
    KnownField{"annotations", Treatment::kWarned, "an endpoint has none, and they change nothing here"},
    KnownField{"creationTimestamp", Treatment::kIgnored, ""},
    KnownField{"deletionGracePeriodSeconds", Treatment::kIgnored, ""},
    KnownField{"deletionTimestamp", Treatment::kIgnored, ""},
    KnownField{"finalizers", Treatment::kIgnored, ""},
    KnownField{"generateName", Treatment::kIgnored, ""},
    KnownField{"generation", Treatment::kIgnored, ""},
    KnownField{"managedFields", Treatment::kIgnored, ""},
    KnownField{"ownerReferences", Treatment::kIgnored, ""},
    KnownField{"resourceVersion", Treatment::kIgnored, ""},
    KnownField{"selfLink", Treatment::kIgnored, ""},
    KnownField{"uid", Treatment::kIgnored, ""},
};

inline constexpr std::array kSpecFields = {
    KnownField{"canary", Treatment::kRefused, "say canaryTrafficPercent of the predictor"},
    KnownField{"explainer", Treatment::kRefused, "explanations are asked of the model itself (docs/serving.md)"},
    KnownField{"transformer", Treatment::kRefused, kOwnContainer},
};

// Of spec.predictor, in the order of the definition.
inline constexpr std::array kPredictorFields = {
    KnownField{"activeDeadlineSeconds", Treatment::kWarned, kOneMachine},
    KnownField{"affinity", Treatment::kWarned, kOneMachine},
    KnownField{"annotations", Treatment::kWarned, kOneMachine},
    KnownField{"autoScaling", Treatment::kWarned, "replicas follow the requests under way"},
    KnownField{"automountServiceAccountToken", Treatment::kWarned, kOneMachine},
    KnownField{"batcher", Treatment::kWarned, "a replica decides itself what it computes together"},
    KnownField{"containerConcurrency", Treatment::kWarned, "a replica takes what its queue holds"},
    KnownField{"containers", Treatment::kRefused, kOwnContainer},
    KnownField{"deploymentStrategy", Treatment::kWarned, "a version takes over when a replica of it answers"},
    KnownField{"dnsConfig", Treatment::kWarned, kOneMachine},
    KnownField{"dnsPolicy", Treatment::kWarned, kOneMachine},
    KnownField{"enableServiceLinks", Treatment::kWarned, kOneMachine},
    KnownField{"hostAliases", Treatment::kWarned, kOneMachine},
    KnownField{"hostIPC", Treatment::kWarned, kOneMachine},
    KnownField{"hostNetwork", Treatment::kWarned, kOneMachine},
    KnownField{"hostPID", Treatment::kWarned, kOneMachine},
    KnownField{"hostUsers", Treatment::kWarned, kOneMachine},
    KnownField{"hostname", Treatment::kWarned, kOneMachine},
    KnownField{"hostnameOverride", Treatment::kWarned, kOneMachine},
    KnownField{"huggingface", Treatment::kRefused, kNoFormat},
    KnownField{"imagePullSecrets", Treatment::kWarned, kOneMachine},
    KnownField{"initContainers", Treatment::kRefused, kOwnContainer},
    KnownField{"labels", Treatment::kWarned, kOneMachine},
    KnownField{"logger", Treatment::kWarned, "nothing is sent; the payload log keeps what was asked and answered"},
    KnownField{"name", Treatment::kIgnored, ""},
    KnownField{"nodeName", Treatment::kWarned, kOneMachine},
    KnownField{"nodeSelector", Treatment::kWarned, kOneMachine},
    KnownField{"os", Treatment::kWarned, kOneMachine},
    KnownField{"overhead", Treatment::kWarned, kOneMachine},
    KnownField{"paddle", Treatment::kRefused, kNoFormat},
    KnownField{"pmml", Treatment::kRefused, kNoFormat},
    KnownField{"preemptionPolicy", Treatment::kWarned, kOneMachine},
    KnownField{"priority", Treatment::kWarned, kOneMachine},
    KnownField{"priorityClassName", Treatment::kWarned, kOneMachine},
    KnownField{"pytorch", Treatment::kRefused, kNoFormat},
    KnownField{"readinessGates", Treatment::kWarned, kOneMachine},
    KnownField{"resourceClaims", Treatment::kRefused, "devices of a cluster are not here"},
    KnownField{"resources", Treatment::kWarned, "those of the model count"},
    KnownField{"restartPolicy", Treatment::kWarned, "a replica that ends is started anew"},
    KnownField{"runtimeClassName", Treatment::kWarned, kOneMachine},
    KnownField{"scaleMetricType", Treatment::kWarned, "the target is an average over the replicas"},
    KnownField{"schedulerName", Treatment::kWarned, kOneMachine},
    KnownField{"schedulingGates", Treatment::kWarned, kOneMachine},
    KnownField{"securityContext", Treatment::kWarned, kOneMachine},
    KnownField{"serviceAccount", Treatment::kWarned, "files are read as whoever applies this"},
    KnownField{"serviceAccountName", Treatment::kWarned, "files are read as whoever applies this"},
    KnownField{"setHostnameAsFQDN", Treatment::kWarned, kOneMachine},
    KnownField{"shareProcessNamespace", Treatment::kWarned, kOneMachine},
    KnownField{"storageContainerName", Treatment::kRefused, "a model comes by its storageUri"},
    KnownField{"storageUris", Treatment::kRefused, "a model comes by its storageUri"},
    KnownField{"subdomain", Treatment::kWarned, kOneMachine},
    KnownField{"tensorflow", Treatment::kRefused, kNoFormat},
    KnownField{"terminationGracePeriodSeconds", Treatment::kWarned, kOneMachine},
    KnownField{"timeout", Treatment::kWarned, "a client says how long it waits (docs/serving.md)"},
    KnownField{"tolerations", Treatment::kWarned, kOneMachine},
    KnownField{"topologySpreadConstraints", Treatment::kWarned, kOneMachine},
    KnownField{"triton", Treatment::kRefused, kNoFormat},
    KnownField{"volumes", Treatment::kRefused, kOwnContainer},
    KnownField{"workerSpec", Treatment::kRefused, "a model is not divided over machines"},
};

// Of the model, which in KServe is a container as well.
inline constexpr std::array kModelFields = {
    KnownField{"args", Treatment::kRefused, kOwnContainer},
    KnownField{"command", Treatment::kRefused, kOwnContainer},
    KnownField{"confidential", Treatment::kRefused, kOwnContainer},
    KnownField{"env", Treatment::kRefused, kOwnContainer},
    KnownField{"envFrom", Treatment::kRefused, kOwnContainer},
    KnownField{"image", Treatment::kRefused, kOwnContainer},
    KnownField{"imagePullPolicy", Treatment::kWarned, kOneMachine},
    KnownField{"lifecycle", Treatment::kRefused, kOwnContainer},
    KnownField{"livenessProbe", Treatment::kWarned, "the server asks its replicas itself"},
    KnownField{"name", Treatment::kIgnored, ""},
    KnownField{"ports", Treatment::kWarned, "the server's ports answer"},
    KnownField{"readinessProbe", Treatment::kWarned, "the server asks its replicas itself"},
    KnownField{"resizePolicy", Treatment::kWarned, kOneMachine},
    KnownField{"restartPolicy", Treatment::kWarned, "a replica that ends is started anew"},
    KnownField{"restartPolicyRules", Treatment::kWarned, "a replica that ends is started anew"},
    KnownField{"runtimeVersion", Treatment::kWarned, "replicas here are Keelson's own"},
    KnownField{"securityContext", Treatment::kWarned, kOneMachine},
    KnownField{"startupProbe", Treatment::kWarned, "the server asks its replicas itself"},
    KnownField{"stdin", Treatment::kIgnored, ""},
    KnownField{"stdinOnce", Treatment::kIgnored, ""},
    KnownField{"storage", Treatment::kRefused, "a model comes by its storageUri"},
    KnownField{"terminationMessagePath", Treatment::kIgnored, ""},
    KnownField{"terminationMessagePolicy", Treatment::kIgnored, ""},
    KnownField{"tty", Treatment::kIgnored, ""},
    KnownField{"volumeDevices", Treatment::kRefused, kOwnContainer},
    KnownField{"volumeMounts", Treatment::kRefused, kOwnContainer},
    KnownField{"workingDir", Treatment::kRefused, kOwnContainer},
};

}  // namespace keelson::wire::kserve
