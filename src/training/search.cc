#include "training/search.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/strings.h"
#include "training/random_search.h"
#include "training/tpe.h"

namespace keelson::training {

Status CheckRanges(const std::vector<Range>& space) {
  if (space.empty()) return Fail(ErrorCode::kInvalidArgument, "there is nothing to search: no ranges");
  std::set<std::string> seen;
  for (const Range& range : space) {
    const auto bad = [&range](const char* why) { return Fail(ErrorCode::kInvalidArgument, why, range.name); };
    if (range.name.empty()) return bad("a range has no name");
    if (!seen.insert(range.name).second) return bad("two ranges have the same name");
    if (range.kind == Range::Kind::kChoice) {
      if (range.choices.empty()) return bad("there is nothing to choose from");
      continue;
    }
    if (!std::isfinite(range.low) || !std::isfinite(range.high)) return bad("the ends must be finite numbers");
    if (range.low > range.high) return bad("low is above high");
    if (range.log && range.low <= 0) return bad("a logarithmic range must begin above 0");
    if (range.kind == Range::Kind::kInt &&
        (range.low != std::floor(range.low) || range.high != std::floor(range.high))) {
      return bad("the ends of a range of whole numbers must be whole");
    }
  }
  return {};
}

std::vector<Range> DefaultXgboostSpace() {
  using Kind = Range::Kind;
  return {
      {"eta", Kind::kFloat, 0.02, 0.3, true, {}},
      {"max_depth", Kind::kInt, 3, 10, false, {}},
      {"min_child_weight", Kind::kFloat, 1, 100, true, {}},
      {"subsample", Kind::kFloat, 0.5, 1, false, {}},
      {"colsample_bytree", Kind::kFloat, 0.4, 1, false, {}},
      {"lambda", Kind::kFloat, 0.1, 30, true, {}},
  };
}

std::map<std::string, std::string> ToParameters(const std::vector<Range>& space, const Point& point) {
  std::map<std::string, std::string> parameters;
  for (std::size_t i = 0; i < space.size(); ++i) {
    switch (space[i].kind) {
      case Range::Kind::kChoice:
        parameters[space[i].name] = space[i].choices[static_cast<std::size_t>(point[i])];
        break;
      case Range::Kind::kInt:
        parameters[space[i].name] = fmt::format("{}", static_cast<std::int64_t>(point[i]));
        break;
      case Range::Kind::kFloat:
        parameters[space[i].name] = fmt::format("{}", point[i]);
        break;
    }
  }
  return parameters;
}

Result<std::unique_ptr<Sampler>> MakeSampler(const std::string& algorithm, std::uint64_t seed) {
  if (algorithm == "tpe") return std::make_unique<TpeSampler>(seed);
  if (algorithm == "random") return std::make_unique<RandomSampler>(seed);
  std::string message = fmt::format("'{}' is no search algorithm; there are tpe and random", algorithm);
  if (const auto near = DidYouMean(algorithm, {"tpe", "random"})) message += fmt::format("; did you mean {}?", *near);
  return Fail(ErrorCode::kInvalidArgument, std::move(message), "algorithm");
}

}  // namespace keelson::training
