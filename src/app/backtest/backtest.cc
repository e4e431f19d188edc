#include "app/backtest/backtest.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "app/backtest/traffic.h"
#include "control/decisions.h"

namespace keelson::app {
namespace {

using std::chrono::steady_clock;

double SecondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

// The walk through the past, as control/project_runtime.h walks through a replay: the same instants in the same order.
class Walk {
 public:
  Walk(const project::Project& project, const BacktestOptions& options, const History& history, Calendar calendar,
       Instant to)
      : project_(project), options_(options), history_(history), calendar_(std::move(calendar)), to_(to) {}

  Result<BacktestResult> Run() {
    Trainings::Options options{.project_folder = options_.project_folder,
                               .from = options_.from,
                               .search = options_.search,
                               .cancelled = options_.cancelled,
                               .progress = [this](const std::string& line, double fraction) {
                                 options_.progress("training as of " + calendar_.Day(training_as_of_), fraction, line);
                               }};
    KEELSON_ASSIGN_OR_RETURN(trainings_, Trainings::Create(project_, history_, std::move(options)));
    KEELSON_ASSIGN_OR_RETURN(traffic_, Traffic::Create(project_, history_, *trainings_));
    KEELSON_RETURN_IF_ERROR(TrainFirst());
    while (const auto due = NextDue()) {
      if (*due > to_) break;
      KEELSON_RETURN_IF_ERROR(LiveUntil(due));
      KEELSON_RETURN_IF_ERROR(HandleDue(*due));
    }
    KEELSON_RETURN_IF_ERROR(LiveUntil(std::nullopt));
    return Finish();
  }

 private:
  // A pipeline that has ended, whose version has not come into effect yet.
  struct Effect {
    Instant at;
    std::size_t training;
  };

  Status TrainFirst() {
    KEELSON_RETURN_IF_ERROR(Train("first run", options_.from));
    const Training& first = result_.trainings.front();
    std::string refusal = first.outcome;
    if (first.version) refusal = control::GateRefusal(project_.promote, first.metrics, first.champion_metrics);
    if (refusal.empty()) return {};
    return Fail(ErrorCode::kFailedPrecondition, "there would have been no first model to serve: " + refusal,
                "as of " + FormatInstant(options_.from));
  }

  Status Train(const std::string& cause, Instant at) {
    training_as_of_ = at;
    KEELSON_ASSIGN_OR_RETURN(Training training, trainings_->Run(at, cause, rollout_.champion));
    // The first model is there when the walk begins; a retraining takes its declared time.
    if (training.version) {
      const Duration takes = rollout_.champion ? project_.train->declared_duration : Duration{};
      effect_ = Effect{at + takes, result_.trainings.size()};
      training.outcome = "made too late to take effect";
    }
    result_.trainings.push_back(std::move(training));
    return {};
  }

  std::optional<Instant> NextDue() const {
    std::optional<Instant> due = next_evaluation_;
    for (const auto& other :
         {effect_ ? std::optional(effect_->at) : std::nullopt, control::CanaryDue(rollout_, project_.serve->canary)}) {
      if (other && (!due || *other < *due)) due = other;
    }
    return due;
  }

  // What became known and was asked before `due`, without what comes at that very instant: the clock arrives first.
  Status LiveUntil(std::optional<Instant> due) {
    const auto& events = history_.past.events;
    const auto begin = events.begin() + static_cast<std::ptrdiff_t>(position_);
    const auto end = due ? std::ranges::lower_bound(begin, events.end(), *due, {}, &ReplayEvent::at) : events.end();
    const auto upto = static_cast<std::size_t>(end - events.begin());
    if (options_.cancelled()) return Fail(ErrorCode::kAborted, "stopped");
    KEELSON_RETURN_IF_ERROR(traffic_->Serve(position_, upto, control::TrafficOf(rollout_, project_.serve->canary)));
    position_ = upto;
    const Instant now = due.value_or(to_);
    options_.progress("living through " + calendar_.Month(now),
                      static_cast<double>((now - options_.from).count()) /
                          static_cast<double>(std::max<std::int64_t>(1, (to_ - options_.from).count())),
                      fmt::format("{} asked", traffic_->asked()));
    return {};
  }

  // One thing a call, in the order of ProjectRuntime::HandleDue.
  Status HandleDue(Instant at) {
    if (effect_ && effect_->at <= at) return TakeEffect(at);
    if (const auto due = control::CanaryDue(rollout_, project_.serve->canary); due && *due <= at) return MoveCanary(at);
    return Evaluate(at);
  }

  Status TakeEffect(Instant at) {
    Training& training = result_.trainings[effect_->training];
    const std::string refusal = control::GateRefusal(project_.promote, training.metrics, training.champion_metrics);
    if (refusal.empty()) {
      rolled_out_ = effect_->training;
      training.outcome = "still on its way in at the end";
      control::BeginRollout(rollout_, *training.version, at);
    } else {
      training.outcome = "kept out by the gate: " + refusal;
    }
    effect_.reset();
    return {};
  }

  Status MoveCanary(Instant at) {
    gateway::CanarySnapshot snapshot;
    snapshot.champion = rollout_.champion ? std::to_string(*rollout_.champion) : "";
    snapshot.challenger = std::to_string(*rollout_.challenger);
    snapshot.step = rollout_.step;
    snapshot.step_since = rollout_.step_since;
    snapshot.challenger_ready = true;  // no replica has to start, and none fails or is slow
    const gateway::CanaryAction action =
        gateway::PlanCanary(snapshot, at, control::CanaryPolicyOf(project_.serve->canary));
    switch (action.kind) {
      case gateway::CanaryAction::Kind::kWait:
        return Fail(ErrorCode::kInternal, "the canary waits although it is due: " + action.reason);
      case gateway::CanaryAction::Kind::kSetWeight:
        control::TakeStep(rollout_, action.step, at);
        return {};
      case gateway::CanaryAction::Kind::kPromote:
        MakeChampion(at);
        return {};
      case gateway::CanaryAction::Kind::kRollBack:
        result_.trainings[rolled_out_].outcome = "rolled back: " + action.reason;
        control::EndRollout(rollout_);
        return {};
    }
    return {};
  }

  void MakeChampion(Instant at) {
    const int version = *rollout_.challenger;
    control::PutInService(rollout_, version, at);
    Training& training = result_.trainings[rolled_out_];
    training.outcome = "promoted";
    training.in_service = at;
    traffic_->Watch(version, at);
    if (next_evaluation_) {
      ++months_[calendar_.Month(at)].promotions;
    } else {
      traffic_->Freeze(version);
      next_evaluation_ = control::FirstEvaluation(calendar_, at, project_.monitor.interval);
    }
  }

  Status Evaluate(Instant at) {
    next_evaluation_ = control::NextEvaluation(*next_evaluation_, at, project_.monitor.interval);
    KEELSON_ASSIGN_OR_RETURN(auto report, traffic_->Report(at));
    const bool busy = rollout_.challenger || effect_;
    const control::WatchDecision decision =
        control::PlanWatch(project_.monitor, std::move(report), trigger_, rollout_.champion_since, busy, at);
    trigger_ = decision.trigger;
    const std::string month = calendar_.Month(at);
    if (decision.alarm) {
      ++months_[month].alarms;
      result_.alarms.push_back({at, decision.breaches, decision.retrain});
    }
    if (!decision.retrain) return {};
    ++months_[month].retrainings;
    return Train(decision.breaches.empty() ? "" : decision.breaches.front(), at);
  }

  Result<BacktestResult> Finish() {
    KEELSON_ASSIGN_OR_RETURN(const auto reports, traffic_->Months());
    for (const auto& report : reports) {
      BacktestMonth month = months_[report.month];
      month.report = report;
      result_.months.push_back(std::move(month));
    }
    result_.from = options_.from;
    result_.to = to_;
    result_.asked = traffic_->asked();
    result_.labelled = traffic_->labelled();
    return std::move(result_);
  }

  const project::Project& project_;
  const BacktestOptions& options_;
  const History& history_;
  const Calendar calendar_;
  const Instant to_;
  std::unique_ptr<Trainings> trainings_;
  std::unique_ptr<Traffic> traffic_;

  std::size_t position_ = 0;  // of the next event
  Instant training_as_of_;
  control::Rollout rollout_;
  std::size_t rolled_out_ = 0;  // whose training's version is on its way in, or was the last to be
  std::optional<Effect> effect_;
  std::optional<Instant> next_evaluation_;
  monitoring::TriggerState trigger_;
  std::map<std::string, BacktestMonth> months_;
  BacktestResult result_;
};

// What makes a walk through this past worth while: something asked, and something known of how it went.
Status CheckPast(const History& history, const BacktestOptions& options) {
  const auto& events = history.past.events;
  const ReplaySource& asked = history.asked();
  if (std::ranges::find(events, ReplayEvent::Kind::kAsk, &ReplayEvent::kind) == events.end()) {
    std::int64_t first = INT64_MAX;
    std::int64_t last = INT64_MIN;
    const data::Column& time = *asked.rows.Find(asked.described.time);
    for (std::size_t row = 0; row < time.size(); ++row) {
      if (time.is_null(row)) continue;
      first = std::min(first, time.ints[row]);
      last = std::max(last, time.ints[row]);
    }
    const std::string range = first > last
                                  ? "it has no rows with a time"
                                  : fmt::format("its rows are of {} to {}", FormatInstant(InstantFromMicros(first)),
                                                FormatInstant(InstantFromMicros(last)));
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("nothing of \"{}\" lies after {}{}: {}", asked.name, FormatInstant(options.from),
                            options.to ? " and not after " + FormatInstant(*options.to) : "", range),
                "--from, --to");
  }
  const bool labelled = std::ranges::any_of(events, [&](const ReplayEvent& event) {
    return event.kind == ReplayEvent::Kind::kRow && event.source == history.label_source &&
           !std::isnan(history.labels[event.row]);
  });
  if (labelled) return {};
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("no label becomes known in that time: `train.label` is null for all rows of \"{}\", so that "
                          "nothing could be measured",
                          history.past.sources[history.label_source].name),
              "train.label");
}

}  // namespace

Result<BacktestResult> RunBacktest(const project::Project& project, const BacktestOptions& options) {
  const auto begun = steady_clock::now();
  if (!project.serve) {
    return Fail(ErrorCode::kFailedPrecondition, "a backtest needs a `serve` section: it lives through what was asked",
                project.name);
  }
  KEELSON_ASSIGN_OR_RETURN(const auto calendar, Calendar::Open(project.time_zone));
  KEELSON_ASSIGN_OR_RETURN(Past past,
                           LoadPast(project, options.project_folder, options.from, options.to.value_or(Instant::max()),
                                    [&](const std::string& line) { options.progress("reading the past", 0, line); }));
  options.progress("reading the past", 0.5, "joining the features");
  KEELSON_ASSIGN_OR_RETURN(const History history, ReadHistory(project, std::move(past)));
  KEELSON_RETURN_IF_ERROR(CheckPast(history, options));
  const double reading = SecondsSince(begun);
  KEELSON_ASSIGN_OR_RETURN(
      BacktestResult result,
      Walk(project, options, history, calendar, options.to.value_or(history.past.events.back().at)).Run());
  result.reading_seconds = reading;
  result.seconds = SecondsSince(begun);
  return result;
}

}  // namespace keelson::app
