// What our tree-structured Parzen estimator finds in standard functions: keelson_search_bench TRIALS SEEDS.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "functions.h"

namespace keelson::bench {
namespace {

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double BestOf(const Function& function, int trials, std::uint64_t seed) {
  const auto sampler = training::MakeSampler("tpe", {.seed = seed});
  std::vector<training::TrialOutcome> outcomes;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < trials; ++i) {
    training::Point point = (*sampler)->Suggest(function.space, static_cast<std::uint64_t>(i), outcomes, {});
    const double value = function.value(point);
    best = std::min(best, value);
    outcomes.push_back({std::move(point), value});
  }
  return best;
}

// Where both programs say what the function is; of a choice the third.
double Check(const Function& function) {
  training::Point point;
  for (const auto& range : function.space) {
    const bool choice = range.kind == training::Range::Kind::kChoice;
    point.push_back(choice ? 2 : range.kind == training::Range::Kind::kInt ? 5 : 0.3 * range.low + 0.7 * range.high);
  }
  return function.value(point);
}

}  // namespace
}  // namespace keelson::bench

int main(int argc, char** argv) {
  using namespace keelson::bench;
  if (argc != 3) {
    fmt::print(stderr, "usage: keelson_search_bench TRIALS SEEDS\n");
    return 2;
  }
  const int trials = std::atoi(argv[1]);
  const int seeds = std::atoi(argv[2]);
  for (const Function& function : Functions()) {
    std::string best;
    const double begun = CpuSeconds();
    for (int seed = 1; seed <= seeds; ++seed) {
      best += fmt::format("{}{}", best.empty() ? "" : ", ", BestOf(function, trials, static_cast<std::uint64_t>(seed)));
    }
    fmt::print("{{\"function\": \"{}\", \"check\": {}, \"cpu_s\": {}, \"best\": [{}]}}\n", function.name,
               Check(function), CpuSeconds() - begun, best);
  }
  return 0;
}
