#include <fmt/core.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "io/tls.h"
#include "io/tls_context.h"
#include "io/tls_stream.h"

namespace keelson::io {
namespace {

constexpr long kSessionSeconds = 600;

constexpr unsigned char kHttp2[] = "\x02h2";  // as kApplicationProtocols

// Agrees on a protocol; a client that names only others is told so, as RFC 7301 asks. A connection that speaks HTTP/2
// has that for its data.
int SelectProtocol(SSL* connection, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                   unsigned offered_size, void*) {
  unsigned char* found = nullptr;
  const bool http2 = SSL_get_app_data(connection) != nullptr;
  if (SSL_select_next_proto(&found, size, http2 ? kHttp2 : kApplicationProtocols,
                            http2 ? sizeof kHttp2 - 1 : kApplicationProtocolsSize, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

struct Loaded {
  TlsContext context;
  std::vector<std::string> names;
};

Result<Loaded> Load(const TlsServerFiles& files) {
  Loaded loaded;
  KEELSON_ASSIGN_OR_RETURN(loaded.context, MakeTlsContext(TLS_server_method()));
  SSL_CTX* const context = loaded.context.get();
  KEELSON_ASSIGN_OR_RETURN(TlsIdentity identity, ReadIdentity(files.certificate, files.key));
  loaded.names = DnsNames(identity.certificate.get());
  KEELSON_RETURN_IF_ERROR(UseIdentity(context, std::move(identity), files.certificate));
  SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
  // Sessions live in tickets that only this context can read: after a change of the authorities nobody comes back with
  // what an authority of before had verified.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  SSL_CTX_set_num_tickets(context, 1);
  static constexpr unsigned char kSessionContext[] = "keelson";
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1);
  if (!files.client_ca.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto authorities, ReadCertificates(files.client_ca));
    KEELSON_RETURN_IF_ERROR(UseAuthorities(context, authorities, files.client_ca));
    for (const auto& one : authorities) SSL_CTX_add_client_CA(context, one.get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (files.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
  }
  return loaded;
}

}  // namespace

Result<std::shared_ptr<TlsServer>> TlsServer::Open(TlsServerFiles files) {
  std::shared_ptr<TlsServer> server(new TlsServer(std::move(files)));
  KEELSON_RETURN_IF_ERROR(server->Reload());
  return server;
}

std::string TlsServer::Stamp() const {
  std::string stamp;
  for (const auto& path : {files_.certificate, files_.key, files_.client_ca}) {
    struct stat info {};
    if (path.empty() || stat(path.c_str(), &info) != 0) {
      stamp += "-;";
      continue;
    }
    stamp += fmt::format("{}:{}:{}:{}.{};", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                         info.st_mtim.tv_nsec);
  }
  return stamp;
}

Status TlsServer::Reload() {
  const std::string stamp = Stamp();  // before the files are read: a change while they are is seen at the next look
  auto loaded = Load(files_);
  const std::lock_guard lock(mutex_);
  loaded_ = seen_ = stamp;
  if (!loaded.has_value()) return std::unexpected(std::move(loaded).error());
  context_ = std::move(loaded->context);
  names_ = std::move(loaded->names);
  return {};
}

void TlsServer::Refresh() {
  const std::string stamp = Stamp();
  {
    const std::lock_guard lock(mutex_);
    const bool settled = std::exchange(seen_, stamp) == stamp;
    if (stamp == loaded_ || !settled) return;
  }
  const Status reloaded = Reload();
  if (reloaded.has_value()) {
    LogInfo("the TLS certificate was read again", {{"file", files_.certificate}});
  } else {
    LogError("the changed TLS files cannot be used; the ones before stay in use",
             {{"error", reloaded.error().ToString()}});
  }
}

std::vector<std::string> TlsServer::names() const {
  const std::lock_guard lock(mutex_);
  return names_;
}

std::unique_ptr<TlsStream> TlsServer::Accept(int fd, TlsProtocol protocol) const {
  TlsContext context;
  {
    const std::lock_guard lock(mutex_);
    context = context_;
  }
  auto stream = std::make_unique<TlsStream>(context.get(), fd, true, "", nullptr);
  if (protocol == TlsProtocol::kHttp2) SSL_set_app_data(stream->native(), const_cast<unsigned char*>(kHttp2));
  return stream;
}

}  // namespace keelson::io
