#include "kubernetes/client/credentials.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/json_depth.h"
#include "base/strings.h"
#include "io/command_output.h"
#include "io/files.h"
#include "io/http_sockets.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr auto kTokenFileKept = std::chrono::minutes(1);  // as client-go
constexpr auto kPluginTimeout = std::chrono::seconds(60);
constexpr std::size_t kLargestSecret = std::size_t{1} << 20;

// PEM text as a file that only this process has: what io/tls.h wants is a path, and a key belongs on no disk.
class MemoryFile {
 public:
  static Result<MemoryFile> Make(std::string_view text) {
    MemoryFile file;
    file.fd_ = io::UniqueFd(memfd_create("keelson-pem", MFD_CLOEXEC));
    if (!file.fd_ || fchmod(file.fd_.get(), 0600) != 0) return Fail(ErrorCode::kUnavailable, strerror(errno), "memfd");
    while (!text.empty()) {
      const ssize_t count = write(file.fd_.get(), text.data(), text.size());
      if (count <= 0) return Fail(ErrorCode::kUnavailable, strerror(errno), "memfd");
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return file;
  }
  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_.get()); }

 private:
  io::UniqueFd fd_;
};

// The path of a PEM source; keeps in `files` what must live as long as the path is read.
Result<std::string> PathOf(const PemSource& source, std::vector<MemoryFile>& files) {
  if (source.text.empty()) return source.path;
  KEELSON_ASSIGN_OR_RETURN(MemoryFile file, MemoryFile::Make(source.text));
  files.push_back(std::move(file));
  return files.back().path();
}

Result<std::shared_ptr<const io::TlsClient>> MakeTls(const PemSource& authority, const PemSource& certificate,
                                                     const PemSource& key) {
  std::vector<MemoryFile> files;
  io::TlsClientFiles paths;
  KEELSON_ASSIGN_OR_RETURN(paths.ca, PathOf(authority, files));
  KEELSON_ASSIGN_OR_RETURN(paths.certificate, PathOf(certificate, files));
  KEELSON_ASSIGN_OR_RETURN(paths.key, PathOf(key, files));
  return io::TlsClient::Open(paths);
}

std::map<std::string, std::string> OwnEnvironment() {
  std::map<std::string, std::string> own;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const std::size_t equals = text.find('='); equals != std::string_view::npos)
      own.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return own;
}

Result<PluginCredential> RunPlugin(const Access& access) {
  const ExecPlugin& plugin = *access.exec;
  std::vector<std::string> command = {plugin.command};
  command.insert(command.end(), plugin.arguments.begin(), plugin.arguments.end());
  auto environment = OwnEnvironment();
  for (const auto& [name, value] : plugin.environment) environment[name] = value;
  json info = {{"kind", "ExecCredential"}, {"apiVersion", plugin.api_version}, {"spec", {{"interactive", false}}}};
  if (plugin.provide_cluster_info) {
    json& cluster = info["spec"]["cluster"];
    cluster["server"] = access.server;
    std::string authority = access.authority.text;
    if (authority.empty() && !access.authority.path.empty()) {
      KEELSON_ASSIGN_OR_RETURN(authority, io::ReadFile(access.authority.path, kLargestSecret));
    }
    if (!authority.empty()) cluster["certificate-authority-data"] = Base64Encode(authority);
  }
  environment["KUBERNETES_EXEC_INFO"] = info.dump();
  const auto ran = io::RunCommand(command, environment, kPluginTimeout);
  if (!ran) {
    const bool missing = ran.error().code == ErrorCode::kNotFound && !plugin.install_hint.empty();
    return Fail(ErrorCode::kUnauthenticated,
                fmt::format("the exec plugin of the kubeconfig failed: {}{}", ran.error().message,
                            missing ? "; " + plugin.install_hint : ""),
                plugin.command);
  }
  if (ran->exit_code != 0) {
    return Fail(ErrorCode::kUnauthenticated,
                fmt::format("the exec plugin of the kubeconfig ended with code {}: {}", ran->exit_code,
                            Trim(ran->errors).substr(0, 500)),
                plugin.command);
  }
  auto credential = ParsePluginCredential(ran->output, plugin.api_version);
  if (!credential) credential.error().where = plugin.command;
  return credential;
}

Result<Access> InCluster(const std::string& host, const std::string& port, const std::string& folder) {
  Access access;
  access.server = fmt::format("https://{}:{}", host.contains(':') ? "[" + host + "]" : host, port);
  access.authority.path = folder + "/ca.crt";
  access.token_file = folder + "/token";
  KEELSON_ASSIGN_OR_RETURN(const std::string name, io::ReadFile(folder + "/namespace", 4096));
  access.default_namespace = Trim(name);
  return access;
}

}  // namespace

Result<PluginCredential> ParsePluginCredential(std::string_view text, const std::string& api_version) {
  const auto refuse = [](const std::string& why) {
    return Fail(ErrorCode::kUnauthenticated, "the exec plugin printed no credential: " + why);
  };
  if (JsonDepth(text) > 16) return refuse("it is nested too deep");
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object()) return refuse("it is not a JSON object");
  if (root.value("kind", json()) != "ExecCredential") return refuse("its kind is not ExecCredential");
  if (root.value("apiVersion", json()) != api_version) return refuse("its apiVersion is not " + api_version);
  const json status = root.value("status", json());
  if (!status.is_object()) return refuse("it has no status");
  const auto text_of = [&](const char* name) {
    const auto found = status.find(name);
    return found != status.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  PluginCredential credential{.token = text_of("token"),
                              .certificate = {.path = {}, .text = text_of("clientCertificateData")},
                              .key = {.path = {}, .text = text_of("clientKeyData")},
                              .expires = {}};
  if (credential.certificate.empty() != credential.key.empty())
    return refuse("a certificate and its key are given together");
  if (credential.token.empty() && credential.certificate.empty()) return refuse("neither a token nor a certificate");
  if (const std::string expires = text_of("expirationTimestamp"); !expires.empty()) {
    const auto instant = ParseInstant(expires);
    if (!instant) return refuse("its expirationTimestamp is no time");
    credential.expires = *instant;
  }
  return credential;
}

Result<Access> FindAccess(const Environment& environment, const std::string& context,
                          const std::string& account_folder) {
  std::vector<std::string> paths;
  if (const auto list = environment("KUBECONFIG")) {
    for (const std::string_view path : Split(*list, ':')) {
      if (!path.empty()) paths.emplace_back(path);
    }
  } else if (const auto home = environment("HOME"); home && io::Exists(*home + "/.kube/config")) {
    paths.push_back(*home + "/.kube/config");
  }
  if (!paths.empty()) {
    Kubeconfig merged;
    bool found = false;
    for (const std::string& path : paths) {
      if (!io::Exists(path) && (found || path != paths.back())) continue;  // kubectl passes over what is not there
      found = true;
      KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path, std::size_t{4} << 20));
      const std::size_t slash = path.rfind('/');
      const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
      KEELSON_ASSIGN_OR_RETURN(const Kubeconfig one, Kubeconfig::Parse(text, folder, path));
      merged.Merge(one);
    }
    auto access = merged.Resolve(context);
    if (!access) access.error().where = fmt::format("{}: {}", Join(paths, ":"), access.error().where);
    return access;
  }
  const auto host = environment("KUBERNETES_SERVICE_HOST");
  const auto port = environment("KUBERNETES_SERVICE_PORT");
  if (host && port) return InCluster(*host, *port, account_folder);
  return Fail(ErrorCode::kNotFound,
              "no cluster is known: set KUBECONFIG, write ~/.kube/config, or run in a pod with a service account");
}

Credentials::Credentials(Access access, const Clock* clock) : access_(std::move(access)), clock_(clock) {}

Status Credentials::Load() {
  Current next{.tls = nullptr, .authorization = {}, .version = version_ + 1};
  PemSource certificate = access_.certificate;
  PemSource key = access_.key;
  std::string token = access_.token;
  std::optional<Instant> expires;
  if (access_.exec) {
    KEELSON_ASSIGN_OR_RETURN(const PluginCredential given, RunPlugin(access_));
    token = given.token;
    expires = given.expires;
    if (!given.certificate.empty()) {
      certificate = given.certificate;
      key = given.key;
    }
  } else if (!access_.token_file.empty()) {  // before the token itself, as in client-go
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(access_.token_file, kLargestSecret));
    token = Trim(text);
    if (token.empty()) return Fail(ErrorCode::kUnauthenticated, "the file of the token is empty", access_.token_file);
  }
  for (const char c : token) {
    if (c <= ' ' || c == 0x7f) return Fail(ErrorCode::kUnauthenticated, "the token has a character that no token has");
  }
  if (!token.empty()) {
    next.authorization = "Bearer " + token;
  } else if (!access_.user.empty()) {
    next.authorization = "Basic " + Base64Encode(access_.user + ":" + access_.password);
  }
  if (current_ && !access_.exec && next.authorization == current_->authorization) {
    loaded_ = clock_->MonotonicNow();  // read only because time had passed: connections are kept
    return {};
  }
  KEELSON_ASSIGN_OR_RETURN(next.tls, MakeTls(access_.authority, certificate, key));
  version_ = next.version;
  expires_ = expires;
  current_ = std::move(next);
  loaded_ = clock_->MonotonicNow();
  return {};
}

Result<Credentials::Current> Credentials::Get() {
  const std::lock_guard lock(mutex_);
  const bool old = !access_.token_file.empty() && clock_->MonotonicNow() - loaded_ > kTokenFileKept;
  const bool expired = expires_ && *expires_ <= clock_->WallNow();
  if (!current_ || old || expired) {
    const Status loaded = Load();
    // A token's file that is being replaced at this moment: the one before is good for a while.
    if (!loaded && !(current_ && old)) return std::unexpected(loaded.error());
  }
  return *current_;
}

void Credentials::Renew(int refused) {
  const std::lock_guard lock(mutex_);
  if (current_ && current_->version == refused) current_.reset();
}

}  // namespace keelson::kubernetes
