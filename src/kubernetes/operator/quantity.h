#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace keelson::kubernetes {

// A quantity of Kubernetes ("500m", "2Gi", "1e3", "0.5") in units of 1/`per_unit`, rounded up as Kubernetes does:
// 1'000 for thousandths of a core, 1 for bytes. Nothing for what is no quantity, is negative or does not fit.
std::optional<std::int64_t> ParseQuantity(std::string_view text, std::int64_t per_unit);

// The member `name` of a list of resources ("requests", "allocatable"); 0 when it is not there or is no quantity.
std::int64_t QuantityOf(const nlohmann::json& resources, const char* name, std::int64_t per_unit);

// Whether two texts say the same quantity: "1000m" and "1".
bool SameQuantity(std::string_view one, std::string_view other);

}  // namespace keelson::kubernetes
