#include "io/http_client_pool.h"

#include <algorithm>
#include <utility>

#include "io/http_request_writer.h"

namespace keelson::io {
namespace {

constexpr std::size_t kOneRecord = 8u << 10;  // a body that goes into one TLS record with its head

}  // namespace

HttpClientPool::HttpClientPool(HttpTarget target, std::size_t max_connections, std::shared_ptr<EventLoop> loop)
    : target_(std::move(target)),
      host_(HostHeader(target_)),
      max_connections_(max_connections),
      loop_(std::move(loop)) {}

std::shared_ptr<HttpClientPool> HttpClientPool::Create(HttpTarget target, std::size_t max_connections,
                                                       std::shared_ptr<EventLoop> loop) {
  return std::shared_ptr<HttpClientPool>(new HttpClientPool(std::move(target), max_connections, std::move(loop)));
}

void HttpClientPool::Send(HttpCall call, std::function<void(Result<HttpResponse>)> done) {
  if (shut_) return done(Fail(ErrorCode::kUnavailable, "the client is closed", TargetName(target_)));
  if (timer_ == nullptr) {  // the first request: from here on the pool belongs to its loop's thread
    timer_ = std::make_unique<EventLoop::Timer>(*loop_, [this] { CheckDeadlines(); });
    loop_->AtStop(this, [self = shared_from_this()] { self->Shutdown(); });
    read_buffer_.resize(64u << 10);
  }
  auto started = std::make_unique<HttpClientCall>();
  if (Status valid = AppendRequestHead(call, host_, started->head); !valid.has_value()) {
    return done(std::unexpected(std::move(valid).error()));
  }
  if (target_.tls && call.body.size() <= kOneRecord) started->head += std::exchange(call.body, {});
  started->deadline = EventLoop::Clock::now() + call.timeout;
  started->call = std::move(call);
  started->done = std::move(done);
  WatchDeadline(started->deadline);
  Start(std::move(started), false);
}

void HttpClientPool::Start(std::unique_ptr<HttpClientCall> call, bool on_new_connection) {
  if (!on_new_connection && !idle_.empty()) {
    HttpClientConnection* const connection = idle_.back();
    idle_.pop_back();
    return connection->Start(std::move(call));
  }
  if (connections_.size() >= max_connections_) {
    if (!idle_.empty()) return Start(std::move(call), false);
    waiting_.push_back(std::move(call));
    return;
  }
  auto fd = StartConnect(target_);
  if (!fd.has_value()) return call->done(std::unexpected(std::move(fd).error()));
  const bool connecting = target_.unix_socket.empty();
  auto tls = StartTls(target_, fd->get(), sessions_);
  if (!tls.has_value()) return call->done(std::unexpected(std::move(tls).error()));
  auto connection = std::make_shared<HttpClientConnection>(this, *std::move(fd), *std::move(tls), connecting);
  connections_.emplace(connection.get(), connection);
  connection->Open();
  connection->Start(std::move(call));
}

void HttpClientPool::Retry(std::unique_ptr<HttpClientCall> call) {
  if (shut_) return call->done(Fail(ErrorCode::kUnavailable, "the client is closed", TargetName(target_)));
  call->retried = true;
  Start(std::move(call), true);
}

void HttpClientPool::OnIdle(HttpClientConnection* connection) {
  idle_.push_back(connection);
  StartWaiting();
}

void HttpClientPool::OnClosed(const HttpClientConnection* connection) {
  std::erase(idle_, connection);
  connections_.erase(connection);
  if (!shut_) StartWaiting();
}

void HttpClientPool::StartWaiting() {
  while (!waiting_.empty() && (!idle_.empty() || connections_.size() < max_connections_)) {
    std::unique_ptr<HttpClientCall> call = std::move(waiting_.front());
    waiting_.pop_front();
    Start(std::move(call), false);
  }
}

void HttpClientPool::WatchDeadline(EventLoop::Clock::time_point deadline) {
  if (deadline < timer_->due()) timer_->Set(deadline);
}

void HttpClientPool::CheckDeadlines() {
  const auto self = shared_from_this();
  const auto now = loop_->now();
  const auto late = [&](const HttpClientCall& call) { return call.deadline <= now; };
  const Error error{ErrorCode::kDeadlineExceeded, "no answer in time", TargetName(target_)};
  std::vector<std::shared_ptr<HttpClientConnection>> slow;
  for (const auto& [key, connection] : connections_) {
    if (connection->call() != nullptr && late(*connection->call())) slow.push_back(connection);
  }
  std::vector<std::unique_ptr<HttpClientCall>> expired;
  std::erase_if(waiting_, [&](std::unique_ptr<HttpClientCall>& call) {
    if (!late(*call)) return false;
    expired.push_back(std::move(call));
    return true;
  });
  for (const auto& connection : slow) connection->Fail(error, false);
  for (const auto& call : expired) call->done(std::unexpected(error));
  if (shut_) return;
  for (const auto& [key, connection] : connections_) {
    if (connection->call() != nullptr) WatchDeadline(connection->call()->deadline);
  }
  for (const auto& call : waiting_) WatchDeadline(call->deadline);
}

void HttpClientPool::Shutdown() {
  const auto self = shared_from_this();
  if (shut_.exchange(true)) return;
  loop_->ForgetAtStop(this);
  timer_.reset();
  const Error error{ErrorCode::kUnavailable, "the client was closed", TargetName(target_)};
  while (!connections_.empty()) {
    const std::shared_ptr<HttpClientConnection> connection = connections_.begin()->second;
    connection->Fail(error, false);
  }
  while (!waiting_.empty()) {
    const std::unique_ptr<HttpClientCall> call = std::move(waiting_.front());
    waiting_.pop_front();
    call->done(std::unexpected(error));
  }
}

}  // namespace keelson::io
