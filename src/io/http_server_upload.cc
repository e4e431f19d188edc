// Bodies that the handler reads itself. While it does, the connection is off its loop and belongs to the handler's
// thread; the answer, which comes through the loop, brings it back.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>

#include "io/http_server_connection.h"

namespace keelson::io {
namespace {

constexpr std::size_t kPiece = 256u << 10;
constexpr std::int64_t kLeastBytesASecond = 1000;  // on the whole: who is slower keeps a thread for too long

}  // namespace

class HttpServerUpload final : public HttpUpload {
 public:
  explicit HttpServerUpload(std::shared_ptr<HttpServerConnection> connection) : connection_(std::move(connection)) {}

  Result<std::string_view> Read() override {
    HttpServerConnection& connection = *connection_;
    HttpRequestParser& parser = connection.parser_;
    for (;;) {
      parser.TakeBody(piece_);
      if (!piece_.empty()) return piece_;
      if (parser.done()) return std::string_view();
      if (parser.failed()) {
        const bool large = parser.problem().status == 413;
        return Fail(large ? ErrorCode::kResourceExhausted : ErrorCode::kInvalidArgument, parser.problem().message);
      }
      const ssize_t count = Receive(connection.fd_.get(), connection.tls_.get(), buffer_.data(), buffer_.size());
      if (count == 0) return Fail(ErrorCode::kUnavailable, "the client went away in the middle of the body");
      if (count > 0) {
        received_ += count;
        Feed({buffer_.data(), static_cast<std::size_t>(count)});
      } else if (errno == EAGAIN) {
        KEELSON_RETURN_IF_ERROR(Wait());
      } else if (errno != EINTR) {
        return Fail(ErrorCode::kUnavailable, "the connection broke in the middle of the body");
      }
    }
  }

 private:
  // What is not of the body yet, an unfinished line or the next request, stays in the connection's own buffer.
  void Feed(std::string_view bytes) {
    std::string& unread = connection_->in_;
    if (unread.empty()) {
      unread.assign(bytes.substr(connection_->parser_.Feed(bytes)));
    } else {
      unread += bytes;
      unread.erase(0, connection_->parser_.Feed(unread));
    }
  }

  // As long as a client may be silent; all waits together as long and a second for so many bytes that have come.
  Status Wait() {
    using std::chrono::milliseconds;
    HttpServerConnection& connection = *connection_;
    const bool writes = connection.tls_ != nullptr && connection.tls_->wants_write();
    pollfd socket{connection.fd_.get(), static_cast<short>(writes ? POLLOUT : POLLIN), 0};
    const milliseconds slow = connection.worker_->shared().limits.slow;
    const milliseconds left = slow + milliseconds(received_ * 1000 / kLeastBytesASecond) - waited_;
    const auto begun = EventLoop::Clock::now();
    const int ready = poll(&socket, 1, static_cast<int>(std::clamp(left, milliseconds(0), slow).count()));
    waited_ += std::chrono::ceil<milliseconds>(EventLoop::Clock::now() - begun);
    if (ready == 0) {
      return Fail(ErrorCode::kUnavailable, "the client fell silent, or nearly so, in the middle of the body");
    }
    return {};
  }

  const std::shared_ptr<HttpServerConnection> connection_;
  std::string buffer_ = std::string(kPiece, '\0');
  std::string piece_;
  std::int64_t received_ = 0;
  std::chrono::milliseconds waited_{0};
};

void HttpServerConnection::HandOver() {
  if (closed_ || handed_ || refused_ || !parser_.is_upload() || !parser_.head_done()) return;
  if (!slots_.empty() || !backlog_.empty()) return;  // it is not yet its turn
  Slot slot;
  slot.minor_version = parser_.minor_version();
  slot.keep_alive = parser_.keep_alive();
  handed_ = true;
  interest_ = 0;
  loop_.Remove(fd_.get(), this);
  HttpRequest request = parser_.TakeHead();
  request.upload = std::make_shared<HttpServerUpload>(shared_from_this());
  HandTo(std::move(request), std::move(slot));
}

void HttpServerConnection::TakeBack() {
  handed_ = false;
  loop_.Add(fd_.get(), this, interest_);
  if (parser_.done()) {
    parser_.Take();
    continued_ = false;
    return;
  }
  // What is left of the body is no request.
  slots_.front().keep_alive = false;
  refused_ = true;
  in_.clear();
}

}  // namespace keelson::io
