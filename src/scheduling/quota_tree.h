#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduling/queues.h"

namespace keelson::scheduling {

// Queues and cohorts as the forest that quotas flow through, and what is used. The rules are Kueue's:
// - what a node keeps for itself (guaranteed) is its quota beyond its lending limit; the rest it stores in its parent;
// - what is used goes against what the node keeps, then against its parent's;
// - what is available is what the node still keeps and what the parent has available, the latter no more than what
//   the node stored there plus its borrowing limit.
//
// A cell is a resource of a flavor. Copyable; copies are independent. Nodes that share a root stand side by side, so
// that what one tree uses can be kept and put back cheaply.
class QuotaTree {
 public:
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max() / 4;

  // kInvalidArgument with `where` for: a name that stands twice, a flavor that is not there or stands twice in a queue,
  // cohorts that are their own ancestors or have more than 32, a limit where there is nobody to borrow from or lend to,
  // more lent than there is, a quota or weight below zero, quotas beyond what can be counted, a local queue of a queue
  // that is not there. All mistakes in one error, a line each.
  static Result<QuotaTree> Build(const Queues& queues);

  // Nodes are numbered; queues are some of them. -1 when there is none of that name.
  int FindQueue(std::string_view name) const;
  std::size_t size() const { return nodes_.size(); }
  std::size_t flavors() const { return flavors_.size(); }
  int FindFlavor(std::string_view name) const;
  const std::string& flavor(std::size_t index) const { return flavors_[index]; }

  const std::string& name(int node) const { return At(node).name; }
  int parent(int node) const { return At(node).parent; }
  int root(int node) const { return At(node).root; }
  int end(int root) const { return end_[static_cast<std::size_t>(root)]; }  // the first node behind the tree of `root`
  bool is_queue(int node) const { return At(node).queue >= 0; }
  int queue_index(int node) const { return At(node).queue; }  // in Queues::cluster_queues
  const std::vector<int>& flavors_of(int node) const { return At(node).flavors; }

  // Whether the flavor of the queue offers all that the amounts ask for.
  bool Offers(int node, int flavor, const Amounts& amounts) const;
  // Of one cell: nominal quota, what is used, what could be used now, and what could be used if nobody used anything.
  std::int64_t Nominal(int node, int flavor, Resource resource) const;
  std::int64_t Used(int node, int flavor, Resource resource) const;
  std::int64_t Available(int node, int flavor, Resource resource) const;
  std::int64_t Potential(int node, int flavor, Resource resource) const;

  bool Fits(int node, int flavor, const Amounts& amounts) const;
  bool CouldFit(int node, int flavor, const Amounts& amounts) const;
  // Whether the node would use no more than is nominal.
  bool WithinNominal(int node, int flavor, const Amounts& amounts) const;
  // Whether it uses more than is nominal of something that the amounts ask for.
  bool Borrows(int node, int flavor, const Amounts& amounts) const;
  void Add(int node, int flavor, const Amounts& amounts);
  void Remove(int node, int flavor, const Amounts& amounts);

  // How far the node is beyond its right, by the resource of which it is farthest (dominant), all flavors together:
  // below 0 and at least -1 while it is within its quota, 0 where that is used up, then what it borrows as a part of
  // what its cohort has to lend, by its weight.
  double Share(int node) const;

  // All that the tree of `root` uses, to be put back later.
  std::vector<std::int64_t> Usage(int root) const;
  void SetUsage(int root, const std::vector<std::int64_t>& usage);

 private:
  struct Node {
    std::string name;
    int parent = -1;
    int root = 0;
    int queue = -1;
    double weight = 1;
    std::vector<int> flavors;
  };
  struct Cell {
    bool offered = false;
    std::int64_t nominal = 0;
    std::int64_t subtree = 0;     // its own and what its children store in it
    std::int64_t guaranteed = 0;  // of that, kept from the parent
    std::int64_t borrowing_limit = kUnlimited;
    std::int64_t lending_limit = kUnlimited;
  };
  class Builder;

  const Node& At(int node) const { return nodes_[static_cast<std::size_t>(node)]; }
  std::size_t Index(int node, int flavor, Resource resource) const {
    return static_cast<std::size_t>(node) * stride_ + static_cast<std::size_t>(flavor) * kResourceCount +
           static_cast<std::size_t>(resource);
  }
  std::size_t Up(std::size_t cell, int node) const {  // the parent's cell of the same kind
    return cell + static_cast<std::size_t>(At(node).parent) * stride_ - static_cast<std::size_t>(node) * stride_;
  }
  std::int64_t AvailableAt(int node, std::size_t cell) const;
  std::int64_t PotentialAt(int node, std::size_t cell) const;
  void Use(int node, std::size_t cell, std::int64_t amount);

  std::vector<std::string> flavors_;
  std::vector<Node> nodes_;
  std::map<std::string, int, std::less<>> queues_;
  std::size_t stride_ = 0;
  std::vector<Cell> cells_;
  std::vector<std::int64_t> usage_;
  std::vector<int> end_;  // by node: of a root, the first node behind its tree
};

}  // namespace keelson::scheduling
