#include "app/roles/listen.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/log.h"

namespace keelson::app {

void ListenOptions::AddTo(CLI::App& app) {
  app.add_option("--host", host, "Address to listen on; another than loopback needs a token or client certificates")
      ->default_val("127.0.0.1");
  app.add_option("--allow-host", names,
                 "A further name by which clients and browsers may ask (their Host header), besides those in the "
                 "certificate");
  auto* const certificate_option = app.add_option(
      "--tls-cert", certificate, "PEM file of the certificate and its chain; read again when it changes");
  auto* const key_option = app.add_option("--tls-key", key, "PEM file of the certificate's private key");
  certificate_option->needs(key_option);
  key_option->needs(certificate_option);
  app.add_option("--tls-client-ca", client_ca,
                 "PEM file of the authorities of client certificates; a certificate of theirs stands for the token")
      ->needs(certificate_option);
}

Result<std::shared_ptr<io::TlsServer>> ListenOptions::OpenTls(bool client_required) const {
  if (certificate.empty()) return nullptr;
  return io::TlsServer::Open(
      {.certificate = certificate, .key = key, .client_ca = client_ca, .client_required = client_required});
}

bool IsLoopback(const std::string& host) {
  in_addr address{};
  if (host == "localhost" || host == "::1") return true;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

namespace {

std::string Address(std::string_view scheme, const ListenOptions& options, int port) {
  const bool v6 = options.host.contains(':');
  return fmt::format("{}{}://{}{}{}:{}", scheme, options.certificate.empty() ? "" : "s", v6 ? "[" : "", options.host,
                     v6 ? "]" : "", port);
}

}  // namespace

std::string AddressOf(const ListenOptions& options, int port) {
  return Address("http", options, port);
}

std::string GrpcAddressOf(const ListenOptions& options, int port) {
  return Address("grpc", options, port);
}

void ReloadNow(io::TlsServer& tls) {
  const Status reloaded = tls.Reload();
  if (reloaded.has_value()) return LogInfo("the TLS certificate was read again, as SIGHUP asked");
  LogError("the TLS files cannot be used; the ones before stay in use", {{"error", reloaded.error().ToString()}});
}

}  // namespace keelson::app
