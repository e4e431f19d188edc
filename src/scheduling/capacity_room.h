#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "scheduling/capacity.h"
#include "scheduling/placement.h"
#include "scheduling/pod_shapes.h"

namespace keelson::scheduling {

// A pod that looks for a place.
struct Seeker {
  std::size_t shape = 0;
  bool on_spot = true;
};

// The room on the nodes that there are, those that start and those that a plan would buy: the placement core over all
// of them, for PlanCapacity. Nodes can be closed, and what was put can be taken back. Refers to its arguments.
class CapacityRoom {
 public:
  // `bought`: the offer of each node to be bought; they stand behind the others. `shapes` has those of all placed pods.
  CapacityRoom(const CapacitySnapshot& snapshot, PodShapes& shapes, const std::vector<int>& bought);
  CapacityRoom(const CapacityRoom&) = delete;
  CapacityRoom& operator=(const CapacityRoom&) = delete;

  void Close(std::size_t node) { open_[node] = 0; }
  void Reopen(std::size_t node) { open_[node] = 1; }

  // Puts the pod on the open node where it fits best; false when it fits on none. `ready`: only on nodes that are.
  bool Put(const Seeker& seeker, bool ready);
  // Puts all of them or none.
  bool PutAll(const std::vector<Seeker>& seekers, bool ready);
  // How many were put so far, and takes back all but the first so many.
  std::size_t mark() const { return put_.size(); }
  void BackTo(std::size_t mark);
  bool Used(std::size_t node) const { return used_[node] > 0; }  // something was put there

 private:
  std::optional<Placement> Find(std::size_t shape, bool spot, bool ready);

  struct Place {
    std::size_t shape = 0;
    int node = -1;
    std::vector<int> gpus;
  };

  PodShapes& shapes_;
  Cluster cluster_;
  std::vector<char> open_;
  std::vector<char> spot_;
  std::vector<char> ready_;
  std::vector<int> used_;  // by node: how many were put there
  std::unique_ptr<Placer> placer_;
  std::vector<Place> put_;
};

}  // namespace keelson::scheduling
