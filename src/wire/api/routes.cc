#include "wire/api/routes.h"

namespace keelson::wire::api {
namespace {

bool Matches(std::string_view pattern, std::string_view path, std::vector<std::string>& parts) {
  parts.clear();
  while (true) {
    const auto pattern_end = pattern.find('/', 1);
    const auto path_end = path.find('/', 1);
    const auto wanted = pattern.substr(0, pattern_end);
    const auto given = path.substr(0, path_end);
    if (wanted == "/{}") {
      if (given.size() < 2) return false;
      parts.emplace_back(given.substr(1));
    } else if (wanted != given) {
      return false;
    }
    if ((pattern_end == std::string_view::npos) != (path_end == std::string_view::npos)) return false;
    if (pattern_end == std::string_view::npos) return true;
    pattern.remove_prefix(pattern_end);
    path.remove_prefix(path_end);
  }
}

}  // namespace

Match FindRoute(std::string_view method, std::string_view path) {
  Match match;
  std::vector<std::string> parts;
  for (const Route& route : kRoutes) {
    if (!Matches(route.pattern, path, parts)) continue;
    if (route.method == method || (method == "HEAD" && route.method == "GET")) {
      match.route = &route;
      match.parts = std::move(parts);
      match.other_method = false;
      return match;
    }
    match.other_method = true;
  }
  return match;
}

}  // namespace keelson::wire::api
