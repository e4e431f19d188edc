#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/http.h"

namespace keelson::io {

// The status codes of gRPC, by their numbers on the wire.
enum class GrpcCode {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct GrpcStatus {
  GrpcCode code = GrpcCode::kOk;
  std::string message = {};
  HttpHeaders metadata = {};  // told with it
  bool ok() const { return code == GrpcCode::kOk; }
};

GrpcStatus GrpcStatusOf(const Error& error);  // the code of the same meaning, the error's text

// What is known of a call before its first message.
struct GrpcRequest {
  std::string method;     // "/package.Service/Method"
  std::string authority;  // as an HTTP request's Host
  HttpHeaders metadata;   // in lower case, without HTTP/2's and gRPC's own
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::string request_id;  // x-request-id as sent when it is sane, else made here; the answer carries it
  std::string peer;        // "127.0.0.1:54321"
  std::string client_certificate;
  std::chrono::steady_clock::time_point received;  // when the I/O thread woke up to read it
};

// The server's side of one call. Any thread; kept by whoever still has something to say.
class GrpcCall {
 public:
  virtual ~GrpcCall() = default;
  virtual const GrpcRequest& request() const = 0;
  // Added to the answer's headers: before the first Write.
  virtual void AddMetadata(std::string name, std::string value) = 0;
  // Ignored when the call has ended.
  virtual void Write(std::string message) = 0;
  // Ends the call, once; what was written before still goes out. A call whose handler is destroyed by itself, because
  // the client has gone, needs none.
  virtual void Finish(GrpcStatus status) = 0;
  // Write, and Finish with success, in one.
  virtual void Answer(std::string message) = 0;
  // Whether nobody waits any more: the client has gone, the deadline is over, or it was finished.
  virtual bool ended() const = 0;
};

// One call's handler, owned by the call. On the call's I/O thread, where it must not block; destroyed there when the
// call has ended.
class GrpcHandler {
 public:
  virtual ~GrpcHandler() = default;
  virtual void OnMessage(std::string_view message) = 0;  // a view for as long as the call of it
  virtual void OnHalfClose() {}                          // the client has said everything
  virtual void OnDrain() {}                              // the server is ending: what waits for nothing should finish
  virtual bool streams() const { return true; }          // else the client has to send its one message soon
};

// Makes the handler of a call, on its I/O thread; null when it has finished the call or does not know the method, which
// is then answered as unimplemented.
using GrpcAccept = std::function<std::unique_ptr<GrpcHandler>(const std::shared_ptr<GrpcCall>&)>;

// A handler of a method that takes one message; `answer` finishes the call, at once or later.
using GrpcUnary = std::function<void(const std::shared_ptr<GrpcCall>& call, std::string_view message)>;
std::unique_ptr<GrpcHandler> MakeUnaryHandler(std::shared_ptr<GrpcCall> call, GrpcUnary answer);

struct GrpcLimits {
  std::size_t message_bytes = 64u << 20;  // of a request's message, also decompressed; over it: RESOURCE_EXHAUSTED
  std::size_t metadata_bytes = 32u << 10;
  std::size_t calls = 256;  // at one time on one connection
  std::size_t connections = 12'000;
  std::chrono::milliseconds idle{600'000};      // a connection without a call
  std::chrono::milliseconds handshake{10'000};  // of TLS, and then of HTTP/2
  std::chrono::milliseconds slow{30'000};       // a message must be whole so long after its call or its first byte, and
                                                // what the client does not read is given up after so long
  std::chrono::milliseconds keepalive{60'000};  // a connection with calls that is silent for so long is pinged, and
  std::chrono::milliseconds unanswered{20'000};  // closed when nothing comes in this time
};

struct GrpcServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;             // 0: any free one
  std::size_t threads = 1;  // I/O threads
  GrpcLimits limits = {};
  std::shared_ptr<const TlsServer> tls = nullptr;  // null: plain
};

// gRPC over HTTP/2 (by nghttp2): unary and streaming calls, deadlines, gzip and deflate, keep-alive, orderly ends.
class GrpcServer {
 public:
  static Result<std::unique_ptr<GrpcServer>> Start(GrpcServerOptions options, GrpcAccept accept);
  virtual ~GrpcServer() = default;  // Drain with no time, then stop

  virtual int port() const = 0;
  // Stops accepting, says GOAWAY on every connection so that clients begin new calls elsewhere, lets calls under way
  // end, and closes.
  virtual void Drain(std::chrono::milliseconds at_most) = 0;
};

}  // namespace keelson::io
