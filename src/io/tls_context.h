#pragma once

#include <openssl/ssl.h>

#include "base/result.h"
#include "io/tls.h"
#include "io/tls_files.h"

namespace keelson::io {

// What clients and servers have in common: TLS 1.2 and 1.3, no renegotiation, no compression, ciphers with forward
// secrecy and authentication only.
Result<TlsContext> MakeTlsContext(const SSL_METHOD* method);
Status UseIdentity(SSL_CTX* context, TlsIdentity identity, const std::string& path);
Status UseAuthorities(SSL_CTX* context, const std::vector<CertificatePtr>& authorities, const std::string& path);

// The application protocols that we speak, as ALPN writes them: each with its length before it, the best first.
inline constexpr unsigned char kApplicationProtocols[] = "\x08http/1.1";
inline constexpr unsigned kApplicationProtocolsSize = sizeof kApplicationProtocols - 1;

}  // namespace keelson::io
