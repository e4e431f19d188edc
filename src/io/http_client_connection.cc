#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/http_client_pool.h"
#include "io/http_request_writer.h"

namespace keelson::io {

HttpClientConnection::HttpClientConnection(HttpClientPool* pool, UniqueFd fd, bool connecting)
    : pool_(pool->shared_from_this()), fd_(std::move(fd)), connecting_(connecting) {}

void HttpClientConnection::Open() {
  interest_ = connecting_ ? EPOLLOUT : EPOLLIN;
  pool_->loop().Add(fd_.get(), this, interest_);
}

void HttpClientConnection::SetInterest(std::uint32_t events) {
  if (events == interest_) return;
  interest_ = events;
  pool_->loop().Modify(fd_.get(), this, events);
}

void HttpClientConnection::Start(std::unique_ptr<HttpClientCall> call) {
  call_ = std::move(call);
  written_ = 0;
  answered_ = false;
  parser_.Expect(call_->call.method == "HEAD");
  if (!connecting_) Write();
}

void HttpClientConnection::OnEvents(std::uint32_t events) {
  const auto self = shared_from_this();
  if (connecting_) return OnConnected();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) OnReadable();
  if (fd_ && call_ != nullptr && (events & EPOLLOUT) != 0) Write();
}

void HttpClientConnection::OnConnected() {
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) return Fail(ConnectError(strerror(problem), pool_->target()), false);
  connecting_ = false;
  SetInterest(EPOLLIN);
  if (call_ != nullptr) Write();
}

void HttpClientConnection::Write() {
  const std::string& head = call_->head;
  const std::string& body = call_->call.body;
  while (written_ < head.size() + body.size()) {
    const std::size_t in_head = std::min(written_, head.size());
    const std::size_t in_body = written_ - in_head;
    iovec pieces[2] = {
        {const_cast<char*>(head.data()) + in_head, head.size() - in_head},  // sendmsg does not write to them
        {const_cast<char*>(body.data()) + in_body, body.size() - in_body}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    const ssize_t sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return SetInterest(EPOLLIN | EPOLLOUT);
    if (sent < 0) {
      // The other side may have said why (a 413) before it closed: what it said is read first.
      const auto self = shared_from_this();
      const int code = errno;
      OnReadable();
      if (fd_ && call_ != nullptr && !answered_) Fail(Broken(strerror(code)), true);
      return;
    }
    written_ += static_cast<std::size_t>(sent);
  }
  SetInterest(EPOLLIN);
}

void HttpClientConnection::OnReadable() {
  std::string& buffer = pool_->read_buffer();
  for (;;) {
    const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return Fail(Broken(strerror(errno)), true);
    }
    if (call_ == nullptr) return Close();  // the end of a kept connection, or an answer to nothing
    if (count == 0) {
      parser_.OnEnd();
      if (parser_.failed()) return Fail(Broken(parser_.problem().message), true);
      return Finish();
    }
    answered_ = true;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    if (in_.empty()) {
      in_.assign(bytes.substr(parser_.Feed(bytes)));
    } else {
      in_ += bytes;
      in_.erase(0, parser_.Feed(in_));
    }
    if (parser_.failed()) return Fail(Broken(parser_.problem().message), false);
    if (parser_.done()) return Finish();
    if (bytes.size() < buffer.size()) return;
  }
}

void HttpClientConnection::Finish() {
  const auto self = shared_from_this();
  const std::unique_ptr<HttpClientCall> call = std::move(call_);
  const bool whole = written_ == call->head.size() + call->call.body.size();
  HttpResponse response = parser_.Take();
  used_before_ = true;
  if (parser_.keep_alive() && whole && in_.empty()) {
    pool_->OnIdle(this);
  } else {
    Close();
  }
  call->done(std::move(response));
}

void HttpClientConnection::Fail(Error error, bool may_retry) {
  const auto self = shared_from_this();
  const auto pool = pool_;
  std::unique_ptr<HttpClientCall> call = std::move(call_);
  const bool retry =
      may_retry && used_before_ && !answered_ && call != nullptr && !call->retried && IsRetrySafe(call->call);
  Close();
  if (call == nullptr) return;
  if (retry) return pool->Retry(std::move(call));
  call->done(std::unexpected(std::move(error)));
}

void HttpClientConnection::Close() {
  if (!fd_) return;
  const auto self = shared_from_this();
  const auto pool = std::move(pool_);
  pool->loop().Remove(fd_.get(), this);
  fd_.Reset();
  pool->OnClosed(this);
}

Error HttpClientConnection::Broken(const char* why) const {
  return {ErrorCode::kUnavailable, fmt::format("the connection broke: {}", why), TargetName(pool_->target())};
}

}  // namespace keelson::io
