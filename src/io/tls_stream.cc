#include "io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

#include "io/tls_bio.h"
#include "io/tls_errors.h"
#include "io/tls_files.h"

namespace keelson::io {

TlsSessions::~TlsSessions() {
  SSL_SESSION_free(last_);
}

void TlsSessions::Keep(ssl_session_st* session) {
  SSL_SESSION_free(last_);
  last_ = session;
}

TlsStream::TlsStream(ssl_ctx_st* context, int fd, bool server, std::string peer, std::shared_ptr<TlsSessions> sessions)
    : ssl_(SSL_new(context)),
      socket_{.fd = fd},
      peer_(std::move(peer)),
      sessions_(std::move(sessions)),
      server_(server) {
  BIO* const bio = MakeSocketBio(&socket_);
  SSL_set_bio(ssl_, bio, bio);
  if (server) {
    SSL_set_accept_state(ssl_);
    return;
  }
  SSL_set_connect_state(ssl_);
  SSL_set_app_data(ssl_, sessions_.get());
  if (sessions_ != nullptr && sessions_->last() != nullptr) SSL_set_session(ssl_, sessions_->last());
}

TlsStream::~TlsStream() {
  // Without this OpenSSL takes the session of a connection that ended without both close_notify for a bad one.
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

TlsStream::Step TlsStream::Handshake() {
  ERR_clear_error();
  const int code = SSL_do_handshake(ssl_);
  if (code == 1) {
    ready_ = true;
    more_ = true;  // what follows the handshake may have come with it
    return Step::kDone;
  }
  const int why = SSL_get_error(ssl_, code);
  if (why == SSL_ERROR_WANT_READ) return Step::kWantsRead;
  if (why == SSL_ERROR_WANT_WRITE) return Step::kWantsWrite;
  Failed(why);
  return Step::kFailed;
}

ssize_t TlsStream::Read(char* data, std::size_t size) {
  std::size_t total = 0;
  more_ = false;
  wants_write_ = false;
  while (total < size && !failed_ && !ended_) {
    ERR_clear_error();
    std::size_t count = 0;
    if (SSL_read_ex(ssl_, data + total, size - total, &count) == 1) {
      total += count;
      more_ = !socket_.drained || SSL_has_pending(ssl_) != 0;
      if (!more_) break;
      socket_.dont_wait = true;  // what is there, and no waiting for more
      continue;
    }
    more_ = false;
    const int why = SSL_get_error(ssl_, 0);
    if (why == SSL_ERROR_WANT_READ) break;
    if (why == SSL_ERROR_WANT_WRITE) {
      wants_write_ = true;
      break;
    }
    if (why == SSL_ERROR_ZERO_RETURN) {
      ended_ = true;
    } else {
      Failed(why);
    }
  }
  socket_.dont_wait = false;
  if (total > 0) {
    more_ = more_ || ended_ || failed_;
    return static_cast<ssize_t>(total);
  }
  if (ended_) return 0;
  errno = failed_ ? EPROTO : EAGAIN;
  return -1;
}

ssize_t TlsStream::WriteOne(const iovec& piece) {
  const char* const data = static_cast<const char*>(piece.iov_base);
  std::size_t total = 0;
  while (total < piece.iov_len) {
    ERR_clear_error();
    std::size_t count = 0;  // of one record, which is at most 16 KiB
    if (SSL_write_ex(ssl_, data + total, piece.iov_len - total, &count) == 1) {
      total += count;
      continue;
    }
    const int why = SSL_get_error(ssl_, 0);
    // The other side may have said why before it closed: that can still be read.
    if (why == SSL_ERROR_SYSCALL && socket_.error != 0) {
      write_error_ = socket_.error;
    } else if (why != SSL_ERROR_WANT_WRITE) {
      Failed(why);
    }
    break;
  }
  return static_cast<ssize_t>(total);
}

ssize_t TlsStream::Write(std::span<const iovec> pieces) {
  ssize_t total = 0;
  bool stuck = false;
  for (const iovec& piece : pieces) {
    if (failed_ || write_error_ != 0) break;
    const ssize_t written = WriteOne(piece);
    total += written;
    stuck = static_cast<std::size_t>(written) < piece.iov_len;
    if (stuck) break;
  }
  if (total > 0) return total;
  if (!failed_ && !stuck && write_error_ == 0) return 0;
  errno = failed_ ? EPROTO : write_error_ != 0 ? write_error_ : EAGAIN;
  return -1;
}

bool TlsStream::HasEnded() {
  char byte = 0;
  std::size_t count = 0;
  ERR_clear_error();
  socket_.dont_wait = true;
  const bool says = SSL_peek_ex(ssl_, &byte, 1, &count) == 1;
  socket_.dont_wait = false;
  const bool waits = !says && SSL_get_error(ssl_, 0) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return !waits;
}

void TlsStream::Close() {
  if (!ready_ || failed_ || write_error_ != 0) return;
  socket_.dont_wait = true;
  SSL_shutdown(ssl_);
  socket_.dont_wait = false;
  ERR_clear_error();
}

void TlsStream::Failed(int why) {
  failed_ = true;
  plain_http_ = why == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  problem_ = TlsProblem({.reason = why == SSL_ERROR_SSL ? ERR_peek_error() : 0,
                         .verify = SSL_get_verify_result(ssl_),
                         .os_error = socket_.ended ? 0 : socket_.error,
                         .server = server_,
                         .ready = ready_},
                        peer_);
  ERR_clear_error();
}

std::string_view TlsStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsStream::version() const {
  return SSL_get_version(ssl_);
}

bool TlsStream::resumed() const {
  return SSL_session_reused(ssl_) == 1;
}

std::string TlsStream::peer_certificate() const {
  const X509* const certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return "";
  return CertificateName(certificate);
}

}  // namespace keelson::io
