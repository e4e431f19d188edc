#include "app/simulate/seeds.h"

#include <fmt/format.h>

#include <set>

#include "base/strings.h"

namespace keelson::app {

Result<std::vector<std::uint64_t>> ParseSeeds(std::string_view text) {
  constexpr std::size_t kMost = 10'000;
  const auto wrong = [&](std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' {}; seeds are written as 42, 42-51 or 1,5,10-12", text, what));
  };
  std::vector<std::uint64_t> seeds;
  std::set<std::uint64_t> seen;
  for (const std::string_view part : Split(text, ',')) {
    const std::size_t dash = part.find('-');
    const auto first = ParseInt(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : ParseInt(part.substr(dash + 1));
    if (!first || !last || *first < 0) return wrong("is not a list of seeds");
    if (*last < *first) return wrong("has a range that ends before it begins");
    if (static_cast<std::uint64_t>(*last - *first) >= kMost) return wrong("has more than 10,000 seeds");
    for (std::int64_t seed = *first; seed <= *last; ++seed) {
      if (!seen.insert(static_cast<std::uint64_t>(seed)).second) return wrong(fmt::format("has {} twice", seed));
      seeds.push_back(static_cast<std::uint64_t>(seed));
      if (seeds.size() > kMost) return wrong("has more than 10,000 seeds");
      if (seed == *last) break;
    }
  }
  return seeds;
}

}  // namespace keelson::app
