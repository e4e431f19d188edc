#include "io/http_sockets.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "io/public_address.h"
#include "io/tls.h"

namespace keelson::io {
namespace {

constexpr std::string_view kCannotConnect = "cannot connect";

// A Unix address; a path that does not fit is reached through a descriptor of its folder.
struct UnixAddress {
  sockaddr_un address{};
  UniqueFd folder;
};

Result<UnixAddress> MakeUnixAddress(const std::string& path) {
  UnixAddress result;
  result.address.sun_family = AF_UNIX;
  std::string text = path;
  if (text.size() >= sizeof(result.address.sun_path)) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    result.folder.Reset(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!result.folder)
      return Fail(ErrorCode::kUnavailable, fmt::format("cannot open its folder: {}", strerror(errno)), path);
    text = fmt::format("/proc/self/fd/{}/{}", result.folder.get(),
                       path.substr(slash == std::string::npos ? 0 : slash + 1));
  }
  if (text.size() >= sizeof(result.address.sun_path)) {
    return Fail(ErrorCode::kInvalidArgument, "the name of the Unix socket is too long", path);
  }
  std::memcpy(result.address.sun_path, text.data(), text.size());
  return result;
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> LookUp(const std::string& host, int port, bool passive) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (code != 0)
    return Fail(ErrorCode::kUnavailable, fmt::format("cannot resolve the host: {}", gai_strerror(code)), host);
  return AddressList(list, &freeaddrinfo);
}

std::unexpected<Error> SocketError(const char* what, const std::string& where) {
  const int code = errno;
  if (code == EADDRINUSE) {
    return Fail(ErrorCode::kUnavailable, "the address is in use: stop the program that holds it, or choose another",
                where);
  }
  return Fail(ErrorCode::kUnavailable, fmt::format("cannot {}: {}", what, strerror(code)), where);
}

Result<UniqueFd> ListenOnUnix(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return Fail(ErrorCode::kUnavailable, "a file that is no socket is in the way", path);
    if (StartConnect({.unix_socket = path}).has_value()) {
      errno = EADDRINUSE;
      return SocketError("bind", path);
    }
    unlink(path.c_str());
  }
  KEELSON_ASSIGN_OR_RETURN(const UnixAddress address, MakeUnixAddress(path));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || fchmod(fd.get(), 0600) != 0) return SocketError("make a socket", path);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.address), sizeof(address.address)) != 0) {
    return SocketError("bind", path);
  }
  if (listen(fd.get(), SOMAXCONN) != 0) return SocketError("listen", path);
  return fd;
}

}  // namespace

void UniqueFd::Reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Result<UniqueFd> ListenOn(const std::string& host, int port, const std::string& unix_socket) {
  if (!unix_socket.empty()) return ListenOnUnix(unix_socket);
  const std::string where = fmt::format("{}:{}", host, port);
  if (port < 0 || port > 65535) return Fail(ErrorCode::kInvalidArgument, "a port is between 0 and 65535", where);
  KEELSON_ASSIGN_OR_RETURN(const AddressList list, LookUp(host, port, true));
  UniqueFd fd(socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return SocketError("make a socket", where);
  if (bind(fd.get(), list->ai_addr, list->ai_addrlen) != 0) return SocketError("bind", where);
  if (listen(fd.get(), SOMAXCONN) != 0) return SocketError("listen", where);
  return fd;
}

int BoundPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

Result<std::vector<SocketAddress>> AddressesOf(const HttpTarget& target, bool only_public) {
  const auto list = LookUp(target.host, target.port, false);
  if (!list.has_value()) return std::unexpected(ConnectError(list.error().message, target));
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = list->get(); entry != nullptr; entry = entry->ai_next) {
    if (only_public && !IsPublicAddress(*entry->ai_addr)) continue;
    SocketAddress& address = addresses.emplace_back();
    address.size = entry->ai_addrlen;
    std::memcpy(&address.bytes, entry->ai_addr, entry->ai_addrlen);
  }
  if (addresses.empty()) {
    return Fail(ErrorCode::kPermissionDenied, fmt::format("{} is not a public address", AddressText(*(*list)->ai_addr)),
                TargetName(target));
  }
  return addresses;
}

Result<UniqueFd> StartConnect(const HttpTarget& target, const SocketAddress& address) {
  UniqueFd fd(socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd) SetNoDelay(fd.get());
  const auto* const bytes = reinterpret_cast<const sockaddr*>(&address.bytes);
  if (fd && (connect(fd.get(), bytes, address.size) == 0 || errno == EINPROGRESS)) return fd;
  return std::unexpected(ConnectError(strerror(errno), target));
}

Result<UniqueFd> StartConnect(const HttpTarget& target) {
  if (target.unix_socket.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto addresses, AddressesOf(target));
    return StartConnect(target, addresses.front());
  }
  const auto address = MakeUnixAddress(target.unix_socket);
  if (!address.has_value()) return std::unexpected(ConnectError(address.error().message, target));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd && connect(fd.get(), reinterpret_cast<const sockaddr*>(&address->address), sizeof(address->address)) == 0)
    return fd;
  return std::unexpected(ConnectError(strerror(errno), target));
}

Result<std::unique_ptr<TlsStream>> StartTls(const HttpTarget& target, int fd, std::shared_ptr<TlsSessions> sessions) {
  if (!target.tls) return nullptr;
  KEELSON_ASSIGN_OR_RETURN(const auto client, target.tls_client ? target.tls_client : TlsClient::Default());
  return client->Connect(fd, target.host, std::move(sessions));
}

Error HandshakeError(const TlsStream& tls, const HttpTarget& target) {
  if (tls.problem().code == ErrorCode::kUnavailable) return ConnectError(tls.problem().message, target);
  return {tls.problem().code, tls.problem().message, TargetName(target)};
}

Error BrokenTls(const TlsStream& tls, const HttpTarget& target) {
  return {tls.problem().code, "the connection broke: " + tls.problem().message, TargetName(target)};
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Error ConnectError(std::string_view why, const HttpTarget& target) {
  return {ErrorCode::kUnavailable, fmt::format("{}: {}", kCannotConnect, why), TargetName(target)};
}

bool IsConnectError(const Error& error) {
  return error.code == ErrorCode::kUnavailable && error.message.starts_with(kCannotConnect);
}

std::string TargetName(const HttpTarget& target) {
  if (!target.unix_socket.empty()) return "unix:" + target.unix_socket;
  return (target.tls ? "https://" : "http://") + HostHeader(target);
}

std::string HostHeader(const HttpTarget& target) {
  if (!target.unix_socket.empty()) return "localhost";
  const std::string host = target.host.contains(':') ? fmt::format("[{}]", target.host) : target.host;
  return target.port == (target.tls ? 443 : 80) ? host : fmt::format("{}:{}", host, target.port);
}

}  // namespace keelson::io
