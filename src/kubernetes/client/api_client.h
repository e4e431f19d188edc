#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "io/http.h"
#include "io/interruptible_connection.h"
#include "kubernetes/client/credentials.h"
#include "kubernetes/client/kinds.h"
#include "kubernetes/client/problem.h"
#include "kubernetes/client/token_bucket.h"

namespace keelson::kubernetes {

inline constexpr const char* kFieldManager = "keelson";

struct ApiOptions {
  const Clock* clock = nullptr;     // outlives the client
  double requests_per_second = 50;  // on the whole; watches count once
  double burst = 100;
  int attempts = 6;                                          // of one request
  std::chrono::milliseconds request_timeout{60'000};         // of one attempt
  std::chrono::milliseconds first_wait{200};                 // before the second; doubled each time, half of it by lot
  std::chrono::milliseconds longest_wait{10'000};            // what we choose ourselves
  std::chrono::milliseconds longest_retry_after{60'000};     // what the server may choose by Retry-After
  std::uint64_t seed = 0;                                    // of the lot
  std::function<void(std::chrono::milliseconds)> wait = {};  // nothing: sleeps
  // Asked when a request is about to go out, after every wait for a credential or for the rate; false: it does not
  // (kAborted). Whoever may act for a time only is held to it here.
  std::function<bool()> may_send = {};
};

// How a caller waits before it asks again; false: it will not.
using Patience = std::function<bool(std::chrono::milliseconds)>;

struct ListOptions {
  std::string label_selector = {};
  std::string field_selector = {};
  int page = 500;          // objects an answer
  Patience patience = {};  // nothing: the client's own
};

struct ObjectList {
  std::vector<nlohmann::json> items;
  std::string resource_version;  // of all of them together: where a watch goes on
};

enum class PatchKind { kMerge, kJson, kStrategic };

struct LogOptions {
  std::string container = {};
  bool previous = false;            // of the container's run before
  std::optional<int> tail = {};     // lines
  std::size_t at_most = 10u << 20;  // bytes
};

// One API server, blocking: each call on a kept connection of its own, from any thread but an I/O thread.
//
// What may help is asked again, with waits that double and are drawn by lot, and never sooner than a Retry-After says:
// a broken connection, 429 and 5xx for what is harmless to repeat; 429 and a connection that never came about for all.
// A refused credential is renewed once. All requests together keep to a rate. Errors are those of ErrorOf, where =
// the path. No error and no log line holds a credential.
class ApiClient {
 public:
  static Result<std::unique_ptr<ApiClient>> Create(Access access, ApiOptions options);
  ~ApiClient();

  Result<nlohmann::json> Get(const Kind& kind, const std::string& in_namespace, const std::string& name);
  // All pages, as of one resource version. When the pages are known no more (410) it begins anew.
  Result<ObjectList> List(const Kind& kind, const std::string& in_namespace, const ListOptions& options = {});
  // Not repeated once it may have reached the server: kAlreadyExists then says little.
  Result<nlohmann::json> Create(const Kind& kind, const nlohmann::json& object, bool dry_run = false);
  // Server-side apply under kFieldManager, never forced: a field that somebody else manages is kFailedPrecondition with
  // the server's message, which names both. A field that the schema does not have is kInvalidArgument.
  Result<nlohmann::json> Apply(const Kind& kind, const nlohmann::json& object, bool dry_run = false);
  Result<nlohmann::json> Patch(const Kind& kind, const std::string& in_namespace, const std::string& name,
                               PatchKind how, const nlohmann::json& patch, const std::string& subresource = {});
  // In the background, what it owns too. No error when it is gone. With `uid`: only that one, kAborted for another.
  Status Delete(const Kind& kind, const std::string& in_namespace, const std::string& name,
                const std::string& uid = {});
  Result<std::string> Log(const std::string& in_namespace, const std::string& pod, const LogOptions& options = {});

  // Every kind of every group and version, by two questions where the server answers for all groups together (from
  // Kubernetes 1.27 on), else by one for each. A group whose own server does not answer is told, and is no error.
  Result<Kinds> Discover();

  // What of a request is general: path and query as they are.
  struct Call {
    std::string method = "GET";
    std::string path;
    std::vector<std::pair<std::string, std::string>> query = {};
    std::string content_type = {};
    std::string body = {};
    std::string accept = "application/json";
    bool repeatable = true;
    Patience patience = {};
  };
  Result<io::HttpResponse> Ask(const Call& call);

  // Opens a stream (a watch, a log that is followed) on a connection of its own, which another thread can interrupt.
  Result<std::unique_ptr<io::InterruptibleConnection>> Connect();
  // One attempt of it: pieces of the body go to `on_data`, those of an answer that says no as well. `silence`: how long
  // nothing may come.
  Result<int> Stream(io::InterruptibleConnection& connection, const Call& call, std::chrono::milliseconds silence,
                     const std::function<void(std::string_view)>& on_data);

  // The wait before attempt number `attempt`, the second being 2. Not sooner than the server has said, within reason.
  std::chrono::milliseconds WaitBefore(int attempt, std::optional<std::chrono::seconds> retry_after = {});
  // Until when the server wants to be left alone, by the last Retry-After that it gave: for who asks again by himself.
  std::chrono::steady_clock::time_point quiet_until() const;
  const Credentials& credentials() const { return credentials_; }
  const Clock& clock() const { return *options_.clock; }

 private:
  ApiClient(Access access, ServerAddress address, ApiOptions options);
  Result<io::HttpResponse> Once(const Call& call, int& version);
  Result<nlohmann::json> AskForObject(const Call& call);
  Status AddKindsOf(const std::string& api_version, const std::string& path, Kinds* kinds);
  io::HttpCall Prepare(const Call& call, const Credentials::Current& current) const;
  void KeepTheRate();
  void Wait(std::chrono::milliseconds time) const;

  const ServerAddress address_;
  const ApiOptions options_;
  Credentials credentials_;
  mutable std::mutex mutex_;
  struct Idle {
    int version;  // of the credentials
    std::unique_ptr<io::HttpConnection> connection;
  };
  std::vector<Idle> idle_;  // guarded by mutex_, as is all below
  TokenBucket bucket_;
  Random random_;
  std::chrono::steady_clock::time_point quiet_until_{};
};

// Members of an object's metadata; "" when they are not there.
std::string NameOf(const nlohmann::json& object);
std::string NamespaceOf(const nlohmann::json& object);
std::string ResourceVersionOf(const nlohmann::json& object);

}  // namespace keelson::kubernetes
