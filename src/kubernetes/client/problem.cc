#include "kubernetes/client/problem.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "base/strings.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr std::size_t kDeepest = 64;

std::string TextOf(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::chrono::seconds> SecondsOf(std::optional<std::int64_t> seconds) {
  if (!seconds || *seconds < 0 || *seconds > 86'400) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace

std::optional<Problem> ProblemOfStatus(const json& status) {
  if (!status.is_object() || TextOf(status, "kind") != "Status") return std::nullopt;
  Problem problem{.reason = TextOf(status, "reason"), .message = TextOf(status, "message")};
  if (const auto code = status.find("code"); code != status.end() && code->is_number_integer())
    problem.status = code->get<int>();
  const json details = status.value("details", json());
  if (!details.is_object()) return problem;
  if (const auto after = details.find("retryAfterSeconds"); after != details.end() && after->is_number_integer())
    problem.retry_after = SecondsOf(after->get<std::int64_t>());
  const json causes = details.value("causes", json());
  if (causes.is_array() && !causes.empty() && causes.front().is_object())
    problem.cause = TextOf(causes.front(), "reason");
  return problem;
}

std::optional<Problem> ProblemOf(const io::HttpResponse& answer) {
  if (answer.status >= 200 && answer.status < 300) return std::nullopt;
  json body;
  if (JsonDepth(answer.body) <= kDeepest) body = json::parse(answer.body, nullptr, false);
  Problem problem = ProblemOfStatus(body).value_or(Problem{});
  problem.status = answer.status;  // the one that a proxy between us and the server would see too
  if (problem.message.empty()) problem.message = Trim(answer.body).substr(0, 300);
  if (problem.message.empty()) problem.message = fmt::format("status {}", answer.status);
  if (const auto header = SecondsOf(ParseInt(io::FindHeader(answer.headers, "retry-after"))))
    problem.retry_after = header;
  return problem;
}

bool Problem::expired() const {
  return status == 410 || reason == "Expired" || reason == "Gone" || cause == "ResourceVersionTooLarge" ||
         message.contains("Too large resource version");
}

bool Problem::passing() const {
  if (cause == "ResourceVersionTooLarge") return false;
  // Server-side apply answers 500 for a field that the schema does not have: no second attempt would be better.
  if (status == 500) return !message.contains("failed to create typed patch object");
  return status == 429 || status == 502 || status == 503 || status == 504;
}

Error ErrorOf(const Problem& problem, const std::string& where) {
  const auto code = [&] {
    switch (problem.status) {
      case 400:
      case 413:
      case 422:
        return ErrorCode::kInvalidArgument;
      case 401:
        return ErrorCode::kUnauthenticated;
      case 403:
        // A quota says no with the same status as a missing right.
        return problem.message.contains("exceeded quota") ? ErrorCode::kResourceExhausted
                                                          : ErrorCode::kPermissionDenied;
      case 404:
        return ErrorCode::kNotFound;
      case 405:
      case 406:
      case 415:
        return ErrorCode::kUnsupported;
      case 409:
        if (problem.reason == "AlreadyExists") return ErrorCode::kAlreadyExists;
        return problem.cause == "FieldManagerConflict" ? ErrorCode::kFailedPrecondition : ErrorCode::kAborted;
      case 410:
        return ErrorCode::kAborted;
      case 429:
        return ErrorCode::kResourceExhausted;
      case 500:
        return problem.passing() ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument;
      default:
        return problem.status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInternal;
    }
  }();
  return {.code = code, .message = problem.message, .where = where};
}

}  // namespace keelson::kubernetes
