#include "scheduling/amounts.h"

#include <fmt/format.h>

#include <vector>

namespace keelson::scheduling {
namespace {

std::string Bytes(std::int64_t amount) {
  constexpr double kMiB = 1 << 20;
  const double size = static_cast<double>(amount) / kMiB;
  return size >= 1024 ? fmt::format("{:.4g} GiB", size / 1024) : fmt::format("{:.4g} MiB", size);
}

std::string Thousandths(std::int64_t amount, std::string_view one, std::string_view many) {
  return fmt::format("{:.4g} {}", static_cast<double>(amount) / 1000, amount == 1000 ? one : many);
}

}  // namespace

std::string_view ResourceName(Resource resource) {
  switch (resource) {
    case Resource::kCpu:
      return "cpu";
    case Resource::kMemory:
      return "memory";
    case Resource::kDisk:
      return "disk";
    case Resource::kGpu:
      return "gpu";
  }
  return "gpu";
}

std::string FormatAmount(Resource resource, std::int64_t amount) {
  switch (resource) {
    case Resource::kCpu:
      return Thousandths(amount, "core", "cores");
    case Resource::kMemory:
      return Bytes(amount);
    case Resource::kDisk:
      return Bytes(amount) + " of disk";
    case Resource::kGpu:
      return Thousandths(amount, "GPU", "GPUs");
  }
  return {};
}

std::string FormatAmounts(const Amounts& amounts) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < kResourceCount; ++i) {
    if (amounts.of[i] != 0) parts.push_back(FormatAmount(static_cast<Resource>(i), amounts.of[i]));
  }
  if (parts.empty()) return "nothing";
  std::string text = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) text += (i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return text;
}

}  // namespace keelson::scheduling
