#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

#include "io/files.h"
#include "io/tls.h"
#include "io/tls_context.h"
#include "io/tls_errors.h"
#include "io/tls_stream.h"

namespace keelson::io {
namespace {

// Where the distributions keep the authorities, for an OpenSSL that was built for another one.
constexpr std::array kMachineAuthorities = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                            "/etc/ssl/cert.pem"};

// TLS 1.3 sends sessions after the handshake, whenever it likes.
int KeepSession(SSL* ssl, SSL_SESSION* session) {
  auto* const sessions = static_cast<TlsSessions*>(SSL_get_app_data(ssl));
  if (sessions == nullptr) return 0;
  sessions->Keep(session);
  return 1;
}

Result<TlsContext> MakeClientContext() {
  KEELSON_ASSIGN_OR_RETURN(TlsContext context, MakeTlsContext(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kApplicationProtocols, kApplicationProtocolsSize);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), KeepSession);
  return context;
}

void UseMachineAuthorities(SSL_CTX* context) {
  SSL_CTX_set_default_verify_paths(context);
  if (getenv(X509_get_default_cert_file_env()) == nullptr && !Exists(X509_get_default_cert_dir())) {
    for (const char* path : kMachineAuthorities) {
      if (Exists(path) && SSL_CTX_load_verify_file(context, path) == 1) break;
    }
  }
  ERR_clear_error();
}

}  // namespace

Result<std::shared_ptr<const TlsClient>> TlsClient::Open(const TlsClientFiles& files) {
  if (files.certificate.empty() != files.key.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a client certificate and its key are given together",
                files.certificate.empty() ? files.key : files.certificate);
  }
  KEELSON_ASSIGN_OR_RETURN(TlsContext context, MakeClientContext());
  if (files.ca.empty()) {
    UseMachineAuthorities(context.get());
  } else {
    KEELSON_ASSIGN_OR_RETURN(const auto authorities, ReadCertificates(files.ca));
    KEELSON_RETURN_IF_ERROR(UseAuthorities(context.get(), authorities, files.ca));
    // What the user named is trusted as it is, be it a root or a server's own certificate.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  }
  if (!files.certificate.empty()) {
    KEELSON_ASSIGN_OR_RETURN(TlsIdentity identity, ReadIdentity(files.certificate, files.key));
    KEELSON_RETURN_IF_ERROR(UseIdentity(context.get(), std::move(identity), files.certificate));
  }
  return std::shared_ptr<const TlsClient>(new TlsClient(std::move(context)));
}

Result<std::shared_ptr<const TlsClient>> TlsClient::Default() {
  static const auto* const client = new Result<std::shared_ptr<const TlsClient>>(Open({}));
  return *client;
}

std::unique_ptr<TlsStream> TlsClient::Connect(int fd, const std::string& host,
                                              std::shared_ptr<TlsSessions> sessions) const {
  auto stream = std::make_unique<TlsStream>(context_.get(), fd, false, "https://" + host, std::move(sessions));
  SSL* const ssl = stream->native();
  X509_VERIFY_PARAM* const verify = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) != 1) {
    ERR_clear_error();
    X509_VERIFY_PARAM_set1_host(verify, host.data(), host.size());
    SSL_set_tlsext_host_name(ssl, host.c_str());
  }
  return stream;
}

}  // namespace keelson::io
