#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "kubernetes/client/api_client.h"
#include "kubernetes/operator/lease.h"

namespace keelson::kubernetes {

struct ElectionOptions {
  std::string in_namespace;
  std::string name = "keelson-server";
  std::string identity;  // of this server, of nobody else
  LeaseTimes times = {};
  std::uint64_t seed = 0;                // of the lot by which servers do not ask in step
  std::function<void()> on_change = {};  // from the election's thread: leads from now on, or no more
};

// Keeps a Lease, or waits for it, on a thread of its own. Thread-safe.
class Election {
 public:
  // `client` outlives it. It should ask each thing once and wait for no longer than a third of the renew deadline
  // (ClientOptions): a renewal that is asked again for a minute is one that came too late.
  Election(ApiClient& client, ElectionOptions options);
  ~Election();  // gives the lease up, if it has it
  Election(const Election&) = delete;
  Election& operator=(const Election&) = delete;

  static ApiOptions ClientOptions(const Clock& clock, const LeaseTimes& times);

  // Whether this server may act now: it had the lease at a moment that is less than the renew deadline ago. To be asked
  // before each thing that is done, which then must not take longer than what the lease has left after that deadline.
  bool Leads() const;
  std::optional<Error> problem() const;  // why the last look did not succeed
  std::string holder() const;            // as last seen; "" when nobody has it or nothing is known

 private:
  void Run();
  Status Look();
  void Had(Moment at);  // the lease is ours since before `at`
  bool Pause(std::chrono::milliseconds time);

  ApiClient& client_;
  const ElectionOptions options_;
  std::optional<SeenLease> seen_;  // the thread's own
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  bool stopping_ = false;  // guarded by mutex_, as is all below
  std::optional<Moment> had_;
  std::optional<Error> problem_;
  std::string holder_;
  Random random_;
  std::thread thread_;
};

}  // namespace keelson::kubernetes
