#include "app/roles/access.h"

#include "base/hash.h"
#include "base/random.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/origin_guard.h"

namespace keelson::app {

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<Access> Access::Open(const std::string& data_folder, const std::string& host,
                            std::optional<std::string>& fresh_token) {
  Access access;
  access.host_ = host;
  if (IsLoopback(host)) return access;
  const std::string path = data_folder + "/token.sha256";
  if (!io::Exists(path)) {
    fresh_token = RandomId() + RandomId();
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(path, Sha256::Hex(*fresh_token) + "\n"));
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string stored, io::ReadFile(path, 1'000));
  access.token_hash_ = Trim(stored);
  if (access.token_hash_.size() != 64)
    return Fail(ErrorCode::kDataLoss, "the stored token's hash is damaged; remove the file for a new token", path);
  return access;
}

Status Access::Check(const io::HttpRequest& request) const {
  if (!token_hash_.empty()) {
    // A browser cannot be made to send this header to us by a foreign page, so the token is also the guard against
    // that.
    const std::string_view header = io::FindHeader(request.headers, "authorization");
    if (header.starts_with("Bearer ") && Sha256::Hex(header.substr(7)) == token_hash_) return {};
    return Fail(ErrorCode::kUnauthenticated, "this server needs a token: send \"authorization: Bearer TOKEN\"");
  }
  return io::CheckOrigin(request, {});
}

}  // namespace keelson::app
