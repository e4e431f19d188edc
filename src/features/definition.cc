#include "features/definition.h"

#include <array>
#include <utility>

namespace keelson::features {
namespace {

constexpr std::array<std::pair<AggregateFunction, std::string_view>, 7> kNames = {{
    {AggregateFunction::kMean, "mean"},
    {AggregateFunction::kSum, "sum"},
    {AggregateFunction::kCount, "count"},
    {AggregateFunction::kMin, "min"},
    {AggregateFunction::kMax, "max"},
    {AggregateFunction::kStd, "std"},
    {AggregateFunction::kLast, "last"},
}};

}  // namespace

std::string_view AggregateFunctionName(AggregateFunction function) {
  for (const auto& [value, name] : kNames) {
    if (value == function) return name;
  }
  return "";
}

std::optional<AggregateFunction> ParseAggregateFunction(std::string_view name) {
  for (const auto& [value, known] : kNames) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace keelson::features
