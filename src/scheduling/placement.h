#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "scheduling/cluster.h"

namespace keelson::scheduling {

// The best that one node offers to a pod.
struct Offer {
  float score = 0;          // the higher the better; of equal offers the node that comes first wins
  int gpu = -1;             // that a share would lie on
  std::uint64_t takes = 0;  // what it takes from others, priced by PlacementPolicy::Price when it is chosen
};

// How a policy ranks nodes. It sees a node, a pod, and what it was given when it was made (the cluster and the mix of
// pods); never the future. It ranks and cannot refuse: the core asks it about nodes that fit only, and takes the best.
class PlacementPolicy {
 public:
  virtual ~PlacementPolicy() = default;
  // Depends on nothing but its arguments: the core keeps the answer until the node changes.
  virtual Offer Look(const NodeState& node, const PodShape& pod, int node_index) = 0;
  // What `takes` costs now, in units of the score.
  virtual float Price(std::uint64_t takes) const {
    (void)takes;
    return 0;
  }
  // A pod was put on the node, or left it.
  virtual void Changed(const NodeState& before, const NodeState& after, int node_index) {
    (void)before;
    (void)after;
    (void)node_index;
  }
};

struct Placement {
  int node = -1;
  int gpu = -1;  // of a share; whole GPUs are the first that are free
  bool operator==(const Placement&) const = default;
};

// The placement core: what is free on every node, and the choice among the nodes that fit. Everything that places goes
// through it. Not thread-safe; refers to the cluster and the shapes, which must outlive it; shapes may be added.
//
// An offer is computed when a pod of the shape first meets the node in its present state, and kept until that changes.
// kKeptOffers are kept at most, those of the shapes that come first; of the others they are computed anew each time. So
// memory is bounded however many shapes a load has: put the frequent ones first.
class Placer {
 public:
  static constexpr std::size_t kKeptOffers = std::size_t{1} << 22;

  Placer(const Cluster& cluster, const std::vector<PodShape>& shapes, std::unique_ptr<PlacementPolicy> policy);

  // Where a pod of the shape would go; nothing when it fits nowhere. With `open`: only nodes that have a 1 there.
  std::optional<Placement> Find(std::size_t shape, const std::vector<char>* open = nullptr);
  void Put(std::size_t shape, const Placement& placement);
  // The same for a pod that stands there already, on these GPUs, whether or not there is room.
  void Occupy(std::size_t shape, int node, const std::vector<int>& gpus);
  // Gives back what the pod had. `gpus` are the ones that it was on, as TakenGpus told before Put.
  void Remove(std::size_t shape, int node, const std::vector<int>& gpus);
  // Until it is opened again, nothing fits on the node; what stands there may still be removed.
  void Close(int node);
  void Open(int node);
  bool closed(int node) const { return closed_.contains(node); }
  // How many pods of the shape each node would take now, labels and taints apart (scheduling::Slots). Until the next
  // call; only nodes that have changed since the last one are counted anew, for the shapes whose offers are kept.
  const std::vector<int>& SlotsOf(std::size_t shape);
  // The GPUs that Put would take.
  std::vector<int> TakenGpus(std::size_t shape, const Placement& placement) const;

  const std::vector<NodeState>& nodes() const { return nodes_; }

 private:
  struct Kept {
    std::vector<std::uint32_t> version;  // of the node for which the offer holds; 0: none was computed
    std::vector<float> scores;           // of the offers: what the choice reads of most nodes
    std::vector<Offer> offers;
  };
  struct KeptSlots {
    std::vector<std::uint32_t> version;  // of the node for which the number holds; 0: none was counted
    std::vector<int> slots;
  };
  static bool Keeps(std::size_t shape, std::size_t nodes) { return shape < kKeptOffers / (nodes > 0 ? nodes : 1); }
  const NodeState& StateOf(int node) const;
  void Change(int node, const NodeState& after);
  void ShowAs(int node, const NodeState& after);
  const std::vector<char>& Admitted(std::size_t shape);
  Kept* KeptOf(std::size_t shape);

  const Cluster& cluster_;
  const std::vector<PodShape>& shapes_;
  std::unique_ptr<PlacementPolicy> policy_;
  std::vector<NodeState> nodes_;               // closed ones without room
  std::unordered_map<int, NodeState> closed_;  // as they will be when they are opened
  std::vector<std::uint32_t> version_;         // of each node: one more with each change
  std::vector<Kept> kept_;                     // by shape
  std::vector<KeptSlots> slots_;               // by shape
  KeptSlots unkept_;                           // of a shape beyond those
  std::vector<char> all_;                      // what Admitted answers when no label and no taint is in play
  std::vector<char> admitted_;                 // its last other answer
  bool tainted_ = false;                       // some pool is
};

// The policies by name: "least-allocated", "first-fit", "best-fit", "dot-product", "fgd", "keelson".
const std::vector<std::string>& PlacementPolicyNames();
// Null when there is none of that name.
std::unique_ptr<PlacementPolicy> MakePlacementPolicy(std::string_view name, const Cluster& cluster, const Mix& mix);

}  // namespace keelson::scheduling
