#include "kubernetes/operator/kubernetes_time.h"

#include <fmt/format.h>

namespace keelson::kubernetes {

std::string WholeSeconds(Instant instant) {
  return FormatInstant(std::chrono::floor<std::chrono::seconds>(instant));
}

std::string MicroTime(Instant instant) {
  std::string text = WholeSeconds(instant);
  text.pop_back();  // the Z
  return fmt::format("{}.{:06}Z", text, (instant - std::chrono::floor<std::chrono::seconds>(instant)).count());
}

}  // namespace keelson::kubernetes
