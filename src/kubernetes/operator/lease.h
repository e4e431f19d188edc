#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/time.h"

namespace keelson::kubernetes {

// Who of several servers acts, by a Lease (coordination.k8s.io/v1) as client-go uses it. No two act at a time as long
// as their monotonic clocks run alike: whoever could not renew for `renew_deadline` stops by himself, and nobody takes
// a lease over that he has not seen unchanged for the whole `duration`, which is longer. No wall clock is compared.
struct LeaseTimes {
  std::chrono::milliseconds duration{15'000};
  std::chrono::milliseconds renew_deadline{10'000};
  std::chrono::milliseconds period{2'000};  // between two looks
};

// A Lease as it was read, and since when it has been seen so.
struct SeenLease {
  nlohmann::json object;
  std::chrono::steady_clock::time_point since;
};

enum class LeaseStep { kCreate, kTake, kRenew, kWait };

using Moment = std::chrono::steady_clock::time_point;

// Pure. `seen`: nothing when there is no such Lease.
LeaseStep PlanLease(const std::optional<SeenLease>& seen, const std::string& me, Moment now);

std::string HolderOf(const nlohmann::json& lease);  // "" for none

// The Lease to create.
nlohmann::json NewLease(const std::string& in_namespace, const std::string& name, const std::string& me,
                        const LeaseTimes& times, Instant now);
// A merge patch that makes it ours, or says that it still is; only of the Lease as it was seen.
nlohmann::json TakeLease(const nlohmann::json& seen, const std::string& me, const LeaseTimes& times, Instant now);
// One that gives it up, so that the next takes it at once.
nlohmann::json GiveUpLease(const nlohmann::json& seen, Instant now);

}  // namespace keelson::kubernetes
