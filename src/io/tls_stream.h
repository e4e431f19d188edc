#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct ssl_st;          // OpenSSL's SSL
struct ssl_ctx_st;      // SSL_CTX
struct ssl_session_st;  // SSL_SESSION

namespace keelson::io {

// The last session of one server, so that the next connection to it needs no full handshake. One thread.
class TlsSessions {
 public:
  TlsSessions() = default;
  ~TlsSessions();
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;
  void Keep(ssl_session_st* session);  // owned from here on
  ssl_session_st* last() const { return last_; }

 private:
  ssl_session_st* last_ = nullptr;
};

// What the OpenSSL side of a stream knows of its socket.
struct TlsSocket {
  int fd = -1;
  bool dont_wait = false;  // for what comes next, on a socket that blocks
  bool drained = false;    // the last receive took all that was there
  bool ended = false;      // the other side has closed
  int error = 0;           // errno of what failed
};

// TLS over a socket that somebody else owns and keeps open for as long: Read and Write stand in for recv and send, with
// their results and their errno (EAGAIN, and EPROTO for what is `problem()`). Not for more than one thread at a time.
class TlsStream {
 public:
  TlsStream(ssl_ctx_st* context, int fd, bool server, std::string peer, std::shared_ptr<TlsSessions> sessions);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  enum class Step { kDone, kWantsRead, kWantsWrite, kFailed };
  // To be called, and called again when the socket can be read or written, until it is done or has failed.
  Step Handshake();

  // Fills `data` with what is there. 0 is the other side's close_notify; a connection that just ends is a failure, for
  // the end of what was said may have been cut off.
  ssize_t Read(char* data, std::size_t size);
  // Each of the pieces in its turn. What was not taken must come again first, in pieces of the same sizes.
  ssize_t Write(std::span<const iovec> pieces);
  bool HasEnded();  // whether the other side has closed or failed, or says what nobody asked for; never waits
  void Close();     // says close_notify when that can be said; the socket stays open

  bool has_more() const { return more_; }            // Read has something to say that the socket will not announce
  bool wants_write() const { return wants_write_; }  // Read goes on when the socket can be written
  bool failed() const { return failed_; }
  const Error& problem() const { return problem_; }
  // Whether the other side spoke plain HTTP in place of TLS.
  bool plain_http() const { return plain_http_; }

  std::string_view protocol() const;  // as agreed by ALPN: "http/1.1", or "" when the other side named none
  std::string_view version() const;   // "TLSv1.3"
  bool resumed() const;
  std::string peer_certificate() const;  // the verified one's subject, or its fingerprint when that is empty; or ""
  ssl_st* native() { return ssl_; }

 private:
  ssize_t WriteOne(const iovec& piece);
  void Failed(int why);

  ssl_st* ssl_;
  TlsSocket socket_;
  const std::string peer_;  // for messages
  const std::shared_ptr<TlsSessions> sessions_;
  const bool server_;
  bool ready_ = false;  // the handshake is done
  bool more_ = false;
  bool ended_ = false;
  bool failed_ = false;
  bool wants_write_ = false;
  int write_error_ = 0;  // errno of a write that can never succeed again
  bool plain_http_ = false;
  Error problem_;
};

// recv and sendmsg of a connection that may speak TLS; null: plain.
inline ssize_t Receive(int fd, TlsStream* tls, char* data, std::size_t size) {
  if (tls != nullptr) [[unlikely]]
    return tls->Read(data, size);
  return recv(fd, data, size, 0);
}

inline ssize_t Transmit(int fd, TlsStream* tls, std::span<iovec> pieces) {
  if (tls != nullptr) [[unlikely]]
    return tls->Write(pieces);
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace keelson::io
