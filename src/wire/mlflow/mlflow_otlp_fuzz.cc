// OpenTelemetry's spans as exporters may send them, through to what is stored and answered.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json_depth.h"
#include "base/strings.h"
#include "wire/mlflow/otlp.h"
#include "wire/mlflow/otlp_testing.h"
#include "wire/mlflow/span_batches.h"
#include "wire/mlflow/trace_answer.h"

namespace {

using namespace keelson::wire::mlflow;

void Store(std::vector<OtlpResource> resources) {
  const auto batches = ToBatches(std::move(resources));
  if (!batches) return;
  for (const auto& batch : *batches) {
    for (const auto& span : batch.spans) {
      if (keelson::tracking::ParseOrdered(span.content).is_discarded()) __builtin_trap();
      JsonWriter json;
      WriteSpan(json, span.content);
      if (!nlohmann::json::accept(json.Take())) __builtin_trap();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto resources = ParseOtlp(bytes)) {
    const std::string once = OtlpBytes(*resources);
    const auto again = ParseOtlp(once);
    if (!again || OtlpBytes(*again) != once) __builtin_trap();
    Store(*std::move(resources));
  }
  if (auto resources = ParseOtlpJson(bytes)) Store(*std::move(resources));
  return 0;
}
