#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/http_event_loop.h"
#include "io/http_sockets.h"

namespace keelson::io {

// A listening socket: takes in whoever connects. Owned by a server, which keeps it until the loop has ended or Close
// was called; used on the loop's thread.
class Listener final : public EventHandler {
 public:
  // Takes the connection, or drops it by dropping the descriptor. `peer`: "127.0.0.1:54321" or "unix".
  using OnConnect = std::function<void(UniqueFd fd, std::string peer)>;

  // Binds; kUnavailable names the address and what to do when it is in use.
  static Result<std::unique_ptr<Listener>> Open(const std::string& host, int port, const std::string& unix_socket,
                                                OnConnect on_connect);
  int port() const { return port_; }

  void Start(EventLoop& loop);
  void Close();  // who has connected by now is still taken in; the second time nothing happens

  void OnEvents(std::uint32_t events) override;

 private:
  Listener(std::string unix_socket, OnConnect on_connect)
      : unix_socket_(std::move(unix_socket)), on_connect_(std::move(on_connect)) {}
  void Accept();
  void ShedOne();
  void RemoveSocketFile();

  const std::string unix_socket_;
  const OnConnect on_connect_;
  EventLoop* loop_ = nullptr;
  UniqueFd fd_;
  UniqueFd spare_;
  struct stat socket_file_ {};
  int port_ = 0;
};

}  // namespace keelson::io
