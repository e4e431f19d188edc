#include "io/tls_context.h"

#include <openssl/err.h>

#include "io/tls_errors.h"

namespace keelson::io {

Result<TlsContext> MakeTlsContext(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method), &SSL_CTX_free);
  if (context == nullptr) return Fail(ErrorCode::kInternal, "OpenSSL does not start: " + TakeOpensslError(), "TLS");
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_security_level(raw, 2);  // at least 112 bits: RSA of 2,048, SHA-2
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections keep no buffers; a short write is taken up again from wherever its rest then is.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(raw, 1);  // one receive for a request, not one for each record's head and one for its body
  if (SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return Fail(ErrorCode::kInternal, "OpenSSL has none of our ciphers: " + TakeOpensslError(), "TLS");
  return context;
}

Status UseIdentity(SSL_CTX* context, TlsIdentity identity, const std::string& path) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate(context, identity.certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, identity.key.get()) != 1) {
    return Fail(ErrorCode::kInvalidArgument, "the certificate cannot be used: " + TakeOpensslError(), path);
  }
  for (auto& link : identity.chain) {
    if (SSL_CTX_add1_chain_cert(context, link.get()) != 1)
      return Fail(ErrorCode::kInvalidArgument, "the certificate's chain cannot be used: " + TakeOpensslError(), path);
  }
  return {};
}

Status UseAuthorities(SSL_CTX* context, const std::vector<CertificatePtr>& authorities, const std::string& path) {
  ERR_clear_error();
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const auto& one : authorities) {
    if (X509_STORE_add_cert(store, one.get()) != 1)
      return Fail(ErrorCode::kInvalidArgument, "an authority cannot be used: " + TakeOpensslError(), path);
  }
  return {};
}

}  // namespace keelson::io
