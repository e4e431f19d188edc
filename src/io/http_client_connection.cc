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

HttpClientConnection::HttpClientConnection(HttpClientPool* pool, UniqueFd fd, std::unique_ptr<TlsStream> tls,
                                           bool connecting)
    : pool_(pool->shared_from_this()),
      fd_(std::move(fd)),
      tls_(std::move(tls)),
      connecting_(connecting),
      handshaking_(tls_ != nullptr) {}

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
  if (!connecting_ && !handshaking_) Write();
}

void HttpClientConnection::OnEvents(std::uint32_t events) {
  const auto self = shared_from_this();
  if (connecting_) return OnConnected();
  if (handshaking_) return Handshake();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) OnReadable();
  if (!fd_ || (events & EPOLLOUT) == 0) return;
  if (tls_ != nullptr && tls_->wants_write()) OnReadable();
  if (fd_ && call_ != nullptr) Write();
}

void HttpClientConnection::OnConnected() {
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) return Fail(ConnectError(strerror(problem), pool_->target()), false);
  connecting_ = false;
  if (handshaking_) return Handshake();
  SetInterest(EPOLLIN);
  if (call_ != nullptr) Write();
}

void HttpClientConnection::Handshake() {
  switch (tls_->Handshake()) {
    case TlsStream::Step::kFailed:
      return Fail(HandshakeError(*tls_, pool_->target()), false);
    case TlsStream::Step::kWantsRead:
      return SetInterest(EPOLLIN);
    case TlsStream::Step::kWantsWrite:
      return SetInterest(EPOLLOUT);
    case TlsStream::Step::kDone:
      handshaking_ = false;
      SetInterest(EPOLLIN);
      if (call_ != nullptr) Write();
  }
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
    const ssize_t sent = Transmit(fd_.get(), tls_.get(), pieces);
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
    const ssize_t count = Receive(fd_.get(), tls_.get(), buffer.data(), buffer.size());
    if (count < 0) {
      if ((errno == EAGAIN || errno == EINTR) && tls_ != nullptr && tls_->wants_write())
        return SetInterest(EPOLLIN | EPOLLOUT);
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
    if (bytes.size() < buffer.size() && (tls_ == nullptr || !tls_->has_more())) return;
  }
}

void HttpClientConnection::Finish() {
  const auto self = shared_from_this();
  const std::unique_ptr<HttpClientCall> call = std::move(call_);
  const bool whole = written_ == call->head.size() + call->call.body.size();
  HttpResponse response = parser_.Take();
  used_before_ = true;
  if (parser_.keep_alive() && whole && in_.empty() && !SaysMore()) {
    pool_->OnIdle(this);
  } else {
    Close();
  }
  call->done(std::move(response));
}

// Whether TLS holds something behind the answer: an end, or what nobody asked for.
bool HttpClientConnection::SaysMore() {
  char byte = 0;
  return tls_ != nullptr && tls_->has_more() && (tls_->Read(&byte, 1) >= 0 || tls_->failed());
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
  if (tls_ != nullptr) tls_->Close();
  fd_.Reset();
  pool->OnClosed(this);
}

Error HttpClientConnection::Broken(const char* why) const {
  if (tls_ != nullptr && tls_->failed()) return BrokenTls(*tls_, pool_->target());
  return {ErrorCode::kUnavailable, fmt::format("the connection broke: {}", why), TargetName(pool_->target())};
}

}  // namespace keelson::io
