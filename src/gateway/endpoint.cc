#include "gateway/endpoint.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/hash.h"

namespace keelson::gateway {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(10);
constexpr int kMostDoublings = 6;

void Note(Version& version, SteadyTime sent_at, SteadyTime now) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now - sent_at).count();
  const auto latency = static_cast<std::uint32_t>(std::clamp<std::int64_t>(micros, 0, UINT32_MAX));
  if (version.latencies_us.size() < Version::kLatencies) {
    version.latencies_us.push_back(latency);
  } else {
    version.latencies_us[version.next_latency] = latency;
    version.next_latency = (version.next_latency + 1) % Version::kLatencies;
  }
}

}  // namespace

std::uint64_t RouteHash(const std::string& endpoint, const std::string& request_id) {
  return StableHash(endpoint + "\n" + request_id);
}

std::vector<ForwardedPtr> Endpoint::Configure(const EndpointConfig& config,
                                              const std::map<std::string, std::shared_ptr<Replica>>& replicas) {
  std::vector<ForwardedPtr> held;
  std::vector<std::shared_ptr<Version>> old;  // let go of after the lock: closing connections takes time
  {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Version>> versions;
    for (const Backend& backend : config.backends) {
      const auto known = std::ranges::find(versions_, backend.version, &Version::name);
      auto version = std::make_shared<Version>();
      if (known != versions_.end()) {
        version = *known;
        auto dropped = std::make_shared<Version>();
        dropped->replicas.swap(version->replicas);
        old.push_back(std::move(dropped));
      }
      version->name = backend.version;
      version->weight = std::max(backend.weight, 0);
      for (const std::string& address : backend.addresses) {
        if (const auto found = replicas.find(address); found != replicas.end())
          version->replicas.push_back(found->second);
      }
      versions.push_back(std::move(version));
    }
    for (std::shared_ptr<Version>& version : versions_) old.push_back(std::move(version));
    versions_ = std::move(versions);
    weights_.clear();
    for (const auto& version : versions_) weights_.push_back(version->weight);
    config_ = config;
    held.assign(std::make_move_iterator(held_.begin()), std::make_move_iterator(held_.end()));
    held_.clear();
  }
  for (const ForwardedPtr& request : held) request->tried.clear();
  return held;
}

std::vector<ForwardedPtr> Endpoint::Remove() {
  const std::lock_guard lock(mutex_);
  removed_ = true;
  std::vector<ForwardedPtr> held(std::make_move_iterator(held_.begin()), std::make_move_iterator(held_.end()));
  held_.clear();
  return held;
}

std::optional<std::size_t> PlaceOf(std::uint64_t hash, std::span<const int> weights) {
  std::uint64_t total = 0;
  for (const int weight : weights) total += static_cast<std::uint64_t>(std::max(weight, 0));
  if (total == 0) return std::nullopt;
  // The hash's high half as a fraction of the total: one request keeps its place whatever the weights are.
  const std::uint64_t place = ((hash >> 32) * total) >> 32;
  std::uint64_t upto = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    upto += static_cast<std::uint64_t>(std::max(weights[i], 0));
    if (place < upto) return i;
  }
  return std::nullopt;
}

std::shared_ptr<Version> Endpoint::Choose(const Forwarded& request) const {
  if (!request.wanted.empty()) {
    const auto found = std::ranges::find(versions_, request.wanted, &Version::name);
    return found == versions_.end() ? nullptr : *found;
  }
  const auto place = PlaceOf(request.hash, weights_);
  return place ? versions_[*place] : nullptr;
}

std::shared_ptr<Replica> Endpoint::LeastBusy(const Version& version, const std::vector<const Replica*>& tried) {
  std::shared_ptr<Replica> best;
  const std::size_t count = version.replicas.size();
  ++turn_;
  for (std::size_t i = 0; i < count; ++i) {
    const std::shared_ptr<Replica>& replica = version.replicas[(i + turn_) % count];
    if (std::ranges::find(tried, replica.get()) != tried.end()) continue;
    if (best == nullptr || replica->in_flight < best->in_flight) best = replica;
  }
  return best;
}

Endpoint::Verdict Endpoint::Admit(ForwardedPtr& request, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (removed_) return Verdict::kRemoved;
  request->version = Choose(*request);
  if (request->version == nullptr && !request->wanted.empty()) return Verdict::kNoVersion;
  if (request->version != nullptr) {
    request->replica = LeastBusy(*request->version, request->tried);
    if (request->replica != nullptr) {
      ++request->replica->in_flight;
      ++request->version->in_flight;
      ++in_flight_;
      request->sent_at = now;
      return Verdict::kSend;
    }
  }
  if (request->refusal && request->refusal->status == 429) return Verdict::kRefused;
  if (request->holds == 0 && held_.size() >= config_.hold_limit) return Verdict::kFull;
  if (!request->give_up_at) {
    request->give_up_at = now + config_.hold_timeout;
    if (request->deadline) request->give_up_at = std::min(*request->give_up_at, *request->deadline);
  }
  // Nobody is there: only a new configuration helps. Somebody is, but failed: worth another look soon.
  const auto pause = kFirstPause * (1 << std::min(request->holds, kMostDoublings));
  request->not_before = request->tried.empty() ? SteadyTime::max() : now + pause;
  ++request->holds;
  held_.push_back(std::move(request));
  return Verdict::kHeld;
}

void Endpoint::EndAttempt(const Forwarded& request, bool final, bool error, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (request.replica != nullptr) {
    --request.replica->in_flight;
    --request.version->in_flight;
    --in_flight_;
  }
  if (!final) return;
  last_end_ = now;
  if (request.version == nullptr) return;
  ++request.version->requests;
  if (error) ++request.version->errors;
  if (request.replica != nullptr) Note(*request.version, request.sent_at, now);
}

std::vector<ForwardedPtr> Endpoint::TakeDue(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  std::vector<ForwardedPtr> due;
  std::erase_if(held_, [&](ForwardedPtr& request) {
    if (now < request->not_before && now < *request->give_up_at) return false;
    request->tried.clear();
    due.push_back(std::move(request));
    return true;
  });
  return due;
}

std::optional<SteadyTime> Endpoint::NextDue() const {
  const std::lock_guard lock(mutex_);
  std::optional<SteadyTime> next;
  for (const ForwardedPtr& request : held_) {
    const SteadyTime due = std::min(request->not_before, *request->give_up_at);
    if (!next || due < *next) next = due;
  }
  return next;
}

std::chrono::milliseconds Endpoint::timeout() const {
  const std::lock_guard lock(mutex_);
  return config_.timeout;
}

int Endpoint::retries() const {
  const std::lock_guard lock(mutex_);
  return config_.retries;
}

std::vector<std::string> Endpoint::versions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& version : versions_) names.push_back(version->name);
  return names;
}

std::string Endpoint::name() const {
  const std::lock_guard lock(mutex_);
  return config_.name;
}

Error NoSuchVersion(std::string_view endpoint, std::string_view version, std::span<const std::string> versions) {
  return {ErrorCode::kNotFound,
          fmt::format("Model with name {} has no version {}; it has: {}", endpoint.substr(0, 200),
                      version.substr(0, 200), fmt::join(versions, ", ")),
          ""};
}

EndpointStats Endpoint::Stats(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  EndpointStats stats;
  for (const auto& version : versions_) {
    BackendStats& backend = stats.backends[version->name];
    backend.requests = version->requests;
    backend.errors = version->errors;
    backend.in_flight = version->in_flight;
    backend.recent_latencies_us = version->latencies_us;
    std::rotate(backend.recent_latencies_us.begin(),
                backend.recent_latencies_us.begin() + static_cast<std::ptrdiff_t>(version->next_latency),
                backend.recent_latencies_us.end());
  }
  for (const ForwardedPtr& request : held_) {
    if (request->version != nullptr) ++stats.backends[request->version->name].held;
  }
  stats.held = static_cast<int>(held_.size());
  stats.in_flight = in_flight_;
  if (held_.empty() && in_flight_ == 0) stats.idle_for = std::chrono::duration_cast<Duration>(now - last_end_);
  return stats;
}

}  // namespace keelson::gateway
