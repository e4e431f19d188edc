// An InferenceService of KServe: whatever the bytes, what can be served here or an error with its place.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/kserve/inference_service.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto service = keelson::wire::kserve::ReadInferenceService(text, "service.yaml");
  if (!service) {
    if (service.error().message.empty()) std::abort();
    return 0;
  }
  if (service->name.empty() || service->storage_uri.empty() || service->format.empty()) std::abort();
  if (service->min_replicas < 0 || service->max_replicas < 1 || service->max_replicas < service->min_replicas)
    std::abort();
  return 0;
}
