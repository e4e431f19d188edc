#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/http.h"
#include "kubernetes/client/api_client.h"

// An API server that answers what a test has scripted.
namespace keelson::kubernetes::testing {

inline io::HttpResponse Says(int status, const nlohmann::json& body, io::HttpHeaders headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = body.dump()};
}

inline io::HttpResponse SaysNo(int status, const std::string& reason, const nlohmann::json& details = {},
                               io::HttpHeaders headers = {}) {
  return Says(status,
              {{"kind", "Status"},
               {"apiVersion", "v1"},
               {"status", "Failure"},
               {"reason", reason},
               {"message", "as the test wants it: " + reason},
               {"code", status},
               {"details", details}},
              std::move(headers));
}

inline nlohmann::json Pod(const std::string& name, const std::string& version) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", name}, {"namespace", "lab"}, {"resourceVersion", version}, {"managedFields", {{{"a", "b"}}}}}}};
}

inline nlohmann::json PodList(const std::vector<nlohmann::json>& items, const std::string& version,
                              const std::string& token = "") {
  nlohmann::json metadata = {{"resourceVersion", version}};
  if (!token.empty()) metadata["continue"] = token;
  return {{"kind", "PodList"}, {"apiVersion", "v1"}, {"metadata", metadata}, {"items", items}};
}

inline std::string Event(const std::string& type, const nlohmann::json& object) {
  return nlohmann::json{{"type", type}, {"object", object}}.dump() + "\n";
}

// A watch as a test says it, line by line. Ends at "end"; "silence" says nothing until the server is destroyed.
class ScriptedWatch {
 public:
  explicit ScriptedWatch(std::deque<std::string> lines) : lines_(std::move(lines)) {}
  std::string Next(std::mutex& mutex, std::condition_variable& moved, const bool& over) {
    std::unique_lock lock(mutex);
    if (lines_.empty() || over) return "";
    if (lines_.front() == "silence") {
      moved.wait(lock, [&] { return over; });
      return "";
    }
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }

 private:
  std::deque<std::string> lines_;
};

// Each request takes the next answer of the script; after its end, the last one again and again.
class FakeApiServer {
 public:
  using Answer = std::function<io::HttpResponse(const io::HttpRequest&)>;

  explicit FakeApiServer(std::vector<Answer> script) : script_(std::move(script)) {
    auto started = io::HttpServer::Start({}, [this](io::HttpRequest request, const io::HttpRespond& respond) {
      Answer answer;
      {
        const std::lock_guard lock(mutex_);
        answer = script_[std::min(requests_.size(), script_.size() - 1)];
        requests_.push_back(request);
      }
      respond(answer(request));
    });
    EXPECT_TRUE(started.has_value()) << started.error().ToString();
    server_ = *std::move(started);
  }
  ~FakeApiServer() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    moved_.notify_all();
    server_.reset();
  }

  static Answer Always(io::HttpResponse response) {
    return [response = std::move(response)](const io::HttpRequest&) { return response; };
  }
  Answer Watch(std::deque<std::string> lines) {
    return [this, lines = std::move(lines)](const io::HttpRequest&) {
      auto watch = std::make_shared<ScriptedWatch>(lines);
      io::HttpResponse response;
      response.stream = [this, watch] { return watch->Next(mutex_, moved_, over_); };
      return response;
    };
  }
  void Script(std::vector<Answer> script) {
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
    requests_.clear();
  }

  std::string address() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  std::vector<io::HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  bool over_ = false;
  std::vector<Answer> script_;
  std::vector<io::HttpRequest> requests_;
  std::unique_ptr<io::HttpServer> server_;
};

// A client of it that waits in no time and keeps what it would have waited.
struct Client {
  explicit Client(const std::string& address, ApiOptions options = {}) {
    options.clock = &clock;
    options.requests_per_second = 1e6;
    options.burst = 1e6;
    if (!options.wait) options.wait = [this](std::chrono::milliseconds time) { waits.push_back(time); };
    Access access;
    access.server = address;
    access.token = "s3cret";
    auto made = ApiClient::Create(std::move(access), std::move(options));
    EXPECT_TRUE(made.has_value()) << made.error().ToString();
    client = *std::move(made);
  }
  ApiClient* operator->() const { return client.get(); }
  ApiClient& operator*() const { return *client; }

  SystemClock clock;
  std::vector<std::chrono::milliseconds> waits;
  std::unique_ptr<ApiClient> client;
};

inline const Kind& Pods() {
  static const Kind kind{.group = "", .version = "v1", .name = "Pod", .resource = "pods"};
  return kind;
}

}  // namespace keelson::kubernetes::testing
