#include "scheduling/fit_value.h"

#include <algorithm>

#include "base/random.h"

namespace keelson::scheduling {
namespace {

constexpr std::int64_t kUnits = 32000;
constexpr std::int16_t kNever = 32767;  // more than any node has
constexpr std::uint64_t kSeed = 2023;   // of the sample: fixed, so that a value is a function of the mix and the node

std::int16_t Up(std::int64_t amount, std::int64_t unit) {
  return static_cast<std::int16_t>(std::min<std::int64_t>((amount + unit - 1) / unit, kNever));
}

// `count` draws from the mix's GPU pods, each shape as often as its frequency says to within one, in random order.
std::vector<const PodShape*> Draw(const Mix& mix, int count) {
  double all = 0;
  for (std::size_t i = 0; i < mix.shapes.size(); ++i) all += mix.shapes[i].gpus > 0 ? mix.frequency[i] : 0;
  std::vector<const PodShape*> draws;
  double sum = 0;
  for (std::size_t i = 0; i < mix.shapes.size(); ++i) {
    if (mix.shapes[i].gpus == 0) continue;
    sum += mix.frequency[i];
    while (static_cast<int>(draws.size()) < count && (static_cast<double>(draws.size()) + 0.5) / count < sum / all) {
      draws.push_back(&mix.shapes[i]);
    }
  }
  Random random(kSeed);
  for (std::size_t i = draws.size(); i > 1; --i) std::swap(draws[i - 1], draws[random.Below(i)]);
  return draws;
}

}  // namespace

FitValue::FitValue(const Cluster& cluster, const Mix& mix) : kept_(kKept) {
  for (const Node& node : cluster.nodes) {
    cpu_unit_ = std::max(cpu_unit_, node.capacity.cpu_milli / kUnits + 1);
    memory_unit_ = std::max(memory_unit_, node.capacity.memory_bytes / kUnits + 1);
  }
  const std::vector<const PodShape*> draws = Draw(mix, kLanes * kLength);
  least_cpu_ = kNever;
  for (const PodShape* pod : draws) least_cpu_ = std::min(least_cpu_, Up(pod->request.cpu_milli, cpu_unit_));
  models_.resize(cluster.models.names().size());
  for (std::size_t model = 0; model < models_.size(); ++model) {
    Sequences& sequences = models_[model];
    const Lanes none = Lanes{} + kNever;
    sequences.steps.assign(kLength, Step{none, none, none, none});
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      int length = 0;
      for (std::size_t i = lane * kLength; i < std::min(draws.size(), (lane + 1) * kLength); ++i) {
        const PodShape& pod = *draws[i];
        if ((pod.models >> model & 1) == 0) continue;
        Step& step = sequences.steps[static_cast<std::size_t>(length++)];
        step.cpu[lane] = Up(pod.request.cpu_milli, cpu_unit_);
        step.memory[lane] = Up(pod.request.memory_bytes, memory_unit_);
        step.gpus[lane] = static_cast<std::int16_t>(pod.gpus);
        step.milli[lane] = static_cast<std::int16_t>(pod.gpu_milli);
      }
      sequences.length = std::max(sequences.length, length);
    }
  }
}

FitValue::Key FitValue::KeyOf(const NodeState& node) const {
  Key key;
  std::copy_n(node.gpu_free.begin(), node.gpus, key.gpus.begin());
  std::sort(key.gpus.begin(), key.gpus.begin() + node.gpus);
  key.cpu = static_cast<std::int16_t>(node.free.cpu_milli / cpu_unit_);
  key.memory = static_cast<std::int16_t>(node.free.memory_bytes / memory_unit_);
  key.model = node.model;
  return key;
}

float FitValue::Of(const NodeState& node) {
  if (node.model < 0 || node.free_milli() == 0) return 0;
  const Key key = KeyOf(node);
  std::uint64_t hash = 1;
  const auto mix = [&hash](std::int16_t value) {
    hash = (hash ^ static_cast<std::uint16_t>(value)) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29;
  };
  for (int i = 0; i < node.gpus; ++i) mix(key.gpus[static_cast<std::size_t>(i)]);
  mix(key.cpu);
  mix(key.memory);
  mix(key.model);
  Kept& kept = kept_[hash % kKept];
  if (kept.hash != hash) kept = {hash, Compute(key)};
  return kept.value;
}

// Compiled twice; the program takes the one that the machine can run.
[[gnu::target_clones("avx2", "default")]] int FitValue::Walk(const Sequences& sequences, const Key& key,
                                                             std::int16_t least_cpu, Lanes* left, std::size_t gpus) {
  Lanes cpu = Lanes{} + key.cpu;
  Lanes memory = Lanes{} + key.memory;
  for (int i = 0; i < sequences.length; ++i) {
    const Step& pod = sequences.steps[static_cast<std::size_t>(i)];
    // Of the GPUs with room the least free ones: for whole GPUs, which ask for 1,000, these are any that are free.
    Lanes room{};
    Lanes least = Lanes{} + kNever;
    for (std::size_t gpu = 0; gpu < gpus; ++gpu) {
      const Lanes enough = left[gpu] >= pod.milli;
      room -= enough;
      const Lanes candidate = (left[gpu] & enough) | (~enough & kNever);
      least = candidate < least ? candidate : least;
    }
    const Lanes fits = (pod.cpu <= cpu) & (pod.memory <= memory) & (pod.gpus <= room);
    Lanes wanted = pod.gpus & fits;
    for (std::size_t gpu = 0; gpu < gpus; ++gpu) {
      const Lanes takes = (left[gpu] == least) & (wanted > 0);
      left[gpu] -= pod.milli & takes;
      wanted += takes;
    }
    cpu -= pod.cpu & fits;
    memory -= pod.memory & fits;
    if (i % 4 != 3) continue;
    Lanes some{};
    for (std::size_t gpu = 0; gpu < gpus; ++gpu) some |= left[gpu];
    const Lanes open = (some > 0) & (cpu >= least_cpu);
    std::int64_t any = 0;
    using Words [[gnu::vector_size(sizeof(Lanes))]] = std::int64_t;
    const Words words = __builtin_bit_cast(Words, open);
    for (std::size_t word = 0; word < sizeof(Lanes) / sizeof(std::int64_t); ++word) any |= words[word];
    if (any == 0) break;
  }
  Lanes rest{};
  for (std::size_t gpu = 0; gpu < gpus; ++gpu) rest += left[gpu];
  int sum = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) sum += rest[lane];
  return sum;
}

float FitValue::Compute(const Key& key) const {
  alignas(2 * kLanes) std::array<Lanes, kMostGpus> left{};
  std::size_t gpus = 0;  // those with anything free
  int free = 0;
  for (const std::int16_t each : key.gpus) {
    if (each == 0) continue;
    left[gpus++] = Lanes{} + each;
    free += each;
  }
  const Sequences& sequences = models_[static_cast<std::size_t>(key.model)];
  return static_cast<float>(free) - static_cast<float>(Walk(sequences, key, least_cpu_, left.data(), gpus)) / kLanes;
}

}  // namespace keelson::scheduling
