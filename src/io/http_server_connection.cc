#include "io/http_server_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <exception>

#include "base/log.h"
#include "io/http_inflate.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxPipelined = 64;  // requests of one connection under way
constexpr auto kLinger = std::chrono::seconds(2);
constexpr auto kDrainLinger = std::chrono::milliseconds(200);
constexpr auto kDrainQuiet = std::chrono::milliseconds(100);

// The one right to answer a request. Destroyed unused it answers 500.
class Ticket {
 public:
  Ticket(std::shared_ptr<HttpServerConnection> connection, std::uint64_t sequence)
      : connection_(std::move(connection)), sequence_(sequence) {}
  ~Ticket() { Use(ErrorResponse(500, "the request was dropped without an answer; this is a bug in Keelson")); }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  void Use(HttpResponse response) {
    if (!used_.exchange(true)) connection_->Answer(sequence_, std::move(response));
  }

 private:
  std::shared_ptr<HttpServerConnection> connection_;
  std::uint64_t sequence_;
  std::atomic<bool> used_{false};
};

}  // namespace

HttpServerConnection::HttpServerConnection(std::shared_ptr<HttpServerWorker> worker, UniqueFd fd, std::string peer)
    : worker_(std::move(worker)),
      loop_(worker_->loop()),
      fd_(std::move(fd)),
      peer_(std::move(peer)),
      parser_(worker_->shared().limits, worker_->shared().uploads),
      since_(loop_.now()),
      progress_(since_) {
  if (worker_->shared().tls == nullptr) return;
  tls_ = worker_->shared().tls->Accept(fd_.get());
  handshaking_ = true;
}

void HttpServerConnection::Open() {
  interest_ = EPOLLIN | EPOLLRDHUP;
  loop_.Add(fd_.get(), this, interest_);
}

void HttpServerConnection::Close() {
  if (closed_.exchange(true)) return;
  const auto self = shared_from_this();
  if (handed_) {
    shutdown(fd_.get(), SHUT_RDWR);  // who reads the upload learns of it; the descriptor goes with us
  } else {
    loop_.Remove(fd_.get(), this);
    if (tls_ != nullptr && !lingering_) tls_->Close();
    fd_.Reset();
  }
  slots_.clear();
  backlog_.clear();
  stream_.reset();
  file_.reset();
  worker_->Forget(this);
}

bool HttpServerConnection::MayRead() const {
  return !refused_ && !peer_ended_ && !closing_ && slots_.size() < kMaxPipelined && backlog_.empty() &&
         !(parser_.is_upload() && parser_.head_done());
}

void HttpServerConnection::UpdateInterest() {
  if (closed_ || handed_) return;
  std::uint32_t wanted = 0;
  if (MayRead() || lingering_ || (stream_ && !peer_ended_)) wanted |= EPOLLIN | EPOLLRDHUP;
  if (!backlog_.empty() || file_ || (tls_ != nullptr && tls_->wants_write())) wanted |= EPOLLOUT;
  if ((wanted & EPOLLIN) != 0 && HasMore() && !lingering_ && !reading_ && !read_posted_) {
    read_posted_ = true;  // the socket will not tell of it
    loop_.Post([self = shared_from_this()] {
      self->read_posted_ = false;
      if (!self->closed_ && (self->interest_ & EPOLLIN) != 0) self->OnReadable();
    });
  }
  if (wanted != interest_) {
    interest_ = wanted;
    loop_.Modify(fd_.get(), this, wanted);
  }
}

void HttpServerConnection::OnEvents(std::uint32_t events) {
  const auto self = shared_from_this();
  if (handshaking_) [[unlikely]]
    return Handshake();
  if ((events & EPOLLOUT) != 0) {
    if (tls_ != nullptr && tls_->wants_write()) OnReadable();
    if (!closed_) OnWritable();
  }
  if (closed_) return;
  if ((interest_ & EPOLLIN) != 0 && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    OnReadable();
  } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    Close();
  }
}

void HttpServerConnection::OnReadable() {
  reading_ = true;
  ReadAll();
  reading_ = false;
  if (tls_ != nullptr) UpdateInterest();
}

void HttpServerConnection::ReadAll() {
  std::string& buffer = worker_->read_buffer;
  for (;;) {
    // Who lingers hears nobody any more, not in TLS either.
    const ssize_t count = Receive(fd_.get(), lingering_ ? nullptr : tls_.get(), buffer.data(), buffer.size());
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return Close();
    }
    if (count == 0) {
      peer_ended_ = true;
      // Half-closed: what was asked is still answered. A stream ends, as nobody is there to end it otherwise.
      if (slots_.empty() || stream_ || lingering_) return Close();
      return UpdateInterest();
    }
    if (lingering_ || !MayRead()) {  // not to be read, only to be taken off the wire
      if (lingering_) continue;
      in_.append(buffer.data(), static_cast<std::size_t>(count));
      if (in_.size() > worker_->shared().limits.header_bytes) return Close();  // talks on while it is streamed to
      if (HasMore()) continue;
      return;
    }
    Consume({buffer.data(), static_cast<std::size_t>(count)});
    if (closed_ || !MayRead() || (static_cast<std::size_t>(count) < buffer.size() && !HasMore())) return;
  }
}

void HttpServerConnection::Consume(std::string_view bytes) {
  if (in_.empty() && !parser_.started()) since_ = loop_.now();
  bool waits = !in_.empty();
  bool full = false;
  do {
    busy_ = true;
    if (!waits) {
      const std::size_t used = ParseFrom(bytes);
      in_.assign(bytes.substr(used));
    } else {
      in_ += bytes;
      const std::string waiting = std::exchange(in_, {});
      const std::size_t used = ParseFrom(waiting);
      in_.assign(waiting, used);
    }
    busy_ = false;
    bytes = {};
    waits = true;
    full = slots_.size() >= kMaxPipelined;
    Flush();
  } while (!closed_ && full && MayRead() && !in_.empty());
  if (closed_) return;
  MaybeContinue();
  HandOver();
  UpdateInterest();
}

std::size_t HttpServerConnection::ParseFrom(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !refused_ && slots_.size() < kMaxPipelined) {
    used += parser_.Feed(bytes.substr(used));
    if (parser_.failed()) {
      Refuse(parser_.problem().status, parser_.problem().message);
    } else if (parser_.done()) {
      Dispatch();
    } else {
      break;
    }
  }
  return refused_ ? bytes.size() : used;
}

void HttpServerConnection::Dispatch() {
  const std::string encoding = parser_.content_encoding();
  Slot slot;
  slot.minor_version = parser_.minor_version();
  slot.keep_alive = parser_.keep_alive();
  HttpRequest request = parser_.Take();
  continued_ = false;
  if (!encoding.empty() && !request.body.empty()) {
    auto body = Inflate(encoding, request.body, worker_->shared().limits.body_bytes);
    if (!body.has_value()) {
      const ErrorCode code = body.error().code;
      return Refuse(code == ErrorCode::kResourceExhausted ? 413
                    : code == ErrorCode::kUnsupported     ? 415
                                                          : 400,
                    body.error().message);
    }
    request.body = *std::move(body);
    for (auto& [name, value] : request.headers) {
      if (EqualsIgnoringCase(name, "content-length")) value = std::to_string(request.body.size());
    }
  }
  HandTo(std::move(request), std::move(slot));
}

void HttpServerConnection::HandTo(HttpRequest request, Slot slot) {
  since_ = loop_.now();
  const std::string_view id = FindHeader(request.headers, "x-request-id");
  request.request_id = IsSaneRequestId(id) ? std::string(id) : worker_->request_ids.Make();
  request.peer = peer_;
  request.client_certificate = client_certificate_;
  slot.request_id = request.request_id;
  slot.head_request = request.method == "HEAD";
  if (!slot.keep_alive) refused_ = true;  // nothing after it is a request of this connection
  slots_.push_back(std::move(slot));
  auto ticket = std::make_shared<Ticket>(shared_from_this(), first_sequence_ + slots_.size() - 1);
  try {
    worker_->shared().handler(
        std::move(request), [ticket = std::move(ticket)](HttpResponse response) { ticket->Use(std::move(response)); });
  } catch (const std::exception& error) {  // the ticket's end answers 500
    LogError("a request handler threw", {{"error", error.what()}});
  }
}

void HttpServerConnection::Refuse(int status, std::string_view message) {
  refused_ = true;
  Slot slot;
  slot.request_id = worker_->request_ids.Make();
  slot.keep_alive = false;
  slot.ready = true;
  slot.response = ErrorResponse(status, message);
  slots_.push_back(std::move(slot));
}

void HttpServerConnection::Answer(std::uint64_t sequence, HttpResponse response) {
  if (loop_.InLoop()) return Complete(sequence, std::move(response));
  loop_.Post([self = shared_from_this(), sequence, response = std::move(response)]() mutable {
    self->Complete(sequence, std::move(response));
  });
}

void HttpServerConnection::Complete(std::uint64_t sequence, HttpResponse response) {
  if (closed_) return;
  if (handed_) TakeBack();
  Slot& slot = slots_[static_cast<std::size_t>(sequence - first_sequence_)];
  slot.response = std::move(response);
  slot.ready = true;
  if (busy_ || &slot != &slots_.front() || stream_ || file_ || !backlog_.empty()) return;
  const auto self = shared_from_this();
  Flush();
  AfterWrite();
}

void HttpServerConnection::OnTick(EventLoop::Clock::time_point now) {
  const HttpLimits& limits = worker_->shared().limits;
  if (handshaking_) {
    if (now - since_ > (worker_->shared().draining ? kDrainLinger : limits.handshake)) Close();
  } else if (lingering_) {
    if (now - progress_ > (worker_->shared().draining ? kDrainLinger : kLinger)) Close();
  } else if (!backlog_.empty() || file_) {
    if (now - progress_ > limits.slow) Close();
  } else if (!slots_.empty()) {
    return;  // the handler is at work: it has no deadline here
  } else if (parser_.started() || !in_.empty()) {
    if (now - since_ <= limits.slow) return;
    const auto self = shared_from_this();
    Refuse(408, "the request did not come whole in time");
    Flush();
    UpdateInterest();
  } else if (now - since_ > limits.idle || (worker_->shared().draining && now - since_ > kDrainQuiet)) {
    const auto self = shared_from_this();
    OnReadable();  // a request that arrived just now is not lost
    if (!closed_ && slots_.empty() && !parser_.started() && in_.empty()) Close();
  }
}

}  // namespace keelson::io
