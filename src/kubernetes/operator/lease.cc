#include "kubernetes/operator/lease.h"

#include <nlohmann/json.hpp>

#include "kubernetes/client/api_client.h"
#include "kubernetes/operator/kubernetes_time.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

json SpecOf(const json& lease) {
  const json spec = lease.value("spec", json::object());
  return spec.is_object() ? spec : json::object();
}

std::chrono::seconds DurationOf(const json& lease) {
  const json spec = SpecOf(lease);
  const auto found = spec.find("leaseDurationSeconds");
  constexpr std::chrono::seconds kUnsaid{15};
  return found != spec.end() && found->is_number_integer() ? std::chrono::seconds(found->get<std::int64_t>()) : kUnsaid;
}

std::int64_t Seconds(const LeaseTimes& times) {
  return std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(times.duration).count());
}

}  // namespace

std::string HolderOf(const json& lease) {
  const json spec = SpecOf(lease);
  const auto found = spec.find("holderIdentity");
  return found != spec.end() && found->is_string() ? found->get<std::string>() : "";
}

LeaseStep PlanLease(const std::optional<SeenLease>& seen, const std::string& me, Moment now) {
  if (!seen) return LeaseStep::kCreate;
  const std::string holder = HolderOf(seen->object);
  if (holder == me) return LeaseStep::kRenew;
  if (holder.empty()) return LeaseStep::kTake;
  return now - seen->since >= DurationOf(seen->object) ? LeaseStep::kTake : LeaseStep::kWait;
}

json NewLease(const std::string& in_namespace, const std::string& name, const std::string& me, const LeaseTimes& times,
              Instant now) {
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", {{"name", name}, {"namespace", in_namespace}}},
          {"spec",
           {{"holderIdentity", me},
            {"leaseDurationSeconds", Seconds(times)},
            {"acquireTime", MicroTime(now)},
            {"renewTime", MicroTime(now)},
            {"leaseTransitions", 0}}}};
}

json TakeLease(const json& seen, const std::string& me, const LeaseTimes& times, Instant now) {
  json patch = {
      {"metadata", {{"resourceVersion", ResourceVersionOf(seen)}}},
      {"spec", {{"holderIdentity", me}, {"leaseDurationSeconds", Seconds(times)}, {"renewTime", MicroTime(now)}}}};
  if (HolderOf(seen) == me) return patch;
  const json transitions = SpecOf(seen).value("leaseTransitions", json(0));
  patch["spec"]["acquireTime"] = MicroTime(now);
  patch["spec"]["leaseTransitions"] = transitions.is_number_integer() ? transitions.get<std::int64_t>() + 1 : 1;
  return patch;
}

json GiveUpLease(const json& seen, Instant now) {
  return {{"metadata", {{"resourceVersion", ResourceVersionOf(seen)}}},
          {"spec", {{"holderIdentity", ""}, {"leaseDurationSeconds", 1}, {"renewTime", MicroTime(now)}}}};
}

}  // namespace keelson::kubernetes
