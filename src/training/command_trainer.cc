#include "training/command_trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/strings.h"
#include "io/files.h"
#include "io/process.h"

namespace keelson::training {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(20);
constexpr std::size_t kTail = 2000;  // bytes of output that an error quotes at most

Result<std::string> VariableName(const std::string& parameter) {
  std::string name = "KEELSON_PARAM_";
  for (const char c : parameter) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!letter && c != '.' && c != '-') {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the parameter '{}' has a character other than letters, digits, '_', '.' and '-'", parameter),
          parameter);
    }
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    name += letter ? upper : '_';
  }
  if (parameter.empty()) return Fail(ErrorCode::kInvalidArgument, "a parameter has no name");
  return name;
}

Result<std::map<std::string, std::string>> Environment(const CommandRequest& request) {
  std::map<std::string, std::string> environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                                    {"LANG", "C.UTF-8"},
                                                    {"TZ", "UTC"},
                                                    {"HOME", request.work_folder + "/home"},
                                                    {"OMP_WAIT_POLICY", "PASSIVE"}};
  for (const auto& [name, value] : request.environment) environment[name] = value;
  for (const auto& [name, value] : request.parameters) {
    KEELSON_ASSIGN_OR_RETURN(const std::string variable, VariableName(name));
    if (value.find('\0') != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "the value of a parameter has a NUL byte", name);
    }
    if (!environment.emplace(variable, value).second) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("two parameters would both be {}", variable), name);
    }
  }
  environment["KEELSON_PARAMS"] = request.work_folder + "/params.json";
  environment["KEELSON_TRAIN_DATA"] = request.train_data;
  environment["KEELSON_MODEL_DIR"] = request.work_folder + "/model";
  environment["KEELSON_TRACKING_URI"] = request.tracking_uri;
  environment["MLFLOW_TRACKING_URI"] = request.tracking_uri;
  if (!request.run_id.empty()) environment["MLFLOW_RUN_ID"] = request.run_id;
  return environment;
}

// Hands on what a growing file has got since the last call, and remembers its end.
class OutputTail {
 public:
  OutputTail(const std::string& path, const std::function<void(std::string_view)>& output)
      : file_(path, std::ios::binary), output_(output) {}

  void Pump() {
    char buffer[1 << 14];
    for (;;) {
      file_.clear();
      file_.read(buffer, sizeof(buffer));
      const auto count = static_cast<std::size_t>(file_.gcount());
      if (count == 0) return;
      const std::string_view piece(buffer, count);
      if (output_) output_(piece);
      last_ += piece;
      if (last_.size() > 2 * kTail) last_.erase(0, last_.size() - kTail);
    }
  }

  std::string Last() const {
    const std::string_view all = last_;
    return std::string(Trim(all.size() > kTail ? all.substr(all.size() - kTail) : all));
  }

 private:
  std::ifstream file_;
  const std::function<void(std::string_view)>& output_;
  std::string last_;
};

Result<std::map<std::string, double>> ReadMetrics(const std::string& path) {
  std::map<std::string, double> metrics;
  if (!io::Exists(path)) return metrics;
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path, 1 << 20));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Fail(ErrorCode::kFailedPrecondition, "metrics.json is no JSON object", path);
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number()) {
      return Fail(ErrorCode::kFailedPrecondition, fmt::format("the metric '{}' is no number", name), path);
    }
    metrics[name] = value.get<double>();
  }
  return metrics;
}

// Waits for the end; nothing when it was cancelled, and then it is gone too.
std::optional<io::ExitStatus> WaitOrCancel(const io::ProcessId& process, const CommandRequest& request,
                                           OutputTail& tail) {
  using Steady = std::chrono::steady_clock;
  std::optional<Steady::time_point> kill_at;
  for (;;) {
    tail.Pump();
    const auto status = io::TryReap(process);
    if (status.has_value()) {
      (void)io::SignalGroup(process, SIGKILL);  // whatever it started and left behind
      tail.Pump();
      return kill_at ? std::nullopt : status;
    }
    if (!kill_at && request.cancelled && request.cancelled()) {
      (void)io::SignalGroup(process, SIGTERM);
      kill_at = Steady::now() + request.grace;
    }
    if (kill_at && Steady::now() >= *kill_at) (void)io::SignalGroup(process, SIGKILL);
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

Result<CommandResult> TrainByCommand(const CommandRequest& request) {
  if (request.command.empty() || request.command.front().empty()) {
    return Fail(ErrorCode::kInvalidArgument, "there is no program to run", "command");
  }
  io::SpawnOptions options;
  KEELSON_ASSIGN_OR_RETURN(options.environment, Environment(request));
  const std::string model_folder = request.work_folder + "/model";
  KEELSON_RETURN_IF_ERROR(io::RemoveTree(model_folder));  // of an earlier attempt
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(model_folder));
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(request.work_folder + "/home"));
  const nlohmann::json parameters(request.parameters);
  KEELSON_RETURN_IF_ERROR(
      io::WriteFileAtomically(request.work_folder + "/params.json",
                              parameters.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
  options.command = request.command;
  options.folder = request.folder;
  options.output = request.work_folder + "/output.txt";
  KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(options.output, ""));

  KEELSON_ASSIGN_OR_RETURN(const io::ProcessId process, io::Spawn(options));
  OutputTail tail(options.output, request.output);
  const std::optional<io::ExitStatus> status = WaitOrCancel(process, request, tail);
  if (!status) return Fail(ErrorCode::kAborted, "the training was cancelled", request.command.front());
  if (status->code != 0) {
    const std::string how = status->signal != 0 ? fmt::format("was killed by signal {}", status->signal)
                                                : fmt::format("ended with exit code {}", status->code);
    const std::string last = tail.Last();
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the trainer {}{}", how, last.empty() ? "; it printed nothing" : "; it printed last:\n" + last),
        request.command.front());
  }
  if (!io::Exists(model_folder + "/MLmodel")) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the trainer left no MLflow model (no file MLmodel in the folder KEELSON_MODEL_DIR)",
                request.command.front());
  }
  CommandResult result;
  result.model_folder = model_folder;
  KEELSON_ASSIGN_OR_RETURN(result.metrics, ReadMetrics(model_folder + "/metrics.json"));
  return result;
}

}  // namespace keelson::training
