#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/grpc.h"

// gRPC's own words over HTTP/2, without the HTTP/2.
namespace keelson::io {

// The value of grpc-timeout: one to eight digits and a unit of H, M, S, m, u, n.
std::optional<std::chrono::nanoseconds> ParseGrpcTimeout(std::string_view text);

// A status message for the trailer grpc-message: UTF-8 bytes, percent-encoded where they are not printable ASCII.
std::string EncodeGrpcMessage(std::string_view text);

// Whether a content-type is gRPC's: "application/grpc", or it with "+proto" or parameters.
bool IsGrpcContentType(std::string_view type);

// Whether a grpc-accept-encoding header lists the encoding.
bool AcceptsGrpcEncoding(std::string_view header, std::string_view encoding);

// Cuts a call's bytes into its messages: five bytes before each (whether it is compressed, its length), and undoes the
// compression. Used on one thread.
class GrpcMessageReader {
 public:
  // `encoding`: what grpc-encoding said: "", "identity", "gzip" or "deflate".
  GrpcMessageReader(std::string encoding, std::size_t limit) : encoding_(std::move(encoding)), limit_(limit) {}

  // Takes bytes that came; then call Next until it gives nothing. The bytes have to stay until then.
  void Feed(std::string_view bytes);
  // The next whole message, a view for as long as the bytes stay; nothing when more is needed. kResourceExhausted for a
  // message over the limit, as soon as its length is known; kUnsupported for a compression that the call has not named;
  // kInternal for what breaks the framing: after an error nothing more is read.
  Result<std::optional<std::string_view>> Next();
  bool begun() const { return !kept_.empty(); }                // a message is here in part
  std::size_t held_bytes() const { return kept_.capacity(); }  // memory that the part takes

 private:
  std::unexpected<Error> Break(ErrorCode code, std::string message);
  Result<std::optional<std::string_view>> Decode(bool compressed, std::string_view message);

  const std::string encoding_;
  const std::size_t limit_;
  std::string kept_;       // the part of a message, when it came in pieces
  std::string_view rest_;  // of what was fed last
  std::string whole_;      // the message last given, when it was not one piece of what was fed
  bool failed_ = false;
};

// A message with its five bytes, compressed when `encoding` is not "" and that makes it smaller.
void AppendGrpcMessage(std::string_view message, std::string_view encoding, std::string* out);

}  // namespace keelson::io
