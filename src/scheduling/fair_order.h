#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/time.h"
#include "scheduling/quota_tree.h"

namespace keelson::scheduling {

// Who is next among equally important claims: down the forest of quotas, each time to the cohort or queue with the
// least share (QuotaTree::Share, hierarchical dominant-resource fairness), and in the queue to whoever came first.
// Adding, taking and updating cost the logarithm of what there is.
class FairOrder {
 public:
  explicit FairOrder(const QuotaTree& tree)
      : tree_(tree), claims_(tree.size()), below_(tree.size() + 1), share_(tree.size()) {}

  // `id` must stay as it is while the claim is in here.
  void Add(int queue, Instant submitted, std::string_view id, std::size_t claim);
  std::optional<std::size_t> Take();
  // What the queue uses has changed.
  void Update(int queue);

 private:
  std::size_t Parent(int node) const {
    return tree_.parent(node) < 0 ? tree_.size() : static_cast<std::size_t>(tree_.parent(node));
  }

  const QuotaTree& tree_;
  std::vector<std::set<std::tuple<Instant, std::string_view, std::size_t>>> claims_;  // by queue
  std::vector<std::set<std::pair<double, int>>> below_;  // by node: its children with claims; at the end the roots
  std::vector<double> share_;                            // by node: as it stands in below_
};

}  // namespace keelson::scheduling
