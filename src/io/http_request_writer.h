#pragma once

#include <string>

#include "io/http.h"

namespace keelson::io {

// Appends a request's head. kInvalidArgument when method, target or a header could break the message: nothing of it is
// sent. Host and Content-Length are written here, so a caller's own are left out.
Status AppendRequestHead(const HttpCall& call, const std::string& host, std::string& out);

// May be written again when a kept connection turns out to have been closed before any answer.
bool IsRetrySafe(const HttpCall& call);

}  // namespace keelson::io
