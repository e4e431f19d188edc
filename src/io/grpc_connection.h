#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/grpc.h"
#include "io/grpc_protocol.h"
#include "io/http_event_loop.h"
#include "io/request_id.h"
#include "io/server_loops.h"
#include "io/tls.h"
#include "io/tls_stream.h"

struct nghttp2_session;  // nghttp2's state of one connection

namespace keelson::io {

class GrpcConnection;
class GrpcServerCall;

struct GrpcServerShared : ServerShared {
  GrpcAccept accept;
  GrpcLimits limits;
};

// One I/O thread's part of a server: its connections and what they share. Used on that thread only.
class GrpcWorker : public std::enable_shared_from_this<GrpcWorker> {
 public:
  static std::shared_ptr<GrpcWorker> Create(std::shared_ptr<GrpcServerShared> shared, std::shared_ptr<EventLoop> loop);

  void Adopt(UniqueFd fd, std::string peer);
  void Drain();
  void CloseAll();
  void Forget(const GrpcConnection* connection);
  // A call that is to end at its deadline, until it is forgotten.
  using Deadlines = std::multimap<EventLoop::Clock::time_point, GrpcServerCall*>;
  Deadlines::iterator Expect(GrpcServerCall& call);
  void Forget(Deadlines::iterator expected) { deadlines_.erase(expected); }

  GrpcServerShared& shared() { return *shared_; }
  EventLoop& loop() { return *loop_; }

  // Scratch space for one turn of one connection: reused, so that an idle connection owns no buffer.
  std::string read_buffer;
  std::string write_buffer;
  RequestIds request_ids;

 private:
  GrpcWorker(std::shared_ptr<GrpcServerShared> shared, std::shared_ptr<EventLoop> loop);
  void Tick();
  void EndExpired();
  std::vector<std::shared_ptr<GrpcConnection>> All() const;

  std::shared_ptr<GrpcServerShared> shared_;
  std::shared_ptr<EventLoop> loop_;
  EventLoop::Timer tick_;
  EventLoop::Timer deadline_;
  Deadlines deadlines_;
  std::unordered_map<const GrpcConnection*, std::shared_ptr<GrpcConnection>> connections_;
};

// One call, which is one stream of a connection. On the loop's thread but for Write, Finish and ended(). The connection
// owns it while the stream is open.
class GrpcServerCall final : public GrpcCall, public std::enable_shared_from_this<GrpcServerCall> {
 public:
  GrpcServerCall(std::shared_ptr<GrpcConnection> connection, std::int32_t stream);

  const GrpcRequest& request() const override { return request_; }
  void AddMetadata(std::string name, std::string value) override;
  void Write(std::string message) override;
  void Finish(GrpcStatus status) override;
  void Answer(std::string message) override;
  bool ended() const override { return ended_; }

 private:
  friend class GrpcConnection;

  // Reading: what the connection tells.
  void OnHeader(std::string_view name, std::string_view value);
  void Begin();  // all headers are there
  void OnData(std::string_view bytes);
  void OnEnd();    // the client has said everything
  void OnClose();  // the stream is no more
  void OnTick(EventLoop::Clock::time_point now);
  void OnDrain();
  bool OnRejectedRequest();  // of HTTP's own level; true when it was answered
  void HandMessages();

  // Writing: what nghttp2 asks for.
  void Append(std::string_view message);
  void WriteNow(std::string_view message);
  void FinishNow(GrpcStatus status);
  void Resume();  // nghttp2 learns that there is more
  void SubmitHeaders();
  std::size_t Take(char* to, std::size_t room);
  bool HasOutput() const { return out_at_ < out_.size(); }

  const std::shared_ptr<GrpcConnection> connection_;
  const std::int32_t stream_;
  GrpcRequest request_;
  std::string http_method_;
  std::string content_type_;
  std::string encoding_;         // grpc-encoding
  std::string accept_encoding_;  // grpc-accept-encoding
  std::string timeout_;
  std::size_t metadata_bytes_ = 0;
  std::unique_ptr<GrpcMessageReader> reader_;
  std::unique_ptr<GrpcHandler> handler_;
  EventLoop::Clock::time_point since_;  // of the call's beginning, or of its last message
  std::size_t unread_ = 0;              // bytes that came and that the client may not yet send anew

  HttpHeaders answer_metadata_;
  std::string answer_encoding_;  // what answers are compressed by: as the request was; "": not at all
  std::string out_;              // messages with their prefixes, from out_at_ on not yet sent
  std::size_t out_at_ = 0;
  GrpcStatus status_;
  std::optional<GrpcWorker::Deadlines::iterator> expected_;
  bool begun_ = false;   // Begin was called
  bool handed_ = false;  // a message was handed to the handler
  bool half_closed_ = false;
  bool submitted_ = false;  // the answer's headers were given to nghttp2
  bool deferred_ = false;   // nghttp2 waits for more output
  bool finishing_ = false;  // no more output will come
  std::atomic<bool> ended_{false};
};

// One client's connection: HTTP/2 by nghttp2, a call for each stream. On its loop's thread. Lives while it is open, and
// beyond while somebody keeps a call of it.
class GrpcConnection final : public EventHandler, public std::enable_shared_from_this<GrpcConnection> {
 public:
  GrpcConnection(std::shared_ptr<GrpcWorker> worker, UniqueFd fd, std::string peer);
  ~GrpcConnection() override;

  void Open();
  void OnEvents(std::uint32_t events) override;
  void OnTick(EventLoop::Clock::time_point now);
  void Drain();  // GOAWAY, and closed when the last call has ended
  void Close();

 private:
  friend class GrpcServerCall;
  struct Callbacks;  // nghttp2's

  void Handshake();
  void OnReadable();
  void Feed(std::string_view bytes);
  void OnWritable();
  void Flush();  // writes what nghttp2 has to say; closes when there is no more to come
  bool Send(std::string_view bytes);
  void Linger();
  void UpdateInterest();
  void RefuseHttp1(std::string_view bytes);
  void AnswerPlainly(std::int32_t stream, const char* status);
  void SayFinalGoaway();
  void Ended(std::int32_t stream);
  std::size_t held_bytes() const;  // of messages that are here in part
  void Consumed(std::int32_t stream, std::size_t size);

  std::shared_ptr<GrpcWorker> worker_;
  EventLoop& loop_;
  UniqueFd fd_;
  std::unique_ptr<TlsStream> tls_;  // null: plain
  const std::string peer_;
  std::string client_certificate_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::shared_ptr<GrpcServerCall>> calls_;
  std::vector<std::shared_ptr<GrpcServerCall>> fresh_;  // begun in this turn, with a deadline
  std::string backlog_;                                 // what the socket did not take
  std::size_t backlog_at_ = 0;
  std::uint32_t interest_ = 0;
  bool handshaking_ = false;
  bool heard_ = false;  // something of HTTP/2 came
  bool busy_ = false;   // inside nghttp2: what is to be written waits
  bool read_posted_ = false;
  bool draining_ = false;
  bool final_goaway_ = false;
  bool pinged_ = false;
  bool lingering_ = false;  // all is said; waits a little for the client to have read it
  bool closed_ = false;
  EventLoop::Clock::time_point since_;    // of the opening, or of the end of the last call
  EventLoop::Clock::time_point read_at_;  // when something came last
  EventLoop::Clock::time_point written_at_;
};

}  // namespace keelson::io
