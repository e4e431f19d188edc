#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "io/http.h"
#include "io/tls.h"

namespace CLI {
class App;
}

namespace keelson::app {

using Json = nlohmann::json;

// Where the server is and how we say who we are; the same options for every online command.
struct ServerOptions {
  std::string url;    // --server, else $KEELSON_SERVER_URL, else http://127.0.0.1:7070
  std::string token;  // --token, else $KEELSON_API_TOKEN
  io::TlsClientFiles tls;
  bool plain_token = false;  // the token may cross a network unencrypted

  void AddTo(CLI::App& app);
  // What to connect to. kFailedPrecondition when the token would cross a network unencrypted and plain_token was not
  // said.
  Result<io::HttpTarget> Target() const;
  std::string Url() const;
};

// Asks the server's own API. Errors of the server come back as the Error that it had; kUnavailable when nobody answers.
class Client {
 public:
  static Result<Client> Connect(const ServerOptions& options);

  Result<Json> Get(const std::string& path);
  Result<Json> Post(const std::string& path, const Json& body);
  Result<Json> Delete(const std::string& path);
  // The status too: for answers that are not 2xx and carry more than an error.
  struct Answer {
    int status = 0;
    Json body;
  };
  Result<Answer> Send(const std::string& method, const std::string& path, const std::string& body);
  Status Stream(const std::string& path, const std::function<void(std::string_view)>& on_data);

 private:
  Client(std::unique_ptr<io::HttpConnection> connection, std::string url, std::string token)
      : connection_(std::move(connection)), url_(std::move(url)), token_(std::move(token)) {}
  Result<Json> Expect(Result<Answer> answer);
  io::HttpHeaders Headers() const;

  std::unique_ptr<io::HttpConnection> connection_;
  std::string url_;
  std::string token_;
};

inline const std::string kApi = "/api/keelson/v1";

}  // namespace keelson::app
