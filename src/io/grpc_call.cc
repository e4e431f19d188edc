// One call of a connection: its headers, its messages both ways, its end.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <exception>

#include "base/log.h"
#include "io/grpc_connection.h"

namespace keelson::io {
namespace {

using Clock = EventLoop::Clock;

constexpr std::size_t kMuchOutput = 1u << 20;  // over it a streaming client has to read before it may send more
constexpr std::size_t kShrinkOutput = 64u << 10;

nghttp2_nv Header(std::string_view name, std::string_view value, std::uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
  // nghttp2 writes to neither; it copies both.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), flags};
}

}  // namespace

GrpcServerCall::GrpcServerCall(std::shared_ptr<GrpcConnection> connection, std::int32_t stream)
    : connection_(std::move(connection)), stream_(stream), since_(connection_->loop_.now()) {}

void GrpcServerCall::OnHeader(std::string_view name, std::string_view value) {
  metadata_bytes_ += name.size() + value.size() + 32;  // as HTTP/2 counts them
  if (metadata_bytes_ > connection_->worker_->shared().limits.metadata_bytes) return;
  if (name.empty()) return;
  if (name.front() == ':') {
    if (name == ":path") request_.method.assign(value);
    if (name == ":method") http_method_.assign(value);
    if (name == ":authority") request_.authority.assign(value);
  } else if (name == "content-type") {
    content_type_.assign(value);
  } else if (name == "grpc-timeout") {
    timeout_.assign(value);
  } else if (name == "grpc-encoding") {
    encoding_.assign(value);
  } else if (name == "grpc-accept-encoding") {
    accept_encoding_.assign(value);
  } else if (name == "host" && request_.authority.empty()) {
    request_.authority.assign(value);
  } else if (name != "te") {
    request_.metadata.emplace_back(name, value);
  }
}

// What is no gRPC gets an answer of HTTP.
bool GrpcServerCall::OnRejectedRequest() {
  const char* status = http_method_ != "POST" ? "405" : IsGrpcContentType(content_type_) ? nullptr : "415";
  if (status == nullptr) return false;
  finishing_ = submitted_ = true;
  connection_->AnswerPlainly(stream_, status);
  return true;
}

void GrpcServerCall::Begin() {
  begun_ = true;
  GrpcServerShared& shared = connection_->worker_->shared();
  request_.received = since_ = connection_->loop_.now();
  const bool much = metadata_bytes_ > shared.limits.metadata_bytes;
  if (!much && OnRejectedRequest()) return;
  if (much) {
    return FinishNow({GrpcCode::kResourceExhausted,
                      "received metadata size exceeds " + std::to_string(shared.limits.metadata_bytes) + " bytes"});
  }
  if (!timeout_.empty()) {
    const auto timeout = ParseGrpcTimeout(timeout_);
    if (!timeout) return FinishNow({GrpcCode::kInternal, "malformed grpc-timeout: " + timeout_});
    request_.deadline = request_.received + *timeout;
  }
  if (!encoding_.empty() && encoding_ != "identity" && encoding_ != "gzip" && encoding_ != "deflate") {
    return FinishNow({GrpcCode::kUnimplemented, "grpc-encoding is " + encoding_.substr(0, 40) +
                                                    "; this server knows identity, gzip and deflate"});
  }
  if (encoding_ != "identity" && (accept_encoding_.empty() || AcceptsGrpcEncoding(accept_encoding_, encoding_))) {
    answer_encoding_ = encoding_;
  }
  const std::string_view id = FindHeader(request_.metadata, "x-request-id");
  request_.request_id = IsSaneRequestId(id) ? std::string(id) : connection_->worker_->request_ids.Make();
  request_.peer = connection_->peer_;
  request_.client_certificate = connection_->client_certificate_;
  reader_ = std::make_unique<GrpcMessageReader>(encoding_, shared.limits.message_bytes);
  if (request_.deadline) connection_->fresh_.push_back(shared_from_this());
  try {
    handler_ = shared.accept(shared_from_this());
  } catch (const std::exception& error) {
    LogError("a gRPC handler threw", {{"error", error.what()}});
  }
  if (handler_ == nullptr && !finishing_) {
    FinishNow({GrpcCode::kUnimplemented, "unknown method " + request_.method.substr(0, 200)});
  }
}

void GrpcServerCall::OnData(std::string_view bytes) {
  unread_ += bytes.size();
  if (handler_ == nullptr || finishing_) {  // answered already: only taken off the wire
    connection_->Consumed(stream_, std::exchange(unread_, 0));
    return;
  }
  if (!reader_->begun()) since_ = connection_->loop_.now();
  reader_->Feed(bytes);
  HandMessages();
  if (finishing_ || out_.size() - out_at_ <= kMuchOutput) connection_->Consumed(stream_, std::exchange(unread_, 0));
}

void GrpcServerCall::HandMessages() {
  while (handler_ != nullptr && !finishing_) {
    const auto message = reader_->Next();
    if (!message) {
      const GrpcStatus status = GrpcStatusOf(message.error());
      return FinishNow({status.code, message.error().message});
    }
    if (!*message) break;
    since_ = connection_->loop_.now();
    if (request_.deadline && Clock::now() >= *request_.deadline) {
      return FinishNow({GrpcCode::kDeadlineExceeded, "Deadline Exceeded"});
    }
    handed_ = true;
    try {
      handler_->OnMessage(**message);
    } catch (const std::exception& error) {
      LogError("a gRPC handler threw", {{"error", error.what()}});
      FinishNow({GrpcCode::kInternal, "the request failed; this is a bug in Keelson"});
    }
  }
  if (finishing_ || !reader_->begun()) return;
  if (connection_->held_bytes() > 2 * connection_->worker_->shared().limits.message_bytes) {
    FinishNow({GrpcCode::kResourceExhausted, "too many large messages at one time on one connection"});
  }
}

void GrpcServerCall::OnEnd() {
  half_closed_ = true;
  if (handler_ == nullptr || finishing_) return;
  if (reader_->begun()) return FinishNow({GrpcCode::kInternal, "the last message is shorter than it says"});
  handler_->OnHalfClose();
}

void GrpcServerCall::OnClose() {
  ended_ = true;
  finishing_ = true;
  if (expected_) connection_->worker_->Forget(*std::exchange(expected_, std::nullopt));
  handler_.reset();
}

void GrpcServerCall::OnTick(Clock::time_point now) {
  if (finishing_ || half_closed_ || handler_ == nullptr) return;
  if (now - since_ <= connection_->worker_->shared().limits.slow) return;
  if (reader_->begun() || (!handed_ && !handler_->streams())) {
    FinishNow({GrpcCode::kDeadlineExceeded, "the message did not come whole in time"});
  }
}

void GrpcServerCall::OnDrain() {
  if (handler_ != nullptr && !finishing_) handler_->OnDrain();
}

void GrpcServerCall::AddMetadata(std::string name, std::string value) {
  if (ended_) return;
  if (connection_->loop_.InLoop()) {
    if (!submitted_) answer_metadata_.emplace_back(std::move(name), std::move(value));
    return;
  }
  connection_->loop_.Post([self = shared_from_this(), name = std::move(name), value = std::move(value)]() mutable {
    self->AddMetadata(std::move(name), std::move(value));
  });
}

void GrpcServerCall::Write(std::string message) {
  if (ended_) return;
  if (connection_->loop_.InLoop()) return WriteNow(message);
  connection_->loop_.Post([self = shared_from_this(), said = std::move(message)] { self->WriteNow(said); });
}

void GrpcServerCall::Finish(GrpcStatus status) {
  if (ended_) return;
  if (connection_->loop_.InLoop()) return FinishNow(std::move(status));
  connection_->loop_.Post(
      [self = shared_from_this(), status = std::move(status)]() mutable { self->FinishNow(std::move(status)); });
}

void GrpcServerCall::Answer(std::string message) {
  if (ended_) return;
  const auto answer = [](GrpcServerCall& call, std::string_view said) {
    if (!call.finishing_) call.Append(said);
    call.FinishNow({});
  };
  if (connection_->loop_.InLoop()) return answer(*this, message);
  connection_->loop_.Post([self = shared_from_this(), answer, said = std::move(message)] { answer(*self, said); });
}

void GrpcServerCall::Append(std::string_view message) {
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
  }
  AppendGrpcMessage(message, answer_encoding_, &out_);
}

void GrpcServerCall::Resume() {
  if (!submitted_) {
    SubmitHeaders();
  } else if (std::exchange(deferred_, false)) {
    nghttp2_session_resume_data(connection_->session_, stream_);
  }
  connection_->Flush();
}

void GrpcServerCall::WriteNow(std::string_view message) {
  if (finishing_) return;
  Append(message);
  Resume();
}

void GrpcServerCall::FinishNow(GrpcStatus status) {
  if (finishing_) return;
  finishing_ = true;
  ended_ = true;
  status_ = std::move(status);
  Resume();
}

void GrpcServerCall::SubmitHeaders() {
  submitted_ = true;
  std::vector<nghttp2_nv> headers;
  headers.reserve(6 + answer_metadata_.size());
  headers.push_back(Header(":status", "200"));
  headers.push_back(Header("content-type", "application/grpc"));
  headers.push_back(Header("grpc-accept-encoding", "identity,gzip,deflate"));
  const bool only = finishing_ && !HasOutput();
  if (!only && !answer_encoding_.empty()) headers.push_back(Header("grpc-encoding", answer_encoding_));
  if (!request_.request_id.empty()) {
    headers.push_back(Header("x-request-id", request_.request_id, NGHTTP2_NV_FLAG_NO_INDEX));
  }
  for (const auto& [name, value] : answer_metadata_) headers.push_back(Header(name, value));
  if (only) {  // nothing but trailers
    const std::string code = std::to_string(static_cast<int>(status_.code));
    const std::string message = EncodeGrpcMessage(status_.message);
    headers.push_back(Header("grpc-status", code));
    if (!message.empty()) headers.push_back(Header("grpc-message", message, NGHTTP2_NV_FLAG_NO_INDEX));
    for (const auto& [name, value] : status_.metadata) headers.push_back(Header(name, value));
    nghttp2_submit_response(connection_->session_, stream_, headers.data(), headers.size(), nullptr);
    return;
  }
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = [](nghttp2_session* session, std::int32_t stream, std::uint8_t* to, std::size_t room,
                              std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
    auto& call = *static_cast<GrpcServerCall*>(source->ptr);
    const std::size_t size = call.Take(reinterpret_cast<char*>(to), room);
    if (call.HasOutput()) return static_cast<ssize_t>(size);
    if (!call.finishing_) {
      if (size != 0) return static_cast<ssize_t>(size);
      call.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const std::string code = std::to_string(static_cast<int>(call.status_.code));
    const std::string message = EncodeGrpcMessage(call.status_.message);
    std::vector<nghttp2_nv> trailers = {Header("grpc-status", code)};
    if (!message.empty()) trailers.push_back(Header("grpc-message", message, NGHTTP2_NV_FLAG_NO_INDEX));
    for (const auto& [name, value] : call.status_.metadata) trailers.push_back(Header(name, value));
    nghttp2_submit_trailer(session, stream, trailers.data(), trailers.size());
    return static_cast<ssize_t>(size);
  };
  nghttp2_submit_response(connection_->session_, stream_, headers.data(), headers.size(), &provider);
}

std::size_t GrpcServerCall::Take(char* to, std::size_t room) {
  const std::size_t size = std::min(room, out_.size() - out_at_);
  std::copy_n(out_.data() + out_at_, size, to);
  out_at_ += size;
  if (out_at_ == out_.size()) {
    out_.clear();
    if (out_.capacity() > kShrinkOutput) out_.shrink_to_fit();
    out_at_ = 0;
  }
  if (unread_ != 0 && out_.size() - out_at_ <= kMuchOutput) {
    connection_->Consumed(stream_, std::exchange(unread_, 0));
  }
  return size;
}

}  // namespace keelson::io
