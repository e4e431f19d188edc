#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/grpc.h"
#include "io/grpc_protocol.h"
#include "io/http_sockets.h"
#include "io/tls.h"

// A client of gRPC for tests and benchmarks: one connection, blocking, no more of the protocol than they need.
namespace keelson::io::testing {

struct GrpcReply {
  std::map<std::string, std::string> headers;  // of both header blocks
  std::string bytes;                           // all that came as data
  bool closed = false;                         // the stream has ended
  std::uint32_t error = 0;                     // HTTP/2's, of the stream

  // -1: there came none.
  int status() const {
    const auto found = headers.find("grpc-status");
    return found == headers.end() ? -1 : std::stoi(found->second);
  }
  std::string message() const {
    const auto found = headers.find("grpc-message");
    return found == headers.end() ? "" : found->second;
  }
  // Throws when the framing is broken.
  std::vector<std::string> messages() const {
    const auto encoding = headers.find("grpc-encoding");
    GrpcMessageReader reader(encoding == headers.end() ? "" : encoding->second, 1u << 30);
    std::vector<std::string> all;
    reader.Feed(bytes);
    for (;;) {
      const auto next = reader.Next();
      if (!next) throw std::runtime_error(next.error().ToString());
      if (!*next) return all;
      all.emplace_back(**next);
    }
  }
};

inline std::string Frame(std::string_view message) {
  std::string framed;
  AppendGrpcMessage(message, "", &framed);
  return framed;
}

class GrpcTestClient {
 public:
  explicit GrpcTestClient(const HttpTarget& target) {
    auto fd = StartConnect(target);
    if (!fd) throw std::runtime_error(fd.error().ToString());
    fd_ = *std::move(fd);
    auto tls = StartTls(target, fd_.get(), nullptr);
    if (!tls) throw std::runtime_error(tls.error().ToString());
    tls_ = *std::move(tls);
    static constexpr unsigned char kHttp2[] = "\x02h2";
    if (tls_ != nullptr) SSL_set_alpn_protos(tls_->native(), kHttp2, sizeof kHttp2 - 1);
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 64 << 20);
  }
  ~GrpcTestClient() { nghttp2_session_del(session_); }
  GrpcTestClient(const GrpcTestClient&) = delete;
  GrpcTestClient& operator=(const GrpcTestClient&) = delete;

  // Begins a call, with the framed messages that are known already; `more`: Send will follow. Gives the stream.
  std::int32_t Begin(const std::string& method, std::string framed, const HttpHeaders& extra = {}, bool more = false) {
    HttpHeaders headers = {{":method", "POST"},
                           {":scheme", tls_ == nullptr ? "http" : "https"},
                           {":path", method},
                           {":authority", "localhost"},
                           {"content-type", "application/grpc"},
                           {"te", "trailers"}};
    for (const auto& [name, value] : extra) {
      bool there = false;
      for (auto& [known, old] : headers) {
        if (known == name) old = value, there = true;
      }
      if (!there) headers.emplace_back(name, value);
    }
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : headers) {
      fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                        name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = Read;
    const std::int32_t stream =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider, nullptr);
    if (stream < 0) throw std::runtime_error(nghttp2_strerror(stream));
    out_[stream] = {std::move(framed), more};
    replies_[stream];
    Flush();
    return stream;
  }
  void Send(std::int32_t stream, std::string_view framed, bool more) {
    auto& out = out_[stream];
    out.bytes += framed;
    out.more = more;
    nghttp2_session_resume_data(session_, stream);
    Flush();
  }
  void Cancel(std::int32_t stream) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    Flush();
  }
  void Ping() {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    Flush();
  }
  // Whatever bytes.
  void SendRaw(std::string_view bytes) {
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    if (Transmit(fd_.get(), tls_.get(), {&piece, 1}) < 0) ended_ = true;
  }

  // Reads until `done` says so, the connection ends or ten seconds have gone; whether it was done.
  bool Until(const std::function<bool()>& done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && !ended_ && std::chrono::steady_clock::now() < give_up) Turn(100);
    return done();
  }
  GrpcReply Wait(std::int32_t stream) {
    Until([&] { return replies_[stream].closed; });
    return replies_[stream];
  }
  GrpcReply Call(const std::string& method, std::string_view message, const HttpHeaders& extra = {}) {
    return Wait(Begin(method, Frame(message), extra));
  }

  GrpcReply& reply(std::int32_t stream) { return replies_[stream]; }
  void Drop(std::int32_t stream) { replies_.erase(stream); }
  bool ended() const { return ended_; }
  int goaways() const { return goaways_; }
  int pongs() const { return pongs_; }
  int pings() const { return pings_; }

  // Whether the server closes the connection in ten seconds, of which nothing is read meanwhile.
  bool IsClosed() const {
    pollfd waiting{fd_.get(), POLLRDHUP, 0};
    return poll(&waiting, 1, 10'000) > 0;
  }

  // One look at the socket, waiting at most so many milliseconds.
  void Turn(int milliseconds) {
    Flush();
    pollfd waiting{fd_.get(), POLLIN, 0};
    if ((tls_ == nullptr || !tls_->has_more()) && poll(&waiting, 1, milliseconds) <= 0) return;
    if (!Handshaken()) return;
    buffer_.resize(256u << 10);
    const ssize_t count = Receive(fd_.get(), tls_.get(), buffer_.data(), buffer_.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
      ended_ = true;
      return;
    }
    if (nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(buffer_.data()),
                                 static_cast<std::size_t>(count)) < 0) {
      ended_ = true;
    }
    Flush();
  }

  void Flush() {
    if (!Handshaken()) return;
    for (;;) {
      const std::uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &data);
      if (size <= 0) break;
      unsent_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
      if (unsent_.size() > (1u << 20)) break;
    }
    std::size_t at = 0;
    while (at < unsent_.size() && !ended_) {
      iovec piece{unsent_.data() + at, unsent_.size() - at};
      const ssize_t sent = Transmit(fd_.get(), tls_.get(), {&piece, 1});
      if (sent < 0 && errno == EAGAIN) {
        pollfd waiting{fd_.get(), POLLOUT, 0};
        if (poll(&waiting, 1, 100) > 0) continue;
        break;
      }
      if (sent < 0) {
        ended_ = true;
        break;
      }
      at += static_cast<std::size_t>(sent);
    }
    unsent_.erase(0, at);
  }

 private:
  struct Out {
    std::string bytes;
    bool more = false;
    std::size_t sent = 0;
  };

  bool Handshaken() {
    if (tls_ == nullptr || handshaken_ || ended_) return !ended_;
    for (;;) {
      const auto step = tls_->Handshake();
      if (step == TlsStream::Step::kDone) return handshaken_ = true;
      if (step == TlsStream::Step::kFailed) {
        ended_ = true;
        return false;
      }
      pollfd waiting{fd_.get(), static_cast<short>(step == TlsStream::Step::kWantsRead ? POLLIN : POLLOUT), 0};
      if (poll(&waiting, 1, 10'000) <= 0) return false;
    }
  }

  static ssize_t Read(nghttp2_session*, std::int32_t stream, std::uint8_t* to, std::size_t room, std::uint32_t* flags,
                      nghttp2_data_source* source, void*) {
    auto& client = *static_cast<GrpcTestClient*>(source->ptr);
    Out& out = client.out_[stream];
    const std::size_t size = std::min(room, out.bytes.size() - out.sent);
    std::copy_n(out.bytes.data() + out.sent, size, to);
    out.sent += size;
    if (out.sent == out.bytes.size() && !out.more) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      client.out_.erase(stream);
    } else if (size == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(size);
  }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    auto& client = *static_cast<GrpcTestClient*>(user);
    client.replies_[frame->hd.stream_id].headers[{reinterpret_cast<const char*>(name), name_size}] = {
        reinterpret_cast<const char*>(value), value_size};
    return 0;
  }
  static int OnData(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data, std::size_t size,
                    void* user) {
    static_cast<GrpcTestClient*>(user)->replies_[stream].bytes.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int OnClose(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* user) {
    auto& reply = static_cast<GrpcTestClient*>(user)->replies_[stream];
    reply.closed = true;
    reply.error = error;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& client = *static_cast<GrpcTestClient*>(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) ++client.goaways_;
    if (frame->hd.type == NGHTTP2_PING) ++((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 ? client.pongs_ : client.pings_);
    return 0;
  }

  UniqueFd fd_;
  std::unique_ptr<TlsStream> tls_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Out> out_;
  std::map<std::int32_t, GrpcReply> replies_;
  std::string buffer_;
  std::string unsent_;
  bool handshaken_ = false;
  bool ended_ = false;
  int goaways_ = 0;
  int pongs_ = 0;
  int pings_ = 0;
};

}  // namespace keelson::io::testing
