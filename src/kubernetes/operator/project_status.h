#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace keelson::kubernetes {

// What is told of a project, as conditions of its object (metav1.Condition).
struct Told {
  std::string type;     // Valid, Applied, Jobs, Ready
  std::string status;   // True, False, Unknown
  std::string reason;   // one word
  std::string message;  // one sentence
  bool operator==(const Told&) const = default;
};

// The status that the Project should have. A condition that stays as it is keeps its time of transition; one that is
// not told stays.
nlohmann::json StatusOf(const nlohmann::json& project, const std::string& revision, std::optional<int> model_version,
                        const std::vector<Told>& told, Instant now);

// A merge patch that gives the Project, as it was seen, this status.
nlohmann::json StatusPatch(const nlohmann::json& project, nlohmann::json status);

// Which of `told` is another than the object says: what there is to make an event of.
std::vector<Told> NewIn(const nlohmann::json& project, const std::vector<Told>& told);

// An Event (events.k8s.io/v1) on an object, by the server `instance`.
nlohmann::json EventOn(const nlohmann::json& object, const std::string& type, const std::string& reason,
                       const std::string& note, const std::string& instance, Instant now);

}  // namespace keelson::kubernetes
