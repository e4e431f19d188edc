#include "app/roles/worker_role.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/log.h"
#include "control/steps/step.h"
#include "io/files.h"
#include "io/http.h"
#include "substrate/orphan_watch.h"

namespace keelson::app {
namespace {

using Json = nlohmann::json;
using std::chrono::steady_clock;

constexpr auto kProgressPeriod = std::chrono::milliseconds(250);
constexpr auto kRetryPeriod = std::chrono::milliseconds(300);

std::atomic<bool> asked_to_end = false;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What a worker tells the server of its attempt.
class Reporter {
 public:
  Reporter(const io::HttpTarget& server, std::string job, std::string token)
      : connection_(io::HttpConnection::Create(server)), job_(std::move(job)), token_(std::move(token)) {}

  // Progress is worth one try and no more than a few a second.
  void Progress(const std::string& line, double fraction) {
    const auto now = steady_clock::now();
    if (now - last_progress_ < kProgressPeriod) return;
    last_progress_ = now;
    [[maybe_unused]] const auto answer = Post("progress", {{"line", line}, {"fraction", fraction}});
  }

  // Until the server has taken it or refused it for good.
  Status Result(const Json& result) {
    for (;;) {
      const auto answer = Post("result", result);
      if (answer && answer->status < 300) return {};
      if (answer && answer->status < 500 && answer->status != 429) {
        return Fail(ErrorCode::kAborted, "the server refused the result: " + answer->body);
      }
      std::this_thread::sleep_for(kRetryPeriod);
    }
  }

 private:
  keelson::Result<io::HttpResponse> Post(const std::string& what, const Json& body) {
    return connection_->Call({.method = "POST",
                              .target = "/internal/v1/attempts/" + job_ + "/" + what,
                              .headers = {{"authorization", "Bearer " + token_}, {"content-type", "application/json"}},
                              .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }

  std::unique_ptr<io::HttpConnection> connection_;
  std::string job_;
  std::string token_;
  steady_clock::time_point last_progress_{};
};

// A fault of the project or its data is the same at the next try; anything else may be the world's.
bool WorthRetrying(ErrorCode code) {
  return code != ErrorCode::kInvalidArgument && code != ErrorCode::kNotFound && code != ErrorCode::kUnsupported;
}

Result<int> Attempt(const std::string& spec_file) {
  SetLogRole("worker");
  const substrate::OrphanWatch watch(Environment("KEELSON_LOCK"));
  std::signal(SIGTERM, [](int) { asked_to_end = true; });
  // Read once, then gone from our environment: programs that a step starts do not inherit it.
  const std::string token = Environment("KEELSON_TOKEN");
  unsetenv("KEELSON_TOKEN");
  KEELSON_ASSIGN_OR_RETURN(const auto server, io::ParseHttpTarget(Environment("KEELSON_SERVER")));
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(spec_file));
  control::steps::Context context;
  context.spec = Json::parse(text, nullptr, false);
  if (!context.spec.is_object()) return Fail(ErrorCode::kInvalidArgument, "the spec is not JSON", spec_file);
  context.output = context.spec.at("output");
  context.checkpoint = context.spec.at("checkpoint");
  const std::string job = context.spec.at("job");
  const std::string request_id = context.spec.value("request_id", "");
  Reporter reporter(server, job, token);
  context.progress = [&](const std::string& line, double fraction) { reporter.Progress(line, fraction); };
  context.cancelled = [] { return asked_to_end.load(); };

  LogInfo("attempt begins",
          {{"job", job}, {"request_id", request_id}, {"kind", context.spec.at("kind").get<std::string>()}});
  Json result;
  try {
    const auto outcome = control::steps::RunStep(context);
    if (!outcome) {
      if (outcome.error().code == ErrorCode::kAborted && asked_to_end) return 3;  // preempted: the checkpoint is there
      LogError("attempt failed", {{"job", job}, {"request_id", request_id}, {"error", outcome.error().ToString()}});
      result = {{"error", outcome.error().ToString()}, {"retry", WorthRetrying(outcome.error().code)}};
    } else if (outcome->refused) {
      LogWarning("the step says no", {{"job", job}, {"request_id", request_id}, {"reason", outcome->message}});
      result = {{"error", outcome->message}, {"refused", true}, {"retry", false}, {"output", outcome->output}};
    } else {
      LogInfo("attempt done", {{"job", job}, {"request_id", request_id}});
      result = {{"output", outcome->output}};
    }
  } catch (const std::exception& error) {  // a spec that our own server wrote wrongly
    LogError("attempt failed", {{"job", job}, {"request_id", request_id}, {"error", error.what()}});
    result = {{"error", std::string("internal error: ") + error.what()}, {"retry", false}};
  }
  KEELSON_RETURN_IF_ERROR(reporter.Result(result));
  return 0;
}

}  // namespace

Result<int> RunWorker(const std::string& spec_file) {
  const Result<int> code = Attempt(spec_file);
  // A server that took us over after a restart cannot reap us and reads this instead.
  if (const std::string file = Environment("KEELSON_EXIT_FILE"); !file.empty()) {
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(file, std::to_string(code ? *code : 1)));
  }
  return code;
}

}  // namespace keelson::app
