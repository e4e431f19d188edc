#include "scheduling/room_prices.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace keelson::scheduling {
namespace {

// Pods without GPU keep coming when the GPUs are full: room is kept for those that come while this part of the load
// that fills the GPUs would.
constexpr double kHorizonWithoutGpu = 1.3;
constexpr double kLeastPrice = 1;  // thousandths of a GPU

// Whether whoever has the place of `large` needs the place of `small` too.
bool Contains(const PodShape& large, const PodShape& small) {
  return small.request.FitsIn(large.request) && large.gpus >= small.gpus && (large.gpus == 0) == (small.gpus == 0) &&
         (large.models & small.models) == large.models;
}

}  // namespace

RoomPrices::RoomPrices(const Cluster& cluster, const Mix& mix) {
  double all_cpu = 0;
  for (const Node& node : cluster.nodes) {
    all_cpu += static_cast<double>(node.capacity.cpu_milli);
    all_gpu_ += node.gpus * double{kWholeGpu};
  }
  free_gpu_ = all_gpu_;
  struct Candidate {
    const PodShape* shape;
    double frequency;
    double worth;
  };
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < mix.shapes.size(); ++i) {
    const PodShape& shape = mix.shapes[i];
    gpu_per_pod_ += mix.frequency[i] * shape.milli();
    if (shape.gpus == 1) continue;
    const double worth = shape.gpus > 0
                             ? shape.milli()
                             : static_cast<double>(shape.request.cpu_milli) * all_gpu_ / std::max(all_cpu, 1.0);
    candidates.push_back({&shape, mix.frequency[i], worth});
  }
  if (gpu_per_pod_ <= 0) candidates.clear();  // nothing to weigh against
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.frequency * a.worth > b.frequency * b.worth;
  });
  if (candidates.size() > kMost) candidates.resize(kMost);

  usable_.assign(cluster.models.names().size() + 1, 0);
  for (std::size_t g = 0; g < candidates.size(); ++g) {
    const PodShape& shape = *candidates[g].shape;
    Guard guard{0, candidates[g].worth, 0, shape.gpus > 0};
    for (const Candidate& other : candidates) {
      if (!Contains(*other.shape, shape)) continue;
      guard.demand_part += other.frequency * (guard.gpus ? other.shape->gpus / shape.gpus : 1);
    }
    guards_.push_back(guard);
    const auto part = [](std::int64_t amount) { return 1 / std::max(static_cast<float>(amount), 1e-3F); };
    per_cpu_[g / 4][g % 4] = part(shape.request.cpu_milli);
    per_memory_[g / 4][g % 4] = part(shape.request.memory_bytes >> 20);
    per_gpus_[g / 4][g % 4] = part(shape.gpus);
    for (std::size_t model = 0; model < usable_.size(); ++model) {
      const bool last = model + 1 == usable_.size();
      if (shape.gpus == 0 || (!last && (shape.models >> model & 1) != 0)) usable_[model] |= std::uint64_t{1} << g;
    }
  }
  places_.reserve(cluster.nodes.size());
  for (const Node& node : cluster.nodes) {
    places_.push_back(Count(EmptyNode(node)));
    for (std::size_t g = 0; g < guards_.size(); ++g) guards_[g].places += OfGuard(places_.back(), g);
  }
  Reprice();
}

RoomPrices::Places RoomPrices::Count(const NodeState& node) const {
  // Half a unit more, so that what fits exactly counts in spite of rounding.
  const Four cpu = Four{} + (static_cast<float>(node.free.cpu_milli) + 0.5F);
  const Four memory = Four{} + (static_cast<float>(node.free.memory_bytes >> 20) + 0.5F);
  const Four gpus = Four{} + (static_cast<float>(node.whole_gpus()) + 0.01F);
  const std::uint64_t usable = usable_[node.model < 0 ? usable_.size() - 1 : static_cast<std::size_t>(node.model)];
  Places places{};
  for (std::size_t block = 0; block * 4 < guards_.size(); ++block) {
    Four room = cpu * per_cpu_[block];
    const Four by_memory = memory * per_memory_[block];
    const Four by_gpus = gpus * per_gpus_[block];
    room = by_memory < room ? by_memory : room;
    room = by_gpus < room ? by_gpus : room;
    const FourInts bits{1, 2, 4, 8};
    const FourInts mine = FourInts{} + static_cast<std::int32_t>(usable >> (4 * block) & 15);
    const FourInts may = (mine & bits) != 0;
    places[block] = __builtin_convertvector(room, FourInts) & may;
  }
  return places;
}

std::uint64_t RoomPrices::Lost(int node_index, const NodeState& after) const {
  if (guards_.empty()) return 0;
  const Places& now = places_[static_cast<std::size_t>(node_index)];
  const Places then = Count(after);
  std::uint64_t lost = 0;
  for (std::size_t block = 0; block * 4 < guards_.size(); ++block) {
    const FourInts bits = (then[block] < now[block]) & FourInts{1, 2, 4, 8};
    lost |= static_cast<std::uint64_t>(bits[0] | bits[1] | bits[2] | bits[3]) << (4 * block);
  }
  return lost;
}

float RoomPrices::Of(std::uint64_t lost) const {
  float price = 0;
  for (std::uint64_t left = lost & priced_; left != 0; left &= left - 1) {
    price = std::max(price, price_[static_cast<std::size_t>(__builtin_ctzll(left))]);
  }
  return price;
}

void RoomPrices::Changed(int node_index, const NodeState& before, const NodeState& after) {
  free_gpu_ += after.free_milli() - before.free_milli();
  if (guards_.empty()) return;
  Places& places = places_[static_cast<std::size_t>(node_index)];
  const Places then = Count(after);
  for (std::size_t g = 0; g < guards_.size(); ++g) {
    guards_[g].places += OfGuard(then, g) - OfGuard(places, g);
  }
  places = then;
  if (++changes_ % kPricedEvery == 0) Reprice();
}

void RoomPrices::Reprice() {
  priced_ = 0;
  for (std::size_t g = 0; g < guards_.size(); ++g) {
    const Guard& guard = guards_[g];
    double gpu = free_gpu_;
    if (!guard.gpus) gpu = std::max(gpu, kHorizonWithoutGpu * all_gpu_);
    const double demand = guard.demand_part * gpu / gpu_per_pod_;
    const double deviations = (guard.places - demand) / std::sqrt(demand + 1e-9);
    price_[g] = static_cast<float>(guard.worth * 0.5 * std::erfc(deviations / std::numbers::sqrt2));
    if (price_[g] > kLeastPrice) priced_ |= std::uint64_t{1} << g;
  }
}

}  // namespace keelson::scheduling
