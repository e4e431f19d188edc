#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace keelson::io {

class TlsClient;  // io/tls.h
class TlsServer;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The first header of that name, letter case ignored; "" when there is none.
std::string_view FindHeader(const HttpHeaders& headers, std::string_view name);

// The body of a request that is too long to be kept, for the handler to read itself.
class HttpUpload {
 public:
  virtual ~HttpUpload() = default;
  // The next piece, good until the next call; "" at the end. Waits for the client: never on an I/O thread, one thread
  // at a time, and not after the request has been answered. kUnavailable: the client has gone or is silent;
  // kInvalidArgument: what it sends is no body; kResourceExhausted: it is longer than HttpLimits::upload_bytes.
  virtual Result<std::string_view> Read() = 0;
};

struct HttpRequest {
  std::string method;  // upper case
  std::string path;    // without the query, still percent-encoded
  std::string query;   // what follows '?', still encoded; "" when there is none
  HttpHeaders headers;
  std::string body;        // whole, de-chunked and decompressed
  std::string request_id;  // x-request-id as sent when it is sane (1 to 128 of [A-Za-z0-9._:-]), else made here
  std::string peer;        // "127.0.0.1:54321" or "unix"
  std::string client_certificate = {};  // subject of the client's verified certificate; "" without one
  // Set where HttpServerOptions::uploads said so and the body had not come whole with the head; `body` is empty then.
  // When it is answered before all of it was read, the connection ends.
  std::shared_ptr<HttpUpload> upload = nullptr;
};

// An open file that is an answer's body: it goes from the page cache to the socket.
class HttpFile {
 public:
  static Result<std::shared_ptr<HttpFile>> Open(const std::string& path);  // errors as those of ReadFile
  ~HttpFile();
  HttpFile(const HttpFile&) = delete;
  HttpFile& operator=(const HttpFile&) = delete;

  int fd() const { return fd_; }
  std::uint64_t size() const { return size_; }

 private:
  HttpFile(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  int fd_;
  std::uint64_t size_;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  HttpHeaders headers = {};  // besides content-type, content-length, x-request-id and date, which the server writes
  std::string body = {};
  // When set, `body` is ignored and the answer is chunked: called again and again, from a worker thread, until it gives
  // "" (the end). Used for `logs -f`, server-sent events and large files; a client that goes away ends the calls. A
  // call may wait for something to say, but must return within seconds (with a comment line, in server-sent events):
  // sixteen streams can wait at once, and the server's destructor waits for calls under way.
  std::function<std::string()> stream = {};
  // When set, `body` and `stream` are ignored.
  std::shared_ptr<HttpFile> file = nullptr;
};

// Answers one request, once, from any thread; a second call is ignored. When every copy is destroyed unused the client
// gets a 500, so a request can never hang.
using HttpRespond = std::function<void(HttpResponse)>;

// Called on an I/O thread: it must not block (post to a pool instead).
using HttpHandler = std::function<void(HttpRequest, HttpRespond)>;

struct HttpLimits {
  std::size_t body_bytes = 64u << 20;           // over it: 413
  std::uint64_t upload_bytes = 1ull << 40;      // the same of an upload
  std::size_t header_bytes = 32u << 10;         // over it: 431
  std::size_t connections = 12'000;             // over it: accepted and closed
  std::chrono::milliseconds idle{75'000};       // keep-alive without a request
  std::chrono::milliseconds handshake{10'000};  // of TLS, whole
  std::chrono::milliseconds slow{30'000};       // a request must be whole this long after its first byte (408), and an
                                                // answer that the client does not read is given up after this long
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  // an address to bind; or
  int port = 0;                    // 0: any free one
  std::string unix_socket = {};    // a path, instead of host and port; mode 0600, an old socket is replaced
  std::size_t threads = 1;         // I/O threads
  HttpLimits limits = {};
  std::shared_ptr<const TlsServer> tls = nullptr;  // null: plain
  // Whether the handler reads the body itself (HttpRequest::upload), asked with the head alone, on an I/O thread. Not
  // of a compressed body.
  std::function<bool(const HttpRequest&)> uploads = {};
};

// HTTP/1.1 with keep-alive and pipelining (answers in order). Malformed requests, conflicting or lying lengths,
// smuggling attempts get 400 and a close; nothing of them reaches the handler.
class HttpServer {
 public:
  // Binds and starts listening; kUnavailable names the address and what to do when it is in use.
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, HttpHandler handler);
  virtual ~HttpServer() = default;  // Drain with no time, then stop

  virtual int port() const = 0;
  // Stops accepting, lets requests under way end, answers what is still sent on open connections with "connection:
  // close".
  virtual void Drain(std::chrono::milliseconds at_most) = 0;
};

struct HttpTarget {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string unix_socket = {};  // instead of host and port
  bool tls = false;
  std::shared_ptr<const TlsClient> tls_client = nullptr;  // null: TlsClient::Default()
};

// Reads "http://host:port", "http://host", the same with https, and "unix:/path". kInvalidArgument says what was read.
Result<HttpTarget> ParseHttpTarget(std::string_view url);

// Whether an error of a client says that nothing reached the other side, because no connection came about.
bool IsConnectError(const Error& error);

struct HttpCall {
  std::string method = "GET";
  std::string target = "/";  // path and query, encoded
  HttpHeaders headers = {};
  std::string body = {};
  std::chrono::milliseconds timeout{30'000};
  bool retry_safe = false;  // asking twice is harmless, whatever the method says
};

// A pool of keep-alive connections to one target. `Send` is asynchronous: the callback runs on an I/O thread, exactly
// once. A request is written again on a new connection only when the old one was closed before the first byte of an
// answer and the method is idempotent or `retry_safe` was said. kUnavailable: could not connect, or the connection
// broke; kUnauthenticated: TLS, and one side does not accept the other's certificate; kDeadlineExceeded: the timeout.
// Safe from any thread. Called from an I/O thread (in an HttpHandler or in `done`), everything happens on that thread:
// no hand-over, no wake-up. Otherwise one background thread that all clients share does the work. `max_connections`
// counts for each I/O thread.
class HttpClient {
 public:
  static std::unique_ptr<HttpClient> Create(HttpTarget target, std::size_t max_connections = 64);
  // Outstanding calls end with kUnavailable first. (Destroyed on an I/O thread: those of other I/O threads soon after.)
  virtual ~HttpClient() = default;

  virtual void Send(HttpCall call, std::function<void(Result<HttpResponse>)> done) = 0;
  Result<HttpResponse> Call(HttpCall call);  // Send, and wait; never from an I/O thread
};

// One blocking keep-alive connection, without threads behind it: the fastest way for a load generator, the replay or
// the command line to ask one thing after another. Reconnects when the other side has closed. Not thread-safe.
class HttpConnection {
 public:
  static std::unique_ptr<HttpConnection> Create(HttpTarget target);
  virtual ~HttpConnection() = default;
  virtual Result<HttpResponse> Call(const HttpCall& call) = 0;
  // All of them written at once, the answers read in their order (HTTP/1.1 pipelining): for many small calls that are
  // harmless to repeat, at most kPipelineAtMost. Either every answer is here, or an error and any of the calls may have
  // happened. `latencies`, when given, gets the time from writing to each answer.
  static constexpr std::size_t kPipelineAtMost = 64;
  virtual Result<std::vector<HttpResponse>> Pipeline(const std::vector<HttpCall>& calls,
                                                     std::vector<std::chrono::microseconds>* latencies = nullptr) = 0;
  // For `logs -f`: hands each piece of a body to `on_data` as it comes; returns the status, body empty. The timeout
  // counts anew for each piece.
  virtual Result<HttpResponse> Stream(const HttpCall& call, const std::function<void(std::string_view)>& on_data) = 0;
};

std::string PercentDecode(std::string_view text);
std::string PercentEncode(std::string_view text);  // everything but unreserved characters
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);  // decoded; '+' means space

}  // namespace keelson::io
