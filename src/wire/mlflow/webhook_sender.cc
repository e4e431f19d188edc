#include "wire/mlflow/webhook_sender.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "wire/mlflow/webhook_request.h"
#include "wire/mlflow/webhook_url.h"

namespace keelson::wire::mlflow {
namespace {

constexpr auto kLook = std::chrono::milliseconds(250);
constexpr std::size_t kLongestAnswer = 1u << 20;

}  // namespace

class WebhookSender::Watched {
 public:
  Watched(WebhookSender& sender, io::InterruptibleConnection& connection) : sender_(sender), connection_(connection) {
    const std::lock_guard lock(sender_.mutex_);
    if (sender_.ended_) connection_.Interrupt();
    sender_.connections_.insert(&connection_);
  }
  ~Watched() {
    const std::lock_guard lock(sender_.mutex_);
    sender_.connections_.erase(&connection_);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  WebhookSender& sender_;
  io::InterruptibleConnection& connection_;
};

WebhookSender::WebhookSender(tracking::Webhooks& webhooks, const Clock& clock, const WebhookOptions& options)
    : webhooks_(webhooks),
      clock_(clock),
      options_(options),
      lots_(static_cast<std::uint64_t>(ToMicros(clock.WallNow()))) {}

void WebhookSender::Start() {
  thread_ = std::thread([this] { Run(); });
}

WebhookSender::~WebhookSender() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (io::InterruptibleConnection* connection : connections_) connection->Interrupt();
  }
  ending_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void WebhookSender::Run() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    lock.unlock();
    TakeWhatIsDue();
    lock.lock();
    ending_.wait_for(lock, kLook, [this] { return ended_; });
  }
}

void WebhookSender::TakeWhatIsDue() {
  // What is under way is due still, and so is counted against both limits.
  const auto all = static_cast<std::int64_t>(options_.workers);
  auto due = webhooks_.Due(all, std::max<std::int64_t>(all / 2, 1));
  if (!due.has_value()) {
    if (!failing_) LogError("webhooks wait: the database does not answer", {{"error", due.error().ToString()}});
    failing_ = true;
    return;
  }
  failing_ = false;
  for (auto& delivery : *due) {
    {
      const std::lock_guard lock(mutex_);
      if (ended_ || !under_way_.insert(delivery.id).second) continue;
    }
    if (!pool_) pool_.emplace(options_.workers);
    pool_->Post([this, delivery = std::move(delivery)] { Deliver(delivery); });
  }
}

void WebhookSender::Deliver(const tracking::WebhookDelivery& delivery) {
  const auto answer = Post(delivery);
  std::unique_lock lock(mutex_);
  const bool settle = !ended_ || answer.has_value();
  lock.unlock();
  if (settle) Settle(delivery, answer);
  lock.lock();
  under_way_.erase(delivery.id);
}

void WebhookSender::Settle(const tracking::WebhookDelivery& delivery, const Result<io::HttpResponse>& answer) {
  double lot = 0;
  {
    const std::lock_guard lock(mutex_);
    lot = lots_.Uniform();
  }
  const bool taken = answer.has_value() && answer->status < 400;
  const auto wait = WaitBeforeNext(answer, delivery.attempts + 1, options_.retries, lot);
  if (!taken && !wait) {
    LogError("a webhook did not take what it was sent; it is given up",
             {{"webhook", delivery.webhook_id},
              {"delivery", delivery.id},
              {"attempts", std::to_string(delivery.attempts + 1)},
              {"error", answer.has_value() ? "status " + std::to_string(answer->status) : answer.error().message}});
  }
  const Status stored =
      wait ? webhooks_.Postpone(delivery.id, clock_.WallNow() + *wait) : webhooks_.Finish(delivery.id);
  if (!stored.has_value()) {  // it stays due, and is sent again
    LogError("what became of a delivery could not be stored",
             {{"delivery", delivery.id}, {"error", stored.error().ToString()}});
  }
}

Result<io::HttpResponse> WebhookSender::Post(const tracking::WebhookDelivery& delivery) {
  KEELSON_ASSIGN_OR_RETURN(const WebhookUrl url, ReadWebhookUrl(delivery.url, options_));
  const auto connection = io::InterruptibleConnection::Create(
      url.target, options_.private_addresses ? io::Reach::kAnywhere : io::Reach::kPublic);
  const Watched watched(*this, *connection);
  const auto until = clock_.MonotonicNow() + options_.timeout;
  std::string body;
  const auto call = WebhookRequest(url, delivery, clock_.WallNow(), options_.timeout);
  auto answer = connection->Stream(call, [&](std::string_view piece) {
    body += piece;
    if (body.size() > kLongestAnswer || clock_.MonotonicNow() > until) connection->Interrupt();
  });
  // Even one that came whole, for what had come before the connection was ended.
  if (body.size() > kLongestAnswer) return Fail(ErrorCode::kResourceExhausted, "the answer is longer than 1 MiB");
  if (answer.has_value()) answer->body = std::move(body);
  return answer;
}

}  // namespace keelson::wire::mlflow
