#include <algorithm>

#include "io/http_server_connection.h"
#include "io/listener.h"

namespace keelson::io {

ThreadPool& HttpServerShared::StreamPool() {
  const std::lock_guard lock(mutex);
  if (stream_pool == nullptr) stream_pool = std::make_unique<ThreadPool>(16);
  return *stream_pool;
}

HttpServerWorker::HttpServerWorker(std::shared_ptr<HttpServerShared> shared, std::shared_ptr<EventLoop> loop)
    : read_buffer(64u << 10, '\0'),
      shared_(std::move(shared)),
      loop_(std::move(loop)),
      timer_(*loop_, [this] { Tick(); }) {}

std::shared_ptr<HttpServerWorker> HttpServerWorker::Create(std::shared_ptr<HttpServerShared> shared,
                                                           std::shared_ptr<EventLoop> loop) {
  return std::shared_ptr<HttpServerWorker>(new HttpServerWorker(std::move(shared), std::move(loop)));
}

void HttpServerWorker::Adopt(UniqueFd fd, std::string peer) {
  auto connection = std::make_shared<HttpServerConnection>(shared_from_this(), std::move(fd), std::move(peer));
  connections_.emplace(connection.get(), connection);
  connection->Open();
  if (connections_.size() == 1) Tick();
}

void HttpServerWorker::Tick() {
  using std::chrono::milliseconds;
  std::vector<std::shared_ptr<HttpServerConnection>> all;  // a tick may close connections
  all.reserve(connections_.size());
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->OnTick(loop_->now());
  if (connections_.empty()) return;
  const milliseconds shortest = std::min({shared_->limits.idle, shared_->limits.slow, shared_->limits.handshake});
  const milliseconds period =
      shared_->draining ? milliseconds(10) : std::clamp(shortest / 8, milliseconds(5), milliseconds(1000));
  timer_.Set(loop_->now() + period);
}

void HttpServerWorker::CloseAll() {
  while (!connections_.empty()) {
    const std::shared_ptr<HttpServerConnection> connection = connections_.begin()->second;
    connection->Close();
  }
}

void HttpServerWorker::Forget(const HttpServerConnection* connection) {
  connections_.erase(connection);
  {
    const std::lock_guard lock(shared_->mutex);
    --shared_->connections;
  }
  shared_->closed.notify_all();
}

namespace {

// Owns the loops and the listening socket; the connections own themselves.
class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler handler)
      : options_(std::move(options)), shared_(std::make_shared<HttpServerShared>()) {
    shared_->handler = std::move(handler);
    shared_->limits = options_.limits;
    shared_->tls = options_.tls;
  }

  ~Server() override {
    Drain(std::chrono::milliseconds(0));
    for (const auto& worker : workers_) worker->loop().Stop();
    workers_.clear();
    const std::lock_guard lock(shared_->mutex);
    shared_->stream_pool.reset();
  }

  Status Open() {
    KEELSON_ASSIGN_OR_RETURN(
        listener_, Listener::Open(options_.host, options_.port, options_.unix_socket,
                                  [this](UniqueFd fd, std::string peer) { Take(std::move(fd), std::move(peer)); }));
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.threads, 1); ++i) {
      KEELSON_ASSIGN_OR_RETURN(auto loop, EventLoop::Start());
      loop->Call([&] {
        workers_.push_back(HttpServerWorker::Create(shared_, loop));
        loop->AtStop(this, [worker = workers_.back()] { worker->CloseAll(); });
      });
    }
    workers_[0]->loop().Call([&] { listener_->Start(workers_[0]->loop()); });
    return {};
  }

  int port() const override { return listener_->port(); }

  void Drain(std::chrono::milliseconds at_most) override {
    if (workers_.empty()) return;
    workers_[0]->loop().Call([&] { listener_->Close(); });
    if (at_most.count() == 0) return;
    shared_->draining = true;
    for (const auto& worker : workers_) worker->loop().Post([worker] { worker->Tick(); });
    std::unique_lock lock(shared_->mutex);
    shared_->closed.wait_for(lock, at_most, [&] { return shared_->connections == 0; });
  }

 private:
  void Take(UniqueFd fd, std::string peer) {
    if (shared_->connections >= options_.limits.connections) return;
    ++shared_->connections;
    const auto& worker = workers_[next_++ % workers_.size()];
    if (worker->loop().InLoop()) return worker->Adopt(std::move(fd), std::move(peer));
    worker->loop().Post([worker, fd = std::move(fd), peer = std::move(peer)]() mutable {
      worker->Adopt(std::move(fd), std::move(peer));
    });
  }

  const HttpServerOptions options_;
  std::shared_ptr<HttpServerShared> shared_;
  std::vector<std::shared_ptr<HttpServerWorker>> workers_;
  std::unique_ptr<Listener> listener_;  // outlives the loop that it is on
  std::size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, HttpHandler handler) {
  auto server = std::make_unique<Server>(std::move(options), std::move(handler));
  KEELSON_RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace keelson::io
