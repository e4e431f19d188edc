#include "kubernetes/operator/election.h"

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

const Kind& Leases() {
  static const Kind kind{.group = "coordination.k8s.io", .version = "v1", .name = "Lease", .resource = "leases"};
  return kind;
}

}  // namespace

ApiOptions Election::ClientOptions(const Clock& clock, const LeaseTimes& times) {
  return {.clock = &clock, .attempts = 1, .request_timeout = times.renew_deadline / 3};
}

Election::Election(ApiClient& client, ElectionOptions options)
    : client_(client), options_(std::move(options)), random_(options_.seed), thread_([this] { Run(); }) {}

Election::~Election() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  moved_.notify_all();
  thread_.join();
}

bool Election::Leads() const {
  const std::lock_guard lock(mutex_);
  return had_ && client_.clock().MonotonicNow() - *had_ < options_.times.renew_deadline;
}

std::optional<Error> Election::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

std::string Election::holder() const {
  const std::lock_guard lock(mutex_);
  return holder_;
}

bool Election::Pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !moved_.wait_for(lock, time, [&] { return stopping_; });
}

void Election::Had(Moment at) {
  const std::lock_guard lock(mutex_);
  had_ = at;
}

// One look at the Lease, and what follows from it.
Status Election::Look() {
  const Moment begun = client_.clock().MonotonicNow();
  auto read = client_.Get(Leases(), options_.in_namespace, options_.name);
  if (!read && read.error().code != ErrorCode::kNotFound) return std::unexpected(read.error());
  if (!read) {
    // Deleted under who held it: he acts until his own next look, so that nobody makes another before he could have
    // taken that one over.
    if (!seen_ || PlanLease(seen_, options_.identity, client_.clock().MonotonicNow()) != LeaseStep::kWait)
      seen_.reset();
  } else if (!seen_ || ResourceVersionOf(seen_->object) != ResourceVersionOf(*read)) {
    seen_ = SeenLease{*std::move(read), client_.clock().MonotonicNow()};
  }
  const std::string& me = options_.identity;
  const Instant wall = client_.clock().WallNow();
  Result<json> ours = json();
  switch (PlanLease(seen_, me, client_.clock().MonotonicNow())) {
    case LeaseStep::kWait: {
      const std::lock_guard lock(mutex_);
      had_.reset();
      holder_ = HolderOf(seen_->object);
      return {};
    }
    case LeaseStep::kCreate:
      ours = client_.Create(Leases(), NewLease(options_.in_namespace, options_.name, me, options_.times, wall));
      break;
    case LeaseStep::kTake:
    case LeaseStep::kRenew:
      ours = client_.Patch(Leases(), options_.in_namespace, options_.name, PatchKind::kMerge,
                           TakeLease(seen_->object, me, options_.times, wall));
      break;
  }
  if (!ours) return std::unexpected(ours.error());  // somebody was quicker, or the server did not answer
  seen_ = SeenLease{*std::move(ours), client_.clock().MonotonicNow()};
  Had(begun);
  const std::lock_guard lock(mutex_);
  holder_ = me;
  return {};
}

void Election::Run() {
  bool led = false;
  for (;;) {
    const Status looked = Look();
    milliseconds wait = options_.times.period;
    {
      const std::lock_guard lock(mutex_);
      problem_ = looked ? std::nullopt : std::optional(looked.error());
      // A lot of a fifth: servers that were started together do not take turns at the same moment.
      wait += milliseconds(static_cast<std::int64_t>(random_.Below(static_cast<std::uint64_t>(wait.count() / 5 + 1))));
    }
    const bool leads = Leads();
    if (leads != led) {
      LogInfo(leads ? "this server acts on the cluster now" : "this server acts on the cluster no more",
              {{"identity", options_.identity}, {"holder", holder()}});
      led = leads;
      if (options_.on_change) options_.on_change();
    }
    if (!looked) {
      LogWarning("the lease could not be looked at", {{"lease", options_.name}, {"why", looked.error().ToString()}});
    }
    if (!Pause(wait)) break;
  }
  if (!Leads() || !seen_) return;
  {
    const std::lock_guard lock(mutex_);
    had_.reset();
  }
  const auto given = client_.Patch(Leases(), options_.in_namespace, options_.name, PatchKind::kMerge,
                                   GiveUpLease(seen_->object, client_.clock().WallNow()));
  if (!given) LogWarning("the lease could not be given up", {{"why", given.error().ToString()}});
}

}  // namespace keelson::kubernetes
