#include "io/http_parser.h"

namespace keelson::io {

void HttpResponseParser::Expect(bool head_request, const std::function<void(std::string_view)>* sink) {
  Restart();
  response_ = {};
  response_.content_type.clear();
  head_request_ = head_request;
  sink_ = sink;
}

void HttpResponseParser::OnStartLine(std::string_view line) {
  const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || !digit(7) || line[8] != ' ' || !digit(9) || !digit(10) ||
      !digit(11) || (line.size() > 12 && line[12] != ' ')) {
    return Refuse(502, "an invalid status line");
  }
  SetVersion(line[7] == '0' ? 0 : 1);
  response_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (response_.status < 100 || response_.status == 101) Refuse(502, "an unexpected status");
}

void HttpResponseParser::OnHeader(std::string_view name, std::string_view value) {
  if (name.size() == 12 && EqualsIgnoringCase(name, "content-type")) response_.content_type = value;
  response_.headers.emplace_back(name, value);
}

void HttpResponseParser::OnHeadDone() {
  if (response_.status < 200) return Expect(head_request_, sink_);  // interim: the real one follows
  if (head_request_ || response_.status == 204 || response_.status == 304) {
    state_ = State::kDone;
  } else if (chunked_) {
    state_ = State::kChunkSize;
  } else if (has_length_) {
    ExpectLength(length_);
  } else {
    CloseAfter();
    state_ = State::kBodyUntilEnd;
  }
}

void HttpResponseParser::OnBody(std::string_view bytes) {
  if (sink_ != nullptr) {
    (*sink_)(bytes);
  } else {
    response_.body += bytes;
  }
}

void HttpResponseParser::OnEnd() {
  if (state_ == State::kBodyUntilEnd) {
    state_ = State::kDone;
  } else if (!done()) {
    Refuse(502, "the connection ended in the middle of the answer");
  }
}

HttpResponse HttpResponseParser::Take() {
  return std::move(response_);
}

}  // namespace keelson::io
