#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "io/http.h"

namespace keelson::app {

// Who may ask. On loopback everybody on the machine; elsewhere whoever has the token. Immutable after Open;
// thread-safe.
class Access {
 public:
  // `data_folder`/token.sha256 keeps the hash. A token made now is returned in `fresh_token`, to be shown once.
  static Result<Access> Open(const std::string& data_folder, const std::string& host,
                             std::optional<std::string>& fresh_token);

  // kPermissionDenied for a foreign Host or Origin, kUnauthenticated without the token where one is needed.
  Status Check(const io::HttpRequest& request) const;

 private:
  std::string host_;
  std::string token_hash_;  // "": no token is needed
};

bool IsLoopback(const std::string& host);

}  // namespace keelson::app
