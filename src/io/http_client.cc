// The asynchronous client: for each I/O thread that sends, one HttpClientPool of connections, made at its first
// request.
#include <future>
#include <map>
#include <mutex>
#include <vector>

#include "io/http.h"
#include "io/http_client_pool.h"

namespace keelson::io {
namespace {

class Client final : public HttpClient {
 public:
  Client(HttpTarget target, std::size_t max_connections)
      : target_(std::move(target)), max_connections_(max_connections) {}

  ~Client() override {
    std::map<EventLoop*, std::shared_ptr<HttpClientPool>> pools;
    {
      const std::lock_guard lock(mutex_);
      pools.swap(pools_);
    }
    for (auto& [loop, pool] : pools) {
      if (loop->InLoop()) {
        pool->Shutdown();
        continue;
      }
      auto done = std::make_shared<std::promise<void>>();
      std::future<void> ended = done->get_future();
      const bool posted = pool->loop().Post([pool = pool, done] {
        pool->Shutdown();
        done->set_value();
      });
      if (posted && EventLoop::Current() == nullptr) ended.wait();  // two I/O threads must not wait for each other
    }
  }

  void Send(HttpCall call, std::function<void(Result<HttpResponse>)> done) override {
    EventLoop* const current = EventLoop::Current();
    const std::shared_ptr<EventLoop> loop = current != nullptr ? current->shared_from_this() : EventLoop::Background();
    const std::shared_ptr<HttpClientPool> pool = PoolOf(loop);
    if (current != nullptr) return pool->Send(std::move(call), std::move(done));
    loop->Post([pool, call = std::move(call), done = std::move(done)]() mutable {
      pool->Send(std::move(call), std::move(done));
    });
  }

 private:
  std::shared_ptr<HttpClientPool> PoolOf(const std::shared_ptr<EventLoop>& loop) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<HttpClientPool>& pool = pools_[loop.get()];
    // A loop at the address of one that has stopped is another loop.
    if (pool == nullptr || &pool->loop() != loop.get() || pool->shut())
      pool = HttpClientPool::Create(target_, max_connections_, loop);
    return pool;
  }

  const HttpTarget target_;
  const std::size_t max_connections_;
  std::mutex mutex_;
  std::map<EventLoop*, std::shared_ptr<HttpClientPool>> pools_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<HttpClient> HttpClient::Create(HttpTarget target, std::size_t max_connections) {
  return std::make_unique<Client>(std::move(target), std::max<std::size_t>(max_connections, 1));
}

}  // namespace keelson::io
