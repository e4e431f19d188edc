#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "io/http.h"
#include "io/http_sockets.h"

// What the tests of HTTP share: a server that echoes, and a socket that says anything.
namespace keelson::io::testing {

// A folder of its own, gone with the object.
class TempFolder {
 public:
  TempFolder() : path_(std::filesystem::temp_directory_path() / ("keelson-http-" + RandomId())) {
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<HttpServer> StartServer(HttpHandler handler, HttpServerOptions options = {}) {
  auto server = HttpServer::Start(std::move(options), std::move(handler));
  EXPECT_TRUE(server.has_value()) << server.error().ToString();
  return std::move(server).value_or(nullptr);
}

inline HttpTarget TargetOf(const HttpServer& server) {
  return {.host = "127.0.0.1", .port = server.port()};
}

// Answers "METHOD PATH?QUERY BODY".
inline void Echo(HttpRequest request, HttpRespond respond) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.path + "?" + request.query + " " + request.body;
  respond(std::move(response));
}

// One client that writes and reads raw bytes. Every wait ends after 10 s.
class RawClient {
 public:
  explicit RawClient(const HttpTarget& target) {
    auto fd = StartConnect(target);
    EXPECT_TRUE(fd.has_value()) << fd.error().ToString();
    if (fd.has_value()) fd_ = *std::move(fd);
  }

  void Say(std::string_view bytes) {
    while (!bytes.empty()) {
      Wait(POLLOUT);
      const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server has closed: what it said can still be heard
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void EndWriting() { shutdown(fd_.get(), SHUT_WR); }

  // Up to the end of the connection.
  std::string HearAll() {
    while (HearSome()) {
    }
    return std::exchange(heard_, {});
  }
  // Until `mark` was heard `times` times (or the end came); then everything heard so far.
  std::string HearUntil(std::string_view mark, int times = 1) {
    while (Count(heard_, mark) < times && HearSome()) {
    }
    return std::exchange(heard_, {});
  }
  bool HearSome() {
    char buffer[16384];
    if (!Wait(POLLIN)) return false;
    const ssize_t count = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    heard_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  static int Count(std::string_view text, std::string_view mark) {
    int count = 0;
    for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size()))
      ++count;
    return count;
  }

 private:
  bool Wait(short events) {
    pollfd entry{.fd = fd_.get(), .events = events, .revents = 0};
    return poll(&entry, 1, 10'000) > 0;
  }

  UniqueFd fd_;
  std::string heard_;
};

// Accepts one connection after another; on each, answers request after request with the bytes scripted, then closes. An
// empty answer closes in place of answering. Requests end with their head or, when they have one, with a body "x".
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::vector<std::string>> script)
      : listener_(ListenOn("127.0.0.1", 0, "").value()), thread_([this, script = std::move(script)] { Run(script); }) {}
  ~ScriptedServer() {
    stop_ = true;
    thread_.join();
  }
  HttpTarget target() const { return {.host = "127.0.0.1", .port = BoundPort(listener_.get())}; }
  int requests() const { return requests_; }

 private:
  bool WaitFor(int fd) const {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    while (!stop_) {
      if (poll(&entry, 1, 10) > 0) return true;
    }
    return false;
  }
  void Run(const std::vector<std::vector<std::string>>& script) {
    for (const auto& answers : script) {
      if (!WaitFor(listener_.get())) return;
      const UniqueFd client(accept(listener_.get(), nullptr, nullptr));
      for (const std::string& answer : answers) {
        std::string heard;
        while (!heard.ends_with("\r\n\r\n") && !heard.ends_with("\r\n\r\nx")) {
          char buffer[4096];
          if (!WaitFor(client.get())) return;
          const ssize_t count = recv(client.get(), buffer, sizeof buffer, 0);
          if (count <= 0) break;
          heard.append(buffer, static_cast<std::size_t>(count));
          if (heard.contains("content-length: 1\r\n") && !heard.ends_with('x')) heard += ' ';
        }
        if (heard.empty()) break;
        ++requests_;
        send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    }
  }

  UniqueFd listener_;
  std::atomic<bool> stop_{false};
  std::atomic<int> requests_{0};
  std::thread thread_;
};

// What one fresh connection hears after these bytes, to its end.
inline std::string Converse(const HttpServer& server, std::string_view bytes) {
  RawClient client(TargetOf(server));
  client.Say(bytes);
  client.EndWriting();
  return client.HearAll();
}

}  // namespace keelson::io::testing
