// How a request is sent, and sent again.
#include "kubernetes/client/api_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json_depth.h"
#include "base/log.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr std::size_t kKeptConnections = 8;
constexpr std::size_t kDeepest = 128;

// A segment of a path can be anything but what a path itself means something by.
bool IsPlainPath(std::string_view path) {
  return !path.contains("/../") && !path.contains("/./") && !path.ends_with("/..") && !path.ends_with("/.");
}

}  // namespace

ApiClient::ApiClient(Access access, ServerAddress address, ApiOptions options)
    : address_(std::move(address)),
      options_(std::move(options)),
      credentials_(std::move(access), options_.clock),
      bucket_(options_.requests_per_second, options_.burst),
      random_(options_.seed) {}

ApiClient::~ApiClient() = default;

Result<std::unique_ptr<ApiClient>> ApiClient::Create(Access access, ApiOptions options) {
  KEELSON_ASSIGN_OR_RETURN(ServerAddress address, ParseServer(access.server));
  std::unique_ptr<ApiClient> client(new ApiClient(std::move(access), std::move(address), std::move(options)));
  KEELSON_RETURN_IF_ERROR(client->credentials_.Get());  // what is wrong with the files is told now
  return client;
}

io::HttpCall ApiClient::Prepare(const Call& call, const Credentials::Current& current) const {
  io::HttpCall prepared{.method = call.method,
                        .target = address_.prefix + call.path,
                        .headers = {{"accept", call.accept}, {"user-agent", "keelson"}},
                        .body = call.body,
                        .timeout = options_.request_timeout,
                        .retry_safe = call.repeatable};
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    prepared.target += fmt::format("{}{}={}", separator, name, io::PercentEncode(value));
    separator = '&';
  }
  if (!call.content_type.empty()) prepared.headers.emplace_back("content-type", call.content_type);
  if (!current.authorization.empty()) prepared.headers.emplace_back("authorization", current.authorization);
  return prepared;
}

void ApiClient::Wait(std::chrono::milliseconds time) const {
  if (time.count() <= 0) return;
  if (options_.wait) return options_.wait(time);
  std::this_thread::sleep_for(time);
}

void ApiClient::KeepTheRate() {
  std::unique_lock lock(mutex_);
  const auto wait = bucket_.Take(options_.clock->MonotonicNow());
  lock.unlock();
  Wait(std::chrono::ceil<std::chrono::milliseconds>(wait));
}

// Half of the wait is sure, half is drawn, so that many clients do not come back together.
std::chrono::milliseconds ApiClient::WaitBefore(int attempt, std::optional<std::chrono::seconds> retry_after) {
  std::chrono::milliseconds wait = options_.first_wait;
  for (int i = 2; i < attempt && wait < options_.longest_wait; ++i) wait *= 2;
  wait = std::min(wait, options_.longest_wait);
  const std::lock_guard lock(mutex_);
  const auto half = static_cast<std::uint64_t>(wait.count() / 2 + 1);
  wait = wait / 2 + std::chrono::milliseconds(static_cast<std::int64_t>(random_.Below(half)));
  if (!retry_after) return wait;
  // It is kept whole, and the lot on top, for all were told the same.
  return std::min<std::chrono::milliseconds>(*retry_after, options_.longest_retry_after) + wait / 2;
}

std::chrono::steady_clock::time_point ApiClient::quiet_until() const {
  const std::lock_guard lock(mutex_);
  return quiet_until_;
}

Result<io::HttpResponse> ApiClient::Once(const Call& call, int& version) {
  KEELSON_ASSIGN_OR_RETURN(const Credentials::Current current, credentials_.Get());
  version = current.version;
  KeepTheRate();
  std::unique_ptr<io::HttpConnection> connection;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(idle_, [&](const Idle& idle) { return idle.version != current.version; });
    if (!idle_.empty()) {
      connection = std::move(idle_.back().connection);
      idle_.pop_back();
    }
  }
  if (connection == nullptr) {
    io::HttpTarget target = address_.target;
    if (target.tls) target.tls_client = current.tls;
    connection = io::HttpConnection::Create(target);
  }
  if (options_.may_send && !options_.may_send())
    return Fail(ErrorCode::kAborted, "this may not be asked any more", call.path);
  auto answer = connection->Call(Prepare(call, current));
  if (answer) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kKeptConnections) idle_.push_back({current.version, std::move(connection)});
  }
  return answer;
}

Result<io::HttpResponse> ApiClient::Ask(const Call& call) {
  if (!IsPlainPath(call.path)) return Fail(ErrorCode::kInvalidArgument, "a name that no object can have", call.path);
  bool renewed = false;
  for (int attempt = 1;; ++attempt) {
    int version = 0;
    auto answer = Once(call, version);
    std::optional<Problem> problem;
    if (answer) problem = ProblemOf(*answer);
    if (answer && !problem) return answer;
    if (problem && problem->retry_after) {
      const std::lock_guard lock(mutex_);
      const auto rest = std::min<std::chrono::milliseconds>(*problem->retry_after, options_.longest_retry_after);
      quiet_until_ = std::max(quiet_until_, options_.clock->MonotonicNow() + rest);
    }
    const bool unauthenticated = answer ? answer->status == 401 : answer.error().code == ErrorCode::kUnauthenticated;
    if (unauthenticated && version != 0 && !renewed) {
      renewed = true;  // a token or a certificate may just have been replaced
      credentials_.Renew(version);
      continue;
    }
    Error error = problem ? ErrorOf(*problem, call.path) : answer.error();
    const bool untouched = problem ? problem->status == 429 : io::IsConnectError(error);
    const bool passing = problem ? problem->passing()
                                 : error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded;
    if (!passing || (!untouched && !call.repeatable)) return std::unexpected(std::move(error));
    if (attempt >= options_.attempts) {
      error.message = fmt::format("{} attempts failed; the last: {}", attempt, error.message);
      return std::unexpected(std::move(error));
    }
    const auto wait = WaitBefore(attempt + 1, problem ? problem->retry_after : std::nullopt);
    LogWarning("asking Kubernetes again", {{"path", call.path},
                                           {"method", call.method},
                                           {"attempt", std::to_string(attempt)},
                                           {"wait_ms", std::to_string(wait.count())},
                                           {"why", error.message}});
    if (!call.patience) {
      Wait(wait);
    } else if (!call.patience(wait)) {
      return std::unexpected(std::move(error));
    }
  }
}

Result<json> ApiClient::AskForObject(const Call& call) {
  KEELSON_ASSIGN_OR_RETURN(const io::HttpResponse answer, Ask(call));
  json object;
  if (JsonDepth(answer.body) <= kDeepest) object = json::parse(answer.body, nullptr, false);
  if (!object.is_object())
    return Fail(ErrorCode::kUnavailable, "what answers is no API server: it gave no JSON object", call.path);
  return object;
}

Result<std::unique_ptr<io::InterruptibleConnection>> ApiClient::Connect() {
  KEELSON_ASSIGN_OR_RETURN(const Credentials::Current current, credentials_.Get());
  io::HttpTarget target = address_.target;
  if (target.tls) target.tls_client = current.tls;
  return io::InterruptibleConnection::Create(target);
}

Result<int> ApiClient::Stream(io::InterruptibleConnection& connection, const Call& call,
                              std::chrono::milliseconds silence, const std::function<void(std::string_view)>& on_data) {
  KEELSON_ASSIGN_OR_RETURN(const Credentials::Current current, credentials_.Get());
  KeepTheRate();
  io::HttpCall prepared = Prepare(call, current);
  prepared.timeout = silence;
  prepared.retry_safe = false;
  const auto answer = connection.Stream(prepared, on_data);
  if (answer ? answer->status == 401 : answer.error().code == ErrorCode::kUnauthenticated)
    credentials_.Renew(current.version);
  if (!answer) return std::unexpected(answer.error());
  return answer->status;
}

}  // namespace keelson::kubernetes
