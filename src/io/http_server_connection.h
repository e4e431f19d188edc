#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/thread_pool.h"
#include "io/http.h"
#include "io/http_event_loop.h"
#include "io/http_parser.h"
#include "io/http_response_writer.h"
#include "io/request_id.h"
#include "io/server_loops.h"
#include "io/tls.h"
#include "io/tls_stream.h"

namespace keelson::io {

class HttpServerConnection;
class HttpServerUpload;

struct HttpServerShared : ServerShared {
  HttpHandler handler;
  HttpRequestParser::IsUpload uploads;
  HttpLimits limits;
  std::unique_ptr<ThreadPool> stream_pool;  // made at the first stream; guarded by mutex

  ThreadPool& StreamPool();
};

// One I/O thread's part of a server: its connections and what they share. Used on that thread only.
class HttpServerWorker : public std::enable_shared_from_this<HttpServerWorker> {
 public:
  static std::shared_ptr<HttpServerWorker> Create(std::shared_ptr<HttpServerShared> shared,
                                                  std::shared_ptr<EventLoop> loop);

  void Adopt(UniqueFd fd, std::string peer);
  void Tick();      // closes what is idle or too slow; sets the timer anew
  void CloseAll();  // when the loop stops
  void Forget(const HttpServerConnection* connection);

  HttpServerShared& shared() { return *shared_; }
  EventLoop& loop() { return *loop_; }

  // Scratch space for one turn of one connection: reused, so that an idle connection owns no buffer.
  std::string read_buffer;
  std::string head_buffer;             // heads and small bodies of the answers to be written
  std::vector<std::size_t> head_ends;  // where each of them ends
  HttpDate date;
  RequestIds request_ids;

 private:
  HttpServerWorker(std::shared_ptr<HttpServerShared> shared, std::shared_ptr<EventLoop> loop);

  std::shared_ptr<HttpServerShared> shared_;
  std::shared_ptr<EventLoop> loop_;
  EventLoop::Timer timer_;
  std::unordered_map<const HttpServerConnection*, std::shared_ptr<HttpServerConnection>> connections_;
};

// One client: reads requests, hands them to the handler, writes the answers in the order of the requests. On its loop's
// thread, but for Answer. Lives while it is open, and beyond while a request of it is unanswered.
class HttpServerConnection final : public EventHandler, public std::enable_shared_from_this<HttpServerConnection> {
 public:
  HttpServerConnection(std::shared_ptr<HttpServerWorker> worker, UniqueFd fd, std::string peer);

  void Open();
  void OnEvents(std::uint32_t events) override;
  void OnTick(EventLoop::Clock::time_point now);
  void Close();
  void Answer(std::uint64_t sequence, HttpResponse response);  // from any thread

 private:
  friend class HttpServerUpload;

  // One request that is not yet answered in full.
  struct Slot {
    std::string request_id;
    int minor_version = 1;
    bool head_request = false;
    bool keep_alive = true;
    bool ready = false;
    HttpResponse response;
  };

  void Handshake();
  void RefuseHandshake();
  void OnReadable();
  void ReadAll();
  void Consume(std::string_view bytes);  // parses, calls handlers
  std::size_t ParseFrom(std::string_view bytes);
  void Dispatch();  // the parser has a request
  void HandTo(HttpRequest request, Slot slot);
  void HandOver();  // lets the handler read the upload that has begun, when it is its turn
  void TakeBack();  // the upload is answered
  void Refuse(int status, std::string_view message);
  void Complete(std::uint64_t sequence, HttpResponse response);
  void Flush();  // writes what is ready and in its turn
  std::size_t CollectReady();
  void WriteCollected(std::size_t count);
  void AfterWrite();
  void OnWritable();
  void SendRaw(std::string bytes);
  void MaybeContinue();  // 100-continue, when it is this request's turn
  void PumpStream();
  void OnStreamPiece(std::string piece);
  void PumpFile();
  void EndAnswer();  // a stream or file has been written
  void Linger();     // no more to say: wait a little for the client to read it
  void UpdateInterest();
  bool MayRead() const;
  bool HasMore() const { return tls_ != nullptr && tls_->has_more(); }  // read from the socket, not yet from TLS

  std::shared_ptr<HttpServerWorker> worker_;
  EventLoop& loop_;
  UniqueFd fd_;
  std::unique_ptr<TlsStream> tls_;  // null: plain
  const std::string peer_;
  std::string client_certificate_;  // its subject
  HttpRequestParser parser_;
  std::string in_;                                        // an unfinished line, or requests that must wait
  std::vector<Slot> slots_;                               // in the order of the requests
  std::uint64_t first_sequence_ = 0;                      // of slots_.front()
  std::vector<std::string> backlog_;                      // what the socket did not take
  std::size_t backlog_offset_ = 0;                        // into its front
  std::shared_ptr<std::function<std::string()>> stream_;  // of the answer under way
  std::shared_ptr<HttpFile> file_;                        // the same
  std::uint64_t file_offset_ = 0;
  bool handed_ =
      false;  // socket, parser and in_ are the upload's, on the handler's thread, and the loop leaves them alone
  std::atomic<bool> closed_{false};
  std::uint32_t interest_ = 0;
  bool handshaking_ = false;
  bool reading_ = false;      // inside OnReadable
  bool read_posted_ = false;  // OnReadable is posted
  bool busy_ = false;         // inside Consume: answers wait for its end, so that they share a write
  bool continued_ = false;    // 100 Continue was sent for the present request
  bool refused_ = false;      // nothing more is read
  bool peer_ended_ = false;
  bool closing_ = false;  // the last answer is written or under way
  bool lingering_ = false;
  EventLoop::Clock::time_point since_;     // start of the present request, or of the idle time
  EventLoop::Clock::time_point progress_;  // of the last write, or the start of the lingering
};

}  // namespace keelson::io
