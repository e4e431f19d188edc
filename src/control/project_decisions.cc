// The part of ProjectRuntime that decides: what falls due on the project's clock, and what is done about it.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "control/decisions.h"
#include "control/project_runtime.h"

namespace keelson::control {
namespace {

// By the promotion rules of the model (tracking/promotion.h): nothing was changed.
bool IsRefusal(const Status& status) {
  return !status && status.error().code == ErrorCode::kPermissionDenied;
}

constexpr const char* kChampion = "champion";
constexpr const char* kChallenger = "challenger";

std::optional<Duration> Percentile99(const std::vector<std::uint32_t>& latencies_us) {
  if (latencies_us.empty()) return std::nullopt;
  std::vector<std::uint32_t> sorted = latencies_us;
  const auto nth = static_cast<std::ptrdiff_t>((sorted.size() - 1) * 99 / 100);
  std::ranges::nth_element(sorted, sorted.begin() + nth);
  return Duration(sorted[static_cast<std::size_t>(nth)]);
}

}  // namespace

// What the clock of a replay stands still for; "" when it may move.
std::string ProjectRuntime::BlockedBy() const {
  if (!state_.replay) return "";
  if (const Pipeline* running = services_.pipelines->Running(state_.name)) return "pipeline " + running->id;
  // A first version of an endpoint that may have no replica at all starts with the first request that it holds.
  const bool wants_replica = rollout_.champion || (spec().serve && spec().serve->min_replicas > 0);
  if (rollout_.challenger && wants_replica && endpoint_ && !endpoint_->HasReady(*rollout_.challenger)) {
    return fmt::format("a replica of version {}", *rollout_.challenger);
  }
  return "";
}

// The next instant at which something has to be decided; in live operation also an instant that has passed.
std::optional<Instant> ProjectRuntime::NextDue() const {
  std::optional<Instant> due;
  const auto consider = [&](Instant at) {
    if (!due || at < *due) due = at;
  };
  for (const auto& [id, pipeline] : services_.pipelines->pipelines()) {
    if (pipeline.project == state_.name && pipeline.state == PipelineState::kSucceeded && !pipeline.effect_done &&
        pipeline.effect_at) {
      consider(*pipeline.effect_at);
    }
  }
  if (state_.next_evaluation) consider(*state_.next_evaluation);
  if (rollout_.challenger && endpoint_ && endpoint_->HasReady(*rollout_.challenger)) {
    consider(*CanaryDue(rollout_, spec().serve->canary));
  }
  return due;
}

Result<ClockAnswer> ProjectRuntime::AdvanceClock(Instant to, std::optional<Instant> unanswered) {
  if (state_.replay && to < state_.clock) to = state_.clock;
  for (;;) {
    if (const std::string blocked = BlockedBy(); !blocked.empty()) return ClockAnswer{now(), false, blocked};
    const auto due = NextDue();
    if (!due || *due > to) break;
    if (state_.replay && unanswered && *unanswered < *due) {
      return ClockAnswer{now(), false, "answers to what was asked before " + FormatInstant(*due)};
    }
    if (state_.replay) {
      state_.clock = std::max(state_.clock, *due);
      if (info_) info_->replay_clock_us = ToMicros(state_.clock);
    }
    KEELSON_RETURN_IF_ERROR(HandleDue(state_.replay ? std::max(*due, state_.clock) : to));
  }
  // A live canary is watched all the time, not only at its steps: a guard that breaks rolls back at once.
  if (!state_.replay && rollout_.challenger && rollout_.step >= 0) KEELSON_RETURN_IF_ERROR(MoveCanary(to));
  if (state_.replay) {
    state_.clock = to;
    if (info_) info_->replay_clock_us = ToMicros(to);
  }
  return ClockAnswer{now(), true, ""};
}

// Does everything that is due at or before `at`, one thing a call: a pipeline's effect, then the canary, then the
// monitor.
Status ProjectRuntime::HandleDue(Instant at) {
  for (const auto& [id, pipeline] : services_.pipelines->pipelines()) {
    if (pipeline.project != state_.name || pipeline.state != PipelineState::kSucceeded || pipeline.effect_done)
      continue;
    if (pipeline.effect_at && *pipeline.effect_at <= at) return TakeEffect(pipeline, at);
  }
  if (rollout_.challenger && endpoint_ && endpoint_->HasReady(*rollout_.challenger)) {
    if (*CanaryDue(rollout_, spec().serve->canary) <= at) return MoveCanary(at);
  }
  return Evaluate(at);
}

Status ProjectRuntime::TakeEffect(const Pipeline& pipeline, Instant at) {
  if (pipeline.version && spec().serve) {
    const std::string refusal = GateRefusal(pipeline);
    if (!refusal.empty()) {
      Say("rollout", fmt::format("version {} stays out of service: {}", *pipeline.version, refusal));
    } else {
      const Status named =
          services_.tracking->SetAlias(state_.name, kChallenger, pipeline.version, "keelson", pipeline.cause);
      if (named) {
        BeginRollout(rollout_, *pipeline.version, at);
        Say("rollout", fmt::format("version {} passed the gate and is rolled out", *pipeline.version));
      } else if (IsRefusal(named)) {
        Say("rollout", fmt::format("version {} stays out of service: {}", *pipeline.version, named.error().message));
      } else {
        return named;
      }
    }
  }
  KEELSON_RETURN_IF_ERROR(Stored(services_.pipelines->EffectDone(pipeline.id, Pending())));
  return UseVersion();
}

Status ProjectRuntime::MoveCanary(Instant at) {
  const gateway::EndpointStats stats = endpoint_->stats();
  gateway::CanarySnapshot snapshot;
  snapshot.champion = rollout_.champion ? std::to_string(*rollout_.champion) : "";
  snapshot.challenger = std::to_string(*rollout_.challenger);
  snapshot.step = rollout_.step;
  snapshot.step_since = rollout_.step_since;
  snapshot.challenger_ready = endpoint_->HasReady(*rollout_.challenger);
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  if (const auto mine = stats.backends.find(snapshot.challenger); mine != stats.backends.end()) {
    requests = mine->second.requests;
    errors = mine->second.errors;
    snapshot.p99 = Percentile99(mine->second.recent_latencies_us);
  }
  // Counters start again with the server; what was counted before is gone with them.
  snapshot.requests = requests >= rollout_.base_requests ? requests - rollout_.base_requests : requests;
  snapshot.errors = errors >= rollout_.base_errors ? errors - rollout_.base_errors : errors;
  if (const auto theirs = stats.backends.find(snapshot.champion); theirs != stats.backends.end()) {
    snapshot.champion_p99 = Percentile99(theirs->second.recent_latencies_us);
  }
  const gateway::CanaryAction action = gateway::PlanCanary(snapshot, at, CanaryPolicyOf(spec().serve->canary));
  const auto roll_back = [&](const std::string& reason) -> Status {
    Say("rollout", fmt::format("version {} was rolled back: {}", *rollout_.challenger, reason));
    EndRollout(rollout_);
    KEELSON_RETURN_IF_ERROR(services_.tracking->SetAlias(state_.name, kChallenger, std::nullopt, "keelson", reason));
    KEELSON_RETURN_IF_ERROR(Save());
    return UseVersion();
  };
  switch (action.kind) {
    case gateway::CanaryAction::Kind::kWait:
      return {};
    case gateway::CanaryAction::Kind::kSetWeight:
      TakeStep(rollout_, action.step, at);
      rollout_.base_requests = requests;
      rollout_.base_errors = errors;
      Say("rollout", fmt::format("version {} gets {} % of the traffic", *rollout_.challenger, action.percent));
      KEELSON_RETURN_IF_ERROR(Save());
      return UseVersion();
    case gateway::CanaryAction::Kind::kPromote: {
      const Status promoted = MakeChampion(*rollout_.challenger, "keelson", action.reason);
      return IsRefusal(promoted) ? roll_back(promoted.error().message) : promoted;
    }
    case gateway::CanaryAction::Kind::kRollBack:
      return roll_back(action.reason);
  }
  return {};
}

Status ProjectRuntime::MakeChampion(int version, const std::string& who, const std::string& reason) {
  KEELSON_RETURN_IF_ERROR(services_.tracking->SetAlias(state_.name, kChampion, version, who, reason));
  KEELSON_RETURN_IF_ERROR(services_.tracking->SetAlias(state_.name, kChallenger, std::nullopt, who, reason));
  const bool first = !rollout_.champion;
  PutInService(rollout_, version, now());
  if (!state_.frozen) state_.frozen = version;
  // A first model begins the watch; a later one ends a retraining.
  if (first && !state_.next_evaluation) {
    state_.next_evaluation = FirstEvaluation(calendar_, now(), spec().monitor.interval);
  } else {
    ++state_.promotions_by_month[calendar_.Month(now())];
  }
  Say("rollout", fmt::format("version {} is the champion", version));
  KEELSON_RETURN_IF_ERROR(Save());
  return UseVersion();
}

Status ProjectRuntime::Evaluate(Instant at) {
  const auto& monitor = spec().monitor;
  state_.next_evaluation = NextEvaluation(*state_.next_evaluation, at, monitor.interval);
  KEELSON_RETURN_IF_ERROR(monitor_->Consume());
  const bool busy = services_.pipelines->Running(state_.name) != nullptr || rollout_.challenger.has_value() ||
                    std::ranges::any_of(services_.pipelines->pipelines(), [&](const auto& entry) {
                      return entry.second.project == state_.name && entry.second.effect_at && !entry.second.effect_done;
                    });
  const WatchDecision decision =
      PlanWatch(monitor, monitor_->Report(at), state_.trigger, rollout_.champion_since, busy, at);
  auto& day = state_.drift_by_day[calendar_.Day(at)];
  day.clear();
  for (const auto& drift : decision.report.drift) day.emplace_back(drift.column, drift.value);
  const std::string month = calendar_.Month(at);
  if (decision.alarm) {
    ++state_.alarms_by_month[month];
    Say("drift", fmt::format("alarm: {}", fmt::join(decision.breaches, "; ")));
  }
  state_.trigger = decision.trigger;
  if (!decision.retrain) return Save();
  ++state_.retrainings_by_month[month];
  return StartPipeline(decision.breaches.empty() ? "" : decision.breaches.front(), at, "", "");
}

Status ProjectRuntime::Promote(int version, const std::string& who) {
  KEELSON_ASSIGN_OR_RETURN(const auto found, services_.tracking->GetVersion(state_.name, version));
  if (rollout_.champion == version && !rollout_.challenger) return {};
  return MakeChampion(found.version, who, "promoted by hand");
}

Status ProjectRuntime::RollOut(int version, const std::string& who) {
  if (!spec().serve) return Fail(ErrorCode::kFailedPrecondition, "the project serves nothing", state_.name);
  KEELSON_ASSIGN_OR_RETURN(const auto found, services_.tracking->GetVersion(state_.name, version));
  if (!rollout_.champion) return MakeChampion(found.version, who, "the first version");
  if (rollout_.champion == version && rollout_.challenger) return RollBack(who);
  if (rollout_.champion == version || rollout_.challenger == version) return {};
  KEELSON_RETURN_IF_ERROR(services_.tracking->SetAlias(state_.name, kChallenger, version, who, "rolled out by hand"));
  BeginRollout(rollout_, version, now());
  Say("rollout", fmt::format("version {} is rolled out by {}", version, who));
  KEELSON_RETURN_IF_ERROR(Save());
  return UseVersion();
}

Status ProjectRuntime::RollBack(const std::string& who) {
  if (rollout_.challenger) {
    Say("rollout", fmt::format("version {} was rolled back by {}", *rollout_.challenger, who));
    EndRollout(rollout_);
    KEELSON_RETURN_IF_ERROR(
        services_.tracking->SetAlias(state_.name, kChallenger, std::nullopt, who, "rolled back by hand"));
    KEELSON_RETURN_IF_ERROR(Save());
    return UseVersion();
  }
  if (!rollout_.previous) {
    return Fail(ErrorCode::kFailedPrecondition, "there is no earlier champion to go back to", state_.name);
  }
  return MakeChampion(*rollout_.previous, who, "rolled back by hand");
}

}  // namespace keelson::control
