#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/gateway.h"

namespace keelson::gateway {

using SteadyTime = std::chrono::steady_clock::time_point;

// One address. Shared by the configurations that name it and the requests inside it: when the last of them lets go, its
// connections are closed.
struct Replica {
  Replica(std::string where, std::unique_ptr<io::HttpClient> asked)
      : address(std::move(where)), client_(std::move(asked)) {}

  const std::string address;
  std::atomic<int> in_flight{0};

  std::shared_ptr<io::HttpClient> client() const {  // null once closed
    const std::lock_guard lock(mutex_);
    return client_;
  }
  // Ends the requests inside it.
  void Close() {
    std::shared_ptr<io::HttpClient> client;  // destroyed after the lock
    {
      const std::lock_guard lock(mutex_);
      client.swap(client_);
    }
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<io::HttpClient> client_;
};

// What is known of one version while it is configured.
struct Version {
  static constexpr std::size_t kLatencies = 1'000;

  std::string name;
  int weight = 0;
  std::vector<std::shared_ptr<Replica>> replicas;
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  int in_flight = 0;
  std::vector<std::uint32_t> latencies_us;  // a ring
  std::size_t next_latency = 0;
};

class Endpoint;

// One request on its way. Owned by whoever has it at the moment: the endpoint while it is held, the callback while a
// replica has it.
struct Forwarded {
  std::shared_ptr<Endpoint> endpoint;
  std::uint64_t hash = 0;
  io::HttpCall call;
  std::string wanted;                  // the version that was asked for; "": by the hash
  std::optional<SteadyTime> deadline;  // of the request itself
  std::function<void(Result<io::HttpResponse>)> done;

  std::shared_ptr<Version> version;  // of the present or last attempt
  std::shared_ptr<Replica> replica;
  SteadyTime sent_at;
  std::vector<const Replica*> tried;  // since it was held last
  int broken = 0;                     // replicas that broke in the middle of it
  int refused = 0;                    // replicas that had too much to do
  int holds = 0;
  std::optional<SteadyTime> give_up_at;     // when holding ends; set at the first hold
  SteadyTime not_before;                    // when it may be tried again without a new configuration
  std::optional<io::HttpResponse> refusal;  // the last answer that said that nothing was done
};
using ForwardedPtr = std::unique_ptr<Forwarded>;

// The state of one endpoint: who serves it, what is held, what was measured. Decides and counts; sends nothing.
// Thread-safe; calls no one while it holds its lock.
class Endpoint {
 public:
  enum class Verdict {
    kSend,
    kHeld,
    kFull,
    kRefused,    // no other replica is there to be asked, and waiting is not for us: its `refusal` is the answer
    kNoVersion,  // the version that was asked for is not there
    kRemoved
  };

  explicit Endpoint(SteadyTime now) : last_end_(now) {}

  // Replaces the configuration; `replicas` has one for each address. Gives back all held requests, to be admitted anew.
  std::vector<ForwardedPtr> Configure(const EndpointConfig& config,
                                      const std::map<std::string, std::shared_ptr<Replica>>& replicas);
  std::vector<ForwardedPtr> Remove();  // all held requests; from now on the verdict is kRemoved

  // Chooses version and replica, or keeps the request (taking it out of `request`).
  Verdict Admit(ForwardedPtr& request, SteadyTime now);
  // An attempt is over. When the request is, too, its outcome is counted.
  void EndAttempt(const Forwarded& request, bool final, bool error, SteadyTime now);
  // Requests that were held and may be tried again, or whose time is over; and when to ask again.
  std::vector<ForwardedPtr> TakeDue(SteadyTime now);
  std::optional<SteadyTime> NextDue() const;

  std::chrono::milliseconds timeout() const;
  int retries() const;
  std::vector<std::string> versions() const;
  std::string name() const;
  EndpointStats Stats(SteadyTime now) const;

 private:
  std::shared_ptr<Version> Choose(const Forwarded& request) const;
  std::shared_ptr<Replica> LeastBusy(const Version& version, const std::vector<const Replica*>& tried);

  mutable std::mutex mutex_;  // guards all below
  EndpointConfig config_;
  std::vector<std::shared_ptr<Version>> versions_;  // in the order of the configuration
  std::vector<int> weights_;                        // of the versions
  std::deque<ForwardedPtr> held_;
  bool removed_ = false;
  int in_flight_ = 0;
  std::size_t turn_ = 0;  // spreads requests over equally busy replicas
  SteadyTime last_end_;
};

// The request's place in [0, 2^64): with the weights in the order of the configuration, this decides its version.
std::uint64_t RouteHash(const std::string& endpoint, const std::string& request_id);
// The index of the weight that the hash falls to; nothing when there is no weight above 0. Weights below 0 count as 0.
std::optional<std::size_t> PlaceOf(std::uint64_t hash, std::span<const int> weights);

}  // namespace keelson::gateway
