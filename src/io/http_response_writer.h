#pragma once

#include <string>
#include <string_view>

#include "io/http.h"

namespace keelson::io {

// What the head of an answer depends on besides the answer itself.
struct ResponseFrame {
  std::string_view request_id;
  std::string_view date;  // "Sun, 22 Nov 2026 00:31:38 GMT"
  int minor_version = 1;  // of the request
  bool head_request = false;
  bool keep_alive = true;
  bool chunked = false;  // the body follows in chunks, or, for HTTP/1.0, up to the end of the connection
};

// Appends status line and headers. Headers that the server itself writes, or whose name or value could break the
// message, are left out of what the handler gave.
void AppendResponseHead(const HttpResponse& response, const ResponseFrame& frame, std::string& out);

bool HasBody(const HttpResponse& response, const ResponseFrame& frame);
void AppendChunkStart(std::size_t size, std::string& out);
std::string_view ReasonPhrase(int status);
HttpResponse ErrorResponse(int status, std::string_view message);  // {"error": message}

// The Date header's text, made anew once a second. One thread.
class HttpDate {
 public:
  std::string_view Text();

 private:
  std::int64_t second_ = -1;
  char text_[32] = {};
};

}  // namespace keelson::io
