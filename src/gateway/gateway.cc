#include "gateway/gateway.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "base/log.h"
#include "gateway/endpoint.h"

namespace keelson::gateway {
namespace {

SteadyTime Now() {
  return std::chrono::steady_clock::now();
}

// Outlives the gateway while requests are under way.
class Core : public std::enable_shared_from_this<Core> {
 public:
  ~Core() { Stop(); }

  void Configure(const EndpointConfig& config);
  void Remove(const std::string& name);
  std::shared_ptr<Endpoint> Find(const std::string& name) const;
  void Dispatch(ForwardedPtr request);
  void Close();

 private:
  std::map<std::string, std::shared_ptr<Replica>> ReplicasOf(const EndpointConfig& config);
  void Send(ForwardedPtr request, SteadyTime now);
  bool MayAskAnother(Forwarded& request, const Result<io::HttpResponse>& result) const;
  void OnAnswer(ForwardedPtr request, Result<io::HttpResponse> result);
  void Finish(ForwardedPtr request, Result<io::HttpResponse> result);
  void FinishRefused(ForwardedPtr request);  // with the replica's own words
  void WatchHeld();                          // wakes the thread that looks after held requests
  void LookAfterHeld();
  void Stop();

  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<Endpoint>, std::less<>> endpoints_;  // guarded by mutex_, as is the next
  std::map<std::string, std::weak_ptr<Replica>> replicas_;  // by address, also those that only requests still hold
  std::atomic<bool> closed_{false};

  std::mutex watch_mutex_;
  std::condition_variable watch_;
  bool look_ = false;  // guarded by watch_mutex_, as is the next
  bool stopping_ = false;
  std::thread watcher_;  // started at the first hold
};

std::shared_ptr<Endpoint> Core::Find(const std::string& name) const {
  const std::shared_lock lock(mutex_);
  const auto found = endpoints_.find(name);
  return found == endpoints_.end() ? nullptr : found->second;
}

std::map<std::string, std::shared_ptr<Replica>> Core::ReplicasOf(const EndpointConfig& config) {
  std::map<std::string, std::shared_ptr<Replica>> replicas;
  const std::lock_guard lock(mutex_);
  std::erase_if(replicas_, [](const auto& entry) { return entry.second.expired(); });
  for (const Backend& backend : config.backends) {
    for (const std::string& address : backend.addresses) {
      auto replica = replicas_[address].lock();
      if (replica == nullptr) {
        auto target = io::ParseHttpTarget(address);
        if (!target.has_value()) {
          LogError("a replica has an address that cannot be asked",
                   {{"endpoint", config.name}, {"error", target.error().ToString()}});
          continue;
        }
        replica = std::make_shared<Replica>(address, io::HttpClient::Create(*std::move(target), 256));
        replicas_[address] = replica;
      }
      replicas.emplace(address, std::move(replica));
    }
  }
  return replicas;
}

void Core::Configure(const EndpointConfig& config) {
  const auto replicas = ReplicasOf(config);
  std::shared_ptr<Endpoint> endpoint;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Endpoint>& slot = endpoints_[config.name];
    if (slot == nullptr) slot = std::make_shared<Endpoint>(Now());
    endpoint = slot;
  }
  for (ForwardedPtr& request : endpoint->Configure(config, replicas)) Dispatch(std::move(request));
}

void Core::Remove(const std::string& name) {
  std::shared_ptr<Endpoint> endpoint;
  {
    const std::lock_guard lock(mutex_);
    const auto found = endpoints_.find(name);
    if (found == endpoints_.end()) return;
    endpoint = std::move(found->second);
    endpoints_.erase(found);
  }
  for (ForwardedPtr& request : endpoint->Remove())
    Finish(std::move(request), Fail(ErrorCode::kNotFound, "the endpoint was removed", name));
}

void Core::Dispatch(ForwardedPtr request) {
  const SteadyTime now = Now();
  if (closed_) return Finish(std::move(request), Fail(ErrorCode::kUnavailable, "the gateway is stopping"));
  if (request->deadline && now >= *request->deadline) {
    return Finish(std::move(request),
                  Fail(ErrorCode::kDeadlineExceeded, "the request's deadline passed before a replica took it"));
  }
  if (request->give_up_at && now >= *request->give_up_at) {
    if (request->refusal) return FinishRefused(std::move(request));
    return Finish(std::move(request), Fail(ErrorCode::kDeadlineExceeded, "no replica became ready in time"));
  }
  switch (request->endpoint->Admit(request, now)) {
    case Endpoint::Verdict::kSend:
      return Send(std::move(request), now);
    case Endpoint::Verdict::kHeld:
      return WatchHeld();
    case Endpoint::Verdict::kFull:
      return Finish(std::move(request),
                    Fail(ErrorCode::kResourceExhausted, "too many requests wait for a replica; try again later"));
    case Endpoint::Verdict::kRefused:
      return FinishRefused(std::move(request));
    case Endpoint::Verdict::kNoVersion: {
      Error error = NoSuchVersion(request->endpoint->name(), request->wanted, request->endpoint->versions());
      return Finish(std::move(request), std::unexpected(std::move(error)));
    }
    case Endpoint::Verdict::kRemoved:
      return Finish(std::move(request), Fail(ErrorCode::kNotFound, "the endpoint was removed"));
  }
}

void Core::Send(ForwardedPtr request, SteadyTime now) {
  io::HttpCall call = request->call;  // kept for another attempt
  call.timeout = request->endpoint->timeout();
  if (request->deadline) {
    const auto left = *request->deadline - now;
    call.timeout = std::min(call.timeout, std::chrono::ceil<std::chrono::milliseconds>(left));
    call.headers.emplace_back(kTimeoutHeader,
                              std::to_string(std::chrono::ceil<std::chrono::microseconds>(left).count()));
  }
  const std::shared_ptr<io::HttpClient> client = request->replica->client();
  if (client == nullptr) return OnAnswer(std::move(request), Fail(ErrorCode::kUnavailable, "the gateway is stopping"));
  auto shared = std::make_shared<ForwardedPtr>(std::move(request));
  client->Send(std::move(call), [self = shared_from_this(), shared](Result<io::HttpResponse> result) {
    self->OnAnswer(std::move(*shared), std::move(result));
  });
}

// Whether the replica says that it has done nothing for the request.
bool IsUntouched(const io::HttpResponse& response) {
  return (response.status == 429 || response.status == 503) &&
         !io::FindHeader(response.headers, kUntouchedHeader).empty();
}

void NameVersion(const std::string& version, io::HttpResponse* response) {
  std::erase_if(response->headers, [](const auto& header) {
    return header.first == "x-keelson-version" || header.first == kUntouchedHeader;
  });
  response->headers.emplace_back("x-keelson-version", version);
}

bool Core::MayAskAnother(Forwarded& request, const Result<io::HttpResponse>& result) const {
  if (closed_) return false;
  if (result.has_value()) {
    if (!IsUntouched(*result)) return false;
    // A queue that is full is not waited for: it is bounded so that whoever asks hears of it.
    return result->status == 503 || ++request.refused <= request.endpoint->retries();
  }
  if (io::IsConnectError(result.error())) return true;
  return result.error().code == ErrorCode::kUnavailable && ++request.broken <= request.endpoint->retries();
}

void Core::OnAnswer(ForwardedPtr request, Result<io::HttpResponse> result) {
  const bool again = MayAskAnother(*request, result);
  const bool error = !result.has_value() || result->status >= 500;
  request->endpoint->EndAttempt(*request, !again, error, Now());
  if (!again) {
    if (result.has_value()) NameVersion(request->version->name, &*result);
    request->replica.reset();
    const auto done = std::move(request->done);
    request.reset();
    return done(std::move(result));
  }
  if (result.has_value()) request->refusal = *std::move(result);
  request->tried.push_back(request->replica.get());
  request->replica.reset();
  Dispatch(std::move(request));
}

// Ends a request that no replica has at the moment.
void Core::Finish(ForwardedPtr request, Result<io::HttpResponse> result) {
  const bool error = !result.has_value() || result->status >= 500;
  request->endpoint->EndAttempt(*request, true, error, Now());
  const auto done = std::move(request->done);
  request.reset();
  done(std::move(result));
}

void Core::FinishRefused(ForwardedPtr request) {
  io::HttpResponse response = *std::move(request->refusal);
  if (request->version != nullptr) NameVersion(request->version->name, &response);
  Finish(std::move(request), std::move(response));
}

void Core::WatchHeld() {
  {
    const std::lock_guard lock(watch_mutex_);
    if (stopping_) return;
    look_ = true;
    if (!watcher_.joinable()) watcher_ = std::thread([this] { LookAfterHeld(); });
  }
  watch_.notify_one();
}

void Core::LookAfterHeld() {
  std::unique_lock lock(watch_mutex_);
  while (!stopping_) {
    look_ = false;
    lock.unlock();
    std::vector<std::shared_ptr<Endpoint>> endpoints;
    {
      const std::shared_lock list(mutex_);
      for (const auto& [name, endpoint] : endpoints_) endpoints.push_back(endpoint);
    }
    SteadyTime next = SteadyTime::max();
    for (const auto& endpoint : endpoints) {
      for (ForwardedPtr& request : endpoint->TakeDue(Now())) Dispatch(std::move(request));
      if (const auto due = endpoint->NextDue()) next = std::min(next, *due);
    }
    endpoints.clear();
    lock.lock();
    const auto wake = [this] { return look_ || stopping_; };
    if (next == SteadyTime::max()) {
      watch_.wait(lock, wake);
    } else {
      watch_.wait_until(lock, next, wake);
    }
  }
}

void Core::Stop() {
  {
    const std::lock_guard lock(watch_mutex_);
    stopping_ = true;
  }
  watch_.notify_one();
  if (watcher_.joinable()) watcher_.join();
}

void Core::Close() {
  closed_ = true;
  Stop();
  std::map<std::string, std::shared_ptr<Endpoint>, std::less<>> endpoints;
  std::vector<std::shared_ptr<Replica>> replicas;
  {
    const std::lock_guard lock(mutex_);
    endpoints.swap(endpoints_);
    for (const auto& [address, weak] : replicas_) {
      if (auto replica = weak.lock()) replicas.push_back(std::move(replica));
    }
  }
  for (const auto& [name, endpoint] : endpoints) {
    for (ForwardedPtr& request : endpoint->Remove())
      Finish(std::move(request), Fail(ErrorCode::kUnavailable, "the gateway is stopping"));
  }
  // Closing a client ends the requests inside it.
  for (const auto& replica : replicas) replica->Close();
}

class GatewayImpl final : public Gateway {
 public:
  ~GatewayImpl() override { core_->Close(); }

  void Configure(const EndpointConfig& config) override { core_->Configure(config); }
  void Remove(const std::string& endpoint) override { core_->Remove(endpoint); }
  bool Has(const std::string& endpoint) const override { return core_->Find(endpoint) != nullptr; }

  std::vector<std::string> Versions(const std::string& endpoint) const override {
    const auto found = core_->Find(endpoint);
    return found == nullptr ? std::vector<std::string>{} : found->versions();
  }

  void Forward(GatewayRequest asked, std::function<void(Result<io::HttpResponse>)> done) override {
    auto request = std::make_unique<Forwarded>();
    request->endpoint = core_->Find(asked.endpoint);
    if (request->endpoint == nullptr) return done(Fail(ErrorCode::kNotFound, "no such endpoint", asked.endpoint));
    request->hash = RouteHash(asked.endpoint, asked.request_id);
    request->wanted = std::move(asked.version);
    request->deadline = asked.deadline;
    request->call = std::move(asked.call);
    request->call.retry_safe = true;  // a prediction changes nothing
    if (io::FindHeader(request->call.headers, "x-request-id").empty())
      request->call.headers.emplace_back("x-request-id", asked.request_id);
    request->done = std::move(done);
    core_->Dispatch(std::move(request));
  }

  EndpointStats Stats(const std::string& endpoint) const override {
    const auto found = core_->Find(endpoint);
    return found == nullptr ? EndpointStats{} : found->Stats(Now());
  }

 private:
  std::shared_ptr<Core> core_ = std::make_shared<Core>();
};

}  // namespace

std::unique_ptr<Gateway> Gateway::Create() {
  return std::make_unique<GatewayImpl>();
}

}  // namespace keelson::gateway
