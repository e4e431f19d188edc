#include "io/tls_errors.h"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <cstring>

namespace keelson::io {
namespace {

std::string Words(unsigned long reason) {
  const char* const text = ERR_reason_error_string(reason);
  return text != nullptr ? text : fmt::format("OpenSSL error {:x}", reason);
}

// The server's certificate was not accepted by us, or a client's.
std::string Unverified(long verify, bool server) {
  const std::string whose = server ? "the client's certificate" : "the server's certificate";
  const std::string ca = server ? "one of the authorities given for clients" : "an authority known here";
  switch (verify) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + " has expired: renew it";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + " is not valid yet: look at the clocks of both machines";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return whose + " is for another name: ask by a name that is in it, or make one for this name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return fmt::format("{} is not signed by {}{}", whose, ca,
                         server ? "" : ": name the file of its authority with --ca, if you trust it");
    default:
      return fmt::format("{} is refused: {}", whose, X509_verify_cert_error_string(verify));
  }
}

// Alerts by which the other side told that it does not accept our certificate, or the want of one; "" for others.
std::string RefusedByPeer(int reason, bool server) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      if (server) return "";
      return "the server ends the handshake; if it asks for a client certificate, give --cert and --key";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return server ? "the client does not know the authority of our certificate: give it its file"
                    : "the server does not know the authority of our certificate";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      return "the other side refuses our certificate: " + Words(ERR_PACK(ERR_LIB_SSL, 0, reason));
    default:
      return "";
  }
}

std::string Broken(const TlsFailure& failure) {
  const int reason = ERR_GET_REASON(failure.reason);
  const bool tls = ERR_GET_LIB(failure.reason) == ERR_LIB_SSL;
  if (failure.reason == 0 && failure.os_error != 0) return strerror(failure.os_error);
  if (failure.reason == 0 || (tls && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING))
    return "the other side ended the connection without the end of TLS";
  if (tls && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)) {
    return failure.server ? "the client does not speak TLS: ask with https://"
                          : "the server does not speak TLS: ask with http://";
  }
  if (tls && (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION))
    return "the two sides have no version of TLS in common; Keelson speaks 1.2 and 1.3";
  return Words(failure.reason);
}

}  // namespace

Error TlsProblem(const TlsFailure& failure, std::string_view peer) {
  const bool tls = ERR_GET_LIB(failure.reason) == ERR_LIB_SSL;
  const int reason = ERR_GET_REASON(failure.reason);
  if (tls && reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return {ErrorCode::kUnauthenticated, Unverified(failure.verify, failure.server), std::string(peer)};
  if (tls && reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {ErrorCode::kUnauthenticated, "the client shows no certificate, and this server asks for one",
            std::string(peer)};
  if (std::string refused = tls ? RefusedByPeer(reason, failure.server) : ""; !refused.empty())
    return {ErrorCode::kUnauthenticated, std::move(refused), std::string(peer)};
  return {ErrorCode::kUnavailable, (failure.ready ? "TLS: " : "the TLS handshake failed: ") + Broken(failure),
          std::string(peer)};
}

std::string TakeOpensslError() {
  const unsigned long reason = ERR_peek_error();
  ERR_clear_error();
  return reason == 0 ? "unknown" : Words(reason);
}

}  // namespace keelson::io
