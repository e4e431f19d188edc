#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "io/http.h"

namespace keelson::io {

// Why a message was refused: the status to answer with, and a sentence without quotes.
struct HttpProblem {
  int status = 0;
  const char* message = nullptr;
};

// What requests and responses of HTTP/1.1 (RFC 9112) have in common: lines that end with CR LF, header fields, and a
// body framed by Content-Length or by chunks. Strict: whatever two implementations could read differently is refused
// (bare LF, folded lines, spaces before the colon, control characters, two lengths, a length beside chunks).
//
// Incremental and without a buffer of its own: Feed takes whole lines and any part of a body, and leaves the rest to be
// given again. Owned by one connection; one thread.
class HttpMessageParser {
 public:
  virtual ~HttpMessageParser() = default;

  // Consumes bytes from the front and says how many. What is left is an unfinished line (give it again, with more
  // behind it) or what follows the message.
  std::size_t Feed(std::string_view bytes);

  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }
  bool started() const { return state_ != State::kStartLine; }  // the first line is read
  bool head_done() const { return state_ > State::kHeader; }
  bool keep_alive() const { return keep_alive_; }
  const HttpProblem& problem() const { return problem_; }  // when failed

 protected:
  enum class State {
    kStartLine,
    kHeader,
    kBody,
    kBodyUntilEnd,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer,
    kDone,
    kFailed
  };

  HttpMessageParser(std::size_t header_bytes, std::size_t body_bytes)
      : header_bytes_(header_bytes), usual_body_bytes_(body_bytes), body_bytes_(body_bytes) {}

  virtual void OnStartLine(std::string_view line) = 0;
  virtual void OnHeader(std::string_view name, std::string_view value) = 0;  // both valid and trimmed
  virtual void OnHeadDone() = 0;                                             // must choose the next state
  virtual void OnBody(std::string_view bytes) = 0;

  void Refuse(int status, const char* message);
  void ExpectLength(std::uint64_t length);
  void AllowBody(std::uint64_t bytes) { body_bytes_ = bytes; }  // of this message
  void SetVersion(int minor) {
    minor_version_ = minor;
    keep_alive_ = minor >= 1;
  }
  void CloseAfter() { keep_alive_ = false; }
  void Restart();  // ready for the next message

  State state_ = State::kStartLine;
  int minor_version_ = 1;
  bool chunked_ = false;
  bool has_length_ = false;
  std::uint64_t length_ = 0;

 private:
  void TakeLine(std::string_view line);
  void TakeHeader(std::string_view line);
  void TakeFraming(std::string_view name, std::string_view value);
  void TakeChunkSize(std::string_view line);
  bool LineFits(std::string_view rest, std::size_t length);

  const std::size_t header_bytes_;
  const std::uint64_t usual_body_bytes_;
  std::uint64_t body_bytes_;
  std::size_t overhead_ = 0;  // bytes of lines so far, chunk sizes apart
  std::size_t fields_ = 0;
  std::uint64_t remaining_ = 0;  // of the body or the chunk
  std::uint64_t body_size_ = 0;
  bool keep_alive_ = true;
  HttpProblem problem_;
};

class HttpRequestParser final : public HttpMessageParser {
 public:
  using IsUpload = std::function<bool(const HttpRequest&)>;

  // `uploads` (which outlives the parser) tells of which requests the body is taken piece by piece; "" for none.
  explicit HttpRequestParser(const HttpLimits& limits, const IsUpload& uploads = kNoUploads)
      : HttpMessageParser(limits.header_bytes, limits.body_bytes),
        uploads_(uploads),
        upload_bytes_(limits.upload_bytes) {}

  // Of an upload, when head_done(): the request without its body, and what of the body has been fed since the last call
  // (in the place of what `body` held).
  bool is_upload() const { return is_upload_; }
  HttpRequest TakeHead();
  void TakeBody(std::string& body);

  // The request, once done; the body is de-chunked, not yet decompressed. Makes the parser ready for the next one.
  HttpRequest Take();

  int minor_version() const { return minor_version_; }
  bool expects_continue() const { return expects_continue_; }
  const std::string& content_encoding() const { return content_encoding_; }  // lower case; "" for identity. Until Take

 private:
  void OnStartLine(std::string_view line) override;
  void OnHeader(std::string_view name, std::string_view value) override;
  void OnHeadDone() override;
  void OnBody(std::string_view bytes) override;
  bool TakeTarget(std::string_view target);

  static const IsUpload kNoUploads;

  const IsUpload& uploads_;
  const std::uint64_t upload_bytes_;
  bool is_upload_ = false;
  HttpRequest request_;
  std::string authority_;  // of a target in absolute form
  std::string content_encoding_;
  bool expects_continue_ = false;
  int hosts_ = 0;
};

class HttpResponseParser final : public HttpMessageParser {
 public:
  explicit HttpResponseParser(std::size_t body_bytes = 1u << 30) : HttpMessageParser(64u << 10, body_bytes) {}

  // Before each response: whether the request was a HEAD, and where the body goes when not into the response.
  void Expect(bool head_request, const std::function<void(std::string_view)>* sink = nullptr);
  void OnEnd();  // the connection ended: completes a body framed by it, else refuses
  HttpResponse Take();

 private:
  void OnStartLine(std::string_view line) override;
  void OnHeader(std::string_view name, std::string_view value) override;
  void OnHeadDone() override;
  void OnBody(std::string_view bytes) override;

  HttpResponse response_;
  bool head_request_ = false;
  const std::function<void(std::string_view)>* sink_ = nullptr;
};

// Letter case ignored, ASCII only.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
bool IsHttpToken(std::string_view text);       // a method or a field name: not empty
bool IsHttpFieldValue(std::string_view text);  // no control characters but the tab

}  // namespace keelson::io
