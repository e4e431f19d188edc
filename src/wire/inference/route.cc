#include "wire/inference/route.h"

#include <vector>

#include "base/strings.h"
#include "io/http.h"

namespace keelson::wire::inference {

std::optional<Route> ParseRoute(std::string_view path) {
  auto parts = Split(path, '/');
  if (parts.size() < 2 || !parts[0].empty() || parts[1] != "v2") return std::nullopt;
  parts.erase(parts.begin(), parts.begin() + 2);
  if (!parts.empty() && parts.back().empty()) parts.pop_back();  // a slash at the end
  using Kind = Route::Kind;
  if (parts.empty()) return Route{Kind::kServer, "", ""};
  if (parts[0] == "health" && parts.size() == 2) {
    if (parts[1] == "live") return Route{Kind::kLive, "", ""};
    if (parts[1] == "ready") return Route{Kind::kReady, "", ""};
    return std::nullopt;
  }
  if (parts[0] != "models" || parts.size() < 2 || parts[1].empty()) return std::nullopt;
  Route route{Kind::kModel, io::PercentDecode(parts[1]), ""};
  std::size_t next = 2;
  if (parts.size() > 3 && parts[2] == "versions") {
    route.version = io::PercentDecode(parts[3]);
    next = 4;
  }
  if (parts.size() == next) return route;
  if (parts.size() != next + 1) return std::nullopt;
  if (parts[next] == "infer") {
    route.kind = Kind::kInfer;
  } else if (parts[next] == "ready") {
    route.kind = Kind::kModelReady;
  } else {
    return std::nullopt;
  }
  return route;
}

}  // namespace keelson::wire::inference
