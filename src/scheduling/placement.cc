#include "scheduling/placement.h"

#include <algorithm>
#include <limits>

namespace keelson::scheduling {
namespace {

constexpr float kUnfit = -std::numeric_limits<float>::infinity();

}  // namespace

Placer::Placer(const Cluster& cluster, const std::vector<PodShape>& shapes, std::unique_ptr<PlacementPolicy> policy)
    : cluster_(cluster), shapes_(shapes), policy_(std::move(policy)) {
  nodes_.reserve(cluster.nodes.size());
  for (const Node& node : cluster.nodes) nodes_.push_back(EmptyNode(node));
  version_.assign(nodes_.size(), 1);
  all_.assign(nodes_.size(), 1);
  tainted_ = std::any_of(cluster.pools.begin(), cluster.pools.end(),
                         [](const NodePool& pool) { return !pool.taints.empty(); });
}

const std::vector<char>& Placer::Admitted(std::size_t shape) {
  const PodShape& pod = shapes_[shape];
  if (!tainted_ && pod.selector.empty()) return all_;
  std::vector<char> pools;
  for (const NodePool& pool : cluster_.pools) pools.push_back(Admits(pool, pod) ? 1 : 0);
  admitted_.resize(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    admitted_[i] = pools[static_cast<std::size_t>(cluster_.nodes[i].pool)];
  }
  return admitted_;
}

Placer::Kept* Placer::KeptOf(std::size_t shape) {
  if (!Keeps(shape, nodes_.size())) return nullptr;
  if (shape >= kept_.size()) kept_.resize(shape + 1);
  Kept& kept = kept_[shape];
  if (kept.offers.empty()) {
    kept.offers.resize(nodes_.size());
    kept.scores.resize(nodes_.size());
    kept.version.assign(nodes_.size(), 0);
  }
  return &kept;
}

std::optional<Placement> Placer::Find(std::size_t shape, const std::vector<char>* open) {
  const PodShape& pod = shapes_[shape];
  const std::vector<char>& admitted = Admitted(shape);
  const auto look = [&](std::size_t i) {
    if (admitted[i] == 0 || !Fits(nodes_[i], pod)) return Offer{kUnfit, -1, 0};
    return policy_->Look(nodes_[i], pod, static_cast<int>(i));
  };
  Kept* kept = KeptOf(shape);
  Placement best;
  float best_score = kUnfit;
  Offer fresh;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (open != nullptr && (*open)[i] == 0) continue;
    const Offer* offer = &fresh;
    if (kept == nullptr) {
      fresh = look(i);
      if (!(fresh.score > best_score)) continue;  // a price only lowers it
    } else {
      if (kept->version[i] != version_[i]) {
        kept->version[i] = version_[i];
        kept->offers[i] = look(i);
        kept->scores[i] = kept->offers[i].score;
      }
      if (!(kept->scores[i] > best_score)) continue;
      offer = &kept->offers[i];
    }
    const float score = offer->takes == 0 ? offer->score : offer->score - policy_->Price(offer->takes);
    if (!(score > best_score)) continue;
    best_score = score;
    best = {static_cast<int>(i), offer->gpu};
  }
  if (best.node < 0) return std::nullopt;
  return best;
}

const std::vector<int>& Placer::SlotsOf(std::size_t shape) {
  const bool keeps = Keeps(shape, nodes_.size());
  if (keeps && shape >= slots_.size()) slots_.resize(shape + 1);
  KeptSlots& kept = keeps ? slots_[shape] : unkept_;
  if (!keeps || kept.slots.size() != nodes_.size()) {
    kept.version.assign(nodes_.size(), 0);
    kept.slots.assign(nodes_.size(), 0);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (kept.version[i] == version_[i]) continue;
    kept.version[i] = version_[i];
    kept.slots[i] = Slots(nodes_[i], shapes_[shape]);
  }
  return kept.slots;
}

std::vector<int> Placer::TakenGpus(std::size_t shape, const Placement& placement) const {
  const PodShape& pod = shapes_[shape];
  if (pod.shares()) return {placement.gpu};
  const NodeState& node = nodes_[static_cast<std::size_t>(placement.node)];
  std::vector<int> taken;
  for (int i = 0; i < node.gpus && static_cast<int>(taken.size()) < pod.gpus; ++i) {
    if (node.gpu_free[static_cast<std::size_t>(i)] == kWholeGpu) taken.push_back(i);
  }
  return taken;
}

void Placer::Put(std::size_t shape, const Placement& placement) {
  NodeState after = nodes_[static_cast<std::size_t>(placement.node)];
  Take(after, shapes_[shape], placement.gpu);
  Change(placement.node, after);
}

void Placer::Occupy(std::size_t shape, int node, const std::vector<int>& gpus) {
  NodeState after = StateOf(node);
  after.free -= shapes_[shape].request;
  after.free_disk -= shapes_[shape].disk_bytes;
  for (const int gpu : gpus) {
    auto& free = after.gpu_free[static_cast<std::size_t>(gpu)];
    free = static_cast<std::int16_t>(free - shapes_[shape].gpu_milli);
  }
  Change(node, after);
}

void Placer::Remove(std::size_t shape, int node, const std::vector<int>& gpus) {
  NodeState after = StateOf(node);
  GiveBack(after, shapes_[shape], gpus);
  Change(node, after);
}

void Placer::Close(int node) {
  if (!closed_.try_emplace(node, nodes_[static_cast<std::size_t>(node)]).second) return;
  NodeState none = nodes_[static_cast<std::size_t>(node)];
  none.free = {-1, -1};  // even a pod that asks for nothing does not fit
  none.free_disk = -1;
  none.gpu_free.fill(0);
  ShowAs(node, none);
}

void Placer::Open(int node) {
  if (const auto closed = closed_.extract(node)) ShowAs(node, closed.mapped());
}

const NodeState& Placer::StateOf(int node) const {
  const auto closed = closed_.find(node);
  return closed == closed_.end() ? nodes_[static_cast<std::size_t>(node)] : closed->second;
}

void Placer::Change(int node, const NodeState& after) {
  if (const auto closed = closed_.find(node); closed != closed_.end()) {
    closed->second = after;
  } else {
    ShowAs(node, after);
  }
}

void Placer::ShowAs(int node, const NodeState& after) {
  const auto index = static_cast<std::size_t>(node);
  policy_->Changed(nodes_[index], after, node);
  nodes_[index] = after;
  ++version_[index];
}

}  // namespace keelson::scheduling
