#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/http.h"

namespace keelson::gateway {

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
  int retries = 3;  // after a replica that broke in the middle of the request; one that was never reached or
                    // answered 503 does not count
};

struct BackendStats {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;  // answers of 500 and above, and requests given up
  int in_flight = 0;
  std::vector<std::uint32_t> recent_latencies_us;  // of the last 1,000 answers, oldest first, holding not counted
};

struct EndpointStats {
  std::map<std::string, BackendStats> backends;  // by version
  int held = 0;
  int in_flight = 0;
  std::optional<Duration> idle_for;  // since the last request ended; nothing while one is under way or held
};

// The traffic's way in: chooses a version by weight (StableHash of the request id, so that a retry goes the same way
// and a replayed day gives the same split), then the ready replica with the fewest requests under way; holds requests
// while no replica is ready; retries on another replica when one dies before it answered. Thread-safe; asynchronous
// throughout. A version without a ready replica holds its share of the requests, even when other versions have some:
// only new weights move a request to another version. Called on an I/O thread (from an HttpHandler), the request stays
// on that thread.
class Gateway {
 public:
  static std::unique_ptr<Gateway> Create();
  virtual ~Gateway() = default;  // what is held or under way ends with kUnavailable first

  // Sets the whole of one endpoint: new requests follow it at once, those under way end where they are. Held requests
  // go to the first ready replica.
  virtual void Configure(const EndpointConfig& config) = 0;
  virtual void Remove(const std::string& endpoint) = 0;  // held requests get 404
  virtual bool Has(const std::string& endpoint) const = 0;

  // Forwards `call` (a request of the Open Inference Protocol, made by the edge) and answers with the replica's answer.
  // The version that answered is in the header "x-keelson-version"; the replica gets the request id as x-request-id.
  // `done` is called exactly once, on an I/O thread or on this one, and must not block. Errors: kNotFound, no such
  // endpoint; kResourceExhausted, too many are held; kDeadlineExceeded, no replica became ready or none answered in
  // time; kUnavailable, replicas broke more than `retries` times.
  virtual void Forward(const std::string& endpoint, const std::string& request_id, io::HttpCall call,
                       std::function<void(Result<io::HttpResponse>)> done) = 0;

  virtual EndpointStats Stats(const std::string& endpoint) const = 0;
};

}  // namespace keelson::gateway
