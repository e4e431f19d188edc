#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/http.h"
#include "io/tls_stream.h"

namespace keelson::io {

// Owns one file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// A listening, non-blocking socket: TCP on host and port, or a Unix socket of mode 0600 that replaces a dead one of the
// same path. kUnavailable when the address is in use. Paths may be longer than a socket address holds.
Result<UniqueFd> ListenOn(const std::string& host, int port, const std::string& unix_socket);
int BoundPort(int fd);  // 0 for a Unix socket

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// The TCP addresses of a target, at least one, in the order in which they are to be tried. `only_public`: those of the
// public Internet, and kPermissionDenied when there are none.
Result<std::vector<SocketAddress>> AddressesOf(const HttpTarget& target, bool only_public = false);

// Starts to connect, without blocking: TCP may still be under way when it returns.
Result<UniqueFd> StartConnect(const HttpTarget& target, const SocketAddress& address);
// The same by the first address, whose host name is looked up, or by the target's Unix socket.
Result<UniqueFd> StartConnect(const HttpTarget& target);

// The client's end of TLS on a connected socket; null for a target without.
Result<std::unique_ptr<TlsStream>> StartTls(const HttpTarget& target, int fd, std::shared_ptr<TlsSessions> sessions);
Error HandshakeError(const TlsStream& tls, const HttpTarget& target);  // IsConnectError, or kUnauthenticated

Error BrokenTls(const TlsStream& tls, const HttpTarget& target);     // kUnavailable, or kUnauthenticated
Error ConnectError(std::string_view why, const HttpTarget& target);  // IsConnectError

void SetNoDelay(int fd);                           // no effect on Unix sockets
std::string TargetName(const HttpTarget& target);  // for messages: "unix:/path", "https://host:port"
std::string HostHeader(const HttpTarget& target);

}  // namespace keelson::io
