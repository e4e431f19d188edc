// The server: a listener, I/O threads and what each of them knows of its connections.
#include <algorithm>

#include "io/grpc_connection.h"
#include "io/listener.h"

namespace keelson::io {

GrpcWorker::GrpcWorker(std::shared_ptr<GrpcServerShared> shared, std::shared_ptr<EventLoop> loop)
    : read_buffer(64u << 10, '\0'),
      shared_(std::move(shared)),
      loop_(std::move(loop)),
      tick_(*loop_, [this] { Tick(); }),
      deadline_(*loop_, [this] { EndExpired(); }) {}

std::shared_ptr<GrpcWorker> GrpcWorker::Create(std::shared_ptr<GrpcServerShared> shared,
                                               std::shared_ptr<EventLoop> loop) {
  return std::shared_ptr<GrpcWorker>(new GrpcWorker(std::move(shared), std::move(loop)));
}

void GrpcWorker::Adopt(UniqueFd fd, std::string peer) {
  const auto connection = std::make_shared<GrpcConnection>(shared_from_this(), std::move(fd), std::move(peer));
  connections_.emplace(connection.get(), connection);
  if (connections_.size() == 1) Tick();
  connection->Open();
  if (shared_->draining) connection->Drain();
}

std::vector<std::shared_ptr<GrpcConnection>> GrpcWorker::All() const {
  std::vector<std::shared_ptr<GrpcConnection>> all;
  all.reserve(connections_.size());
  for (const auto& [key, connection] : connections_) all.push_back(connection);
  return all;
}

void GrpcWorker::Tick() {
  using std::chrono::milliseconds;
  for (const auto& connection : All()) connection->OnTick(loop_->now());  // which may close some
  if (connections_.empty()) return;
  const GrpcLimits& limits = shared_->limits;
  const milliseconds shortest =
      std::min({limits.idle, limits.slow, limits.handshake, limits.keepalive, limits.unanswered});
  const milliseconds period =
      shared_->draining ? milliseconds(20) : std::clamp(shortest / 8, milliseconds(5), milliseconds(1000));
  tick_.Set(loop_->now() + period);
}

void GrpcWorker::Drain() {
  for (const auto& connection : All()) connection->Drain();
  Tick();
}

void GrpcWorker::CloseAll() {
  for (const auto& connection : All()) connection->Close();
}

void GrpcWorker::Forget(const GrpcConnection* connection) {
  connections_.erase(connection);
  {
    const std::lock_guard lock(shared_->mutex);
    --shared_->connections;
  }
  shared_->closed.notify_all();
}

GrpcWorker::Deadlines::iterator GrpcWorker::Expect(GrpcServerCall& call) {
  const auto expected = deadlines_.emplace(*call.request().deadline, &call);
  if (expected == deadlines_.begin()) deadline_.Set(expected->first);
  return expected;
}

void GrpcWorker::EndExpired() {
  std::vector<std::shared_ptr<GrpcServerCall>> expired;  // to end one may forget others
  const auto now = EventLoop::Clock::now();
  for (const auto& [due, call] : deadlines_) {
    if (due > now) break;
    expired.push_back(call->shared_from_this());
  }
  for (const auto& call : expired) call->Finish({GrpcCode::kDeadlineExceeded, "Deadline Exceeded"});
  // What has ended, and is not yet sent to a client that does not read, stays in the list; it is looked at again later.
  const auto next = deadlines_.upper_bound(now);
  if (next != deadlines_.end()) deadline_.Set(next->first);
}

namespace {

// Owns the loops and the listener; the connections own themselves.
class Server final : public GrpcServer {
 public:
  Server(GrpcServerOptions options, GrpcAccept accept)
      : options_(std::move(options)), shared_(std::make_shared<GrpcServerShared>()) {
    shared_->accept = std::move(accept);
    shared_->limits = options_.limits;
    shared_->tls = options_.tls;
  }

  ~Server() override {
    Drain(std::chrono::milliseconds(0));
    for (const auto& worker : workers_) worker->loop().Stop();
    workers_.clear();
  }

  Status Open() {
    KEELSON_ASSIGN_OR_RETURN(
        listener_, Listener::Open(options_.host, options_.port, "",
                                  [this](UniqueFd fd, std::string peer) { Take(std::move(fd), std::move(peer)); }));
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.threads, 1); ++i) {
      KEELSON_ASSIGN_OR_RETURN(auto loop, EventLoop::Start());
      loop->Call([&] {
        workers_.push_back(GrpcWorker::Create(shared_, loop));
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
    for (const auto& worker : workers_) worker->loop().Post([worker] { worker->Drain(); });
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

  const GrpcServerOptions options_;
  std::shared_ptr<GrpcServerShared> shared_;
  std::vector<std::shared_ptr<GrpcWorker>> workers_;
  std::unique_ptr<Listener> listener_;  // outlives the loop that it is on
  std::size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcServerOptions options, GrpcAccept accept) {
  auto server = std::make_unique<Server>(std::move(options), std::move(accept));
  KEELSON_RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace keelson::io
