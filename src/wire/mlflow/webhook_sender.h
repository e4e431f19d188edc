#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "io/interruptible_connection.h"
#include "tracking/webhooks.h"
#include "wire/mlflow/webhook_options.h"

namespace keelson::wire::mlflow {

// Sends what is announced to webhooks, from threads of its own once it is started: it looks four times a second for
// what is due, and takes it off the list only when the other side has it or it is given up. What a killed server was
// sending is so sent again by the next one, under the same id. No webhook has more than half of the attempts at once.
// The destructor ends what is under way; that counts as no attempt. What it is given outlives it.
class WebhookSender {
 public:
  WebhookSender(tracking::Webhooks& webhooks, const Clock& clock, const WebhookOptions& options);
  ~WebhookSender();
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;

  void Start();  // once

  // One attempt, on the caller's thread; also before it was started. An answer of any status, or why none came:
  // kPermissionDenied for an address that is not public, kResourceExhausted for an answer of more than 1 MiB.
  Result<io::HttpResponse> Post(const tracking::WebhookDelivery& delivery);

 private:
  class Watched;  // a connection that the destructor ends

  void Run();
  void TakeWhatIsDue();
  void Deliver(const tracking::WebhookDelivery& delivery);
  void Settle(const tracking::WebhookDelivery& delivery, const Result<io::HttpResponse>& answer);

  tracking::Webhooks& webhooks_;
  const Clock& clock_;
  const WebhookOptions& options_;
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;               // guarded by mutex_, as is all to the next empty line
  std::set<std::string> under_way_;  // deliveries, by their ids
  std::set<io::InterruptibleConnection*> connections_;
  Random lots_;

  bool failing_ = false;            // the database does; said once. Of the thread's own
  std::optional<ThreadPool> pool_;  // from the first delivery on; of the thread's own
  std::thread thread_;              // last: it uses all above
};

}  // namespace keelson::wire::mlflow
