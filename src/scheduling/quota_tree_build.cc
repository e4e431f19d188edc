// QuotaTree::Build: what people declared, checked, in the order of a forest.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "scheduling/quota_tree.h"

namespace keelson::scheduling {

class QuotaTree::Builder {
 public:
  explicit Builder(const Queues& queues) : queues_(queues) {}

  Result<QuotaTree> Build() {
    Flavors();
    Cohorts();
    for (std::size_t i = 0; i < queues_.cluster_queues.size(); ++i)
      Queue(queues_.cluster_queues[i], static_cast<int>(i));
    LocalQueues();
    if (const std::size_t nodes = cohorts_.size() + leaves_.size(); nodes * tree_.flavors_.size() > kMostPairs) {
      Wrong("", fmt::format("{} queues and cohorts with {} flavors are more than can be held at once", nodes,
                            tree_.flavors_.size()));
    }
    if (problems_.empty()) Ancestors();
    if (problems_.empty()) {
      Order();
      Count();
    }
    if (!problems_.empty()) {
      std::string all;
      for (const auto& [where, what] : problems_) {
        all += (all.empty() ? "" : "\n") + (problems_.size() > 1 && !where.empty() ? where + ": " + what : what);
      }
      return Fail(ErrorCode::kInvalidArgument, all, problems_.size() == 1 ? problems_.front().first : "");
    }
    return std::move(tree_);
  }

 private:
  struct Declared {
    Node node;
    std::string parent;
    const std::vector<FlavorQuota>* flavors = nullptr;
  };

  void Wrong(const std::string& where, std::string what) { problems_.emplace_back(where, std::move(what)); }

  void Flavors() {
    std::set<std::string> seen;
    for (const ResourceFlavor& flavor : queues_.flavors) {
      if (!seen.insert(flavor.name).second) Wrong(flavor.where, fmt::format("there are two flavors '{}'", flavor.name));
      tree_.flavors_.push_back(flavor.name);
    }
  }

  void CheckQuotas(const std::string& who, const std::string& where, const std::vector<FlavorQuota>& flavors,
                   bool shares, double weight) {
    if (!(weight >= 0)) Wrong(where, fmt::format("{} has a weight below zero", who));
    std::set<std::string> seen;
    for (const FlavorQuota& quota : flavors) {
      if (tree_.FindFlavor(quota.flavor) < 0) {
        Wrong(where, fmt::format("{} has a quota of the flavor '{}', which is not there", who, quota.flavor));
      }
      if (!seen.insert(quota.flavor).second) {
        Wrong(where, fmt::format("{} names the flavor '{}' twice", who, quota.flavor));
      }
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        if (quota.of[r])
          CheckQuota(who, where, quota.flavor, ResourceName(static_cast<Resource>(r)), *quota.of[r], shares);
      }
    }
  }

  void CheckQuota(const std::string& who, const std::string& where, const std::string& flavor,
                  std::string_view resource, const ResourceQuota& quota, bool shares) {
    const std::string what = fmt::format("{}'s {} of flavor '{}'", who, resource, flavor);
    const auto least = std::min({quota.nominal, quota.borrowing_limit.value_or(0), quota.lending_limit.value_or(0)});
    if (least < 0) return Wrong(where, fmt::format("{} has a quota below zero", what));
    if (std::max({quota.nominal, quota.borrowing_limit.value_or(0), quota.lending_limit.value_or(0)}) > kMost) {
      return Wrong(where, fmt::format("{} has a quota beyond what can be counted", what));
    }
    if (!shares && quota.borrowing_limit)
      Wrong(where, fmt::format("{} may borrow, and there is no cohort to borrow from", what));
    if (!shares && quota.lending_limit)
      Wrong(where, fmt::format("{} may be lent, and there is no cohort to lend to", what));
    if (quota.lending_limit && *quota.lending_limit > quota.nominal) {
      Wrong(where, fmt::format("{} lends more than there is: the lending limit is beyond the nominal quota", what));
    }
  }

  void Cohorts() {
    for (const Cohort& cohort : queues_.cohorts) {
      const std::string who = fmt::format("cohort '{}'", cohort.name);
      CheckQuotas(who, cohort.where, cohort.flavors, !cohort.parent.empty(), cohort.weight);
      const auto added = cohorts_.try_emplace(
          cohort.name, Declared{Make(cohort.name, -1, cohort.weight), cohort.parent, &cohort.flavors});
      if (!added.second) Wrong(cohort.where, fmt::format("there are two cohorts '{}'", cohort.name));
    }
    for (const Cohort& cohort : queues_.cohorts) Implied(cohort.parent);
    for (const ClusterQueue& queue : queues_.cluster_queues) Implied(queue.cohort);
  }

  void Implied(const std::string& cohort) {
    if (!cohort.empty()) cohorts_.try_emplace(cohort, Declared{Make(cohort, -1, 1), "", nullptr});
  }

  void Queue(const ClusterQueue& queue, int index) {
    const std::string who = fmt::format("queue '{}'", queue.name);
    CheckQuotas(who, queue.where, queue.flavors, !queue.cohort.empty(), queue.weight);
    if (!names_.insert(queue.name).second) Wrong(queue.where, fmt::format("there are two queues '{}'", queue.name));
    Declared declared{Make(queue.name, index, queue.weight), queue.cohort, &queue.flavors};
    for (const FlavorQuota& quota : queue.flavors) declared.node.flavors.push_back(tree_.FindFlavor(quota.flavor));
    leaves_.push_back(std::move(declared));
  }

  static Node Make(const std::string& name, int queue, double weight) { return {name, -1, 0, queue, weight, {}}; }

  void LocalQueues() {
    std::set<std::pair<std::string, std::string>> seen;
    for (const LocalQueue& local : queues_.local_queues) {
      const std::string who = fmt::format("local queue '{}/{}'", local.name_space, local.name);
      if (!seen.emplace(local.name_space, local.name).second)
        Wrong(local.where, fmt::format("there are two of {}", who));
      if (!names_.contains(local.cluster_queue)) {
        Wrong(local.where, fmt::format("{} stands for the queue '{}', which is not there", who, local.cluster_queue));
      }
    }
  }

  // A cohort is not among its own ancestors, and has no more of them than can be walked for every question.
  void Ancestors() {
    std::map<std::string, std::size_t> above;  // how many each has; of those that were looked at
    for (const Cohort& cohort : queues_.cohorts) {
      std::vector<std::string> way;
      std::string at = cohort.name;
      const auto met = [&] { return std::find(way.begin(), way.end(), at); };
      while (!at.empty() && !above.contains(at) && way.size() <= kDeepest + 1 && met() == way.end()) {
        way.push_back(at);
        at = cohorts_.at(at).parent;
      }
      std::size_t count = 0;  // of `at` and what is above it
      if (const auto known = above.find(at); known != above.end()) {
        count = known->second + 1;
      } else if (met() != way.end()) {
        std::string text;
        for (auto each = met(); each != way.end(); ++each) text += "'" + *each + "' -> ";
        Wrong(cohort.where, fmt::format("cohorts are their own ancestors: {}'{}'", text, at));
      }
      count += way.size();
      if (count > kDeepest + 1) {
        return Wrong(cohort.where, fmt::format("cohort '{}' has more than {} above it", cohort.name, kDeepest));
      }
      for (const std::string& each : way) above[each] = --count;
    }
  }

  // Each root with all that is below it, one after the other.
  void Order() {
    std::map<std::string, std::vector<const Declared*>> below;
    for (const auto& [name, cohort] : cohorts_) below[cohort.parent].push_back(&cohort);
    for (const Declared& leaf : leaves_) below[leaf.parent].push_back(&leaf);
    for (const Declared* root : below[""]) {
      const int number = static_cast<int>(tree_.nodes_.size());
      tree_.end_.push_back(0);
      Walk(*root, -1, number, below);
      tree_.end_[static_cast<std::size_t>(number)] = static_cast<int>(tree_.nodes_.size());
    }
  }

  void Walk(const Declared& declared, int parent, int root,
            const std::map<std::string, std::vector<const Declared*>>& below) {
    const int number = static_cast<int>(tree_.nodes_.size());
    tree_.end_.resize(static_cast<std::size_t>(number) + 1);
    tree_.nodes_.push_back(declared.node);
    tree_.nodes_.back().parent = parent;
    tree_.nodes_.back().root = root;
    quotas_.push_back(declared.flavors);
    if (declared.node.queue >= 0) {
      tree_.queues_.emplace(declared.node.name, number);
      return;
    }
    const auto children = below.find(declared.node.name);
    if (children == below.end()) return;
    for (const Declared* child : children->second) Walk(*child, number, root, below);
  }

  void Count() {
    tree_.stride_ = tree_.flavors_.size() * kResourceCount;
    tree_.cells_.resize(tree_.nodes_.size() * tree_.stride_);
    tree_.usage_.resize(tree_.cells_.size());
    std::vector<std::int64_t> all(tree_.stride_);  // of each flavor and resource, nominal
    for (std::size_t n = 0; n < tree_.nodes_.size(); ++n) {
      if (quotas_[n] == nullptr) continue;
      for (const FlavorQuota& quota : *quotas_[n]) {
        for (std::size_t r = 0; r < kResourceCount; ++r) {
          if (!quota.of[r]) continue;
          const std::size_t index =
              tree_.Index(static_cast<int>(n), tree_.FindFlavor(quota.flavor), static_cast<Resource>(r));
          std::int64_t& sum = all[index % tree_.stride_];
          sum += quota.of[r]->nominal;
          if (sum > kUnlimited) {
            return Wrong("", fmt::format("the quotas of {} of flavor '{}' are together beyond what can be counted",
                                         ResourceName(static_cast<Resource>(r)), quota.flavor));
          }
          Cell& cell = tree_.cells_[index];
          cell.offered = true;
          cell.nominal = quota.of[r]->nominal;
          cell.borrowing_limit = quota.of[r]->borrowing_limit.value_or(kUnlimited);
          cell.lending_limit = quota.of[r]->lending_limit.value_or(kUnlimited);
        }
      }
    }
    for (std::size_t n = tree_.nodes_.size(); n-- > 0;) {  // children stand behind their parents
      for (std::size_t c = 0; c < tree_.stride_; ++c) {
        Cell& cell = tree_.cells_[n * tree_.stride_ + c];
        cell.subtree += cell.nominal;
        if (cell.lending_limit != kUnlimited)
          cell.guaranteed = std::max<std::int64_t>(0, cell.subtree - cell.lending_limit);
        if (tree_.nodes_[n].parent < 0) continue;
        tree_.cells_[tree_.Up(n * tree_.stride_ + c, static_cast<int>(n))].subtree += cell.subtree - cell.guaranteed;
      }
    }
  }

  static constexpr std::int64_t kMost = std::int64_t{1} << 56;  // sums of many of them can still be counted

  static constexpr std::size_t kDeepest = 32;
  static constexpr std::size_t kMostPairs = std::size_t{1} << 20;  // of a queue or cohort and a flavor

  const Queues& queues_;
  QuotaTree tree_;
  std::map<std::string, Declared> cohorts_;
  std::vector<Declared> leaves_;
  std::set<std::string> names_;
  std::vector<const std::vector<FlavorQuota>*> quotas_;  // by node
  std::vector<std::pair<std::string, std::string>> problems_;
};

Result<QuotaTree> QuotaTree::Build(const Queues& queues) {
  return Builder(queues).Build();
}

}  // namespace keelson::scheduling
