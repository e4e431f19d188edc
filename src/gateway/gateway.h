#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/http.h"

namespace keelson::gateway {

// In a replica's answer of 429 or 503: nothing was done for the request, so another replica may be asked.
inline constexpr std::string_view kUntouchedHeader = "x-keelson-untouched";
// In a request to a replica: for how many microseconds from its arrival an answer is of use.
inline constexpr std::string_view kTimeoutHeader = "x-keelson-timeout";

// One version of a model behind an endpoint, and the replicas that serve it now.
struct Backend {
  std::string version;
  int weight = 0;  // percent of the traffic; all weights of an endpoint sum to 100 (or 0: none ready yet)
  std::vector<std::string> addresses = {};  // ready replicas: "unix:/...", "http://..."
};

struct EndpointConfig {
  std::string name;                    // the model's name on the wire
  std::vector<Backend> backends = {};  // keep their order: a share that grows then keeps the request ids that it has
  std::size_t hold_limit = 1'000;      // requests that may wait for a replica; over it: 503 with Retry-After
  std::chrono::milliseconds hold_timeout{20'000};
  std::chrono::milliseconds timeout{30'000};
  int retries = 3;  // after a replica that broke in the middle of the request, and after one that had too much to do;
                    // one that was never reached or is not ready does not count
};

// A request on its way.
struct GatewayRequest {
  std::string endpoint;
  std::string request_id;
  io::HttpCall call;         // of a protocol that replicas speak, made by the edge
  std::string version = {};  // which one shall answer; "": the one that the request id falls to
  // When an answer is of no use any more; told to the replica in kTimeoutHeader.
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
};

struct BackendStats {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  // answers of 500 and above, and requests given up
  int in_flight = 0;
  int held = 0;                                    // that wait for a replica of this version
  std::vector<std::uint32_t> recent_latencies_us;  // of the last 1,000 answers, oldest first, holding not counted
};

struct EndpointStats {
  std::map<std::string, BackendStats> backends;  // by version
  int held = 0;                                  // also those that fall to no version yet
  int in_flight = 0;
  std::optional<Duration> idle_for;  // since the last request ended; nothing while one is under way or held
};

// The traffic's way in: chooses a version by weight (StableHash of the request id, so that a retry goes the same way
// and a replayed day gives the same split) unless the request names one, then the ready replica with the fewest
// requests under way; holds requests while no replica is ready; asks another replica when one dies before it answered,
// or refused without having done anything. Thread-safe; asynchronous throughout. A version without a ready replica
// holds its share of the requests, even when other versions have some: only new weights move a request to another
// version. Called on an I/O thread (from an HttpHandler), the request stays on that thread.
class Gateway {
 public:
  static std::unique_ptr<Gateway> Create();
  virtual ~Gateway() = default;  // what is held or under way ends with kUnavailable first

  // Sets the whole of one endpoint: new requests follow it at once, those under way end where they are. Held requests
  // go to the first ready replica.
  virtual void Configure(const EndpointConfig& config) = 0;
  virtual void Remove(const std::string& endpoint) = 0;  // held requests get 404
  virtual bool Has(const std::string& endpoint) const = 0;

  // The versions behind it, in the order of its configuration; none when there is no such endpoint.
  virtual std::vector<std::string> Versions(const std::string& endpoint) const = 0;

  // Forwards the call and answers with the replica's answer. The version that answered is in the header
  // "x-keelson-version"; the replica gets the request id as x-request-id. `done` is called exactly once, on an I/O
  // thread or on this one, and must not block. Errors: kNotFound, no such endpoint or version; kResourceExhausted, too
  // many are held; kDeadlineExceeded, no replica became ready or none answered in time; kUnavailable, replicas broke
  // more than `retries` times.
  virtual void Forward(GatewayRequest request, std::function<void(Result<io::HttpResponse>)> done) = 0;

  virtual EndpointStats Stats(const std::string& endpoint) const = 0;
};

// kNotFound, in KServe's manner.
Error NoSuchVersion(std::string_view endpoint, std::string_view version, std::span<const std::string> versions);

}  // namespace keelson::gateway
