#include "wire/inference/route.h"

#include <array>
#include <span>

#include "io/http.h"

namespace keelson::wire::inference {
namespace {

using Kind = Route::Kind;
using Parts = std::span<const std::string_view>;

std::optional<Route> InferenceProtocol(Parts parts) {
  if (parts.empty()) return Route{Kind::kServer};
  if (parts[0] == "health" && parts.size() == 2) {
    if (parts[1] == "live") return Route{Kind::kLive};
    if (parts[1] == "ready") return Route{Kind::kReady};
  }
  if (parts[0] == "repository") {
    if (parts.size() == 2 && parts[1] == "index") return Route{Kind::kIndex};
    if (parts.size() != 4 || parts[1] != "models" || parts[2].empty()) return std::nullopt;
    if (parts[3] == "load") return Route{Kind::kLoad, io::PercentDecode(parts[2])};
    if (parts[3] == "unload") return Route{Kind::kUnload, io::PercentDecode(parts[2])};
  }
  if (parts[0] != "models") return std::nullopt;
  if (parts.size() == 1) return Route{Kind::kModels};
  if (parts.size() == 2 && parts[1] == "stats") return Route{Kind::kStatistics};
  if (parts[1].empty()) return std::nullopt;
  Route route{Kind::kModel, io::PercentDecode(parts[1])};
  parts = parts.subspan(2);
  if (parts.size() >= 2 && parts[0] == "versions" && !parts[1].empty()) {
    route.version = io::PercentDecode(parts[1]);
    parts = parts.subspan(2);
  }
  if (parts.empty()) return route;
  if (parts.size() != 1) return std::nullopt;
  if (parts[0] == "infer") {
    route.kind = Kind::kInfer;
  } else if (parts[0] == "ready") {
    route.kind = Kind::kModelReady;
  } else if (parts[0] == "config") {
    route.kind = Kind::kConfig;
  } else if (parts[0] == "stats") {
    route.kind = Kind::kStatistics;
  } else {
    return std::nullopt;
  }
  return route;
}

std::optional<Route> KserveV1(Parts parts) {
  if (parts.empty() || parts[0] != "models" || parts.size() > 2) return std::nullopt;
  if (parts.size() == 1) return Route{Kind::kV1Models};
  std::string_view name = parts[1];
  Kind kind = Kind::kV1Model;
  for (const auto& [verb, its_kind] : {std::pair<std::string_view, Kind>{":predict", Kind::kPredict},
                                       std::pair<std::string_view, Kind>{":explain", Kind::kExplain}}) {
    if (!name.ends_with(verb)) continue;
    name.remove_suffix(verb.size());
    kind = its_kind;
  }
  if (name.empty()) return std::nullopt;
  return Route{kind, io::PercentDecode(name)};
}

}  // namespace

std::optional<Route> ParseRoute(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return Route{Kind::kRoot};
  std::array<std::string_view, 8> parts;
  std::size_t count = 0;
  for (;;) {
    if (count == parts.size()) return std::nullopt;
    const std::size_t slash = path.find('/');
    parts[count++] = path.substr(0, slash);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  const Parts rest(parts.data() + 1, count - 1);
  if (parts[0] == "v2") return InferenceProtocol(rest);
  if (parts[0] == "v1") return KserveV1(rest);
  if (count > 1) return std::nullopt;
  if (parts[0] == "invocations") return Route{Kind::kInvocations};
  if (parts[0] == "ping" || parts[0] == "health") return Route{Kind::kPing};
  if (parts[0] == "version") return Route{Kind::kVersion};
  if (parts[0] == "metrics") return Route{Kind::kMetrics};
  return std::nullopt;
}

std::string_view MethodOf(Kind kind) {
  switch (kind) {
    case Kind::kInfer:
    case Kind::kIndex:
    case Kind::kLoad:
    case Kind::kUnload:
    case Kind::kPredict:
    case Kind::kExplain:
    case Kind::kInvocations:
      return "POST";
    default:
      return "GET";
  }
}

}  // namespace keelson::wire::inference
