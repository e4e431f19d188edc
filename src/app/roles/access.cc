#include "app/roles/access.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/strings.h"
#include "io/files.h"

namespace keelson::app {
namespace {

std::string MachineName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "";
  return ToLower(name.data());
}

Result<std::string> TokenHash(const std::string& path, std::optional<std::string>& fresh_token) {
  if (!io::Exists(path)) {
    fresh_token = RandomId() + RandomId();
    KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(path, Sha256::Hex(*fresh_token) + "\n"));
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string stored, io::ReadFile(path, 1'000));
  std::string hash(Trim(stored));
  const bool hexadecimal =
      std::ranges::all_of(hash, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (hash.size() != 64 || !hexadecimal)
    return Fail(ErrorCode::kDataLoss, "the stored token's hash is damaged; remove the file for a new token", path);
  return hash;
}

}  // namespace

Result<Access> Access::Open(const ListenOptions& listen, const std::string& token_file,
                            std::shared_ptr<const io::TlsServer> tls, std::optional<std::string>& fresh_token) {
  Access access;
  const bool loopback = IsLoopback(listen.host);
  const bool certificates = tls != nullptr && tls->asks_for_client();
  access.credentials_ = !loopback || certificates;
  access.policy_.any_address = !loopback;
  for (const auto& name : listen.names) access.policy_.hosts.push_back(ToLower(name));
  if (!loopback) {
    access.policy_.hosts.push_back(ToLower(listen.host));
    access.policy_.hosts.push_back(MachineName());
    if (tls == nullptr) {
      LogWarning("requests, answers and the token cross the network unencrypted: give --tls-cert and --tls-key",
                 {{"host", listen.host}});
    }
  }
  access.tls_ = std::move(tls);
  if (!access.credentials_) return access;
  if (token_file.empty()) {
    if (certificates) return access;
    return Fail(ErrorCode::kFailedPrecondition,
                "listening beyond loopback needs a way to know who asks: give --token-file, or --tls-client-ca",
                "--host " + listen.host);
  }
  KEELSON_ASSIGN_OR_RETURN(access.token_hash_, TokenHash(token_file, fresh_token));
  return access;
}

Status Access::CheckOrigin(const io::HttpRequest& request) const {
  const Status allowed = io::CheckOrigin(request, policy_);
  if (allowed.has_value() || tls_ == nullptr) return allowed;
  // Only then the names of a certificate that may have been changed meanwhile.
  io::OriginPolicy named = policy_;
  for (auto& name : tls_->names()) named.hosts.push_back(std::move(name));
  return io::CheckOrigin(request, named);
}

Status Access::Check(const io::HttpRequest& request) const {
  KEELSON_RETURN_IF_ERROR(CheckOrigin(request));
  if (!credentials_ || !request.client_certificate.empty()) return {};
  const std::string_view header = io::FindHeader(request.headers, "authorization");
  if (!token_hash_.empty() && header.starts_with("Bearer ") && Sha256::Hex(header.substr(7)) == token_hash_) return {};
  return Fail(ErrorCode::kUnauthenticated,
              token_hash_.empty() ? "this server needs a client certificate"
              : tls_ != nullptr && tls_->asks_for_client()
                  ? "this server needs a client certificate or a token: send \"authorization: Bearer TOKEN\""
                  : "this server needs a token: send \"authorization: Bearer TOKEN\"");
}

}  // namespace keelson::app
