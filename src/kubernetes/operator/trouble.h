#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace keelson::kubernetes {

// What is wrong, as one word for programs and one sentence for people.
struct Trouble {
  std::string reason;
  std::string sentence;
  bool operator==(const Trouble&) const = default;
};

// What is wrong with a pod: no image, no node, killed for its memory, evicted, gone with its node, ended with an error.
// Nothing while all goes its way.
std::optional<Trouble> TroubleOfPod(const nlohmann::json& pod);
// What keeps a Deployment from having its pods: a quota, a policy that refuses them, no progress.
std::optional<Trouble> TroubleOfDeployment(const nlohmann::json& deployment);
// Why a Job has failed.
std::optional<Trouble> TroubleOfJob(const nlohmann::json& job);

}  // namespace keelson::kubernetes
