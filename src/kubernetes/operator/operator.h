#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "kubernetes/operator/election.h"
#include "kubernetes/operator/job_admission.h"
#include "kubernetes/operator/observer.h"
#include "kubernetes/operator/project_plan.h"
#include "kubernetes/operator/refusals.h"

namespace keelson::kubernetes {

struct OperatorOptions {
  std::string identity;         // of this server, of nobody else; told in the Lease and in Events
  std::string lease_namespace;  // where the Lease lies
  Settings settings;            // of all projects; workspace, addons and model_version are found out
  scheduling::Queues queues;
  bool admit_by_nodes = true;  // AdmissionSnapshot::by_nodes
  bool leave_to_kueue = true;  // AdmissionSnapshot::by_kueue, where its kinds are
  LeaseTimes lease = {};
  std::chrono::milliseconds resync{30'000};       // a look at everything, though nothing has changed
  std::chrono::milliseconds rediscovery{30'000};  // for kinds that come and go
  std::chrono::milliseconds gather{50};           // changes that come together are one look
  std::chrono::milliseconds silence{90'000};      // MirrorOptions::silence
};

// Acts on a cluster: makes it have what its Project objects ask for, lets Jobs run, and writes what has become of each
// Project into its status and Events. Of all servers that do so one acts, by a Lease; the others watch, ready to go on.
//
// Level-triggered: each look is made from mirrors of the cluster alone, by pure functions (PlanProject, PlanAdmission),
// and nothing that was done is remembered but what the API server refused, which is asked again with waits that double.
// Every write names the state that it was decided from where Kubernetes can check that, and goes out after a look at
// the Lease; none does while the API server asks for rest (Retry-After). Threads of its own; Start returns at once,
// also while the cluster is away.
class Operator {
 public:
  // `clock` outlives it. The errors are those of ApiClient::Create.
  static Result<std::unique_ptr<Operator>> Start(const Access& access, const Clock& clock, OperatorOptions options);
  ~Operator();  // ends what is under way and gives the Lease up

  bool leads() const { return election_->Leads(); }
  // Why it does not act as it should; nothing when it does.
  std::optional<Error> problem() const;

 private:
  // What is asked of the API server, apart: a Lease is renewed however much else is asked, and a list may take longer
  // than a write.
  struct Clients {
    std::unique_ptr<ApiClient> lease;
    std::unique_ptr<ApiClient> watch;
    std::unique_ptr<ApiClient> write;
  };
  // Whether this server may write now; asked by the client of each request.
  using Gate = std::atomic<const Election*>;
  Operator(Clients clients, const std::shared_ptr<Gate>& gate, const Clock& clock, OperatorOptions options);

  struct Memory {
    Objects inputs;  // of the last look that left nothing to do
    std::map<std::string, std::string> waiting;
    Refusals refusals;                      // of its objects: told in its status
    Refusals status_refusal;                // of the status itself
    std::map<ObjectKey, std::string> same;  // resource versions at which an apply changed nothing
    std::set<Addon> addons;
    bool settled = false;
  };

  // The last look at what may run, and what it was made from.
  struct Admitted {
    Objects jobs, pods, nodes;
    bool by_kueue = false;
    Moment at{};
    AdmissionPlan plan;
  };

  void Run();
  void Wake();
  void LookForKinds();
  void TellProblem();
  void Pass();
  const AdmissionPlan& Admit(const Observation& seen);
  void LetRun(const AdmissionPlan& plan);
  void Reconcile(const ProjectName& name, ProjectSnapshot snapshot, Memory* memory);
  // False: something is left to be done later.
  bool CarryOut(const ProjectName& name, const ObjectChange& change, Memory* memory);
  Status Write(const ProjectName& name, const ObjectChange& change, Memory* memory);
  const Refusals::Refusal& Refuse(const ObjectKey& key, const Error& error, Refusals* refusals);
  void WriteStatus(const nlohmann::json& project, const ProjectPlan& plan, Memory* memory);
  void Note(const nlohmann::json& object, bool good, const std::string& reason, const std::string& note);
  void LookAgainBy(std::optional<Moment> moment);
  bool MayWrite();  // it leads, and the API server has not asked for rest; else the next look is when that is over

  const Clients clients_;
  const Clock& clock_;
  const OperatorOptions options_;
  std::map<ProjectName, Memory> memory_;  // the thread's own, as is all up to the mutex
  Admitted admitted_;
  Refusals job_refusals_;
  std::optional<Error> kinds_problem_;
  Moment next_kinds_{};
  Moment next_look_{};
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  bool woken_ = true;  // guarded by mutex_, as is all below but the threads
  bool stopping_ = false;
  std::optional<Error> problem_;
  std::unique_ptr<Observer> observer_;  // the thread's own
  std::unique_ptr<Election> election_;
  std::thread thread_;
};

}  // namespace keelson::kubernetes
