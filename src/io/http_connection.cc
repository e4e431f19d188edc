#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>

#include "io/http.h"
#include "io/http_parser.h"
#include "io/http_request_writer.h"
#include "io/http_sockets.h"
#include "io/interruptible_connection.h"

namespace keelson::io {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kOneRecord = 8u << 10;                 // a body that goes into one TLS record with its head
constexpr auto kCheckAfter = std::chrono::milliseconds(20);  // a connection unused for so long may have been closed

// The socket blocks, with a time limit of its own: an answer that comes in one piece costs one system call to send and
// one to receive. Further pieces are waited for with what is left of the time.
class Connection final : public InterruptibleConnection {
 public:
  Connection(HttpTarget target, Reach reach)
      : target_(std::move(target)), reach_(reach), host_(HostHeader(target_)), buffer_(64u << 10, '\0') {}

  ~Connection() override { Disconnect(); }

  Result<HttpResponse> Call(const HttpCall& call) override { return Run(call, nullptr); }
  Result<HttpResponse> Stream(const HttpCall& call, const std::function<void(std::string_view)>& on_data) override {
    return Run(call, &on_data);
  }

  void Interrupt() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    if (fd_) shutdown(fd_.get(), SHUT_RDWR);
  }

  Result<std::vector<HttpResponse>> Pipeline(const std::vector<HttpCall>& calls,
                                             std::vector<std::chrono::microseconds>* latencies) override {
    std::vector<HttpResponse> answers;
    if (calls.empty()) return answers;
    if (calls.size() > kPipelineAtMost) return Fail(ErrorCode::kInvalidArgument, "too many calls in one pipeline");
    if (fd_ && Clock::now() - last_used_ > kCheckAfter && HasEnded()) Disconnect();
    auto result = PipelineOnce(calls, latencies, answers);
    last_used_ = Clock::now();
    if (result.has_value()) return answers;
    Disconnect();
    return std::unexpected(std::move(result).error());
  }

 private:
  Status PipelineOnce(const std::vector<HttpCall>& calls, std::vector<std::chrono::microseconds>* latencies,
                      std::vector<HttpResponse>& answers) {
    const std::chrono::milliseconds timeout = calls.front().timeout;
    deadline_ = Clock::now() + timeout;
    KEELSON_RETURN_IF_ERROR(Connect(timeout));
    std::string all;
    for (const HttpCall& call : calls) {
      head_.clear();
      KEELSON_RETURN_IF_ERROR(AppendRequestHead(call, host_, head_));
      all += head_;
      all += call.body;
    }
    const auto written = Clock::now();
    head_ = std::move(all);
    KEELSON_RETURN_IF_ERROR(Write(""));
    rest_.clear();
    while (answers.size() < calls.size()) {
      parser_.Expect(calls[answers.size()].method == "HEAD", nullptr);
      if (!rest_.empty()) rest_.erase(0, parser_.Feed(rest_));
      while (!parser_.done() && !parser_.failed()) {
        KEELSON_RETURN_IF_ERROR(WaitForMore());
        const ssize_t count = Receive(fd_.get(), tls_.get(), buffer_.data(), buffer_.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count <= 0) return Broken(count == 0 ? "it was closed" : strerror(errno));
        rest_.append(buffer_.data(), static_cast<std::size_t>(count));
        rest_.erase(0, parser_.Feed(rest_));
      }
      if (parser_.failed()) return Broken(parser_.problem().message);
      const bool last = answers.size() + 1 == calls.size();
      if (!parser_.keep_alive() && !last) return Broken("the other side ended it");
      if (!parser_.keep_alive()) Disconnect();
      answers.push_back(parser_.Take());
      if (latencies != nullptr) {
        latencies->push_back(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - written));
      }
    }
    return {};
  }

  Result<HttpResponse> Run(const HttpCall& call, const std::function<void(std::string_view)>* sink) {
    head_.clear();
    KEELSON_RETURN_IF_ERROR(AppendRequestHead(call, host_, head_));
    const auto now = Clock::now();
    if (fd_ && now - last_used_ > kCheckAfter && HasEnded()) Disconnect();
    last_used_ = now;
    deadline_ = now + call.timeout;
    const bool reused = static_cast<bool>(fd_);
    answered_ = false;
    auto result = Once(call, sink);
    if (result.has_value()) return result;
    Disconnect();
    const bool again = reused && !answered_ && result.error().code == ErrorCode::kUnavailable && IsRetrySafe(call);
    if (!again) return result;
    result = Once(call, sink);
    if (!result.has_value()) Disconnect();
    return result;
  }

  Result<HttpResponse> Once(const HttpCall& call, const std::function<void(std::string_view)>* sink) {
    KEELSON_RETURN_IF_ERROR(Connect(call.timeout));
    const bool refused_early = !Write(call.body).has_value();  // an answer may be there all the same: a 413, say
    parser_.Expect(call.method == "HEAD", sink);
    rest_.clear();
    for (bool first = true; !parser_.done(); first = false) {
      if (!first) KEELSON_RETURN_IF_ERROR(WaitForMore());
      const ssize_t count = Receive(fd_.get(), tls_.get(), buffer_.data(), buffer_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN)
        return Fail(ErrorCode::kDeadlineExceeded, "no answer in time", TargetName(target_));
      if (count < 0) return Broken(strerror(errno));
      if (count == 0) {
        parser_.OnEnd();
        if (parser_.failed()) return Broken(parser_.problem().message);
        break;
      }
      answered_ = true;
      if (sink != nullptr) deadline_ = Clock::now() + call.timeout;
      const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
      if (rest_.empty()) {
        rest_.assign(bytes.substr(parser_.Feed(bytes)));
      } else {
        rest_ += bytes;
        rest_.erase(0, parser_.Feed(rest_));
      }
      if (parser_.failed()) return Broken(parser_.problem().message);
    }
    if (!parser_.keep_alive() || refused_early || !rest_.empty()) Disconnect();
    return parser_.Take();
  }

  // What is not retry-safe must not be written to a connection that is known to be closed.
  bool HasEnded() {
    if (tls_ != nullptr) return tls_->HasEnded();
    char byte = 0;
    return recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
  }

  Status Connect(std::chrono::milliseconds timeout) {
    if (!fd_) {
      KEELSON_RETURN_IF_ERROR(ConnectToHost());
      if (target_.tls) KEELSON_RETURN_IF_ERROR(Handshake());
      fcntl(fd_.get(), F_SETFL, 0);
      limit_ = {};
    }
    if (limit_ == timeout) return {};
    limit_ = timeout;
    const auto micros = std::max<std::int64_t>(std::chrono::microseconds(timeout).count(), 1);
    const timeval limit{.tv_sec = micros / 1'000'000, .tv_usec = micros % 1'000'000};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return {};
  }

  // By the first of its addresses that takes a connection.
  Status ConnectToHost() {
    if (!target_.unix_socket.empty()) return Adopt(StartConnect(target_));
    KEELSON_ASSIGN_OR_RETURN(const auto addresses, AddressesOf(target_, reach_ == Reach::kPublic));
    Status connected;
    for (const SocketAddress& address : addresses) {
      connected = Adopt(StartConnect(target_, address));
      if (connected.has_value()) connected = WaitForConnection();
      if (connected.has_value() || !IsConnectError(connected.error())) break;
    }
    return connected;
  }

  Status Adopt(Result<UniqueFd> fd) {
    if (!fd.has_value()) return std::unexpected(std::move(fd).error());
    const std::lock_guard lock(mutex_);
    if (interrupted_) return Fail(ErrorCode::kUnavailable, "the connection was ended", TargetName(target_));
    fd_ = *std::move(fd);
    return {};
  }

  Status WaitForConnection() {
    KEELSON_RETURN_IF_ERROR(Wait(POLLOUT));
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
    return problem == 0 ? Status() : std::unexpected(ConnectError(strerror(problem), target_));
  }

  Status Handshake() {
    KEELSON_ASSIGN_OR_RETURN(tls_, StartTls(target_, fd_.get(), sessions_));
    for (;;) {
      const TlsStream::Step step = tls_->Handshake();
      if (step == TlsStream::Step::kDone) return {};
      if (step == TlsStream::Step::kFailed) return std::unexpected(HandshakeError(*tls_, target_));
      KEELSON_RETURN_IF_ERROR(Wait(step == TlsStream::Step::kWantsRead ? POLLIN : POLLOUT));
    }
  }

  void Disconnect() {
    if (tls_ != nullptr && fd_) tls_->Close();
    tls_.reset();
    const std::lock_guard lock(mutex_);
    fd_.Reset();
  }

  // `body` follows what head_ holds.
  Status Write(std::string_view body) {
    if (tls_ != nullptr && !body.empty() && body.size() <= kOneRecord) {
      const std::size_t head = head_.size();
      head_ += body;
      const Status written = Write("");
      head_.resize(head);  // it may be written again
      return written;
    }
    iovec pieces[2] = {{head_.data(), head_.size()}, {const_cast<char*>(body.data()), body.size()}};
    while (pieces[0].iov_len + pieces[1].iov_len > 0) {
      const ssize_t sent = Transmit(fd_.get(), tls_.get(), pieces);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return Broken(strerror(errno));
      auto left = static_cast<std::size_t>(sent);
      for (iovec& piece : pieces) {
        const std::size_t skip = std::min(left, piece.iov_len);
        piece.iov_base = static_cast<char*>(piece.iov_base) + skip;
        piece.iov_len -= skip;
        left -= skip;
      }
    }
    return {};
  }

  Status WaitForMore() { return tls_ != nullptr && tls_->has_more() ? Status() : Wait(POLLIN); }

  Status Wait(short events) {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      if (left <= 0) return Fail(ErrorCode::kDeadlineExceeded, "no answer in time", TargetName(target_));
      pollfd entry{.fd = fd_.get(), .events = events, .revents = 0};
      const int count = poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 1'000'000)));
      if (count > 0) return {};
      if (count < 0 && errno != EINTR) return Broken(strerror(errno));
    }
  }

  std::unexpected<Error> Broken(const char* why) const {
    if (tls_ != nullptr && tls_->failed()) return std::unexpected(BrokenTls(*tls_, target_));
    return Fail(ErrorCode::kUnavailable, fmt::format("the connection broke: {}", why), TargetName(target_));
  }

  const HttpTarget target_;
  const Reach reach_;
  const std::string host_;
  std::mutex mutex_;
  bool interrupted_ = false;        // guarded by mutex_
  UniqueFd fd_;                     // guarded by mutex_ where it is set or closed, and where another thread looks at it
  std::unique_ptr<TlsStream> tls_;  // null: plain
  const std::shared_ptr<TlsSessions> sessions_ = std::make_shared<TlsSessions>();
  HttpResponseParser parser_;
  std::string buffer_;
  std::string head_;
  std::string rest_;                   // an unfinished line
  std::chrono::milliseconds limit_{};  // set on the socket
  bool answered_ = false;              // a byte of the answer came
  Clock::time_point deadline_;
  Clock::time_point last_used_;
};

}  // namespace

std::unique_ptr<InterruptibleConnection> InterruptibleConnection::Create(HttpTarget target, Reach reach) {
  return std::make_unique<Connection>(std::move(target), reach);
}

std::unique_ptr<HttpConnection> HttpConnection::Create(HttpTarget target) {
  return std::make_unique<Connection>(std::move(target), Reach::kAnywhere);
}

}  // namespace keelson::io
