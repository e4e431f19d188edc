#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keelson::wire::api {

// Every route of every protocol that the server answers, in one table. A duplicate does not compile. "{}" stands for
// one part of the path; "{}" at the end of a pattern with kRest set takes the rest.
enum class RouteId {
  kHealth,
  kVersion,
  kListProjects,
  kApplyProject,
  kGetProject,
  kDeleteProject,
  kRunProject,
  kPushRows,
  kMoveClock,
  kSummary,
  kEvents,
  kPromote,
  kRollBack,
  kListPipelines,
  kGetPipeline,
  kStopPipeline,
  kListJobs,
  kGetJob,
  kJobLog,
  kJobWhy,
  kQueues,
  kCost,
  kAdvice,
  kListVersions,
  kLineage,
  kBackup,
  kCollectGarbage,
  kGetPromotionRules,
  kSetPromotionRules,
  kListApprovals,
  kApprove,
  kAttemptProgress,
  kAttemptResult,
  kInference,
  kMetrics,
  kPage,
};

struct Route {
  std::string_view method;
  std::string_view pattern;
  RouteId id;
  std::string_view protocol;
};

inline constexpr std::array kRoutes = {
    Route{"GET", "/health", RouteId::kHealth, "keelson"},
    Route{"GET", "/metrics", RouteId::kMetrics, "prometheus"},
    Route{"GET", "/api/keelson/v1/version", RouteId::kVersion, "keelson"},
    Route{"GET", "/api/keelson/v1/projects", RouteId::kListProjects, "keelson"},
    Route{"POST", "/api/keelson/v1/projects", RouteId::kApplyProject, "keelson"},
    Route{"GET", "/api/keelson/v1/projects/{}", RouteId::kGetProject, "keelson"},
    Route{"DELETE", "/api/keelson/v1/projects/{}", RouteId::kDeleteProject, "keelson"},
    Route{"POST", "/api/keelson/v1/projects/{}/runs", RouteId::kRunProject, "keelson"},
    Route{"POST", "/api/keelson/v1/projects/{}/sources/{}/rows", RouteId::kPushRows, "keelson"},
    Route{"POST", "/api/keelson/v1/projects/{}/clock", RouteId::kMoveClock, "keelson"},
    Route{"GET", "/api/keelson/v1/projects/{}/summary", RouteId::kSummary, "keelson"},
    Route{"GET", "/api/keelson/v1/projects/{}/events", RouteId::kEvents, "keelson"},
    Route{"POST", "/api/keelson/v1/projects/{}/promote", RouteId::kPromote, "keelson"},
    Route{"POST", "/api/keelson/v1/projects/{}/rollback", RouteId::kRollBack, "keelson"},
    Route{"GET", "/api/keelson/v1/projects/{}/versions", RouteId::kListVersions, "keelson"},
    Route{"GET", "/api/keelson/v1/projects/{}/lineage", RouteId::kLineage, "keelson"},
    Route{"GET", "/api/keelson/v1/pipelines", RouteId::kListPipelines, "keelson"},
    Route{"GET", "/api/keelson/v1/pipelines/{}", RouteId::kGetPipeline, "keelson"},
    Route{"POST", "/api/keelson/v1/pipelines/{}/stop", RouteId::kStopPipeline, "keelson"},
    Route{"GET", "/api/keelson/v1/jobs", RouteId::kListJobs, "keelson"},
    Route{"GET", "/api/keelson/v1/jobs/{}", RouteId::kGetJob, "keelson"},
    Route{"GET", "/api/keelson/v1/jobs/{}/log", RouteId::kJobLog, "keelson"},
    Route{"GET", "/api/keelson/v1/jobs/{}/why", RouteId::kJobWhy, "keelson"},
    Route{"GET", "/api/keelson/v1/queues", RouteId::kQueues, "keelson"},
    Route{"GET", "/api/keelson/v1/cost", RouteId::kCost, "keelson"},
    Route{"GET", "/api/keelson/v1/advice", RouteId::kAdvice, "keelson"},
    Route{"POST", "/api/keelson/v1/backup", RouteId::kBackup, "keelson"},
    Route{"POST", "/api/keelson/v1/gc", RouteId::kCollectGarbage, "keelson"},
    Route{"GET", "/api/keelson/v1/models/{}/promotion", RouteId::kGetPromotionRules, "keelson"},
    Route{"POST", "/api/keelson/v1/models/{}/promotion", RouteId::kSetPromotionRules, "keelson"},
    Route{"GET", "/api/keelson/v1/models/{}/versions/{}/approvals", RouteId::kListApprovals, "keelson"},
    Route{"POST", "/api/keelson/v1/models/{}/versions/{}/approvals", RouteId::kApprove, "keelson"},
    Route{"POST", "/internal/v1/attempts/{}/progress", RouteId::kAttemptProgress, "keelson worker"},
    Route{"POST", "/internal/v1/attempts/{}/result", RouteId::kAttemptResult, "keelson worker"},
    Route{"GET", "/v2", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/health/live", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/health/ready", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}/ready", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}/config", RouteId::kInference, "open inference"},
    Route{"POST", "/v2/models/{}/infer", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}/versions/{}", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}/versions/{}/ready", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}/versions/{}/config", RouteId::kInference, "open inference"},
    Route{"POST", "/v2/models/{}/versions/{}/infer", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}/stats", RouteId::kInference, "open inference"},
    Route{"GET", "/v2/models/{}/versions/{}/stats", RouteId::kInference, "open inference"},
    Route{"POST", "/v2/repository/index", RouteId::kInference, "open inference"},
    Route{"POST", "/v2/repository/models/{}/load", RouteId::kInference, "open inference"},
    Route{"POST", "/v2/repository/models/{}/unload", RouteId::kInference, "open inference"},
    Route{"GET", "/v1/models", RouteId::kInference, "kserve v1"},
    Route{"GET", "/v1/models/{}", RouteId::kInference, "kserve v1"},
    Route{"POST", "/v1/models/{}", RouteId::kInference, "kserve v1"},  // NAME:predict, NAME:explain
    Route{"POST", "/invocations", RouteId::kInference, "mlflow scoring"},
    Route{"GET", "/ping", RouteId::kInference, "mlflow scoring"},
    Route{"GET", "/version", RouteId::kInference, "mlflow scoring"},
    Route{"GET", "/", RouteId::kPage, "page"},
    Route{"GET", "/page/{}", RouteId::kPage, "page"},
};

namespace internal {
// Two patterns clash when some path would match both: equal parts, or a "{}" on either side.
constexpr bool Clash(std::string_view a, std::string_view b) {
  while (true) {
    const auto a_end = a.find('/', 1);
    const auto b_end = b.find('/', 1);
    const auto a_part = a.substr(0, a_end);
    const auto b_part = b.substr(0, b_end);
    if (a_part != b_part && a_part != "/{}" && b_part != "/{}") return false;
    if ((a_end == std::string_view::npos) != (b_end == std::string_view::npos)) return false;
    if (a_end == std::string_view::npos) return a_part.empty() == b_part.empty();
    a.remove_prefix(a_end);
    b.remove_prefix(b_end);
  }
}
constexpr bool NoDuplicates() {
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    for (std::size_t j = i + 1; j < kRoutes.size(); ++j) {
      if (kRoutes[i].method == kRoutes[j].method && Clash(kRoutes[i].pattern, kRoutes[j].pattern)) return false;
    }
  }
  return true;
}
}  // namespace internal
static_assert(internal::NoDuplicates(), "two routes answer the same path");

// A route and what stood for its "{}", still percent-encoded. `other_method`: the path exists, with another method.
struct Match {
  const Route* route = nullptr;
  std::vector<std::string> parts;
  bool other_method = false;
};
Match FindRoute(std::string_view method, std::string_view path);

}  // namespace keelson::wire::api
