#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <future>

#include "base/log.h"
#include "base/strings.h"
#include "io/http_server_connection.h"

namespace keelson::io {

ThreadPool& HttpServerShared::StreamPool() {
  const std::lock_guard lock(mutex);
  if (stream_pool == nullptr) stream_pool = std::make_unique<ThreadPool>(16);
  return *stream_pool;
}

namespace {

std::uint64_t Seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) std::abort();
  return seed;
}

}  // namespace

HttpServerWorker::HttpServerWorker(std::shared_ptr<HttpServerShared> shared, std::shared_ptr<EventLoop> loop)
    : read_buffer(64u << 10, '\0'),
      shared_(std::move(shared)),
      loop_(std::move(loop)),
      random_(Seed()),
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

// Two draws of a generator seeded by the system: unlike RandomId, no system call for each request.
std::string HttpServerWorker::MakeRequestId() {
  return fmt::format("{:016x}{:016x}", random_.Next(), random_.Next());
}

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

// Owns the loops and the listening socket; the connections own themselves.
class Server final : public HttpServer, public EventHandler {
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
    KEELSON_ASSIGN_OR_RETURN(listener_, ListenOn(options_.host, options_.port, options_.unix_socket));
    port_ = BoundPort(listener_.get());
    if (!options_.unix_socket.empty()) stat(options_.unix_socket.c_str(), &socket_file_);
    spare_.Reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.threads, 1); ++i) {
      KEELSON_ASSIGN_OR_RETURN(auto loop, EventLoop::Start());
      OnLoop(*loop, [&] {
        workers_.push_back(HttpServerWorker::Create(shared_, loop));
        loop->AtStop(this, [worker = workers_.back()] { worker->CloseAll(); });
      });
    }
    OnLoop(workers_[0]->loop(), [&] { workers_[0]->loop().Add(listener_.get(), this, EPOLLIN); });
    return {};
  }

  int port() const override { return port_; }

  void Drain(std::chrono::milliseconds at_most) override {
    if (workers_.empty()) return;
    OnLoop(workers_[0]->loop(), [&] {
      if (!listener_) return;
      Accept();  // who has connected is served
      workers_[0]->loop().Remove(listener_.get(), this);
      listener_.Reset();
      RemoveSocketFile();
    });
    if (at_most.count() == 0) return;
    shared_->draining = true;
    for (const auto& worker : workers_) worker->loop().Post([worker] { worker->Tick(); });
    std::unique_lock lock(shared_->mutex);
    shared_->closed.wait_for(lock, at_most, [&] { return shared_->connections == 0; });
  }

  void OnEvents(std::uint32_t) override { Accept(); }

 private:
  // Runs on the loop's thread and waits for it.
  template <typename Function>
  static void OnLoop(EventLoop& loop, Function function) {
    std::promise<void> done;
    if (!loop.Post([&] {
          function();
          done.set_value();
        }))
      return;
    done.get_future().wait();
  }

  void Accept() {
    for (;;) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      UniqueFd fd(accept4(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EMFILE || errno == ENFILE) {
          ShedOne();
          continue;
        }
        return;
      }
      if (shared_->connections >= options_.limits.connections) continue;
      ++shared_->connections;
      if (address.ss_family != AF_UNIX) SetNoDelay(fd.get());
      const auto& worker = workers_[next_++ % workers_.size()];
      if (worker->loop().InLoop()) {
        worker->Adopt(std::move(fd), PeerName(address));
      } else {
        worker->loop().Post([worker, fd = std::move(fd), peer = PeerName(address)]() mutable {
          worker->Adopt(std::move(fd), std::move(peer));
        });
      }
    }
  }

  // No descriptor is left: takes one client off the queue with the spare one, lest the queue never empties.
  void ShedOne() {
    LogWarning("no descriptor is left for a new connection: raise the limit of open files");
    spare_.Reset();
    UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).Reset();
    spare_.Reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  // Only our own: another server may have taken the path over.
  void RemoveSocketFile() {
    struct stat now {};
    if (options_.unix_socket.empty() || lstat(options_.unix_socket.c_str(), &now) != 0) return;
    if (now.st_ino == socket_file_.st_ino && now.st_dev == socket_file_.st_dev) unlink(options_.unix_socket.c_str());
  }

  const HttpServerOptions options_;
  std::shared_ptr<HttpServerShared> shared_;
  std::vector<std::shared_ptr<HttpServerWorker>> workers_;
  UniqueFd listener_;
  UniqueFd spare_;
  struct stat socket_file_ {};
  int port_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, HttpHandler handler) {
  auto server = std::make_unique<Server>(std::move(options), std::move(handler));
  KEELSON_RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace keelson::io
