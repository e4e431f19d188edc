#include "kubernetes/client/kubeconfig.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <exception>

#include "base/base64.h"
#include "io/http.h"

namespace keelson::kubernetes {
namespace {

constexpr std::size_t kLargest = std::size_t{4} << 20;

// A mistake of the file; never leaves this file.
struct Mistake : std::exception {
  explicit Mistake(std::string field_, std::string wrong_) : field(std::move(field_)), wrong(std::move(wrong_)) {}
  std::string field;
  std::string wrong;
};

std::string Text(const YAML::Node& map, const char* name, const std::string& path) {
  const YAML::Node node = map[name];
  if (!node || node.IsNull()) return "";
  if (!node.IsScalar()) throw Mistake(path + "." + name, "is not a text");
  return node.Scalar();
}

bool Flag(const YAML::Node& map, const char* name, const std::string& path) {
  const std::string text = Text(map, name, path);
  if (text == "true") return true;
  if (text.empty() || text == "false") return false;
  throw Mistake(path + "." + name, "is neither true nor false");
}

YAML::Node Map(const YAML::Node& parent, const char* name, const std::string& path) {
  const YAML::Node node = parent[name];
  if (!node || node.IsNull()) return YAML::Node(YAML::NodeType::Map);
  if (!node.IsMap()) throw Mistake(path.empty() ? name : path + "." + name, "is not a map");
  return node;
}

YAML::Node List(const YAML::Node& parent, const char* name, const std::string& path) {
  const YAML::Node node = parent[name];
  if (!node || node.IsNull()) return YAML::Node(YAML::NodeType::Sequence);
  if (!node.IsSequence()) throw Mistake(path.empty() ? name : path + "." + name, "is not a list");
  for (const YAML::Node& item : node) {
    if (!item.IsMap() && !item.IsScalar()) throw Mistake(path + name, "has an item of a wrong kind");
  }
  return node;
}

std::string Resolved(const std::string& path, const std::string& folder) {
  return path.empty() || path.starts_with('/') || folder.empty() ? path : folder + "/" + path;
}

PemSource Pem(const YAML::Node& map, const std::string& name, const std::string& path, const std::string& folder) {
  PemSource source{.path = Resolved(Text(map, name.c_str(), path), folder), .text = {}};
  const std::string data = Text(map, (name + "-data").c_str(), path);
  if (data.empty()) return source;
  const auto text = Base64Decode(data);
  if (!text) throw Mistake(fmt::format("{}.{}-data", path, name), "is not base64");
  source.text = *text;
  return source;
}

ExecPlugin ReadExec(const YAML::Node& map, const std::string& path, const std::string& folder) {
  ExecPlugin plugin{.api_version = Text(map, "apiVersion", path),
                    .command = Text(map, "command", path),
                    .arguments = {},
                    .environment = {},
                    .install_hint = Text(map, "installHint", path),
                    .provide_cluster_info = Flag(map, "provideClusterInfo", path)};
  if (plugin.api_version != "client.authentication.k8s.io/v1" &&
      plugin.api_version != "client.authentication.k8s.io/v1beta1")
    throw Mistake(path + ".apiVersion", "is none of client.authentication.k8s.io/v1 and /v1beta1");
  if (plugin.command.empty()) throw Mistake(path + ".command", "is missing");
  if (plugin.command.contains('/')) plugin.command = Resolved(plugin.command, folder);
  for (const YAML::Node& item : List(map, "args", path)) {
    if (!item.IsScalar()) throw Mistake(path + ".args", "is not a list of texts");
    plugin.arguments.push_back(item.Scalar());
  }
  for (const YAML::Node& item : List(map, "env", path)) {
    if (!item.IsMap()) throw Mistake(path + ".env", "is not a list of names and values");
    plugin.environment[Text(item, "name", path + ".env")] = Text(item, "value", path + ".env");
  }
  if (Text(map, "interactiveMode", path) == "Always")
    throw Mistake(path + ".interactiveMode", "is Always, and nobody is there to be asked");
  return plugin;
}

Access ReadCluster(const YAML::Node& map, const std::string& path, const std::string& folder,
                   std::string& unsupported) {
  Access access;
  access.server = Text(map, "server", path);
  access.authority = Pem(map, "certificate-authority", path, folder);
  if (Flag(map, "insecure-skip-tls-verify", path))
    unsupported = "insecure-skip-tls-verify: Keelson always verifies; name the authority in certificate-authority";
  for (const char* name : {"proxy-url", "tls-server-name"}) {
    if (!Text(map, name, path).empty()) unsupported = name;
  }
  return access;
}

Access ReadUser(const YAML::Node& map, const std::string& path, const std::string& folder, std::string& unsupported) {
  Access access;
  access.certificate = Pem(map, "client-certificate", path, folder);
  access.key = Pem(map, "client-key", path, folder);
  access.token = Text(map, "token", path);
  access.token_file = Resolved(Text(map, "tokenFile", path), folder);
  access.user = Text(map, "username", path);
  access.password = Text(map, "password", path);
  if (map["exec"] && !map["exec"].IsNull()) access.exec = ReadExec(Map(map, "exec", path), path + ".exec", folder);
  if (map["auth-provider"] && !map["auth-provider"].IsNull())
    unsupported = "auth-provider: Kubernetes itself has given it up for exec plugins";
  for (const char* name : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    if (map[name] && !map[name].IsNull()) unsupported = name;
  }
  return access;
}

// Calls `read` with each entry of a list {name, MEMBER}; the first of a name is right.
template <typename Read>
void ForEach(const YAML::Node& root, const char* list, const char* member, const Read& read) {
  for (const YAML::Node& item : List(root, list, "")) {
    if (!item.IsMap()) throw Mistake(list, "has an item that is not a map");
    const std::string name = Text(item, "name", list);
    read(name, Map(item, member, list), fmt::format("{}.{}", list, name));
  }
}

Kubeconfig Read(const YAML::Node& root, const std::string& folder) {
  Kubeconfig config;
  config.current_context = Text(root, "current-context", "");
  ForEach(root, "clusters", "cluster", [&](const std::string& name, const YAML::Node& map, const std::string& path) {
    std::string unsupported;
    if (!config.clusters.emplace(name, ReadCluster(map, path, folder, unsupported)).second) return;
    if (!unsupported.empty()) config.unsupported[path] = unsupported;
  });
  ForEach(root, "users", "user", [&](const std::string& name, const YAML::Node& map, const std::string& path) {
    std::string unsupported;
    if (!config.users.emplace(name, ReadUser(map, path, folder, unsupported)).second) return;
    if (!unsupported.empty()) config.unsupported[path] = unsupported;
  });
  ForEach(root, "contexts", "context", [&](const std::string& name, const YAML::Node& map, const std::string& path) {
    config.contexts.emplace(name, Kubeconfig::Context{.cluster = Text(map, "cluster", path),
                                                      .user = Text(map, "user", path),
                                                      .default_namespace = Text(map, "namespace", path)});
  });
  return config;
}

}  // namespace

Result<ServerAddress> ParseServer(std::string_view server) {
  const std::size_t scheme = server.find("://");
  const std::size_t slash = scheme == std::string_view::npos ? scheme : server.find('/', scheme + 3);
  ServerAddress address;
  KEELSON_ASSIGN_OR_RETURN(address.target, io::ParseHttpTarget(server.substr(0, slash)));
  if (slash != std::string_view::npos) address.prefix = server.substr(slash);
  while (address.prefix.ends_with('/')) address.prefix.pop_back();
  for (const char c : address.prefix) {
    if (c <= ' ' || c == '?' || c == '#' || c == 0x7f)
      return Fail(ErrorCode::kInvalidArgument, "the path of the address has an invalid character");
  }
  return address;
}

Result<Kubeconfig> Kubeconfig::Parse(std::string_view text, const std::string& folder, const std::string& where) {
  if (text.size() > kLargest) return Fail(ErrorCode::kInvalidArgument, "a kubeconfig of more than 4 MiB", where);
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (!root || root.IsNull()) return Kubeconfig{};  // an empty file says nothing, as for kubectl
    if (!root.IsMap()) return Fail(ErrorCode::kInvalidArgument, "not a kubeconfig: it is not a map", where);
    const std::string kind = Text(root, "kind", "");
    if (!kind.empty() && kind != "Config")
      return Fail(ErrorCode::kInvalidArgument, "not a kubeconfig: its kind is not Config", where);
    return Read(root, folder);
  } catch (const Mistake& mistake) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} {}", mistake.field, mistake.wrong), where);
  } catch (const YAML::Exception& problem) {  // its text may hold a piece of the file
    return Fail(ErrorCode::kInvalidArgument, "not a kubeconfig: it is not YAML",
                fmt::format("{}:{}", where, problem.mark.line + 1));
  } catch (const std::exception&) {
    return Fail(ErrorCode::kInvalidArgument, "not a kubeconfig that can be read", where);
  }
}

void Kubeconfig::Merge(const Kubeconfig& other) {
  if (current_context.empty()) current_context = other.current_context;
  contexts.insert(other.contexts.begin(), other.contexts.end());
  for (const auto& [path, why] : other.unsupported) {
    const std::string name = path.substr(path.find('.') + 1);
    if (path.starts_with("clusters.") ? !clusters.contains(name) : !users.contains(name)) unsupported[path] = why;
  }
  clusters.insert(other.clusters.begin(), other.clusters.end());
  users.insert(other.users.begin(), other.users.end());
}

Result<Access> Kubeconfig::Resolve(const std::string& wanted) const {
  const std::string& name = wanted.empty() ? current_context : wanted;
  if (name.empty())
    return Fail(ErrorCode::kInvalidArgument, "the kubeconfig has no current-context: name one with --context");
  const auto context = contexts.find(name);
  if (context == contexts.end())
    return Fail(ErrorCode::kNotFound, fmt::format("the kubeconfig has no context \"{}\"", name), "contexts");
  const auto cluster = clusters.find(context->second.cluster);
  if (cluster == clusters.end())
    return Fail(ErrorCode::kNotFound, "its cluster is not in the kubeconfig", "contexts." + name);
  const auto user = users.find(context->second.user);
  if (user == users.end() && !context->second.user.empty())
    return Fail(ErrorCode::kNotFound, "its user is not in the kubeconfig", "contexts." + name);
  for (const std::string& path : {"clusters." + context->second.cluster, "users." + context->second.user}) {
    if (const auto found = unsupported.find(path); found != unsupported.end())
      return Fail(ErrorCode::kUnsupported, "Keelson does not do " + found->second, path);
  }
  Access access = user == users.end() ? Access{} : user->second;
  access.server = cluster->second.server;
  access.authority = cluster->second.authority;
  if (!context->second.default_namespace.empty()) access.default_namespace = context->second.default_namespace;
  if (access.server.empty())
    return Fail(ErrorCode::kInvalidArgument, "it has no server", "clusters." + context->second.cluster);
  if (!ParseServer(access.server))
    return Fail(ErrorCode::kInvalidArgument, "its server is not an address like https://HOST:PORT",
                "clusters." + context->second.cluster);
  if (access.certificate.empty() != access.key.empty())
    return Fail(ErrorCode::kInvalidArgument, "a client certificate and its key are given together",
                "users." + context->second.user);
  return access;
}

}  // namespace keelson::kubernetes
