#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/http.h"
#include "io/http_event_loop.h"
#include "io/http_parser.h"

namespace keelson::io {

class HttpClientConnection;

// A request under way or waiting for a connection.
struct HttpClientCall {
  HttpCall call;
  std::string head;
  std::function<void(Result<HttpResponse>)> done;
  EventLoop::Clock::time_point deadline;
  bool retried = false;
};

// One I/O thread's connections to one target. On that thread only, but for shut().
// Keeps its loop alive and is told when the loop stops; calls then end with kUnavailable, as they do at Shutdown.
class HttpClientPool : public std::enable_shared_from_this<HttpClientPool> {
 public:
  static std::shared_ptr<HttpClientPool> Create(HttpTarget target, std::size_t max_connections,
                                                std::shared_ptr<EventLoop> loop);

  void Send(HttpCall call, std::function<void(Result<HttpResponse>)> done);
  void Shutdown();
  bool shut() const { return shut_; }
  EventLoop& loop() { return *loop_; }
  const HttpTarget& target() const { return target_; }
  std::string& read_buffer() { return read_buffer_; }
  const std::shared_ptr<TlsSessions>& sessions() const { return sessions_; }

  // From connections.
  void OnIdle(HttpClientConnection* connection);  // ready for another request
  void OnClosed(const HttpClientConnection* connection);
  void Retry(std::unique_ptr<HttpClientCall> call);  // on a new connection

 private:
  HttpClientPool(HttpTarget target, std::size_t max_connections, std::shared_ptr<EventLoop> loop);
  void Start(std::unique_ptr<HttpClientCall> call, bool on_new_connection);
  void StartWaiting();
  void CheckDeadlines();
  void WatchDeadline(EventLoop::Clock::time_point deadline);

  const HttpTarget target_;
  const std::string host_;
  const std::size_t max_connections_;
  std::shared_ptr<EventLoop> loop_;
  std::unique_ptr<EventLoop::Timer> timer_;
  std::string read_buffer_;
  const std::shared_ptr<TlsSessions> sessions_ = std::make_shared<TlsSessions>();
  std::unordered_map<const HttpClientConnection*, std::shared_ptr<HttpClientConnection>> connections_;
  std::vector<HttpClientConnection*> idle_;  // the last used is taken first
  std::deque<std::unique_ptr<HttpClientCall>> waiting_;
  std::atomic<bool> shut_{false};
};

// One connection of a pool: at most one request at a time.
class HttpClientConnection final : public EventHandler, public std::enable_shared_from_this<HttpClientConnection> {
 public:
  HttpClientConnection(HttpClientPool* pool, UniqueFd fd, std::unique_ptr<TlsStream> tls, bool connecting);

  void Open();
  void Start(std::unique_ptr<HttpClientCall> call);
  void OnEvents(std::uint32_t events) override;
  // Ends the connection; its call ends with the error, or is retried when that is allowed.
  void Fail(Error error, bool may_retry);
  const HttpClientCall* call() const { return call_.get(); }

 private:
  void OnConnected();
  void Handshake();
  void Write();
  void OnReadable();
  void Finish();
  bool SaysMore();
  void Close();
  void SetInterest(std::uint32_t events);
  Error Broken(const char* why) const;

  std::shared_ptr<HttpClientPool> pool_;  // let go of at Close
  UniqueFd fd_;
  std::unique_ptr<TlsStream> tls_;  // null: plain
  bool connecting_;
  bool handshaking_;
  std::uint32_t interest_ = 0;
  bool answered_ = false;     // a byte of the answer came
  bool used_before_ = false;  // kept from an earlier request
  std::unique_ptr<HttpClientCall> call_;
  std::size_t written_ = 0;  // of head and body
  HttpResponseParser parser_;
  std::string in_;  // an unfinished line
};

}  // namespace keelson::io
