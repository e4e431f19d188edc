#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/types.h"
#include "gateway/canary.h"
#include "gateway/gateway.h"
#include "project/spec.h"
#include "substrate/substrate.h"

namespace keelson::control {

// One version that an endpoint shall serve.
struct ServedVersion {
  int version = 0;
  std::string model_folder;
  std::string content_hash;
  int weight = 0;  // percent
};

// True when the replica at `address` says now that it is ready.
using ReadyProbe = std::function<bool(const std::string& address)>;
bool ProbeReady(const std::string& address);  // asks it over HTTP, and waits a fraction of a second at most

// Keeps one endpoint as it should be: as many replicas of each version as the load asks for, ready ones known to the
// gateway, dead ones replaced. Level-triggered: each Reconcile starts from the substrate's list, so replicas that were
// running when the server was killed are taken over.
//
// Owned by the Controller and called on its thread only.
class EndpointController {
 public:
  struct Options {
    std::string endpoint;        // the model's name on the wire, and the project's
    std::string payload_folder;  // below it: VERSION/REPLICA
    std::string lock_file;       // of the data folder: a replica ends itself when it has been free for a while
    project::ServeSpec serve;
  };

  EndpointController(Options options, substrate::Substrate& substrate, gateway::Gateway& gateway, const Clock& clock,
                     ReadyProbe probe = ProbeReady);

  void SetOptions(Options options);
  // What shall be served from now on; versions that are left out drain and end. The gateway splits by it at once: what
  // is asked after a canary's step must not depend on when we look next.
  void Want(std::vector<ServedVersion> versions);
  Status Reconcile(const std::vector<substrate::WorkloadStatus>& workloads);
  // Every replica ends and the gateway forgets the endpoint.
  Status Close(const std::vector<substrate::WorkloadStatus>& workloads);

  bool HasReady(int version) const;
  int ready_replicas() const;
  gateway::EndpointStats stats() const { return gateway_.Stats(options_.endpoint); }
  // For the page and `describe`: replica name, version, state, how it is limited.
  struct ReplicaView {
    std::string name;
    int version = 0;
    std::string state;  // "starting", "ready", "draining"
    std::string limits;
  };
  std::vector<ReplicaView> replicas() const;

 private:
  struct Replica {
    int version = 0;
    std::string address;
    std::string limits;
    bool ready = false;
    bool draining = false;
    std::chrono::steady_clock::time_point started;
    std::chrono::steady_clock::time_point drain_since;
  };

  void Observe(const std::vector<substrate::WorkloadStatus>& workloads);
  Status Scale(const ServedVersion& version, const gateway::BackendStats& stats, int held,
               std::optional<Duration> idle_for);
  Status StartReplica(const ServedVersion& version);
  void Drain(Replica& replica);
  void ConfigureGateway();

  Options options_;
  substrate::Substrate& substrate_;
  gateway::Gateway& gateway_;
  const Clock& clock_;
  ReadyProbe probe_;
  std::vector<ServedVersion> wanted_;
  std::map<std::string, Replica> replicas_;  // by workload name
  std::map<int, std::chrono::steady_clock::time_point> below_since_;
  std::map<int, int> failed_starts_;
  std::map<int, std::chrono::steady_clock::time_point> not_before_;
  std::string configured_;  // what the gateway was last told
};

}  // namespace keelson::control
