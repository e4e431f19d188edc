#include "training/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/strings.h"
#include "training/random_search.h"
#include "training/tpe.h"

namespace keelson::training {
namespace {

constexpr double kMostWhole = 9007199254740992;  // up to which a double has every one

}  // namespace

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
    if (!std::isfinite(range.high - range.low)) return bad("the range is wider than numbers are");
    if (range.kind == Range::Kind::kInt && std::max(std::abs(range.low), std::abs(range.high)) > kMostWhole) {
      return bad("whole numbers end at 2^53");
    }
    if (range.log && range.low <= 0) return bad("a logarithmic range must begin above 0");
    if (!std::isfinite(range.step) || range.step < 0) return bad("the step must be a number above 0");
    if (range.kind == Range::Kind::kInt &&
        (range.low != std::floor(range.low) || range.high != std::floor(range.high) ||
         range.step != std::floor(range.step))) {
      return bad("the ends and the step of a range of whole numbers must be whole");
    }
  }
  return {};
}

double HalfStep(const Range& range) {
  if (range.kind == Range::Kind::kChoice) return 0;
  if (range.kind == Range::Kind::kInt && range.step == 0) return 0.5;
  return range.step / 2;
}

double LowestOf(const Range& range) {
  const double lowest = range.low - HalfStep(range);
  return range.log && lowest <= 0 ? range.low / 2 : lowest;
}

double OnStep(const Range& range, double value) {
  const double step = 2 * HalfStep(range);
  if (step == 0) return std::clamp(value, range.low, range.high);
  // The last step may end before the range does.
  const double steps =
      std::min(std::round((value - range.low) / step), std::floor((range.high - range.low) / step + 1e-9));
  return std::clamp(range.low + std::max(steps, 0.0) * step, range.low, range.high);
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

Result<std::unique_ptr<Sampler>> MakeSampler(const std::string& algorithm, const SamplerSettings& settings) {
  if (algorithm == "tpe") return std::make_unique<TpeSampler>(settings);
  if (algorithm == "random") return std::make_unique<RandomSampler>(settings.seed);
  std::string message = fmt::format("'{}' is no search algorithm; there are tpe and random", algorithm);
  if (const auto near = DidYouMean(algorithm, {"tpe", "random"})) message += fmt::format("; did you mean {}?", *near);
  return Fail(ErrorCode::kInvalidArgument, std::move(message), "algorithm");
}

}  // namespace keelson::training
