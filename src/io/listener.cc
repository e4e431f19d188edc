#include "io/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"

namespace keelson::io {
namespace {

std::string PeerName(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  return "unix";
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Open(const std::string& host, int port, const std::string& unix_socket,
                                                 OnConnect on_connect) {
  std::unique_ptr<Listener> listener(new Listener(unix_socket, std::move(on_connect)));
  KEELSON_ASSIGN_OR_RETURN(listener->fd_, ListenOn(host, port, unix_socket));
  listener->port_ = BoundPort(listener->fd_.get());
  if (!unix_socket.empty()) stat(unix_socket.c_str(), &listener->socket_file_);
  listener->spare_.Reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return listener;
}

void Listener::Start(EventLoop& loop) {
  loop_ = &loop;
  loop.Add(fd_.get(), this, EPOLLIN);
}

void Listener::Close() {
  if (!fd_) return;
  Accept();
  if (loop_ != nullptr) loop_->Remove(fd_.get(), this);
  fd_.Reset();
  RemoveSocketFile();
}

void Listener::OnEvents(std::uint32_t) {
  Accept();
}

void Listener::Accept() {
  for (;;) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    UniqueFd fd(accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EMFILE || errno == ENFILE) {
        ShedOne();
        continue;
      }
      return;
    }
    if (address.ss_family != AF_UNIX) SetNoDelay(fd.get());
    on_connect_(std::move(fd), PeerName(address));
  }
}

// No descriptor is left: takes one client off the queue with the spare one, lest the queue never empties.
void Listener::ShedOne() {
  LogWarning("no descriptor is left for a new connection: raise the limit of open files");
  spare_.Reset();
  UniqueFd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)).Reset();
  spare_.Reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

// Only our own: another server may have taken the path over.
void Listener::RemoveSocketFile() {
  struct stat now {};
  if (unix_socket_.empty() || lstat(unix_socket_.c_str(), &now) != 0) return;
  if (now.st_ino == socket_file_.st_ino && now.st_dev == socket_file_.st_dev) unlink(unix_socket_.c_str());
}

}  // namespace keelson::io
