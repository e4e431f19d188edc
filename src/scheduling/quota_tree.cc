#include "scheduling/quota_tree.h"

#include <algorithm>

namespace keelson::scheduling {

int QuotaTree::FindQueue(std::string_view name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? -1 : found->second;
}

int QuotaTree::FindFlavor(std::string_view name) const {
  const auto found = std::find(flavors_.begin(), flavors_.end(), name);
  return found == flavors_.end() ? -1 : static_cast<int>(found - flavors_.begin());
}

bool QuotaTree::Offers(int node, int flavor, const Amounts& amounts) const {
  const std::size_t first = Index(node, flavor, Resource::kCpu);
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (amounts.of[r] > 0 && !cells_[first + r].offered) return false;
  }
  return true;
}

std::int64_t QuotaTree::Nominal(int node, int flavor, Resource resource) const {
  return cells_[Index(node, flavor, resource)].nominal;
}
std::int64_t QuotaTree::Used(int node, int flavor, Resource resource) const {
  return usage_[Index(node, flavor, resource)];
}
std::int64_t QuotaTree::Available(int node, int flavor, Resource resource) const {
  return AvailableAt(node, Index(node, flavor, resource));
}
std::int64_t QuotaTree::Potential(int node, int flavor, Resource resource) const {
  return PotentialAt(node, Index(node, flavor, resource));
}

std::int64_t QuotaTree::AvailableAt(int node, std::size_t cell) const {
  const Cell& at = cells_[cell];
  const std::int64_t used = usage_[cell];
  if (At(node).parent < 0) return at.subtree - used;
  std::int64_t from_parent = AvailableAt(At(node).parent, Up(cell, node));
  if (at.borrowing_limit != kUnlimited) {
    const std::int64_t stored = at.subtree - at.guaranteed;
    const std::int64_t used_there = std::max<std::int64_t>(0, used - at.guaranteed);
    from_parent = std::min(from_parent, stored - used_there + at.borrowing_limit);
  }
  return std::max<std::int64_t>(0, at.guaranteed - used) + from_parent;
}

std::int64_t QuotaTree::PotentialAt(int node, std::size_t cell) const {
  const Cell& at = cells_[cell];
  if (At(node).parent < 0) return at.subtree;
  const std::int64_t all = at.guaranteed + PotentialAt(At(node).parent, Up(cell, node));
  return at.borrowing_limit == kUnlimited ? all : std::min(all, at.subtree + at.borrowing_limit);
}

bool QuotaTree::Fits(int node, int flavor, const Amounts& amounts) const {
  const std::size_t first = Index(node, flavor, Resource::kCpu);
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (amounts.of[r] <= 0) continue;
    if (!cells_[first + r].offered || AvailableAt(node, first + r) < amounts.of[r]) return false;
  }
  return true;
}

bool QuotaTree::CouldFit(int node, int flavor, const Amounts& amounts) const {
  const std::size_t first = Index(node, flavor, Resource::kCpu);
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (amounts.of[r] <= 0) continue;
    if (!cells_[first + r].offered || PotentialAt(node, first + r) < amounts.of[r]) return false;
  }
  return true;
}

bool QuotaTree::WithinNominal(int node, int flavor, const Amounts& amounts) const {
  const std::size_t first = Index(node, flavor, Resource::kCpu);
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (amounts.of[r] > 0 && usage_[first + r] + amounts.of[r] > cells_[first + r].nominal) return false;
  }
  return true;
}

bool QuotaTree::Borrows(int node, int flavor, const Amounts& amounts) const {
  const std::size_t first = Index(node, flavor, Resource::kCpu);
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (amounts.of[r] > 0 && usage_[first + r] > cells_[first + r].nominal) return true;
  }
  return false;
}

void QuotaTree::Use(int node, std::size_t cell, std::int64_t amount) {
  // What is used beyond what the node keeps is used in the parent too.
  const std::int64_t kept = cells_[cell].guaranteed;
  const std::int64_t before = std::max<std::int64_t>(0, usage_[cell] - kept);
  usage_[cell] += amount;
  const std::int64_t after = std::max<std::int64_t>(0, usage_[cell] - kept);
  if (At(node).parent >= 0 && after != before) Use(At(node).parent, Up(cell, node), after - before);
}

void QuotaTree::Add(int node, int flavor, const Amounts& amounts) {
  const std::size_t first = Index(node, flavor, Resource::kCpu);
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (amounts.of[r] != 0) Use(node, first + r, amounts.of[r]);
  }
}

void QuotaTree::Remove(int node, int flavor, const Amounts& amounts) {
  const std::size_t first = Index(node, flavor, Resource::kCpu);
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    if (amounts.of[r] != 0) Use(node, first + r, -amounts.of[r]);
  }
}

double QuotaTree::Share(int node) const {
  const int parent = At(node).parent;
  double within = -1;
  double beyond = 0;
  for (std::size_t r = 0; r < kResourceCount; ++r) {
    std::int64_t used = 0;
    std::int64_t quota = 0;
    std::int64_t lendable = 0;
    std::int64_t borrowed = 0;
    for (std::size_t f = 0; f < flavors_.size(); ++f) {
      const std::size_t cell = Index(node, static_cast<int>(f), static_cast<Resource>(r));
      used += usage_[cell];
      quota += cells_[cell].subtree;
      borrowed += std::max<std::int64_t>(0, usage_[cell] - cells_[cell].subtree);
      if (parent >= 0) lendable += cells_[Up(cell, node)].subtree;
    }
    if (used == 0) continue;
    if (quota > 0) within = std::max(within, static_cast<double>(used) / static_cast<double>(quota) - 1);
    if (borrowed > 0) {
      beyond =
          std::max(beyond, static_cast<double>(borrowed) / static_cast<double>(std::max<std::int64_t>(1, lendable)));
    }
  }
  if (beyond == 0) return std::min(within, 0.0);
  return At(node).weight > 0 ? beyond / At(node).weight : std::numeric_limits<double>::infinity();
}

std::vector<std::int64_t> QuotaTree::Usage(int root) const {
  const auto begin = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(root) * stride_);
  const auto end =
      static_cast<std::ptrdiff_t>(static_cast<std::size_t>(end_[static_cast<std::size_t>(root)]) * stride_);
  return {usage_.begin() + begin, usage_.begin() + end};
}

void QuotaTree::SetUsage(int root, const std::vector<std::int64_t>& usage) {
  std::copy(usage.begin(), usage.end(),
            usage_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(root) * stride_));
}

}  // namespace keelson::scheduling
