#include <cstddef>
#include <cstdlib>

#include "kubernetes/operator/quantity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using keelson::kubernetes::ParseQuantity;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto whole = ParseQuantity(text, 1);
  const auto fine = ParseQuantity(text, 1'000);
  if (whole && *whole < 0) std::abort();
  if (fine && (!whole || *whole > *fine)) std::abort();  // what fits finely fits coarsely
  return 0;
}
