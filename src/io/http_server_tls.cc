// The TLS half of HttpServerConnection: the handshake, and what becomes of one that fails.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <chrono>

#include "base/log.h"
#include "io/http_server_connection.h"

namespace keelson::io {

void HttpServerConnection::Handshake() {
  const TlsStream::Step step = tls_->Handshake();
  if (step == TlsStream::Step::kFailed) return RefuseHandshake();
  const std::uint32_t wanted =
      step == TlsStream::Step::kWantsWrite ? EPOLLOUT : static_cast<std::uint32_t>(EPOLLIN | EPOLLRDHUP);
  if (wanted != interest_) {
    interest_ = wanted;
    loop_.Modify(fd_.get(), this, wanted);
  }
  if (step != TlsStream::Step::kDone) return;
  handshaking_ = false;
  since_ = loop_.now();
  client_certificate_ = tls_->peer_certificate();
  OnReadable();
}

void HttpServerConnection::RefuseHandshake() {
  // One line a second at most: anybody can make handshakes fail.
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(loop_.now().time_since_epoch()).count();
  if (worker_->shared().handshake_told.exchange(second) != second)
    LogWarning(tls_->problem().message, {{"peer", peer_}});
  if (tls_->plain_http()) {
    static constexpr std::string_view kAnswer =
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 56\r\n"
        "connection: close\r\n\r\n"
        "{\"error\":\"this server speaks TLS: ask it with https://\"}";
    send(fd_.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
  }
  handshaking_ = false;
  refused_ = true;
  // The alert that says why must not be lost to a reset for what the client has sent meanwhile.
  Linger();
}

}  // namespace keelson::io
