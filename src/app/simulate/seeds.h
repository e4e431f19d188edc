#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::app {

// "42", "42-51", "1,5,10-12": the seeds, in this order, none twice. kInvalidArgument for anything else, and for more
// than 10,000.
Result<std::vector<std::uint64_t>> ParseSeeds(std::string_view text);

}  // namespace keelson::app
