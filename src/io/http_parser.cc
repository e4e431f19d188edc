#include "io/http_parser.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxFields = 256;
constexpr std::size_t kMaxChunkLine = 1024;
constexpr std::uint64_t kMaxLength = std::uint64_t{1} << 60;

constexpr std::array<bool, 256> MakeTokenTable() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = MakeTokenTable();

bool IsTokenChar(char c) {
  return kToken[static_cast<unsigned char>(c)];
}
char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether a comma-separated list of tokens holds one.
bool ListHas(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (EqualsIgnoringCase(TrimBlanks(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

bool IsHttpToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

bool IsHttpFieldValue(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  });
}

std::size_t HttpMessageParser::Feed(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ < State::kDone) {
    const std::string_view rest = bytes.substr(used);
    if (rest.empty()) break;
    if (state_ == State::kBody || state_ == State::kChunkData || state_ == State::kBodyUntilEnd) {
      std::size_t take = rest.size();
      if (state_ == State::kBodyUntilEnd) {
        body_size_ += take;
        if (body_size_ > body_bytes_) {
          Refuse(413, "the body is too large");
          break;
        }
      } else {
        take = static_cast<std::size_t>(std::min<std::uint64_t>(take, remaining_));
        remaining_ -= take;
      }
      OnBody(rest.substr(0, take));
      used += take;
      if (remaining_ == 0 && state_ == State::kBody) state_ = State::kDone;
      if (remaining_ == 0 && state_ == State::kChunkData) state_ = State::kChunkEnd;
      continue;
    }
    const std::size_t newline = rest.find('\n');
    const std::size_t length = newline == std::string_view::npos ? rest.size() : newline + 1;
    if (!LineFits(rest, length) || newline == std::string_view::npos) break;
    if (newline == 0 || rest[newline - 1] != '\r') {
      Refuse(400, "a line must end with CR LF");
      break;
    }
    used += length;
    TakeLine(rest.substr(0, newline - 1));
  }
  return used;
}

// Refuses early what cannot become a valid line, so that nobody waits for the end of garbage.
bool HttpMessageParser::LineFits(std::string_view rest, std::size_t length) {
  if (state_ == State::kStartLine && !IsTokenChar(rest[0]) && rest[0] != '\r' && rest[0] != '\n') {
    Refuse(400, "this is not HTTP/1.1");
  } else if (state_ == State::kChunkEnd && (rest[0] != '\r' || (length > 1 && rest[1] != '\n'))) {
    Refuse(400, "a chunk is longer than it says");
  } else if (state_ == State::kChunkSize && length > kMaxChunkLine) {
    Refuse(400, "the size line of a chunk is too long");
  } else if (overhead_ + length > header_bytes_) {
    Refuse(431, "the header fields are too large");
  }
  return !failed();
}

void HttpMessageParser::TakeLine(std::string_view line) {
  if (state_ != State::kChunkSize && state_ != State::kChunkEnd) overhead_ += line.size() + 2;
  switch (state_) {
    case State::kStartLine:
      if (line.empty()) return;  // RFC 9112, 2.2: an empty line before a request is ignored
      state_ = State::kHeader;
      OnStartLine(line);
      return;
    case State::kHeader:
      if (!line.empty()) return TakeHeader(line);
      if (chunked_ && has_length_) return Refuse(400, "both Content-Length and Transfer-Encoding");
      if (chunked_ && minor_version_ == 0) return Refuse(400, "Transfer-Encoding in HTTP/1.0");
      return OnHeadDone();
    case State::kTrailer:
      if (line.empty()) {
        state_ = State::kDone;
        return;
      }
      return TakeHeader(line);
    case State::kChunkEnd:
      state_ = State::kChunkSize;
      return;
    default:
      return TakeChunkSize(line);
  }
}

void HttpMessageParser::TakeHeader(std::string_view line) {
  if (line[0] == ' ' || line[0] == '\t') return Refuse(400, "a folded header line");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Refuse(400, "a header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!IsHttpToken(name)) return Refuse(400, "an invalid character in a header name");
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (!IsHttpFieldValue(value)) return Refuse(400, "an invalid character in a header value");
  if (++fields_ > kMaxFields) return Refuse(431, "too many header fields");
  if (state_ == State::kTrailer) return;  // checked and dropped: a trailer may change nothing
  TakeFraming(name, value);
  if (!failed()) OnHeader(name, value);
}

void HttpMessageParser::TakeFraming(std::string_view name, std::string_view value) {
  if (name.size() == 14 && EqualsIgnoringCase(name, "content-length")) {
    if (has_length_) return Refuse(400, "more than one Content-Length");
    if (value.empty() || value.size() > 18 ||
        !std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      return Refuse(400, "an invalid Content-Length");
    }
    has_length_ = true;
    for (const char c : value) length_ = length_ * 10 + static_cast<std::uint64_t>(c - '0');
  } else if (name.size() == 17 && EqualsIgnoringCase(name, "transfer-encoding")) {
    if (chunked_) return Refuse(400, "more than one Transfer-Encoding");
    if (!EqualsIgnoringCase(value, "chunked")) return Refuse(501, "the only Transfer-Encoding understood is chunked");
    chunked_ = true;
  } else if (name.size() == 10 && EqualsIgnoringCase(name, "connection")) {
    if (ListHas(value, "close")) {
      keep_alive_ = false;
    } else if (minor_version_ == 0 && ListHas(value, "keep-alive")) {
      keep_alive_ = true;
    }
  }
}

void HttpMessageParser::TakeChunkSize(std::string_view line) {
  std::uint64_t size = 0;
  std::size_t digits = 0;
  for (; digits < line.size(); ++digits) {
    const char c = Lower(line[digits]);
    if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) break;
    if (digits == 15) return Refuse(400, "an invalid chunk size");
    size = size * 16 + static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  const std::string_view extension = line.substr(digits);
  if (digits == 0 || (!extension.empty() && (extension[0] != ';' || !IsHttpFieldValue(extension)))) {
    return Refuse(400, "an invalid chunk size");
  }
  overhead_ += extension.size();
  if (size == 0) {
    state_ = State::kTrailer;
    return;
  }
  if (size > body_bytes_ || body_size_ + size > body_bytes_) return Refuse(413, "the body is too large");
  body_size_ += size;
  remaining_ = size;
  state_ = State::kChunkData;
}

void HttpMessageParser::Refuse(int status, const char* message) {
  if (failed()) return;
  state_ = State::kFailed;
  keep_alive_ = false;
  problem_ = {status, message};
}

void HttpMessageParser::ExpectLength(std::uint64_t length) {
  if (length > body_bytes_ || length > kMaxLength) return Refuse(413, "the body is too large");
  body_size_ = remaining_ = length;
  state_ = length == 0 ? State::kDone : State::kBody;
}

void HttpMessageParser::Restart() {
  state_ = State::kStartLine;
  minor_version_ = 1;
  chunked_ = has_length_ = false;
  keep_alive_ = true;
  length_ = remaining_ = body_size_ = 0;
  body_bytes_ = usual_body_bytes_;
  overhead_ = fields_ = 0;
  problem_ = {};
}

}  // namespace keelson::io
