#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/tls.h"

namespace CLI {
class App;
}

namespace keelson::app {

// Where a role listens, by what names it is known and how it speaks TLS: the same options for `server` and `serve`.
struct ListenOptions {
  std::string host = "127.0.0.1";
  std::vector<std::string> names;  // besides the loopback ones, `host` and those in the certificate
  std::string certificate;         // PEM files; "": plain
  std::string key;
  std::string client_ca;

  void AddTo(CLI::App& app);
  // Null without a certificate. `client_required`: who shows no certificate is not let in, if there is a client_ca.
  Result<std::shared_ptr<io::TlsServer>> OpenTls(bool client_required) const;
};

bool IsLoopback(const std::string& host);

// "https://10.0.0.1:7070"
std::string AddressOf(const ListenOptions& options, int port);

// "grpc://10.0.0.1:8001", or grpcs with TLS.
std::string GrpcAddressOf(const ListenOptions& options, int port);

// Takes a SIGHUP as the wish to read the certificate again, and says so in the log.
void ReloadNow(io::TlsServer& tls);

}  // namespace keelson::app
