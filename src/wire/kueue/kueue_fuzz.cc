// Kueue's objects and its loads: whatever the bytes, an answer or an error with its place, and what was read goes
// together or is refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "scheduling/quota_tree.h"
#include "wire/kueue/generator.h"
#include "wire/kueue/objects.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto objects = keelson::wire::kueue::ReadObjects(text, "objects.yaml"); objects) {
    const auto tree = keelson::scheduling::QuotaTree::Build(*objects);
    if (!tree && tree.error().message.empty()) std::abort();
  } else if (objects.error().message.empty()) {
    std::abort();
  }
  const keelson::wire::kueue::GeneratorLimits few{500, 50, 50};
  if (const auto load = keelson::wire::kueue::ReadGenerator(text, "load.yaml", few)) {
    if (load->arrivals.size() > 500 || load->cluster.nodes.size() > 50) std::abort();
  } else if (load.error().message.empty()) {
    std::abort();
  }
  return 0;
}
