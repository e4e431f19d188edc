#include "monitoring/performance.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace keelson::monitoring {

Performance Measure(std::vector<Outcome> outcomes) {
  std::erase_if(outcomes, [](const Outcome& outcome) { return std::isnan(outcome.score); });
  std::sort(outcomes.begin(), outcomes.end(), [](const Outcome& a, const Outcome& b) {
    return a.score != b.score ? a.score < b.score : a.positive < b.positive;
  });
  Performance result;
  result.count = outcomes.size();
  if (outcomes.empty()) return result;

  __extension__ using Wide = unsigned __int128;
  Wide twice_wins = 0;  // pairs with the positive above the negative, twice, and ties once
  std::uint64_t negatives = 0;
  double loss = 0;
  struct Bin {
    double scores = 0;
    std::uint64_t count = 0;
    std::uint64_t positives = 0;
  };
  std::array<Bin, 10> bins;
  for (std::size_t begin = 0; begin < outcomes.size();) {
    std::size_t end = begin;
    std::uint64_t positives = 0;
    const double score = outcomes[begin].score;
    for (; end < outcomes.size() && outcomes[end].score == score; ++end) positives += outcomes[end].positive ? 1 : 0;
    const std::uint64_t others = end - begin - positives;
    twice_wins += Wide{positives} * (2 * Wide{negatives} + others);
    negatives += others;
    result.positives += positives;
    const double p = std::clamp(score, 1e-15, 1 - 1e-15);
    if (positives > 0) loss -= static_cast<double>(positives) * std::log(p);
    if (others > 0) loss -= static_cast<double>(others) * std::log1p(-p);
    Bin& bin = bins[static_cast<std::size_t>(std::clamp(score * 10, 0.0, 9.0))];
    bin.scores += score * static_cast<double>(end - begin);
    bin.count += end - begin;
    bin.positives += positives;
    begin = end;
  }
  if (result.positives > 0 && negatives > 0) {
    result.auc = static_cast<double>(twice_wins) / static_cast<double>(2 * Wide{result.positives} * negatives);
  }
  result.log_loss = loss / static_cast<double>(outcomes.size());
  for (const Bin& bin : bins) {
    if (bin.count == 0) continue;
    const auto count = static_cast<double>(bin.count);
    result.calibration.emplace_back(bin.scores / count, static_cast<double>(bin.positives) / count);
  }
  return result;
}

}  // namespace keelson::monitoring
