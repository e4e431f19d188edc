#include "wire/api/views.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "control/controller.h"
#include "control/decisions.h"
#include "control/month_json.h"
#include "control/step_specs.h"

namespace keelson::wire::api {
namespace {

using control::Json;

Json Number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}
Json Time(const std::optional<Instant>& at) {
  return at ? Json(FormatInstant(*at)) : Json(nullptr);
}

Json Percentile(std::vector<std::uint32_t> latencies_us, std::size_t percent) {
  if (latencies_us.empty()) return nullptr;
  const auto nth = static_cast<std::ptrdiff_t>((latencies_us.size() - 1) * percent / 100);
  std::ranges::nth_element(latencies_us, latencies_us.begin() + nth);
  return static_cast<double>(latencies_us[static_cast<std::size_t>(nth)]) / 1'000;
}

// A text of the form "7200.5" in seconds between two wall instants, or null while it runs.
Json SecondsOf(const control::Job* job) {
  if (job == nullptr || !job->started || !job->ended) return nullptr;
  return static_cast<double>((*job->ended - *job->started).count()) / 1e6;
}

std::uint64_t CountOf(const std::map<std::string, std::uint64_t>& counts, const std::string& month) {
  const auto found = counts.find(month);
  return found == counts.end() ? 0 : found->second;
}

Json MonthsView(control::ProjectRuntime& runtime) {
  Json months = Json::array();
  const auto reports = runtime.Months();
  if (!reports) return months;
  const auto& state = runtime.state();
  for (const auto& report : *reports) {
    months.push_back(
        Json(control::MonthJson(report, {.alarms = CountOf(state.alarms_by_month, report.month),
                                         .retrainings = CountOf(state.retrainings_by_month, report.month),
                                         .promotions = CountOf(state.promotions_by_month, report.month)})));
  }
  return months;
}

Json DriftView(control::ProjectRuntime& runtime) {
  Json columns = Json::array();
  Json days = Json::array();
  Json values = Json::array();
  const auto& by_day = runtime.state().drift_by_day;
  std::vector<std::string> names;
  for (const auto& [day, drifts] : by_day) {
    for (const auto& [column, value] : drifts) {
      if (std::ranges::find(names, column) == names.end()) names.push_back(column);
    }
  }
  for (const auto& [day, drifts] : by_day) days.push_back(day);
  for (const auto& name : names) {
    columns.push_back(name);
    Json row = Json::array();
    for (const auto& [day, drifts] : by_day) {
      const auto found = std::ranges::find(drifts, name, &std::pair<std::string, double>::first);
      row.push_back(found == drifts.end() ? Json(nullptr) : Number(found->second));
    }
    values.push_back(std::move(row));
  }
  const auto& drift = runtime.spec().monitor.drift;
  return {{"threshold", drift ? Json(drift->threshold) : Json(nullptr)},
          {"columns", columns},
          {"days", days},
          {"values", values}};
}

Json EndpointView(const control::ProjectRuntime& runtime) {
  const control::EndpointController* endpoint = runtime.endpoint();
  if (endpoint == nullptr) return nullptr;
  const auto stats = endpoint->stats();
  const auto& rollout = runtime.rollout();
  const int challenger_weight = !rollout.challenger ? 0
                                : !rollout.champion ? 100
                                                    : control::ShareOf(rollout, runtime.spec().serve->canary);
  Json versions = Json::array();
  for (const auto& [version, weight] :
       {std::pair(rollout.champion, 100 - challenger_weight), std::pair(rollout.challenger, challenger_weight)}) {
    if (!version) continue;
    Json replicas = Json::array();
    for (const auto& replica : endpoint->replicas()) {
      if (replica.version == *version) {
        replicas.push_back({{"name", replica.name}, {"state", replica.state}, {"limits", replica.limits}});
      }
    }
    Json view = {{"version", *version}, {"weight", weight},  {"requests", 0},       {"errors", 0},
                 {"p50_ms", nullptr},   {"p99_ms", nullptr}, {"replicas", replicas}};
    if (const auto backend = stats.backends.find(std::to_string(*version)); backend != stats.backends.end()) {
      view["requests"] = backend->second.requests;
      view["errors"] = backend->second.errors;
      view["p50_ms"] = Percentile(backend->second.recent_latencies_us, 50);
      view["p99_ms"] = Percentile(backend->second.recent_latencies_us, 99);
    }
    versions.push_back(std::move(view));
  }
  return {{"name", runtime.state().name}, {"held", stats.held}, {"in_flight", stats.in_flight}, {"versions", versions}};
}

}  // namespace

Json JobView(const control::Job& job, bool full) {
  Json view = {{"id", job.id},
               {"project", job.project},
               {"pipeline", job.pipeline},
               {"step", job.step},
               {"request_id", job.request_id},
               {"user", job.user},
               {"kind", job.kind},
               {"state", control::JobStateName(job.state)},
               {"queue", job.queue},
               {"class", scheduling::WorkloadClassName(job.workload_class)},
               {"cpu", static_cast<double>(job.resources.cpu_milli) / 1'000},
               {"memory_bytes", job.resources.memory_bytes},
               {"priority", job.priority},
               {"attempts", job.attempts},
               {"progress", job.progress},
               {"fraction", job.fraction},
               {"waiting", job.waiting},
               {"error", job.error},
               {"created", FormatInstant(job.created)},
               {"started", Time(job.started)},
               {"ended", Time(job.ended)}};
  if (full) {
    view["spec"] = job.spec;
    view["output"] = job.output;
  }
  return view;
}

Json QueuesView(control::JobRunner& jobs) {
  const auto amount = [](scheduling::Resource resource, const std::optional<std::int64_t>& value) -> Json {
    if (!value) return nullptr;
    const bool bytes = resource == scheduling::Resource::kMemory || resource == scheduling::Resource::kDisk;
    return bytes ? Json(*value) : Json(static_cast<double>(*value) / 1'000);
  };
  const scheduling::Resources& machine = jobs.queues().machine();
  scheduling::Resources used;
  std::vector<const control::Job*> line;
  for (const auto& [id, job] : jobs.jobs()) {
    const bool runs = job.state == control::JobState::kRunning;
    if (!runs && job.state != control::JobState::kPending) continue;
    if (runs) used += job.resources;
    line.push_back(&job);
  }
  // What runs first, then the line as far as class and priority make it.
  std::ranges::stable_sort(line, {}, [](const control::Job* job) {
    return std::tuple(job->state != control::JobState::kRunning, job->workload_class, -job->priority, job->created);
  });
  Json list = Json::array();
  for (const control::Job* each : line) {
    const control::Job& job = *each;
    const auto why = jobs.Why(job.id);
    const auto queue = jobs.queues().QueueOf(job.project, job.queue);
    list.push_back({{"id", job.id},
                    {"project", job.project},
                    {"user", job.user},
                    {"step", job.step},
                    {"state", control::JobStateName(job.state)},
                    {"queue", queue ? *queue : job.queue},
                    {"class", scheduling::WorkloadClassName(job.workload_class)},
                    {"priority", job.priority},
                    {"cpu", static_cast<double>(job.resources.cpu_milli) / 1'000},
                    {"memory_bytes", job.resources.memory_bytes},
                    {"created", FormatInstant(job.created)},
                    {"started", Time(job.started)},
                    {"fraction", job.fraction},
                    {"why", why ? *why : why.error().message}});
  }
  Json queues = Json::array();
  for (const auto& queue : jobs.queues().queues()) {
    Json quotas = Json::array();
    for (const auto& quota : queue.quotas) {
      quotas.push_back({{"flavor", quota.flavor},
                        {"resource", scheduling::ResourceName(quota.resource)},
                        {"nominal", amount(quota.resource, quota.nominal)},
                        {"used", amount(quota.resource, quota.used)},
                        {"available", amount(quota.resource, quota.available)}});
    }
    queues.push_back({{"name", queue.name},
                      {"cohort", queue.cohort},
                      {"held", queue.held},
                      {"weight", queue.weight},
                      {"running", queue.running},
                      {"waiting", queue.waiting},
                      {"quotas", quotas}});
  }
  return {{"machine",
           {{"cpu", static_cast<double>(machine.cpu_milli) / 1'000},
            {"memory_bytes", machine.memory_bytes},
            {"cpu_used", static_cast<double>(used.cpu_milli) / 1'000},
            {"memory_bytes_used", used.memory_bytes}}},
          {"queues", queues},
          {"jobs", list}};
}

Json PipelineView(const control::Pipeline& pipeline, const control::JobRunner& jobs, bool full) {
  Json steps = Json::array();
  for (const auto& step : pipeline.steps) {
    const control::Job* job = step.jobs.empty() ? nullptr : jobs.Find(step.jobs.back());
    const bool over = step.state == control::StepState::kSucceeded || step.state == control::StepState::kSkipped;
    double fraction = over ? 1.0 : job == nullptr ? 0.0 : job->fraction;
    std::string progress = over || job == nullptr ? "" : job->waiting.empty() ? job->progress : job->waiting;
    if (step.kind == "search" && !over && step.search.is_object()) {
      fraction = step.search.value("fraction", 0.0);
      progress = step.search.value("progress", "");
    }
    Json view = {{"name", step.name},       {"kind", step.kind},         {"state", control::StepStateName(step.state)},
                 {"depends", step.depends}, {"fraction", fraction},      {"progress", progress},
                 {"error", step.error},     {"seconds", SecondsOf(job)}, {"jobs", step.jobs}};
    if (full) view["output"] = step.output;
    steps.push_back(std::move(view));
  }
  return {{"id", pipeline.id},
          {"project", pipeline.project},
          {"revision", pipeline.revision},
          {"cause", pipeline.cause},
          {"request_id", pipeline.request_id},
          {"user", pipeline.user},
          {"state", control::PipelineStateName(pipeline.state)},
          {"error", pipeline.error},
          {"as_of", FormatInstant(pipeline.as_of)},
          {"version", pipeline.version ? Json(*pipeline.version) : Json(nullptr)},
          {"effect_at", Time(pipeline.effect_at)},
          {"created", FormatInstant(pipeline.created)},
          {"ended", Time(pipeline.ended)},
          {"steps", steps}};
}

Json VersionsView(control::Controller& controller, const std::string& model) {
  Json views = Json::array();
  const auto versions = controller.tracking().ListVersions(model);
  if (!versions) return views;
  for (const auto& version : *versions) {
    Json metrics = Json::object();
    if (const auto run = controller.tracking().GetRun(version.run_id)) {
      for (const auto& [name, value] : run->metrics) metrics[name] = Number(value);
    }
    const auto gate = version.tags.find("keelson.gate");
    views.push_back({{"version", version.version},
                     {"aliases", version.aliases},
                     {"created", FormatInstant(version.created)},
                     {"gate", gate == version.tags.end() ? "" : gate->second},
                     {"metrics", metrics},
                     {"run_id", version.run_id},
                     {"source", version.source},
                     {"content_hash", version.content_hash}});
  }
  return views;
}

Json EventsView(const std::vector<control::Event>& events) {
  Json views = Json::array();
  for (const auto& event : events) {
    views.push_back({{"sequence", event.sequence},
                     {"wall", FormatInstant(event.wall)},
                     {"clock", FormatInstant(event.clock)},
                     {"kind", event.kind},
                     {"message", event.message}});
  }
  return views;
}

Json SummaryView(control::ProjectRuntime& runtime) {
  return {{"project", runtime.state().name},
          {"clock", FormatInstant(runtime.now())},
          {"months", MonthsView(runtime)},
          {"refused_batches", runtime.refused_batches()}};
}

Json ProjectView(control::Controller& controller, control::ProjectRuntime& runtime) {
  const auto& state = runtime.state();
  const auto& rollout = runtime.rollout();
  const auto& spec = runtime.spec();
  Json canary = nullptr;
  if (rollout.challenger && spec.serve) {
    canary = {{"step", rollout.step},
              {"percent", control::ShareOf(rollout, spec.serve->canary)},
              {"steps", spec.serve->canary.steps},
              {"since", FormatInstant(rollout.step_since)}};
  }
  const control::Pipeline* latest = nullptr;
  for (const auto& [id, pipeline] : controller.pipelines().pipelines()) {
    if (pipeline.project == state.name) latest = &pipeline;
  }
  Json jobs = Json::array();
  for (const auto& [id, job] : controller.jobs().jobs()) {
    const bool open = job.state == control::JobState::kPending || job.state == control::JobState::kRunning;
    if (job.project == state.name && open) jobs.push_back(JobView(job, false));
  }
  const auto events = controller.store().LatestEvents(state.name, 100);
  return {{"name", state.name},
          {"revision", state.revision},
          {"mode", state.replay ? "replay" : "live"},
          {"clock", FormatInstant(runtime.now())},
          {"time_zone", spec.time_zone},
          {"champion", rollout.champion ? Json(*rollout.champion) : Json(nullptr)},
          {"challenger", rollout.challenger ? Json(*rollout.challenger) : Json(nullptr)},
          {"canary", canary},
          {"endpoint", EndpointView(runtime)},
          {"pipeline", latest == nullptr ? Json(nullptr) : PipelineView(*latest, controller.jobs(), false)},
          {"versions", VersionsView(controller, state.name)},
          {"months", MonthsView(runtime)},
          {"drift", DriftView(runtime)},
          {"jobs", jobs},
          {"refused_batches", runtime.refused_batches()},
          {"events", EventsView(events ? *events : std::vector<control::Event>{})}};
}

}  // namespace keelson::wire::api
