// The server, and what each of its I/O threads knows of its connections.
#include <algorithm>

#include "io/grpc_connection.h"

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
  shared_->ConnectionClosed();
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

class Server final : public GrpcServer {
 public:
  Server(const GrpcServerOptions& options, GrpcAccept accept)
      : shared_(std::make_shared<GrpcServerShared>()), loops_(shared_, options.limits.connections) {
    shared_->accept = std::move(accept);
    shared_->limits = options.limits;
    shared_->tls = options.tls;
  }

  Status Open(const GrpcServerOptions& options) { return loops_.Open(options.host, options.port, "", options.threads); }
  int port() const override { return loops_.port(); }
  void Drain(std::chrono::milliseconds at_most) override { loops_.Drain(at_most, &GrpcWorker::Drain); }

 private:
  const std::shared_ptr<GrpcServerShared> shared_;
  ServerLoops<GrpcWorker, GrpcServerShared> loops_;
};

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(GrpcServerOptions options, GrpcAccept accept) {
  auto server = std::make_unique<Server>(options, std::move(accept));
  KEELSON_RETURN_IF_ERROR(server->Open(options));
  return server;
}

}  // namespace keelson::io
