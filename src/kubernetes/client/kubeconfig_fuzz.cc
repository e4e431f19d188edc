// Kubeconfigs that other programs wrote: any bytes are a config or one error.
#include <cstdint>
#include <cstdlib>

#include "kubernetes/client/kubeconfig.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto config = keelson::kubernetes::Kubeconfig::Parse(text, "/folder", "config");
  if (!config.has_value()) return 0;
  for (const auto& [name, context] : config->contexts) {
    const auto access = config->Resolve(name);
    if (access.has_value() && !keelson::kubernetes::ParseServer(access->server).has_value()) std::abort();
  }
  auto twice = *config;
  twice.Merge(*config);
  if (twice.contexts.size() != config->contexts.size() || twice.users.size() != config->users.size()) std::abort();
  return 0;
}
