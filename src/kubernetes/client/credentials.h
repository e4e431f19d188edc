#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "io/tls.h"
#include "kubernetes/client/kubeconfig.h"

namespace keelson::kubernetes {

// How the environment is asked: a variable's value; nothing when it is not set or empty.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Where the cluster is: the kubeconfig files of KUBECONFIG (separated by colons; the first that says something is
// right), else ~/.kube/config when it is there, else what Kubernetes gives a pod: KUBERNETES_SERVICE_HOST and _PORT
// with the token and authority in `account_folder`. kNotFound says all three.
inline constexpr const char* kAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
Result<Access> FindAccess(const Environment& environment, const std::string& context = {},
                          const std::string& account_folder = kAccountFolder);

// What an exec plugin has printed.
struct PluginCredential {
  std::string token;
  PemSource certificate;
  PemSource key;
  std::optional<Instant> expires;
};
Result<PluginCredential> ParsePluginCredential(std::string_view text, const std::string& api_version);

// Who we are at the moment: what is sent with each request. Renews by itself: a token's file is read again after a
// minute, a plugin runs again when what it gave has expired, certificates are read again with another token and by
// Renew. Thread-safe.
class Credentials {
 public:
  Credentials(Access access, const Clock* clock);  // the clock outlives it

  struct Current {
    std::shared_ptr<const io::TlsClient> tls;
    std::string authorization;  // the header; "" without one
    int version = 0;            // another one: connections that were made with the former are not for it
  };
  Result<Current> Get();
  // The server did not accept `refused`: reads and asks everything again, unless that was done since.
  void Renew(int refused);

  const Access& access() const { return access_; }

 private:
  Status Load();

  const Access access_;
  const Clock* const clock_;
  std::mutex mutex_;
  std::optional<Current> current_;  // guarded by mutex_, as is all below
  std::chrono::steady_clock::time_point loaded_;
  std::optional<Instant> expires_;
  int version_ = 0;
};

}  // namespace keelson::kubernetes
