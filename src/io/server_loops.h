#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/http_event_loop.h"
#include "io/listener.h"
#include "io/os.h"
#include "io/tls.h"

namespace keelson::io {

// What all I/O threads of one server share, whatever it speaks. Lives as long as any of its connections.
struct ServerShared {
  std::shared_ptr<const TlsServer> tls;         // null: plain
  std::atomic<std::int64_t> handshake_told{0};  // the second of the last log line about a failed handshake
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> connections{0};
  std::mutex mutex;
  std::condition_variable closed;  // told at each close

  void ConnectionClosed() {
    {
      const std::lock_guard lock(mutex);
      --connections;
    }
    closed.notify_all();
  }
};

// A server's listener and its I/O threads, with a Worker on each, who has the connections: Create(shared, loop), Adopt,
// CloseAll and loop(). Owned by the server.
template <typename Worker, typename Shared>
class ServerLoops {
 public:
  ServerLoops(std::shared_ptr<Shared> shared, std::size_t most_connections)
      : shared_(std::move(shared)), most_connections_(most_connections) {}
  ~ServerLoops() { Stop(); }
  ServerLoops(const ServerLoops&) = delete;
  ServerLoops& operator=(const ServerLoops&) = delete;

  Status Open(const std::string& host, int port, const std::string& unix_socket, std::size_t threads) {
    KEELSON_ASSIGN_OR_RETURN(listener_, Listener::Open(host, port, unix_socket, [this](UniqueFd fd, std::string peer) {
                               Take(std::move(fd), std::move(peer));
                             }));
    for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
      KEELSON_ASSIGN_OR_RETURN(auto loop, EventLoop::Start());
      loop->Call([&] {
        workers_.push_back(Worker::Create(shared_, loop));
        loop->AtStop(this, [worker = workers_.back()] { worker->CloseAll(); });
      });
    }
    workers_[0]->loop().Call([&] { listener_->Start(workers_[0]->loop()); });
    return {};
  }

  int port() const { return listener_->port(); }

  // Stops accepting, tells every worker by `drain` to close what has nothing under way, and waits for the rest.
  void Drain(std::chrono::milliseconds at_most, void (Worker::*drain)()) {
    if (!CloseListener() || at_most.count() == 0) return;
    shared_->draining = true;
    for (const auto& worker : workers_) {
      worker->loop().Post([worker, drain] { ((*worker).*drain)(); });
    }
    std::unique_lock lock(shared_->mutex);
    shared_->closed.wait_for(lock, at_most, [&] { return shared_->connections == 0; });
  }

  // Closes everything; nothing of the server runs any more when it returns.
  void Stop() {
    CloseListener();
    for (const auto& worker : workers_) worker->loop().Stop();
    workers_.clear();
  }

 private:
  bool CloseListener() {
    if (workers_.empty()) return false;
    workers_[0]->loop().Call([&] { listener_->Close(); });
    return true;
  }

  void Take(UniqueFd fd, std::string peer) {
    if (shared_->connections >= most_connections_) return;
    ++shared_->connections;
    const auto& worker = workers_[next_++ % workers_.size()];
    if (worker->loop().InLoop()) return worker->Adopt(std::move(fd), std::move(peer));
    worker->loop().Post([worker, fd = std::move(fd), peer = std::move(peer)]() mutable {
      worker->Adopt(std::move(fd), std::move(peer));
    });
  }

  const std::shared_ptr<Shared> shared_;
  const std::size_t most_connections_;
  std::vector<std::shared_ptr<Worker>> workers_;
  std::unique_ptr<Listener> listener_;  // outlives the loop that it is on
  std::size_t next_ = 0;
};

}  // namespace keelson::io
