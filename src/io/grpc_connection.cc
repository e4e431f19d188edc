#include "io/grpc_connection.h"

#include <fmt/core.h>
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.h"

namespace keelson::io {
namespace {

constexpr std::uint32_t kStreamWindow = 1u << 20;     // bytes that a client may send of one call before we have read
constexpr std::int32_t kConnectionWindow = 16 << 20;  // and of all calls of a connection
constexpr std::size_t kWriteAtOnce = 64u << 10;
constexpr std::size_t kMuchBacklog = 256u << 10;  // over it nothing more is read
constexpr auto kGoawayAtMost = std::chrono::seconds(1);
constexpr auto kLinger = std::chrono::seconds(2);
constexpr auto kDrainLinger = std::chrono::milliseconds(200);

using Clock = EventLoop::Clock;

std::string_view View(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

}  // namespace

// nghttp2 calls these while it reads (busy_ is set) or gives out what is to be written.
struct GrpcConnection::Callbacks {
  static GrpcServerCall* Find(GrpcConnection& connection, std::int32_t stream) {
    const auto found = connection.calls_.find(stream);
    return found == connection.calls_.end() ? nullptr : found->second.get();
  }

  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& connection = *static_cast<GrpcConnection*>(user);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const std::int32_t stream = frame->hd.stream_id;
    connection.calls_.emplace(stream, std::make_shared<GrpcServerCall>(connection.shared_from_this(), stream));
    return 0;
  }

  static int Header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    auto* call = Find(*static_cast<GrpcConnection*>(user), frame->hd.stream_id);
    if (call != nullptr && !call->begun_) call->OnHeader(View(name, name_size), View(value, value_size));
    return 0;
  }

  static int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& connection = *static_cast<GrpcConnection*>(user);
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
      if (connection.draining_) connection.SayFinalGoaway();
      return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    auto* call = Find(connection, frame->hd.stream_id);
    if (call == nullptr) return 0;
    const auto held = call->shared_from_this();
    if (!call->begun_ && frame->hd.type == NGHTTP2_HEADERS) call->Begin();
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) call->OnEnd();
    return 0;
  }

  static int Data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size,
                  void* user) {
    auto& connection = *static_cast<GrpcConnection*>(user);
    // What may come of all calls together is not bounded by what is read of one.
    nghttp2_session_consume_connection(connection.session_, size);
    auto* call = Find(connection, stream);
    if (call == nullptr) return 0;
    const auto held = call->shared_from_this();
    call->OnData(View(data, size));
    return 0;
  }

  static int StreamClosed(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) {
    static_cast<GrpcConnection*>(user)->Ended(stream);
    return 0;
  }

  // An answer that ends before the request does: the client need not go on.
  static int FrameSent(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) != 0) return 0;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static nghttp2_session_callbacks* All() {
    static nghttp2_session_callbacks* const all = [] {
      nghttp2_session_callbacks* made = nullptr;
      if (nghttp2_session_callbacks_new(&made) != 0) std::abort();  // out of memory
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, BeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback(made, Header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, FrameReceived);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Data);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, StreamClosed);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, FrameSent);
      return made;
    }();
    return all;
  }
};

GrpcConnection::GrpcConnection(std::shared_ptr<GrpcWorker> worker, UniqueFd fd, std::string peer)
    : worker_(std::move(worker)),
      loop_(worker_->loop()),
      fd_(std::move(fd)),
      peer_(std::move(peer)),
      since_(loop_.now()),
      read_at_(since_),
      written_at_(since_) {
  if (worker_->shared().tls == nullptr) return;
  tls_ = worker_->shared().tls->Accept(fd_.get(), TlsProtocol::kHttp2);
  handshaking_ = true;
}

GrpcConnection::~GrpcConnection() {
  nghttp2_session_del(session_);
}

void GrpcConnection::Open() {
  nghttp2_option* raw = nullptr;
  if (nghttp2_option_new(&raw) != 0) std::abort();  // out of memory
  const std::unique_ptr<nghttp2_option, OptionDeleter> option(raw);
  nghttp2_option_set_no_auto_window_update(raw, 1);
  if (nghttp2_session_server_new2(&session_, Callbacks::All(), this, raw) != 0) std::abort();  // out of memory
  const GrpcLimits& limits = worker_->shared().limits;
  const std::array<nghttp2_settings_entry, 3> settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(limits.calls)},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.metadata_bytes)}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  interest_ = EPOLLIN | EPOLLRDHUP;
  loop_.Add(fd_.get(), this, interest_);
  if (!handshaking_) Flush();
}

void GrpcConnection::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  loop_.Remove(fd_.get(), this);
  if (tls_ != nullptr) tls_->Close();
  fd_.Reset();
  fresh_.clear();
  const auto calls = std::exchange(calls_, {});
  for (const auto& [stream, call] : calls) call->OnClose();
  backlog_.clear();
  worker_->Forget(this);
}

void GrpcConnection::Handshake() {
  const TlsStream::Step step = tls_->Handshake();
  if (step == TlsStream::Step::kFailed) {
    // One line a second at most: anybody can make handshakes fail.
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(loop_.now().time_since_epoch()).count();
    if (worker_->shared().handshake_told.exchange(second) != second)
      LogWarning(tls_->problem().message, {{"peer", peer_}});
    return Close();
  }
  const std::uint32_t wanted =
      step == TlsStream::Step::kWantsWrite ? EPOLLOUT : static_cast<std::uint32_t>(EPOLLIN | EPOLLRDHUP);
  if (wanted != interest_) {
    interest_ = wanted;
    loop_.Modify(fd_.get(), this, wanted);
  }
  if (step != TlsStream::Step::kDone) return;
  handshaking_ = false;
  since_ = loop_.now();
  client_certificate_ = tls_->peer_certificate();
  Flush();
  if (!closed_) OnReadable();
}

void GrpcConnection::OnEvents(std::uint32_t events) {
  const auto self = shared_from_this();
  if (handshaking_) [[unlikely]]
    return Handshake();
  if ((events & EPOLLOUT) != 0) OnWritable();
  if (closed_) return;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) OnReadable();
}

void GrpcConnection::OnReadable() {
  std::string& buffer = worker_->read_buffer;
  while (!closed_ && backlog_.size() - backlog_at_ <= kMuchBacklog) {
    // Who lingers hears nobody any more, not in TLS either.
    const ssize_t count = Receive(fd_.get(), lingering_ ? nullptr : tls_.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (count <= 0) return Close();
    if (lingering_) continue;
    read_at_ = loop_.now();
    pinged_ = false;
    Feed({buffer.data(), static_cast<std::size_t>(count)});
    if (static_cast<std::size_t>(count) < buffer.size() && (tls_ == nullptr || !tls_->has_more())) break;
  }
  UpdateInterest();
}

void GrpcConnection::Feed(std::string_view bytes) {
  busy_ = true;
  const ssize_t used =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  busy_ = false;
  if (closed_) return;
  if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC && !heard_) return RefuseHttp1(bytes);
  heard_ = true;
  for (const auto& call : fresh_) {
    if (!call->ended()) call->expected_ = worker_->Expect(*call);
  }
  fresh_.clear();
  Flush();
  if (used < 0) Linger();  // the GOAWAY that says why is written
}

// Somebody who takes this port for the REST one is told so.
void GrpcConnection::RefuseHttp1(std::string_view bytes) {
  if (bytes.find("HTTP/1.") == std::string_view::npos) return Close();
  static constexpr std::string_view kBody = R"({"error":"this port speaks gRPC; REST is answered on another one"})";
  Send(
      fmt::format("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\n"
                  "connection: close\r\n\r\n{}",
                  kBody.size(), kBody));
  Linger();
}

void GrpcConnection::AnswerPlainly(std::int32_t stream, const char* status) {
  const std::string_view name = ":status";
  nghttp2_nv header{reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                    reinterpret_cast<std::uint8_t*>(const_cast<char*>(status)), name.size(), 3, NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_response(session_, stream, &header, 1, nullptr);
}

void GrpcConnection::Ended(std::int32_t stream) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  const auto call = std::move(found->second);
  calls_.erase(found);
  if (calls_.empty()) since_ = loop_.now();
  call->OnClose();
}

void GrpcConnection::Consumed(std::int32_t stream, std::size_t size) {
  if (size != 0) nghttp2_session_consume_stream(session_, stream, size);
}

std::size_t GrpcConnection::held_bytes() const {
  std::size_t held = 0;
  for (const auto& [stream, call] : calls_) {
    if (call->reader_ != nullptr) held += call->reader_->held_bytes();
  }
  return held;
}

void GrpcConnection::Flush() {
  if (busy_ || closed_ || handshaking_ || lingering_) return;
  const auto self = shared_from_this();
  std::string& buffer = worker_->write_buffer;
  busy_ = true;  // what nghttp2 calls must not come back here
  bool more = true;
  while (more && !closed_ && backlog_.empty()) {
    buffer.clear();
    while (buffer.size() < kWriteAtOnce) {
      const std::uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &data);
      if (size <= 0) {
        more = false;
        break;
      }
      buffer.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
    if (!buffer.empty() && !Send(buffer)) break;
  }
  busy_ = false;
  if (closed_) return;
  const bool over =
      backlog_.empty() && ((final_goaway_ && calls_.empty()) ||
                           (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0));
  if (over) return Linger();
  UpdateInterest();
}

// Closing with unread bytes would reset the connection and could take our last words away from the client.
void GrpcConnection::Linger() {
  if (closed_ || std::exchange(lingering_, true)) return;
  if (tls_ != nullptr) tls_->Close();
  shutdown(fd_.get(), SHUT_WR);
  written_at_ = loop_.now();
  UpdateInterest();
}

// Whether all of it was taken; the rest waits in backlog_.
bool GrpcConnection::Send(std::string_view bytes) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};  // sendmsg does not write to it
  const ssize_t sent = Transmit(fd_.get(), tls_.get(), {&piece, 1});
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    Close();
    return false;
  }
  written_at_ = loop_.now();
  const std::size_t taken = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  if (taken == bytes.size()) return true;
  backlog_.assign(bytes.substr(taken));
  backlog_at_ = 0;
  return false;
}

void GrpcConnection::OnWritable() {
  if (tls_ != nullptr && tls_->wants_write()) OnReadable();
  while (!closed_ && backlog_at_ < backlog_.size()) {
    iovec rest{backlog_.data() + backlog_at_, backlog_.size() - backlog_at_};
    const ssize_t sent = Transmit(fd_.get(), tls_.get(), {&rest, 1});
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) Close();
      return;
    }
    written_at_ = loop_.now();
    backlog_at_ += static_cast<std::size_t>(sent);
  }
  if (closed_) return;
  backlog_ = {};
  backlog_at_ = 0;
  Flush();
}

void GrpcConnection::UpdateInterest() {
  if (closed_) return;
  std::uint32_t wanted = 0;
  if (backlog_.size() - backlog_at_ <= kMuchBacklog) wanted |= EPOLLIN | EPOLLRDHUP;
  if (!backlog_.empty() || (tls_ != nullptr && tls_->wants_write())) wanted |= EPOLLOUT;
  if ((wanted & EPOLLIN) != 0 && !lingering_ && tls_ != nullptr && tls_->has_more() && !read_posted_) {
    read_posted_ = true;  // the socket will not tell of it
    loop_.Post([self = shared_from_this()] {
      self->read_posted_ = false;
      if (!self->closed_) self->OnReadable();
    });
  }
  if (wanted == interest_) return;
  interest_ = wanted;
  loop_.Modify(fd_.get(), this, wanted);
}

void GrpcConnection::Drain() {
  if (draining_ || closed_) return;
  if (handshaking_) return Close();
  OnReadable();  // a call that has just arrived is not lost
  if (closed_) return;
  draining_ = true;
  since_ = loop_.now();
  // First a warning that leaves all streams open; when the client has seen it, the number of the last one taken.
  nghttp2_submit_shutdown_notice(session_);
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  const auto calls = calls_;
  for (const auto& [stream, call] : calls) call->OnDrain();
  Flush();
}

void GrpcConnection::SayFinalGoaway() {
  if (std::exchange(final_goaway_, true)) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

void GrpcConnection::OnTick(Clock::time_point now) {
  const GrpcLimits& limits = worker_->shared().limits;
  const auto self = shared_from_this();
  if (lingering_) {
    if (now - written_at_ > (worker_->shared().draining ? kDrainLinger : kLinger)) Close();
    return;
  }
  if (handshaking_ || (!heard_ && !draining_)) {
    if (now - since_ > limits.handshake) Close();
    return;
  }
  if (!backlog_.empty() && now - written_at_ > limits.slow) return Close();
  const auto calls = calls_;
  for (const auto& [stream, call] : calls) call->OnTick(now);
  if (closed_) return;
  if (draining_) {
    if (!final_goaway_ && now - since_ > kGoawayAtMost) {
      SayFinalGoaway();
      Flush();
    }
  } else if (calls_.empty()) {
    if (now - since_ > limits.idle) Drain();
  } else if (pinged_) {
    if (now - read_at_ > limits.keepalive + limits.unanswered) Close();
  } else if (now - read_at_ > limits.keepalive) {
    pinged_ = true;
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    Flush();
  }
}

}  // namespace keelson::io
