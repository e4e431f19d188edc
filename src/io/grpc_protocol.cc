#include "io/grpc_protocol.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/strings.h"
#include "io/http_deflate.h"
#include "io/http_inflate.h"

namespace keelson::io {
namespace {

constexpr std::size_t kPrefix = 5;
constexpr std::size_t kWorthCompressing = 1'024;
constexpr std::size_t kReserveAtMost = 1u << 20;  // for a message that may never come

std::size_t LengthAt(std::string_view prefix) {
  std::size_t length = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) length = length << 8 | static_cast<unsigned char>(prefix[i]);
  return length;
}

}  // namespace

std::optional<std::chrono::nanoseconds> ParseGrpcTimeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t count = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + (c - '0');
  }
  using std::chrono::nanoseconds;
  // Eight digits of hours would be too many nanoseconds; a year is for ever.
  constexpr auto kMost = std::chrono::hours(24 * 365);
  switch (text.back()) {
    case 'H':
      return std::min(std::chrono::hours(std::min<std::int64_t>(count, kMost.count())), kMost);
    case 'M':
      return std::min<nanoseconds>(std::chrono::minutes(count), kMost);
    case 'S':
      return std::min<nanoseconds>(std::chrono::seconds(count), kMost);
    case 'm':
      return std::chrono::milliseconds(count);
    case 'u':
      return std::chrono::microseconds(count);
    case 'n':
      return nanoseconds(count);
    default:
      return std::nullopt;
  }
}

std::string EncodeGrpcMessage(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      encoded.push_back(c);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

bool IsGrpcContentType(std::string_view type) {
  constexpr std::string_view kType = "application/grpc";
  if (!type.starts_with(kType)) return false;
  type.remove_prefix(kType.size());
  return type.empty() || type.front() == ';' || type == "+proto" || type.starts_with("+proto;");
}

bool AcceptsGrpcEncoding(std::string_view header, std::string_view encoding) {
  const auto listed = Split(header, ',');
  return std::any_of(listed.begin(), listed.end(), [&](std::string_view each) { return Trim(each) == encoding; });
}

std::unexpected<Error> GrpcMessageReader::Break(ErrorCode code, std::string message) {
  failed_ = true;
  kept_ = {};
  rest_ = {};
  return Fail(code, std::move(message));
}

void GrpcMessageReader::Feed(std::string_view bytes) {
  rest_ = bytes;
}

Result<std::optional<std::string_view>> GrpcMessageReader::Next() {
  if (failed_ || (kept_.empty() && rest_.empty())) return std::nullopt;
  if (!kept_.empty() && kept_.size() < kPrefix) {
    const auto more = rest_.substr(0, kPrefix - kept_.size());
    kept_ += more;
    rest_.remove_prefix(more.size());
  }
  const std::string_view start = kept_.empty() ? rest_ : std::string_view(kept_);
  if (start.size() < kPrefix) {
    if (kept_.empty()) kept_.assign(rest_);
    rest_ = {};
    return std::nullopt;
  }
  const bool compressed = start[0] == 1;
  const std::size_t length = LengthAt(start);
  if (start[0] != 0 && start[0] != 1) {
    return Break(ErrorCode::kInternal,
                 fmt::format("a message begins with the byte {}, expected 0 or 1", start[0] & 255));
  }
  if (length > limit_) {
    return Break(ErrorCode::kResourceExhausted,
                 fmt::format("Received message larger than max ({} vs. {})", length, limit_));
  }
  const std::size_t size = kPrefix + length;
  if (kept_.empty() && rest_.size() >= size) {
    const auto message = rest_.substr(kPrefix, length);
    rest_.remove_prefix(size);
    return Decode(compressed, message);
  }
  if (kept_.capacity() < size) {
    // Room for what is here and as much again: a length alone takes no memory.
    kept_.reserve(std::min(size, std::max(kReserveAtMost, 2 * (kept_.size() + rest_.size()))));
  }
  const auto more = rest_.substr(0, size - kept_.size());
  kept_ += more;
  rest_.remove_prefix(more.size());
  if (kept_.size() < size) return std::nullopt;
  whole_ = std::exchange(kept_, {});
  return Decode(compressed, std::string_view(whole_).substr(kPrefix));
}

Result<std::optional<std::string_view>> GrpcMessageReader::Decode(bool compressed, std::string_view message) {
  if (!compressed) return message;
  if (encoding_ != "gzip" && encoding_ != "deflate") {
    return Break(ErrorCode::kInternal, "a message is compressed, but grpc-encoding names no compression");
  }
  auto inflated = Inflate(encoding_, message, limit_);
  if (!inflated) {
    if (inflated.error().code == ErrorCode::kResourceExhausted) {
      return Break(ErrorCode::kResourceExhausted,
                   fmt::format("Received message larger than max ({} when decompressed)", limit_));
    }
    return Break(ErrorCode::kInternal, "the compressed message is corrupt or truncated");
  }
  whole_ = *std::move(inflated);
  return whole_;
}

void AppendGrpcMessage(std::string_view message, std::string_view encoding, std::string* out) {
  std::string packed;
  bool compressed = false;
  if (!encoding.empty() && message.size() >= kWorthCompressing) {
    packed = Deflate(encoding, message);
    compressed = packed.size() < message.size();
    if (compressed) message = packed;
  }
  out->push_back(compressed ? '\1' : '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(message.size() >> shift));
  out->append(message);
}

}  // namespace keelson::io
