// The writing half of HttpServerConnection: answers in their turn, what the socket did not take at once, streams.
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <stdexcept>

#include "base/log.h"
#include "io/http_server_connection.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxPieces = 32;         // answers in one write
constexpr std::size_t kCopiedBody = 8u << 10;  // smaller bodies are copied behind their heads
constexpr std::uint64_t kFileTurn = 8u << 20;
constexpr std::size_t kFilePiece = 256u << 10;

// Throws, as a stream's only way to say that it is not whole, where the file turns out to be shorter or unreadable.
std::function<std::string()> Pieces(std::shared_ptr<HttpFile> file) {
  return [file = std::move(file), offset = std::uint64_t{0}]() mutable {
    std::string piece(std::min<std::uint64_t>(kFilePiece, file->size() - offset), '\0');
    if (piece.empty()) return piece;
    const ssize_t count = pread(file->fd(), piece.data(), piece.size(), static_cast<off_t>(offset));
    if (count <= 0) throw std::runtime_error("a file could not be read to the end that it had when it was opened");
    piece.resize(static_cast<std::size_t>(count));
    offset += piece.size();
    return piece;
  };
}

}  // namespace

// Appends the heads (and small bodies) of the answers whose turn it is to head_buffer; `head_ends` says where each one
// ends.
std::size_t HttpServerConnection::CollectReady() {
  std::string& heads = worker_->head_buffer;
  std::vector<std::size_t>& ends = worker_->head_ends;
  ends.clear();
  heads.clear();
  std::size_t count = 0;
  while (count < slots_.size() && count < kMaxPieces && slots_[count].ready && !closing_) {
    Slot& slot = slots_[count++];
    const bool last = count == slots_.size() && in_.empty() && !parser_.started();
    if (worker_->shared().draining && last) slot.keep_alive = false;
    ResponseFrame frame{.request_id = slot.request_id,
                        .date = worker_->date.Text(),
                        .minor_version = slot.minor_version,
                        .head_request = slot.head_request,
                        .keep_alive = slot.keep_alive,
                        .chunked = false};
    if (slot.response.file && tls_ != nullptr &&
        HasBody(slot.response, frame)) {  // what is encrypted passes through us
      slot.response.stream = Pieces(std::move(slot.response.file));
    }
    if (slot.response.file) slot.response.stream = nullptr;
    frame.chunked = slot.response.stream != nullptr;
    if (frame.chunked && frame.minor_version == 0) frame.keep_alive = slot.keep_alive = false;
    AppendResponseHead(slot.response, frame, heads);
    const bool has_body = HasBody(slot.response, frame);
    if (!has_body) {
      slot.response.body.clear();
      slot.response.stream = nullptr;
      slot.response.file = nullptr;
    } else if (slot.response.file) {
      slot.response.body.clear();
      file_ = std::move(slot.response.file);
      file_offset_ = 0;
    } else if (frame.chunked) {
      slot.response.body.clear();
      stream_ = std::make_shared<std::function<std::string()>>(std::move(slot.response.stream));
    } else if (slot.response.body.size() <= kCopiedBody) {
      heads += slot.response.body;
      slot.response.body.clear();
    }
    ends.push_back(heads.size());
    if (stream_ || file_) break;
    if (!slot.keep_alive) closing_ = true;
  }
  return count;
}

void HttpServerConnection::WriteCollected(std::size_t count) {
  const std::vector<std::size_t>& ends = worker_->head_ends;
  const std::string& heads = worker_->head_buffer;
  std::array<iovec, 2 * kMaxPieces> pieces{};
  std::size_t used = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool separate = !slots_[i].response.body.empty();
    if (!separate && i + 1 < count) continue;  // one piece up to the next separate body
    pieces[used++] = {const_cast<char*>(heads.data()) + start, ends[i] - start};  // sendmsg does not write to them
    start = ends[i];
    if (separate) pieces[used++] = {slots_[i].response.body.data(), slots_[i].response.body.size()};
  }
  const ssize_t sent = Transmit(fd_.get(), tls_.get(), {pieces.data(), used});
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return Close();
  progress_ = loop_.now();
  std::size_t left = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  for (std::size_t i = 0; i < used; ++i) {
    const std::size_t skip = std::min(left, pieces[i].iov_len);
    left -= skip;
    if (skip == pieces[i].iov_len) continue;
    backlog_.emplace_back(static_cast<const char*>(pieces[i].iov_base) + skip, pieces[i].iov_len - skip);
  }
}

void HttpServerConnection::Flush() {
  while (!closed_ && !stream_ && !file_ && !closing_ && backlog_.empty() && !slots_.empty() && slots_.front().ready) {
    const std::size_t count = CollectReady();
    WriteCollected(count);
    if (closed_) return;
    const std::size_t finished = stream_ || file_ ? count - 1 : count;  // these keep their place until they have ended
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(finished));
    first_sequence_ += finished;
    since_ = loop_.now();
  }
  if (closed_ || !backlog_.empty()) return;
  if (stream_) return PumpStream();
  if (file_) return PumpFile();
  if (closing_ || (peer_ended_ && slots_.empty())) Linger();
}

// After an answer that came by itself: there may be room for requests that wait in in_, or for a 100.
void HttpServerConnection::AfterWrite() {
  if (closed_) return;
  if (MayRead() && !in_.empty()) return Consume({});
  MaybeContinue();
  HandOver();
  UpdateInterest();
}

void HttpServerConnection::OnWritable() {
  while (!backlog_.empty()) {
    std::string& front = backlog_.front();
    iovec rest{front.data() + backlog_offset_, front.size() - backlog_offset_};
    const ssize_t sent = Transmit(fd_.get(), tls_.get(), {&rest, 1});
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) Close();
      return;
    }
    progress_ = loop_.now();
    backlog_offset_ += static_cast<std::size_t>(sent);
    if (backlog_offset_ < front.size()) return;
    backlog_.erase(backlog_.begin());
    backlog_offset_ = 0;
  }
  Flush();
  AfterWrite();
}

void HttpServerConnection::SendRaw(std::string bytes) {
  std::size_t sent = 0;
  if (backlog_.empty()) {
    iovec piece{bytes.data(), bytes.size()};
    const ssize_t count = Transmit(fd_.get(), tls_.get(), {&piece, 1});
    if (count < 0 && errno != EAGAIN && errno != EINTR) return Close();
    sent = count < 0 ? 0 : static_cast<std::size_t>(count);
    progress_ = loop_.now();
  }
  if (sent < bytes.size()) backlog_.push_back(bytes.substr(sent));
}

void HttpServerConnection::MaybeContinue() {
  if (continued_ || !slots_.empty() || !parser_.head_done() || !parser_.expects_continue()) return;
  if (parser_.minor_version() == 0) return;
  continued_ = true;
  SendRaw("HTTP/1.1 100 Continue\r\n\r\n");
}

void HttpServerConnection::PumpStream() {
  worker_->shared().StreamPool().Post([self = shared_from_this(), stream = stream_] {
    if (self->closed_) return;
    std::string piece;
    try {
      piece = (*stream)();
    } catch (const std::exception& error) {
      LogError("a response stream threw", {{"error", error.what()}});
      self->loop_.Post([self] { self->Close(); });  // the client must not take what came for the whole
      return;
    }
    self->loop_.Post([self, piece = std::move(piece)]() mutable { self->OnStreamPiece(std::move(piece)); });
  });
}

void HttpServerConnection::OnStreamPiece(std::string piece) {
  if (closed_ || !stream_) return;
  const bool end = piece.empty();
  Slot& slot = slots_.front();
  if (slot.minor_version > 0) {
    std::string framed;
    framed.reserve(piece.size() + 24);
    AppendChunkStart(piece.size(), framed);
    framed += piece;
    framed += "\r\n";
    piece = std::move(framed);
  }
  if (!piece.empty()) SendRaw(std::move(piece));
  if (closed_) return;
  if (!end) {
    if (backlog_.empty()) PumpStream();
    return UpdateInterest();
  }
  stream_.reset();
  EndAnswer();
}

void HttpServerConnection::EndAnswer() {
  if (!slots_.front().keep_alive) closing_ = true;
  slots_.erase(slots_.begin());
  ++first_sequence_;
  since_ = loop_.now();
  Flush();
  AfterWrite();
}

// As much as the socket takes; after a few MiB the other connections of the loop have their turn.
void HttpServerConnection::PumpFile() {
  std::uint64_t turn = kFileTurn;
  while (file_offset_ < file_->size()) {
    if (turn == 0) {
      loop_.Post([self = shared_from_this()] {
        if (!self->closed_ && self->file_ && self->backlog_.empty()) self->PumpFile();
      });
      return;
    }
    auto offset = static_cast<off_t>(file_offset_);
    const ssize_t sent = sendfile(fd_.get(), file_->fd(), &offset, std::min(turn, file_->size() - file_offset_));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return UpdateInterest();
    if (sent <= 0)
      return Close();  // the client has gone, or the file has become shorter: the length that we said is a lie
    turn -= static_cast<std::uint64_t>(sent);
    file_offset_ += static_cast<std::uint64_t>(sent);
    progress_ = loop_.now();
  }
  file_.reset();
  EndAnswer();
}

void HttpServerConnection::Linger() {
  if (lingering_) return;
  if (peer_ended_) return Close();
  // Closing with unread bytes would reset the connection and could take our answer away from the client.
  if (tls_ != nullptr) tls_->Close();
  shutdown(fd_.get(), SHUT_WR);
  lingering_ = true;
  progress_ = loop_.now();
  UpdateInterest();
}

}  // namespace keelson::io
