#include "wire/api/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/log.h"
#include "base/strings.h"
#include "control/controller.h"
#include "control/past_runs.h"
#include "control/project_files.h"
#include "io/http_status.h"
#include "wire/api/body_reader.h"
#include "wire/api/cost_view.h"
#include "wire/api/push_body.h"
#include "wire/api/views.h"

namespace keelson::wire::api {
namespace {

using control::Json;

constexpr std::size_t kLogPiece = 256u << 10;
constexpr int kEventsAtMost = 1'000;
constexpr std::size_t kLongestUser = 200;

// Moves a replay's clock, but only from `after` on, when given: of several moves sent at once a later one must not
// overtake an earlier one that had to wait.
Result<control::ClockAnswer> Advance(control::ProjectRuntime& runtime, Instant to, const std::optional<Instant>& after,
                                     const std::optional<Instant>& unanswered) {
  if (after && runtime.now() < *after) return control::ClockAnswer{runtime.now(), false, "an earlier instant"};
  return runtime.AdvanceClock(to, unanswered);
}

Result<std::optional<Instant>> OptionalInstant(BodyReader& body, const std::string& name) {
  const auto text = body.OptionalText(name);
  if (!text) return std::nullopt;
  auto instant = ParseInstant(*text);
  if (!instant) return Fail(instant.error().code, instant.error().message, name);
  return *instant;
}

// What those who trained before tell of the memory that the project's training asks for; "" for nothing.
std::string TrainingMemoryWarning(control::Controller& controller, const std::string& project,
                                  const project::TrainSpec& train, const std::string& user) {
  control::Job job;
  job.project = project;
  job.user = user;
  job.kind = job.step = "train";
  job.resources = control::ResourcesOf(train);
  control::PeakMemory peak;
  controller.costs().metered().Visit([&](auto allocations) { peak = control::PeaksOf(allocations); });
  return control::MemoryWarning(control::Expect(controller.jobs().jobs(), job, peak), job.resources);
}

std::string BearerToken(const io::HttpRequest& request) {
  const std::string_view header = io::FindHeader(request.headers, "authorization");
  return header.starts_with("Bearer ") ? std::string(header.substr(7)) : std::string();
}

}  // namespace

io::HttpResponse JsonResponse(const Json& json, int status) {
  io::HttpResponse response;
  response.status = status;
  response.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return response;
}

io::HttpResponse ErrorResponse(const Error& error) {
  return JsonResponse(
      {{"error", {{"code", ErrorCodeName(error.code)}, {"message", error.message}, {"where", error.where}}}},
      io::HttpStatusOf(error.code));
}

Api::Api(control::Controller& controller, Options options)
    : controller_(controller), options_(std::move(options)), pool_(4) {}

void Api::Handle(const Match& match, io::HttpRequest request, io::HttpRespond respond) {
  std::vector<std::string> parts;
  for (const auto& part : match.parts) parts.push_back(io::PercentDecode(part));
  const RouteId id = match.route->id;
  if (IsBeside(id)) {
    pool_.Post([this, id, parts = std::move(parts), request = std::move(request), respond] {
      const Answer answer = RunBeside(id, parts, request.body);
      respond(answer ? *answer : ErrorResponse(answer.error()));
    });
    return;
  }
  controller_.Post([this, id, parts = std::move(parts), request = std::move(request), respond] {
    Answer answer = Run(id, parts, request);
    if (!answer && io::HttpStatusOf(answer.error().code) >= 500) {
      LogError("request failed",
               {{"request_id", request.request_id}, {"path", request.path}, {"error", answer.error().ToString()}});
    }
    io::HttpResponse response = answer ? *std::move(answer) : ErrorResponse(answer.error());
    if (id != RouteId::kPushRows) {
      respond(std::move(response));
      return;
    }
    controller_.AfterSync([respond, response = std::move(response)](const Status& synced) {
      respond(synced ? response : ErrorResponse(synced.error()));
    });
  });
}

Api::Answer Api::Run(RouteId id, const std::vector<std::string>& parts, const io::HttpRequest& request) {
  const auto project = [&]() -> Result<control::ProjectRuntime*> {
    if (control::ProjectRuntime* runtime = controller_.Find(parts.at(0))) return runtime;
    if (const auto broken = controller_.broken().find(parts.at(0)); broken != controller_.broken().end()) {
      return Fail(ErrorCode::kDataLoss, "the stored project could not be loaded: " + broken->second, parts.at(0));
    }
    return Fail(ErrorCode::kNotFound, "no such project; `keelson get projects` lists them", parts.at(0));
  };
  switch (id) {
    case RouteId::kHealth: {  // in MLflow's words, for clients that have our root as their tracking server
      io::HttpResponse response;
      response.content_type = "text/html; charset=utf-8";
      response.body = "OK";
      return response;
    }
    case RouteId::kVersion:
      return JsonResponse({{"version", options_.version}});
    case RouteId::kListProjects: {
      Json projects = Json::array();
      for (const auto& name : controller_.ProjectNames()) {
        const auto* runtime = controller_.Find(name);
        const auto champion = runtime->rollout().champion;
        projects.push_back({{"name", name},
                            {"mode", runtime->state().replay ? "replay" : "live"},
                            {"clock", FormatInstant(runtime->now())},
                            {"revision", runtime->state().revision},
                            {"champion", champion ? Json(*champion) : Json(nullptr)}});
      }
      return JsonResponse({{"projects", projects}});
    }
    case RouteId::kApplyProject: {
      KEELSON_ASSIGN_OR_RETURN(BodyReader body, BodyReader::Parse(request.body));
      KEELSON_ASSIGN_OR_RETURN(const std::string bundle, body.Text("bundle"));
      KEELSON_ASSIGN_OR_RETURN(const std::string folder, body.Text("source_folder"));
      const auto dry_run = body.Any("dry_run");
      KEELSON_RETURN_IF_ERROR(body.Done());
      KEELSON_ASSIGN_OR_RETURN(const auto parsed, project::Bundle::FromJson(bundle));
      KEELSON_ASSIGN_OR_RETURN(const auto spec, control::ProjectOf(parsed));
      Json changes = Json::array();
      std::optional<project::Bundle> before;
      if (const auto* runtime = controller_.Find(spec.name)) {
        KEELSON_ASSIGN_OR_RETURN(before, runtime->StoredBundle());
      }
      KEELSON_RETURN_IF_ERROR(control::CheckQueue(spec, controller_.jobs().queues()));
      for (const auto& line : project::Diff(before ? *before : project::Bundle{}, parsed)) changes.push_back(line);
      if (!dry_run || !dry_run->is_boolean() || !dry_run->get<bool>()) {
        KEELSON_RETURN_IF_ERROR(controller_.Apply(bundle, folder));
      }
      return JsonResponse({{"project", spec.name}, {"revision", parsed.Revision()}, {"changes", changes}});
    }
    case RouteId::kGetProject: {
      KEELSON_ASSIGN_OR_RETURN(auto* runtime, project());
      return JsonResponse(ProjectView(controller_, *runtime));
    }
    case RouteId::kDeleteProject:
      KEELSON_RETURN_IF_ERROR(controller_.Delete(parts.at(0)));
      return JsonResponse({{"deleted", parts.at(0)}});
    case RouteId::kMoveClock:
      KEELSON_RETURN_IF_ERROR(project());
      return MoveClock(parts.at(0), request.body);
    case RouteId::kRunProject: {
      KEELSON_RETURN_IF_ERROR(project());
      KEELSON_ASSIGN_OR_RETURN(const Json body, ObjectOfBody(request.body.empty() ? "{}" : request.body));
      return RunProject(parts.at(0), body, request.request_id);
    }
    case RouteId::kPushRows: {
      KEELSON_RETURN_IF_ERROR(project());
      return PushRows(parts.at(0), parts.at(1), request.body);
    }
    case RouteId::kSummary: {
      KEELSON_ASSIGN_OR_RETURN(auto* runtime, project());
      return JsonResponse(SummaryView(*runtime));
    }
    case RouteId::kEvents: {
      KEELSON_RETURN_IF_ERROR(project());
      const auto after = ParseInt(io::QueryValue(request.query, "after").value_or("0"));
      if (!after) return Fail(ErrorCode::kInvalidArgument, "expected a whole number", "after");
      KEELSON_ASSIGN_OR_RETURN(const auto events, controller_.store().Events(parts.at(0), *after, kEventsAtMost));
      return JsonResponse({{"events", EventsView(events)}});
    }
    case RouteId::kPromote: {
      KEELSON_ASSIGN_OR_RETURN(auto* runtime, project());
      KEELSON_ASSIGN_OR_RETURN(BodyReader body, BodyReader::Parse(request.body));
      KEELSON_ASSIGN_OR_RETURN(const auto version, body.Integer("version"));
      const auto canary = body.Any("canary");
      KEELSON_RETURN_IF_ERROR(body.Done());
      if (version < 1 || version > INT32_MAX) return Fail(ErrorCode::kNotFound, "no such version", "version");
      if (canary && !canary->is_boolean()) return Fail(ErrorCode::kInvalidArgument, "expected true or false", "canary");
      const bool by_steps = canary && canary->get<bool>();
      KEELSON_RETURN_IF_ERROR(by_steps ? runtime->RollOut(static_cast<int>(version), "operator")
                                       : runtime->Promote(static_cast<int>(version), "operator"));
      const auto champion = runtime->rollout().champion;
      return JsonResponse({{"champion", champion ? Json(*champion) : Json(nullptr)}});
    }
    case RouteId::kRollBack: {
      KEELSON_ASSIGN_OR_RETURN(auto* runtime, project());
      KEELSON_RETURN_IF_ERROR(runtime->RollBack("operator"));
      const auto champion = runtime->rollout().champion;
      return JsonResponse({{"champion", champion ? Json(*champion) : Json(nullptr)}});
    }
    case RouteId::kListVersions:
      KEELSON_RETURN_IF_ERROR(project());
      return JsonResponse({{"versions", VersionsView(controller_, parts.at(0))}});
    case RouteId::kLineage: {
      KEELSON_RETURN_IF_ERROR(project());
      const std::string node = io::QueryValue(request.query, "node").value_or("endpoint:" + parts.at(0));
      KEELSON_ASSIGN_OR_RETURN(const auto edges, controller_.tracking().Lineage(node));
      Json list = Json::array();
      for (const auto& edge : edges) list.push_back({{"from", edge.from}, {"to", edge.to}, {"label", edge.label}});
      return JsonResponse({{"node", node}, {"edges", list}});
    }
    case RouteId::kListPipelines: {
      Json list = Json::array();
      for (const auto& [name, pipeline] : controller_.pipelines().pipelines()) {
        list.push_back(PipelineView(pipeline, controller_.jobs(), false));
      }
      return JsonResponse({{"pipelines", list}});
    }
    case RouteId::kGetPipeline: {
      const auto* pipeline = controller_.pipelines().Find(parts.at(0));
      if (pipeline == nullptr)
        return Fail(ErrorCode::kNotFound, "no such pipeline; `keelson get pipelines` lists them", parts.at(0));
      return JsonResponse(PipelineView(*pipeline, controller_.jobs(), true));
    }
    case RouteId::kStopPipeline:
      KEELSON_RETURN_IF_ERROR(controller_.pipelines().Stop(parts.at(0), "stopped by the operator"));
      return JsonResponse({{"stopped", parts.at(0)}});
    case RouteId::kListJobs: {
      Json list = Json::array();
      for (const auto& [name, job] : controller_.jobs().jobs()) list.push_back(JobView(job, false));
      return JsonResponse({{"jobs", list}});
    }
    case RouteId::kGetJob: {
      const auto* job = controller_.jobs().Find(parts.at(0));
      if (job == nullptr) return Fail(ErrorCode::kNotFound, "no such job; `keelson get jobs` lists them", parts.at(0));
      Json view = JobView(*job, true);
      view["limits"] = nullptr;  // what holds its worker, while there is one
      KEELSON_ASSIGN_OR_RETURN(const auto workloads, controller_.substrate().List());
      for (const auto& workload : workloads) {
        if (workload.name == job->Workload()) view["limits"] = workload.limits;
      }
      return JsonResponse(view);
    }
    case RouteId::kJobWhy: {
      KEELSON_ASSIGN_OR_RETURN(const std::string why, controller_.jobs().Why(parts.at(0)));
      const auto* job = controller_.jobs().Find(parts.at(0));
      return JsonResponse({{"job", job->id}, {"state", control::JobStateName(job->state)}, {"why", why}});
    }
    case RouteId::kQueues:
      return JsonResponse(QueuesView(controller_.jobs()));
    case RouteId::kCost: {
      KEELSON_ASSIGN_OR_RETURN(const CostQuery query, ReadCostQuery(request.query, controller_.costs().now()));
      return JsonResponse(CostView(controller_.costs(), query));
    }
    case RouteId::kAdvice: {
      KEELSON_ASSIGN_OR_RETURN(const CostQuery query, ReadCostQuery(request.query, controller_.costs().now()));
      return JsonResponse(AdviceView(controller_.costs(), controller_.jobs(), query));
    }
    case RouteId::kJobLog:
      return JobLog(parts.at(0), request);
    case RouteId::kAttemptProgress:
    case RouteId::kAttemptResult:
      return Attempt(id, parts.at(0), request);
    case RouteId::kBackup:
    case RouteId::kCollectGarbage:
    case RouteId::kGetPromotionRules:
    case RouteId::kSetPromotionRules:
    case RouteId::kListApprovals:
    case RouteId::kApprove:
    case RouteId::kInference:
    case RouteId::kMetrics:
    case RouteId::kPage:
      break;
  }
  return Fail(ErrorCode::kInternal, "a route without a handler", request.path);
}

Api::Answer Api::RunProject(const std::string& project, const Json& json, const std::string& request_id) {
  KEELSON_ASSIGN_OR_RETURN(BodyReader body, BodyReader::Parse(json.dump()));
  std::optional<Instant> as_of;
  auto* runtime = controller_.Find(project);
  if (const auto text = body.OptionalText("as_of")) {
    KEELSON_ASSIGN_OR_RETURN(as_of, runtime->calendar().ParseLocal(*text));
  }
  const std::string cause = body.OptionalText("cause").value_or("asked by the operator");
  const std::string user = body.OptionalText("user").value_or("");
  if (user.size() > kLongestUser || std::ranges::any_of(user, [](unsigned char c) { return c < ' '; })) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expected a name of at most {} bytes, without control characters", kLongestUser), "user");
  }
  KEELSON_RETURN_IF_ERROR(body.Done());
  KEELSON_ASSIGN_OR_RETURN(const std::string pipeline, runtime->Run(as_of, cause, request_id, user));
  Json answer = {{"pipeline", pipeline}};
  if (const auto held = controller_.costs().Held(project)) {
    answer["notice"] = *held;
  } else if (const auto& train = runtime->spec().train) {
    const auto notice = controller_.jobs().queues().Notice(project, train->queue, control::ResourcesOf(*train));
    if (!notice.empty()) {
      answer["notice"] = notice;
    } else if (const std::string warning = TrainingMemoryWarning(controller_, project, *train, user);
               !warning.empty()) {
      answer["notice"] = "its training may run out of memory: " + warning;
    }
  }
  return JsonResponse(answer);
}

Api::Answer Api::MoveClock(const std::string& project, const std::string& json) {
  KEELSON_ASSIGN_OR_RETURN(BodyReader body, BodyReader::Parse(json));
  KEELSON_ASSIGN_OR_RETURN(const std::string to, body.Text("to"));
  KEELSON_ASSIGN_OR_RETURN(const auto after, OptionalInstant(body, "after"));
  KEELSON_ASSIGN_OR_RETURN(const auto unanswered, OptionalInstant(body, "unanswered"));
  KEELSON_RETURN_IF_ERROR(body.Done());
  auto* runtime = controller_.Find(project);
  if (!runtime->state().replay) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the project is live: its clock is the wall's; `keelson run --as-of` begins a replay", project);
  }
  KEELSON_ASSIGN_OR_RETURN(const Instant at, ParseInstant(to));
  KEELSON_ASSIGN_OR_RETURN(const auto answer, Advance(*runtime, at, after, unanswered));
  return JsonResponse(
      {{"now", FormatInstant(answer.now)}, {"reached", answer.reached}, {"waiting_for", answer.waiting_for}});
}

Api::Answer Api::PushRows(const std::string& project, const std::string& source, const std::string& body) {
  KEELSON_ASSIGN_OR_RETURN(const PushBody push, ReadPushBody(body));
  auto* runtime = controller_.Find(project);
  if (push.clock && !runtime->state().replay)
    return Fail(ErrorCode::kFailedPrecondition, "only a replay's clock can be moved", "clock");
  KEELSON_ASSIGN_OR_RETURN(const auto rows, runtime->ReadRows(source, body));
  if (push.clock) {
    KEELSON_ASSIGN_OR_RETURN(const auto answer, Advance(*runtime, *push.clock, push.after, push.unanswered));
    if (!answer.reached) {
      return JsonResponse({{"accepted", 0},
                           {"now", FormatInstant(answer.now)},
                           {"reached", false},
                           {"waiting_for", answer.waiting_for}});
    }
  }
  KEELSON_ASSIGN_OR_RETURN(const auto answer, runtime->AcceptRows(source, rows));
  if (answer.refusal) {
    return JsonResponse({{"error",
                          {{"code", "failed_expectations"},
                           {"message", "the batch does not meet the source's expectations; nothing of it was accepted"},
                           {"where", source}}},
                         {"report", *answer.refusal}},
                        422);
  }
  io::HttpResponse response;  // the answer of the busiest route, written as it stands
  response.body = fmt::format(R"({{"accepted":{},"repeated":{},"sequence":{},"now":"{}","reached":true}})",
                              answer.accepted.rows(), answer.repeated, answer.sequence, FormatInstant(runtime->now()));
  return response;
}

Api::Answer Api::Attempt(RouteId id, const std::string& job, const io::HttpRequest& request) {
  KEELSON_ASSIGN_OR_RETURN(const Json body, ObjectOfBody(request.body));
  const auto wrong_type = [&](const char* name, bool (*is)(const Json&)) {
    return body.contains(name) && !is(body.at(name));
  };
  for (const char* name : {"line", "error"}) {
    if (wrong_type(name, [](const Json& value) { return value.is_string(); }))
      return Fail(ErrorCode::kInvalidArgument, "expected text", name);
  }
  for (const char* name : {"refused", "retry"}) {
    if (wrong_type(name, [](const Json& value) { return value.is_boolean(); }))
      return Fail(ErrorCode::kInvalidArgument, "expected true or false", name);
  }
  if (wrong_type("fraction", [](const Json& value) { return value.is_number(); }))
    return Fail(ErrorCode::kInvalidArgument, "expected a number", "fraction");
  const std::string token = BearerToken(request);
  if (id == RouteId::kAttemptProgress) {
    KEELSON_RETURN_IF_ERROR(
        controller_.jobs().Progress(job, token, body.value("line", ""), body.value("fraction", 0.0)));
    return JsonResponse(Json::object());
  }
  if (body.contains("error")) {
    KEELSON_RETURN_IF_ERROR(controller_.jobs().FailAttempt(job, token, body.value("error", ""),
                                                           body.value("refused", false), body.value("retry", true),
                                                           body.value("output", Json())));
  } else {
    KEELSON_RETURN_IF_ERROR(controller_.jobs().Finish(job, token, body.value("output", Json())));
  }
  return JsonResponse(Json::object());
}

// ?attempt=N&follow=1; without `attempt` the latest.
Api::Answer Api::JobLog(const std::string& id, const io::HttpRequest& request) {
  const auto* job = controller_.jobs().Find(id);
  if (job == nullptr) return Fail(ErrorCode::kNotFound, "no such job; `keelson get jobs` lists them", id);
  const std::string attempt = io::QueryValue(request.query, "attempt").value_or(std::to_string(job->attempts));
  if (!ParseInt(attempt)) return Fail(ErrorCode::kInvalidArgument, "expected a whole number", "attempt");
  const std::string workload = id + "-a" + attempt;
  io::HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  if (io::QueryValue(request.query, "follow").value_or("0") != "1") {
    KEELSON_ASSIGN_OR_RETURN(response.body, controller_.substrate().ReadLog(workload, 0, 64u << 20));
    return response;
  }
  struct Position {
    std::uint64_t offset = 0;
  };
  auto position = std::make_shared<Position>();
  response.stream = [this, position, workload, id]() -> std::string {
    // On a streaming thread: waits for new output by looking again, until the job has ended and all was read.
    for (;;) {
      auto ended = std::make_shared<std::promise<bool>>();
      auto future = ended->get_future();
      controller_.Post([this, id, ended] {
        const auto* now = controller_.jobs().Find(id);
        ended->set_value(now == nullptr ||
                         (now->state != control::JobState::kRunning && now->state != control::JobState::kPending));
      });
      const bool over = future.get();
      const auto piece = controller_.substrate().ReadLog(workload, position->offset, kLogPiece);
      if (!piece) return {};
      if (!piece->empty()) {
        position->offset += piece->size();
        return *piece;
      }
      if (over) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  };
  return response;
}

}  // namespace keelson::wire::api
