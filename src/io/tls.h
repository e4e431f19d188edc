#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace keelson::io {

class TlsSessions;
class TlsStream;

// What a server's end of a connection speaks, to be agreed on by ALPN.
enum class TlsProtocol { kHttp1, kHttp2 };

// One reference to an SSL_CTX.
using TlsContext = std::shared_ptr<ssl_ctx_st>;

// PEM files of a server.
struct TlsServerFiles {
  std::string certificate;  // its own first, then the chain up to, but without, the root
  std::string key;          // not encrypted, not readable by everybody
  // Authorities of client certificates; "": none is asked for. A certificate that none of them has signed ends the
  // handshake.
  std::string client_ca = {};
  bool client_required = false;  // no certificate ends the handshake too
};

// What a server needs to speak TLS 1.2 and 1.3: its certificate and key, read again when the files change. Connections
// keep what they began with, so that a rotation drops none. Shared by the server and whoever calls Refresh; any thread.
class TlsServer {
 public:
  // Every mistake is told with its file and what to do: not there, not readable, not PEM, an encrypted key, a key that
  // everybody may read, a key of another certificate, a certificate that has expired.
  static Result<std::shared_ptr<TlsServer>> Open(TlsServerFiles files);

  // Looks whether the files have changed and have then stayed as they are until the next look, and reads them again.
  // Call it about once a second. A mistake is logged and leaves what is in use.
  void Refresh();
  Status Reload();  // now

  std::vector<std::string> names() const;  // the certificate's DNS names in lower case, without those with a wildcard
  bool asks_for_client() const { return !files_.client_ca.empty(); }

  // The server's end of a connection that has just been accepted.
  std::unique_ptr<TlsStream> Accept(int fd, TlsProtocol protocol = TlsProtocol::kHttp1) const;

 private:
  explicit TlsServer(TlsServerFiles files) : files_(std::move(files)) {}
  std::string Stamp() const;  // changes when one of the files does

  const TlsServerFiles files_;
  mutable std::mutex mutex_;
  TlsContext context_;              // guarded by mutex_, as is all below
  std::vector<std::string> names_;  // of the certificate in use
  std::string loaded_;              // Stamp() of what was read last, whether it was good or not
  std::string seen_;                // Stamp() at the last look
};

// PEM files of a client.
struct TlsClientFiles {
  std::string ca = {};           // authorities of servers; "": those that the machine trusts
  std::string certificate = {};  // for mutual TLS, with its key; "": none
  std::string key = {};
};

// What clients need to speak TLS. The server's certificate is always verified, its name with it. Immutable; any thread.
class TlsClient {
 public:
  static Result<std::shared_ptr<const TlsClient>> Open(const TlsClientFiles& files);
  // The machine's authorities, no certificate of our own; made at the first use. ($SSL_CERT_FILE and $SSL_CERT_DIR
  // name others, as everywhere with OpenSSL.)
  static Result<std::shared_ptr<const TlsClient>> Default();

  // The client's end of a connection to `host` (a name or an address). `sessions`, when given, must be of this host.
  std::unique_ptr<TlsStream> Connect(int fd, const std::string& host, std::shared_ptr<TlsSessions> sessions) const;

 private:
  explicit TlsClient(TlsContext context) : context_(std::move(context)) {}
  const TlsContext context_;
};

}  // namespace keelson::io
