#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http.h"

namespace keelson::kubernetes {

// A program that prints a credential: client-go's exec plugins (client.authentication.k8s.io/v1 and v1beta1).
struct ExecPlugin {
  std::string api_version;
  std::string command;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // beside our own
  std::string install_hint;
  bool provide_cluster_info = false;
  bool operator==(const ExecPlugin&) const = default;
};

// What a file or text says of a certificate or key: a path, or the PEM text itself.
struct PemSource {
  std::string path;
  std::string text;  // goes before the path, as in client-go
  bool empty() const { return path.empty() && text.empty(); }
  bool operator==(const PemSource&) const = default;
};

// Where an API server is and who we are to it, as a kubeconfig says it. Holds secrets: never logged.
struct Access {
  std::string server;   // "https://10.0.0.1:6443"
  PemSource authority;  // empty: those that the machine trusts
  PemSource certificate;
  PemSource key;
  std::string token;
  std::string token_file;  // read again and again: a token in a pod is renewed every hour
  std::string user;        // with a password: HTTP's basic authentication
  std::string password;
  std::optional<ExecPlugin> exec;
  std::string default_namespace = "default";
};

// "https://host:port/some/path": what is connected to, and what stands before every path that is asked for
// ("/some/path" or "").
struct ServerAddress {
  io::HttpTarget target;
  std::string prefix;
};
Result<ServerAddress> ParseServer(std::string_view server);

// One kubeconfig, its relative paths resolved against `folder`. Fields that are not known are ignored, as kubectl does;
// one that is known and would change what is sent, but which we do not do, is kUnsupported. Errors name `where` and
// hold no value of the file.
struct Kubeconfig {
  std::string current_context;
  struct Context {
    std::string cluster;
    std::string user;
    std::string default_namespace;
  };
  std::map<std::string, Context> contexts;
  std::map<std::string, Access> clusters;          // server and authority
  std::map<std::string, Access> users;             // the rest
  std::map<std::string, std::string> unsupported;  // "clusters.NAME" or "users.NAME": what we do not do
  static Result<Kubeconfig> Parse(std::string_view text, const std::string& folder, const std::string& where);
  // Adds what `other` has and this has not: the first file that says something is right.
  void Merge(const Kubeconfig& other);
  // What `context` leads to; the current one when it is "".
  Result<Access> Resolve(const std::string& context) const;
};

}  // namespace keelson::kubernetes
