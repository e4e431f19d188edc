#include "scheduling/fragmentation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

namespace keelson::scheduling {
namespace {

constexpr double kTypicalPart = 0.95;

class Fgd : public PlacementPolicy {
 public:
  explicit Fgd(const Mix& mix) : fragmentation_(mix) {}

  Offer Look(const NodeState& node, const PodShape& pod, int index) override {
    const double before = Before(node, index);
    Offer best{-1, -1, 0};
    if (!pod.shares()) {
      best.score = Score(before, node, pod, -1);
      return best;
    }
    for (int gpu = 0; gpu < node.gpus; ++gpu) {
      const int free = node.gpu_free[static_cast<std::size_t>(gpu)];
      if (free < pod.gpu_milli) continue;
      const auto seen = std::find(node.gpu_free.begin(), node.gpu_free.begin() + gpu, free);
      if (seen != node.gpu_free.begin() + gpu) continue;  // scores as the earlier GPU with as much free
      const float score = Score(before, node, pod, gpu);
      if (best.gpu < 0 || score > best.score) best = {score, gpu, 0};
    }
    return best;
  }

  void Changed(const NodeState&, const NodeState&, int index) override {
    if (static_cast<std::size_t>(index) < before_.size()) before_[static_cast<std::size_t>(index)] = -1;
  }

 private:
  double Before(const NodeState& node, int index) {
    const auto at = static_cast<std::size_t>(index);
    if (at >= before_.size()) before_.resize(at + 1, -1);
    if (before_[at] < 0) before_[at] = fragmentation_.Amount(node);
    return before_[at];
  }

  float Score(double before, NodeState node, const PodShape& pod, int gpu) const {
    Take(node, pod, gpu);
    const double decrease = before - fragmentation_.Amount(node);
    return static_cast<float>(std::trunc(100 / (1 + std::exp(-decrease / 1000))));
  }

  Fragmentation fragmentation_;
  std::vector<double> before_;  // the amount of each node as it is; -1 when it is not known
};

}  // namespace

Fragmentation::Fragmentation(const Mix& mix) : by_model_(GpuModels::kMost) {
  std::vector<Typical> typical;
  std::map<std::tuple<std::int64_t, int, int, ModelSet>, double> shapes;
  for (std::size_t i = 0; i < mix.shapes.size(); ++i) {
    const PodShape& shape = mix.shapes[i];
    shapes[{shape.request.cpu_milli, shape.gpus, shape.gpus == 0 ? 0 : shape.gpu_milli, shape.models}] +=
        mix.frequency[i];
  }
  for (const auto& [key, frequency] : shapes) {
    const auto& [cpu, gpus, milli, models] = key;
    typical.push_back({cpu, gpus, milli, models, frequency});
  }
  std::stable_sort(typical.begin(), typical.end(),
                   [](const Typical& a, const Typical& b) { return a.frequency > b.frequency; });
  double covered = 0;
  std::size_t count = 0;
  while (count < std::min(typical.size(), kMostTypical) && covered < kTypicalPart) {
    covered += typical[count++].frequency;
  }
  typical.resize(count);
  for (Typical& each : typical) {
    each.frequency /= covered;
    for (std::size_t model = 0; each.gpus > 0 && model < by_model_.size(); ++model) {
      if ((each.models >> model & 1) != 0) by_model_[model].push_back(each);
    }
  }
}

double Fragmentation::Amount(const NodeState& node) const {
  std::array<int, kMostGpus> free{};  // of the GPUs that have any, the freest first
  int gpus = 0;
  for (int i = 0; i < node.gpus; ++i) {
    const int each = node.gpu_free[static_cast<std::size_t>(i)];
    if (each == 0) continue;
    int place = gpus++;
    for (; place > 0 && free[static_cast<std::size_t>(place - 1)] < each; --place) {
      free[static_cast<std::size_t>(place)] = free[static_cast<std::size_t>(place - 1)];
    }
    free[static_cast<std::size_t>(place)] = each;
  }
  if (gpus == 0) return 0;
  double usable = 0;
  for (const Typical& pod : by_model_[static_cast<std::size_t>(node.model)]) {
    if (pod.cpu_milli > node.free.cpu_milli) continue;
    int room = 0;
    int fit = 0;
    for (; room < gpus && free[static_cast<std::size_t>(room)] >= pod.gpu_milli; ++room) {
      fit += free[static_cast<std::size_t>(room)];
    }
    if (room >= pod.gpus) usable += pod.frequency * fit;
  }
  return node.free_milli() - usable;
}

std::unique_ptr<PlacementPolicy> FgdPolicy(const Mix& mix) {
  return std::make_unique<Fgd>(mix);
}

}  // namespace keelson::scheduling
