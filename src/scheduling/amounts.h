#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace keelson::scheduling {

// What quotas are counted in, with the unit of each: thousandths of a core, bytes, bytes, thousandths of a GPU.
enum class Resource : std::size_t { kCpu, kMemory, kDisk, kGpu };
inline constexpr std::size_t kResourceCount = 4;

// So much of each resource.
struct Amounts {
  std::array<std::int64_t, kResourceCount> of{};

  std::int64_t& operator[](Resource resource) { return of[static_cast<std::size_t>(resource)]; }
  std::int64_t operator[](Resource resource) const { return of[static_cast<std::size_t>(resource)]; }
  bool operator==(const Amounts&) const = default;
};

// "cpu", "memory", "disk", "gpu".
std::string_view ResourceName(Resource resource);
// For people: "1.5 cores", "2 GiB", "0.5 GPUs".
std::string FormatAmount(Resource resource, std::int64_t amount);
// All that is not zero: "1.5 cores, 2 GiB and 4 GPUs"; "nothing" when all is.
std::string FormatAmounts(const Amounts& amounts);

}  // namespace keelson::scheduling
