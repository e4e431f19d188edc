#include <algorithm>
#include <mutex>

#include "io/http_server_connection.h"

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
  shared_->ConnectionClosed();
}

namespace {

class Server final : public HttpServer {
 public:
  Server(const HttpServerOptions& options, HttpHandler handler)
      : shared_(std::make_shared<HttpServerShared>()), loops_(shared_, options.limits.connections) {
    shared_->handler = std::move(handler);
    shared_->limits = options.limits;
    shared_->uploads = options.uploads;
    shared_->tls = options.tls;
  }

  ~Server() override {
    loops_.Stop();
    const std::lock_guard lock(shared_->mutex);
    shared_->stream_pool.reset();
  }

  Status Open(const HttpServerOptions& options) {
    return loops_.Open(options.host, options.port, options.unix_socket, options.threads);
  }
  int port() const override { return loops_.port(); }
  void Drain(std::chrono::milliseconds at_most) override { loops_.Drain(at_most, &HttpServerWorker::Tick); }

 private:
  const std::shared_ptr<HttpServerShared> shared_;
  ServerLoops<HttpServerWorker, HttpServerShared> loops_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, HttpHandler handler) {
  auto server = std::make_unique<Server>(options, std::move(handler));
  KEELSON_RETURN_IF_ERROR(server->Open(options));
  return server;
}

}  // namespace keelson::io
