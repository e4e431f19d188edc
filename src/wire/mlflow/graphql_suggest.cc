#include "wire/mlflow/graphql_suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace keelson::wire::mlflow::graphql {
namespace {

// How many letters to insert, leave out, change, or swap with their neighbour make one of the other; of words that
// differ in their case alone, one.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  const auto lower = [](std::string_view text) {
    std::string out(text);
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  };
  if (a == b) return 0;
  const std::string left = lower(a);
  const std::string right = lower(b);
  if (left == right) return 1;
  std::vector<std::vector<std::size_t>> cost(left.size() + 1, std::vector<std::size_t>(right.size() + 1));
  for (std::size_t i = 0; i <= left.size(); ++i) {
    for (std::size_t j = 0; j <= right.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min(
          {cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost.back().back();
}

}  // namespace

std::string DidYouMean(std::string_view name, const std::vector<std::string>& options, std::string_view kind) {
  constexpr std::size_t kLongest = 200;  // nobody's slip of the pen
  constexpr std::size_t kMost = 5;
  if (name.size() > kLongest) return "";
  const std::size_t furthest = name.size() * 2 / 5 + 1;
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const auto& option : options) {
    const std::size_t distance = EditDistance(name, option);
    if (distance <= furthest) near.emplace_back(distance, option);
  }
  if (near.empty()) return "";
  std::ranges::sort(near);
  near.resize(std::min(near.size(), kMost));
  std::string said = fmt::format(" Did you mean {}'{}'", kind, near.front().second);
  for (std::size_t i = 1; i < near.size(); ++i) {
    const bool last = i + 1 == near.size();
    said += fmt::format("{}{}'{}'", near.size() > 2 ? ", " : " ", last ? "or " : "", near[i].second);
  }
  return said + "?";
}

}  // namespace keelson::wire::mlflow::graphql
