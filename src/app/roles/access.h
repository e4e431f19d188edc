#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/roles/listen.h"
#include "base/result.h"
#include "io/http.h"
#include "io/origin_guard.h"

namespace keelson::app {

// Who may ask. On loopback everybody on the machine; elsewhere, and wherever client certificates are asked for, whoever
// has the token or a certificate of the client authorities. Foreign names and pages are refused everywhere. Immutable
// after Open; thread-safe.
class Access {
 public:
  // `token_file` keeps the token's SHA-256; when a token is needed and the file is not there, a token is made and
  // returned in `fresh_token`, to be shown once. "": there is no token, and listening beyond loopback without client
  // authorities is kFailedPrecondition. `tls`: null for plain; only its names are asked for, at each request.
  static Result<Access> Open(const ListenOptions& listen, const std::string& token_file,
                             std::shared_ptr<const io::TlsServer> tls, std::optional<std::string>& fresh_token);

  // kPermissionDenied for a foreign Host or Origin, kUnauthenticated without token or certificate where one is needed.
  Status Check(const io::HttpRequest& request) const;
  // The first half of it, for what everybody may read.
  Status CheckOrigin(const io::HttpRequest& request) const;

 private:
  io::OriginPolicy policy_;
  std::shared_ptr<const io::TlsServer> tls_;
  bool credentials_ = false;  // are needed
  std::string token_hash_;    // "": no token is good
};

}  // namespace keelson::app
