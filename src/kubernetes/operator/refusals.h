#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "kubernetes/operator/lease.h"

namespace keelson::kubernetes {

// "Deployment ships-v1": an object of a project's namespace.
using ObjectKey = std::pair<std::string, std::string>;

// What the API server did not take, and when each may be asked for again: after waits that double. One thread.
class Refusals {
 public:
  struct Refusal {
    std::string why;
    int failures = 0;  // in a row
    Moment again;
  };
  // The wait before attempt number N, the second being 2 (ApiClient::WaitBefore).
  using WaitBefore = std::function<std::chrono::milliseconds(int)>;

  const Refusal& Add(const ObjectKey& key, const std::string& why, Moment now, const WaitBefore& wait);
  void Forget(const ObjectKey& key) { all_.erase(key); }
  // How many were forgotten because nobody wants them any more.
  std::size_t KeepOnly(const std::function<bool(const ObjectKey&)>& wanted);

  bool MayAsk(const ObjectKey& key, Moment now) const;
  bool AnyDue(Moment now) const;
  std::optional<Moment> next() const;  // when the first of them may be asked for; nothing: none was refused
  std::map<ObjectKey, std::string> reasons() const;

 private:
  std::map<ObjectKey, Refusal> all_;
};

}  // namespace keelson::kubernetes
