#include "wire/mlflow/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "io/http.h"

namespace keelson::wire::mlflow {
namespace {

struct Index {
  std::unordered_map<std::string_view, std::vector<const Route*>> plain;  // by pattern
  std::vector<const Route*> others;                                       // the more particular first
};

Index MakeIndex() {
  Index index;
  for (const Route& route : kRoutes) {
    if (route.pattern.contains('{')) {
      index.others.push_back(&route);
    } else {
      index.plain[route.pattern].push_back(&route);
    }
  }
  std::ranges::stable_sort(index.others, std::ranges::greater(),
                           [](const Route* route) { return route->pattern.find('{'); });
  return index;
}

bool Matches(std::string_view pattern, std::string_view path, std::vector<std::string>& parts) {
  parts.clear();
  for (;;) {
    if (pattern == "/{*}") {
      if (path.size() < 2) return false;
      parts.push_back(io::PercentDecode(path.substr(1)));
      return true;
    }
    const auto pattern_end = pattern.find('/', 1);
    const auto path_end = path.find('/', 1);
    const auto wanted = pattern.substr(0, pattern_end);
    const auto given = path.substr(0, path_end);
    if (wanted == "/{}") {
      if (given.size() < 2) return false;
      parts.push_back(io::PercentDecode(given.substr(1)));
    } else if (wanted != given) {
      return false;
    }
    if ((pattern_end == std::string_view::npos) != (path_end == std::string_view::npos)) return false;
    if (pattern_end == std::string_view::npos) return true;
    pattern.remove_prefix(pattern_end);
    path.remove_prefix(path_end);
  }
}

bool Takes(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET");
}

std::string_view Meaning(Call call) {
  switch (call) {
    case Call::kNotYet:
      return "501: not yet";
    case Call::kNowhere:
      return "404: the reference has it for Databricks alone";
    case Call::kCreateMultipartUpload:
    case Call::kCompleteMultipartUpload:
    case Call::kAbortMultipartUpload:
    case Call::kGetPresignedDownloadUrl:
    case Call::kCreatePresignedUploadUrl:
    case Call::kCreatePresignedDownloadUrl:
      return "with `--artifacts s3://...`; on a folder 501, as with the reference";
    case Call::kGetUiTelemetry:
    case Call::kPostUiTelemetry:
    case Call::kGetCurrentUser:
    case Call::kGetAssistantConfig:
    case Call::kGetAssistantProviders:
    case Call::kProxyGateway:
      return "that there is none, for MLflow's page";
    case Call::kOutOfScope:
      return "501: not meant to be here";
    default:
      return "yes";
  }
}

}  // namespace

Match FindRoute(std::string_view method, std::string_view path) {
  static const Index index = MakeIndex();
  Match match;
  if (const auto plain = index.plain.find(path); plain != index.plain.end()) {
    for (const Route* route : plain->second) {
      if (Takes(*route, method)) return {.route = route, .parts = {}, .other_method = false};
    }
    match.other_method = true;
  }
  std::vector<std::string> parts;
  for (const Route* route : index.others) {
    if (!Matches(route->pattern, path, parts)) continue;
    if (Takes(*route, method)) return {.route = route, .parts = std::move(parts), .other_method = false};
    match.other_method = true;
  }
  return match;
}

std::string_view OurPath(std::string_view path) {
  while (path.starts_with("//")) path.remove_prefix(1);  // of a client whose server's address ends with a slash
  constexpr std::string_view kPrefix = "/mlflow";
  const bool prefixed = path == kPrefix || path.starts_with("/mlflow/");
  if (prefixed) path.remove_prefix(kPrefix.size());
  for (const std::string_view api : {"/api", "/ajax-api"}) {
    for (const std::string_view ours : {"/2.0/mlflow", "/3.0/mlflow", "/2.0/mlflow-artifacts", "/3.0/jobs"}) {
      if (!path.starts_with(api) || !path.substr(api.size()).starts_with(ours)) continue;
      const std::string_view rest = path.substr(api.size() + ours.size());
      if (rest.empty() || rest.front() == '/') return path.substr(api.size());
    }
  }
  if (path == kOtlpPath || path == kGraphqlPath || path == "/get-artifact" || path == "/model-versions/get-artifact") {
    return path;
  }
  return prefixed ? path.empty() ? "/" : path : "";
}

std::string RoutesManual() {
  std::string text = "| method | path behind `/api` and `/ajax-api` | here |\n| --- | --- | --- |\n";
  for (const Route& route : kRoutes) {
    text += fmt::format("| {} | `{}` | {} |\n", route.method, route.pattern, Meaning(route.call));
  }
  return text;
}

}  // namespace keelson::wire::mlflow
