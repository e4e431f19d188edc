#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/endpoint.h"
#include "gateway/gateway.h"
#include "io/http_testing.h"

// What the tests of the gateway share: replicas that say what they are told to, and what was answered.
namespace keelson::gateway {

// What was answered, by request id; waits for it.
class Answers {
 public:
  std::function<void(Result<io::HttpResponse>)> For(const std::string& id) {
    return [this, id](Result<io::HttpResponse> result) {
      const std::lock_guard lock(mutex_);
      ++count_;
      answers_.insert_or_assign(id, std::move(result));
      changed_.notify_all();
    };
  }
  bool WaitFor(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return count_ >= count; });
  }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  Result<io::HttpResponse> Of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(id);
    return found == answers_.end() ? Fail(ErrorCode::kInternal, "no answer") : found->second;
  }
  std::string BodyOf(const std::string& id) const {
    const auto result = Of(id);
    return result.has_value() ? result->body : result.error().ToString();
  }
  std::string VersionOf(const std::string& id) const {
    const auto result = Of(id);
    return result.has_value() ? std::string(io::FindHeader(result->headers, "x-keelson-version"))
                              : result.error().ToString();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Result<io::HttpResponse>> answers_;
  int count_ = 0;
};

inline io::HttpHandler Say(const std::string& text, int status = 200, const io::HttpHeaders& headers = {}) {
  return [text, status, headers](const io::HttpRequest& request, const io::HttpRespond& respond) {
    respond({.status = status,
             .content_type = "text/plain",
             .headers = headers,
             .body = text + " " + request.request_id + " " + request.body});
  };
}

// A replica that refuses without having done anything, and counts how often.
inline io::HttpHandler Refuse(int status, std::atomic<int>* refused) {
  return [status, refused](const io::HttpRequest&, const io::HttpRespond& respond) {
    ++*refused;
    respond(
        {.status = status, .headers = {{std::string(kUntouchedHeader), "1"}, {"retry-after", "1"}}, .body = "refused"});
  };
}

// Keeps requests until told to answer.
struct Keeper {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<io::HttpRespond> kept;

  io::HttpHandler Handler() {
    return [this](const io::HttpRequest&, io::HttpRespond respond) {
      const std::lock_guard lock(mutex);
      kept.push_back(std::move(respond));
      changed.notify_all();
    };
  }
  bool WaitFor(std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), [&] { return kept.size() >= count; });
  }
  void AnswerAll() {
    std::vector<io::HttpRespond> all;
    {
      const std::lock_guard lock(mutex);
      all.swap(kept);
    }
    for (const io::HttpRespond& respond : all) respond({.body = "kept"});
  }
};

class GatewayTest : public ::testing::Test {
 protected:
  std::string Address(const std::string& name) const { return "unix:" + (folder_ / name); }
  std::unique_ptr<io::HttpServer> Replica(const std::string& name, io::HttpHandler handler) const {
    return io::testing::StartServer(std::move(handler), {.unix_socket = folder_ / name});
  }
  void Ask(const std::string& id, const std::string& endpoint = "m") {
    Ask({.endpoint = endpoint, .request_id = id, .call = {}});
  }
  void Ask(GatewayRequest request) {
    request.call = {.method = "POST", .target = "/v2/models/m/infer", .body = "x"};
    const std::string id = request.request_id;
    gateway_->Forward(std::move(request), answers_.For(id));
  }

  io::testing::TempFolder folder_;
  Answers answers_;
  std::unique_ptr<Gateway> gateway_ = Gateway::Create();
};

}  // namespace keelson::gateway
