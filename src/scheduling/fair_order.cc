#include "scheduling/fair_order.h"

namespace keelson::scheduling {

void FairOrder::Add(int queue, Instant submitted, std::string_view id, std::size_t claim) {
  auto& claims = claims_[static_cast<std::size_t>(queue)];
  const bool first = claims.empty();
  claims.emplace(submitted, id, claim);
  if (!first) return;
  for (int node = queue; node >= 0; node = tree_.parent(node)) {
    auto& siblings = below_[Parent(node)];
    const bool known = !siblings.empty();
    double& share = share_[static_cast<std::size_t>(node)];
    share = tree_.Share(node);
    siblings.emplace(share, node);
    if (known) break;  // what is above it stands in its place already
  }
}

std::optional<std::size_t> FairOrder::Take() {
  std::size_t at = tree_.size();
  if (below_[at].empty()) return std::nullopt;
  while (!below_[at].empty()) at = static_cast<std::size_t>(below_[at].begin()->second);
  auto& claims = claims_[at];
  const std::size_t claim = std::get<2>(*claims.begin());
  claims.erase(claims.begin());
  for (int node = static_cast<int>(at); node >= 0; node = tree_.parent(node)) {
    const auto index = static_cast<std::size_t>(node);
    if (!claims_[index].empty() || !below_[index].empty()) break;
    below_[Parent(node)].erase({share_[index], node});
  }
  return claim;
}

void FairOrder::Update(int queue) {
  for (int node = queue; node >= 0; node = tree_.parent(node)) {
    auto& siblings = below_[Parent(node)];
    double& share = share_[static_cast<std::size_t>(node)];
    const auto found = siblings.find({share, node});
    if (found == siblings.end()) continue;
    siblings.erase(found);
    share = tree_.Share(node);
    siblings.emplace(share, node);
  }
}

}  // namespace keelson::scheduling
