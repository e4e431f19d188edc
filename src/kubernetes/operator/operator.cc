#include "kubernetes/operator/operator.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/log.h"
#include "kubernetes/changes/change_plan.h"
#include "kubernetes/operator/member.h"
#include "kubernetes/operator/project_status.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kSoon{5'000};          // when the kind Project is not there yet
constexpr milliseconds kListTimeout{30'000};  // of one page
constexpr double kWritesPerSecond = 50;

const char* ReasonOf(JobChange::What what) {
  switch (what) {
    case JobChange::What::kRelease:
      return "Released";
    case JobChange::What::kSuspend:
      return "Suspended";
    case JobChange::What::kHandOver:
      return "HandedOver";
  }
  return "";
}

}  // namespace

Result<std::unique_ptr<Operator>> Operator::Start(const Access& access, const Clock& clock, OperatorOptions options) {
  Clients clients;
  KEELSON_ASSIGN_OR_RETURN(clients.lease, ApiClient::Create(access, Election::ClientOptions(clock, options.lease)));
  KEELSON_ASSIGN_OR_RETURN(
      clients.watch, ApiClient::Create(access, {.clock = &clock, .attempts = 1, .request_timeout = kListTimeout}));
  // Each thing is asked once, for who would ask again has to look again before; and within what a Lease still has when
  // its holder may act no more.
  const milliseconds left = options.lease.duration - options.lease.renew_deadline;
  const auto gate = std::make_shared<Gate>(nullptr);
  KEELSON_ASSIGN_OR_RETURN(clients.write, ApiClient::Create(access, {.clock = &clock,
                                                                     .requests_per_second = kWritesPerSecond,
                                                                     .burst = 2 * kWritesPerSecond,
                                                                     .attempts = 1,
                                                                     .request_timeout = left - left / 5,
                                                                     .may_send = [gate] {
                                                                       const Election* const election = gate->load();
                                                                       return election != nullptr && election->Leads();
                                                                     }}));
  return std::unique_ptr<Operator>(new Operator(std::move(clients), gate, clock, std::move(options)));
}

Operator::Operator(Clients clients, const std::shared_ptr<Gate>& gate, const Clock& clock, OperatorOptions options)
    : clients_(std::move(clients)), clock_(clock), options_(std::move(options)) {
  observer_ = std::make_unique<Observer>(*clients_.watch, options_.silence, [this] { Wake(); });
  const std::uint64_t seed = StableHash(options_.identity);
  election_ = std::make_unique<Election>(*clients_.lease, ElectionOptions{.in_namespace = options_.lease_namespace,
                                                                          .identity = options_.identity,
                                                                          .times = options_.lease,
                                                                          .seed = seed,
                                                                          .on_change = [this] { Wake(); }});
  gate->store(election_.get());
  thread_ = std::thread([this] { Run(); });
}

Operator::~Operator() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  moved_.notify_all();
  thread_.join();
  election_.reset();  // after the last write
  observer_.reset();
}

void Operator::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  moved_.notify_all();
}

std::optional<Error> Operator::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Operator::LookAgainBy(std::optional<Moment> moment) {
  if (moment) next_look_ = std::min(next_look_, *moment);
}

bool Operator::MayWrite() {
  if (!election_->Leads()) return false;
  const Moment until = clients_.write->quiet_until();
  if (until <= clock_.MonotonicNow()) return true;
  LookAgainBy(until);
  return false;
}

void Operator::Run() {
  for (;;) {
    LookForKinds();
    TellProblem();
    next_look_ = clock_.MonotonicNow() + options_.resync;
    if (election_->Leads()) {
      Pass();
    } else {
      memory_.clear();
      admitted_ = {};
      job_refusals_ = {};
    }
    LookAgainBy(next_kinds_);
    std::unique_lock lock(mutex_);
    moved_.wait_until(lock, next_look_, [this] { return stopping_ || woken_; });
    if (stopping_) return;
    // What comes together (the pods of a gang, the objects that were just written) is looked at once.
    if (woken_ && moved_.wait_for(lock, options_.gather, [this] { return stopping_; })) return;
    woken_ = false;
  }
}

void Operator::LookForKinds() {
  if (clock_.MonotonicNow() < next_kinds_) return;
  Status refreshed = observer_->Refresh();
  if (refreshed && !observer_->has_projects()) {
    refreshed = Fail(ErrorCode::kFailedPrecondition,
                     "the cluster has no kind Project: `keelson render --kubernetes --cluster` prints it");
  }
  next_kinds_ = clock_.MonotonicNow() + (refreshed ? options_.rediscovery : std::min(kSoon, options_.rediscovery));
  kinds_problem_ = refreshed ? std::nullopt : std::optional(refreshed.error());
}

// A kind that may not be listed stops everything: it is told, once, by whoever it is.
void Operator::TellProblem() {
  const auto problem = kinds_problem_ ? kinds_problem_ : observer_->problem();
  const std::lock_guard lock(mutex_);
  const bool same = problem.has_value() == problem_.has_value() && (!problem || problem->message == problem_->message);
  problem_ = problem;
  if (same) return;
  if (problem) {
    LogWarning("the cluster cannot be acted on", {{"why", problem->ToString()}});
  } else {
    LogInfo("the cluster can be acted on", {});
  }
}

void Operator::Pass() {
  const auto seen = observer_->Look();
  if (!seen) return;
  std::erase_if(memory_, [&](const auto& each) { return !seen->projects.contains(each.first); });
  const AdmissionPlan& admission = Admit(*seen);
  std::map<ProjectName, std::map<std::string, std::string>> waiting;
  for (const SharedObject& job : seen->jobs) {
    const auto why = admission.waiting.find(JobId(*job));
    const std::string project = TextAt(*job, {"metadata", "labels", kProjectLabel});
    if (why != admission.waiting.end() && !project.empty())
      waiting[{NamespaceOf(*job), project}].emplace(NameOf(*job), why->second);
  }
  std::set<std::string> away;
  const NodeRoom room = RoomOf(seen->nodes, {});
  for (const SharedObject& node : seen->nodes) {
    const bool cordoned = Member(*node, {"spec", "unschedulable"}) == true;
    if (!room.index.contains(NameOf(*node)) && !cordoned) away.insert(NameOf(*node));
  }
  const auto of = [](const std::map<ProjectName, Objects>& all, const ProjectName& name) {
    const auto found = all.find(name);
    return found == all.end() ? Objects{} : found->second;
  };
  for (const auto& [name, project] : seen->projects) {
    if (project->at("metadata").contains("deletionTimestamp")) continue;
    if (!MayWrite()) return;
    Reconcile(name,
              {.project = project,
               .owned = of(seen->owned, name),
               .pods = of(seen->pods_of, name),
               .waiting = std::move(waiting[name]),
               .refused = {},
               .nodes_away = away},
              &memory_[name]);
  }
}

const AdmissionPlan& Operator::Admit(const Observation& seen) {
  const Moment now = clock_.MonotonicNow();
  const bool by_kueue = options_.leave_to_kueue && observer_->addons().contains(Addon::kKueue);
  const bool same = admitted_.plan.changes.empty() && admitted_.by_kueue == by_kueue &&
                    now - admitted_.at < options_.resync && admitted_.jobs == seen.jobs &&
                    admitted_.pods == seen.pods && admitted_.nodes == seen.nodes;
  if (same) return admitted_.plan;
  admitted_ = {.jobs = seen.jobs, .pods = seen.pods, .nodes = seen.nodes, .by_kueue = by_kueue, .at = now, .plan = {}};
  auto plan = PlanAdmission({.jobs = seen.jobs,
                             .pods = seen.pods,
                             .nodes = seen.nodes,
                             .by_nodes = options_.admit_by_nodes,
                             .by_kueue = by_kueue,
                             .queues = options_.queues},
                            clock_.WallNow());
  if (plan) {
    admitted_.plan = *std::move(plan);
    LetRun(admitted_.plan);
  } else {
    LogError("no job is let run", {{"why", plan.error().ToString()}});
  }
  return admitted_.plan;
}

void Operator::LetRun(const AdmissionPlan& plan) {
  const Kind* const jobs = observer_->Find("batch/v1", "Job");
  std::set<ObjectKey> wanted;
  for (const JobChange& change : plan.changes) wanted.emplace("Job", JobId(*change.job));
  job_refusals_.KeepOnly([&](const ObjectKey& key) { return wanted.contains(key); });
  for (const JobChange& change : plan.changes) {
    if (jobs == nullptr || !MayWrite()) return;
    const json& job = *change.job;
    const ObjectKey key("Job", JobId(job));
    if (!job_refusals_.MayAsk(key, clock_.MonotonicNow())) continue;
    const auto done = clients_.write->Patch(*jobs, NamespaceOf(job), NameOf(job), PatchKind::kMerge, change.patch);
    if (done) {
      job_refusals_.Forget(key);
      const bool suspended = change.what == JobChange::What::kSuspend;
      LogInfo(ReasonOf(change.what), {{"job", JobId(job)}, {"why", change.why}});
      Note(job, !suspended, ReasonOf(change.what), change.why);
      continue;
    }
    // kAborted: another state than the one that was decided from, which the next look sees.
    const bool first = Refuse(key, done.error(), &job_refusals_).failures == 1;
    if (first && done.error().code != ErrorCode::kAborted) Note(job, false, "Refused", done.error().message);
  }
  LookAgainBy(job_refusals_.next());
}

void Operator::Reconcile(const ProjectName& name, ProjectSnapshot snapshot, Memory* memory) {
  Objects inputs = snapshot.owned;
  inputs.insert(inputs.end(), snapshot.pods.begin(), snapshot.pods.end());
  inputs.push_back(snapshot.project);
  Settings settings = options_.settings;
  settings.addons = observer_->addons();
  const bool node_matters = std::ranges::any_of(
      snapshot.pods, [&](const SharedObject& pod) { return snapshot.nodes_away.contains(NodeOf(*pod)); });
  const bool due = memory->refusals.AnyDue(clock_.MonotonicNow());
  const bool same = memory->settled && !node_matters && !due && memory->inputs == inputs &&
                    memory->waiting == snapshot.waiting && memory->addons == settings.addons;
  if (same) return LookAgainBy(memory->refusals.next());
  snapshot.refused = memory->refusals.reasons();
  ProjectPlan plan = PlanProject(snapshot, settings, clock_.WallNow());
  // What is not wanted any more cannot be refused any more.
  std::set<ObjectKey> wanted;
  for (const ObjectChange& change : plan.changes) wanted.insert(KeyOf(change.object));
  std::erase_if(memory->same, [&](const auto& each) { return !wanted.contains(each.first); });
  bool whole = memory->refusals.KeepOnly([&](const ObjectKey& key) { return wanted.contains(key); }) == 0;
  for (const ObjectChange& change : plan.changes) {
    if (!MayWrite()) return;
    whole = CarryOut(name, change, memory) && whole;
  }
  if (!whole) LookAgainBy(clock_.MonotonicNow() + options_.gather);
  if (MayWrite()) WriteStatus(*snapshot.project, plan, memory);
  memory->settled = whole && !plan.status;
  memory->inputs = std::move(inputs);
  memory->waiting = std::move(snapshot.waiting);
  memory->addons = std::move(settings.addons);
}

bool Operator::CarryOut(const ProjectName& name, const ObjectChange& change, Memory* memory) {
  const ObjectKey key = KeyOf(change.object);
  if (!memory->refusals.MayAsk(key, clock_.MonotonicNow())) {
    LookAgainBy(memory->refusals.next());
    return true;  // told already; settled until then
  }
  const auto same = memory->same.find(key);
  if (same != memory->same.end() && !change.seen.empty() && same->second == change.seen) return true;
  const Status written = Write(name, change, memory);
  if (written) {
    memory->refusals.Forget(key);
    return true;
  }
  Refuse(key, written.error(), &memory->refusals);
  return false;
}

Status Operator::Write(const ProjectName& name, const ObjectChange& change, Memory* memory) {
  const json& object = change.object;
  const std::string kind_name = object.at("kind");
  const Kind* const kind = observer_->Find(object.value("apiVersion", ""), kind_name);
  if (kind == nullptr) return Fail(ErrorCode::kUnsupported, "the cluster has no such kind", kind_name);
  const std::string& in_namespace = name.first;
  if (change.what == ObjectChange::What::kDelete) {
    LogInfo("deleting", {{"object", Called(object)}, {"namespace", in_namespace}});
    return clients_.write->Delete(*kind, in_namespace, NameOf(object), object.at("metadata").value("uid", ""));
  }
  if (change.is_new) {
    const auto live = clients_.write->Get(*kind, in_namespace, NameOf(object));
    if (!live && live.error().code != ErrorCode::kNotFound) return std::unexpected(live.error());
    if (live && !IsOf(*live, name.second)) {
      return Fail(ErrorCode::kAlreadyExists,
                  fmt::format("there is one already, which is not of the project {}", name.second));
    }
  }
  const auto applied = clients_.write->Apply(*kind, object);
  if (!applied) return std::unexpected(applied.error());
  const bool changed = ResourceVersionOf(*applied) != change.seen;
  if (changed) {
    LogInfo("applied", {{"object", Called(object)}, {"namespace", in_namespace}});
    memory->same.erase(KeyOf(object));
  } else {
    memory->same[KeyOf(object)] = change.seen;
  }
  return {};
}

const Refusals::Refusal& Operator::Refuse(const ObjectKey& key, const Error& error, Refusals* refusals) {
  const Refusals::Refusal& refusal = refusals->Add(key, error.message, clock_.MonotonicNow(),
                                                   [this](int attempt) { return clients_.write->WaitBefore(attempt); });
  LookAgainBy(refusal.again);
  LogWarning("an object was not taken", {{"object", key.first + " " + key.second},
                                         {"why", error.ToString()},
                                         {"failures", std::to_string(refusal.failures)}});
  return refusal;
}

void Operator::WriteStatus(const json& project, const ProjectPlan& plan, Memory* memory) {
  if (!plan.status) return;
  const ObjectKey key("Project", NameOf(project));
  if (!memory->status_refusal.MayAsk(key, clock_.MonotonicNow())) return LookAgainBy(memory->status_refusal.next());
  const Kind* const kind = observer_->Find("keelson.dev/v1", "Project");
  if (kind == nullptr) return;
  const auto written = clients_.write->Patch(*kind, NamespaceOf(project), NameOf(project), PatchKind::kMerge,
                                             StatusPatch(project, *plan.status), "status");
  if (!written) {  // it has changed since, or the server is away: the next look knows
    Refuse(key, written.error(), &memory->status_refusal);
    return;
  }
  memory->status_refusal.Forget(key);
  for (const Told& told : plan.told) Note(project, told.status != "False", told.reason, told.message);
}

void Operator::Note(const json& object, bool good, const std::string& reason, const std::string& note) {
  const Kind* const kind = observer_->Find("events.k8s.io/v1", "Event");
  if (kind == nullptr) return;
  const json event = EventOn(object, good ? "Normal" : "Warning", reason, note, options_.identity, clock_.WallNow());
  const auto made = clients_.write->Create(*kind, event);
  if (!made) LogWarning("an event was not taken", {{"on", NameOf(object)}, {"why", made.error().ToString()}});
}

}  // namespace keelson::kubernetes
