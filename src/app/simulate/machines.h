#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduling/prices.h"
#include "simulation/fleet.h"

namespace keelson::app {

inline constexpr std::int64_t kMostMachines = 100'000;  // of a fleet

// A fleet in words, one pool a text: what each of its machines has, and then what is known of them, with commas:
//
//   4x16,64Gi                          machines with cores and memory, as Kubernetes' quantities,
//   2x96,680Gi,8xA100                  and GPUs;
//   4xaws:us-east-1:g5.2xlarge         or of a type of the table of prices, with its prices
//   name=research                      of the pool; else "pool-1", "pool-2"
//   price=3.20 spot-price=0.95         of a machine an hour
//   spot, spot=0.5                     all of them are spot machines, or such a part
//   interruptions=0.05                 of a spot machine in an hour, as expected
//   zone=b                             which fails as a whole
//   label:KEY=VALUE                    which flavors ask for
//
// kInvalidArgument says which is wrong and why.
Result<simulation::Fleet> ParseMachines(const std::vector<std::string>& texts, const scheduling::PriceTable& prices);

// Why the pool's prices do not go together; "" when they do.
std::string WrongPrices(const simulation::Fleet::Pool& pool);
// "0.5": from 0 to 1.
std::optional<double> ParsePart(std::string_view text);
// Of one an hour, in millionths; up to a million.
std::optional<std::int64_t> ParsePrice(std::string_view text);

}  // namespace keelson::app
