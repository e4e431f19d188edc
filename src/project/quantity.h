#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keelson::project {

enum class Unit { kThousandths, kWhole };

// A Kubernetes quantity ("20", "500m", "1.5", "256Gi", "1e3") in the unit, what is smaller rounded up as Kubernetes
// does; nothing when it is none, is below zero or is 2^56 units and more.
std::optional<std::int64_t> ParseQuantity(std::string_view text, Unit unit);

}  // namespace keelson::project
