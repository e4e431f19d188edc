#include "app/client/client.h"

#include <CLI/CLI.hpp>
#include <array>

#include "app/roles/listen.h"

namespace keelson::app {
namespace {

constexpr std::array kCodes = {ErrorCode::kInvalidArgument,   ErrorCode::kNotFound,
                               ErrorCode::kAlreadyExists,     ErrorCode::kFailedPrecondition,
                               ErrorCode::kUnauthenticated,   ErrorCode::kPermissionDenied,
                               ErrorCode::kResourceExhausted, ErrorCode::kUnavailable,
                               ErrorCode::kDeadlineExceeded,  ErrorCode::kAborted,
                               ErrorCode::kDataLoss,          ErrorCode::kUnsupported,
                               ErrorCode::kInternal};

Error ErrorOf(int status, const Json& body) {
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    const Json& error = body["error"];
    const std::string name = error.value("code", "");
    for (const ErrorCode code : kCodes) {
      if (ErrorCodeName(code) == name) return {code, error.value("message", ""), error.value("where", "")};
    }
    return {ErrorCode::kFailedPrecondition, error.value("message", ""), error.value("where", "")};
  }
  // What the HTTP server itself refuses.
  if (body.is_object() && body.contains("error") && body["error"].is_string())
    return {ErrorCode::kFailedPrecondition, body["error"], ""};
  return {ErrorCode::kInternal, "the server answered with status " + std::to_string(status), ""};
}

}  // namespace

void ServerOptions::AddTo(CLI::App& app) {
  app.add_option("--server", url, "Address of the server")
      ->envname("KEELSON_SERVER_URL")
      ->default_str("http://127.0.0.1:7070");
  app.add_option("--token", token, "Access token, when the server asks for one")->envname("KEELSON_API_TOKEN");
  app.add_option("--ca", tls.ca, "PEM file of the authorities of the server's certificate; without it the machine's")
      ->envname("KEELSON_CA_FILE");
  auto* const certificate =
      app.add_option("--cert", tls.certificate, "PEM file of a client certificate")->envname("KEELSON_CERT_FILE");
  auto* const key = app.add_option("--key", tls.key, "PEM file of its private key")->envname("KEELSON_KEY_FILE");
  certificate->needs(key);
  key->needs(certificate);
  app.add_flag("--plain-token", plain_token, "Send the token over http:// too, through a network that you trust");
}

std::string ServerOptions::Url() const {
  return url.empty() ? "http://127.0.0.1:7070" : url;
}

Result<io::HttpTarget> ServerOptions::Target() const {
  KEELSON_ASSIGN_OR_RETURN(auto target, io::ParseHttpTarget(Url()));
  if (target.tls) {
    KEELSON_ASSIGN_OR_RETURN(target.tls_client, io::TlsClient::Open(tls));
  } else if (!token.empty() && !plain_token && target.unix_socket.empty() && !IsLoopback(target.host)) {
    return Fail(ErrorCode::kFailedPrecondition,
                "the token would cross the network unencrypted: ask with https://, or say --plain-token if you trust "
                "every machine on the way",
                Url());
  }
  return target;
}

Result<Client> Client::Connect(const ServerOptions& options) {
  KEELSON_ASSIGN_OR_RETURN(const auto target, options.Target());
  return Client(io::HttpConnection::Create(target), options.Url(), options.token);
}

io::HttpHeaders Client::Headers() const {
  io::HttpHeaders headers = {{"content-type", "application/json"}};
  if (!token_.empty()) headers.emplace_back("authorization", "Bearer " + token_);
  return headers;
}

Result<Client::Answer> Client::Send(const std::string& method, const std::string& path, const std::string& body) {
  const auto response = connection_->Call(
      {.method = method, .target = path, .headers = Headers(), .body = body, .timeout = std::chrono::minutes(5)});
  if (!response) {
    if (response.error().code != ErrorCode::kUnavailable) return std::unexpected(response.error());
    return Fail(ErrorCode::kUnavailable,
                "no server answers (" + response.error().message +
                    "); start one with `keelson server`, or name it with --server",
                url_);
  }
  Json json = Json::parse(response->body, nullptr, false);
  if (json.is_discarded()) json = nullptr;
  return Answer{response->status, std::move(json)};
}

Result<Json> Client::Expect(Result<Answer> answer) {
  if (!answer) return std::unexpected(answer.error());
  if (answer->status >= 200 && answer->status < 300 && answer->body.is_null()) {
    return Fail(ErrorCode::kInternal, "what answers there is no Keelson server: its answer is not JSON", url_);
  }
  if (answer->status >= 200 && answer->status < 300) return std::move(answer->body);
  return std::unexpected(ErrorOf(answer->status, answer->body));
}

Result<Json> Client::Get(const std::string& path) {
  return Expect(Send("GET", path, ""));
}
Result<Json> Client::Post(const std::string& path, const Json& body) {
  return Expect(Send("POST", path, body.dump()));
}
Result<Json> Client::Delete(const std::string& path) {
  return Expect(Send("DELETE", path, ""));
}

Status Client::Stream(const std::string& path, const std::function<void(std::string_view)>& on_data) {
  const auto response =
      connection_->Stream({.target = path, .headers = Headers(), .timeout = std::chrono::hours(24)}, on_data);
  if (!response) return std::unexpected(response.error());
  if (response->status != 200)
    return Fail(ErrorCode::kNotFound, "the server answered with status " + std::to_string(response->status), path);
  return {};
}

}  // namespace keelson::app
