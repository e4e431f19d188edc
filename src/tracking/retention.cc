#include "tracking/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace keelson::tracking {
namespace {

std::string VersionKey(const std::string& model, int version) {
  return fmt::format("{}/{}", model, version);
}

// The versions that were moved out of a kept alias last.
std::set<std::string> FormerHolders(const RetentionSnapshot& snapshot, const RetentionPolicy& policy) {
  std::map<std::pair<std::string, std::string>, int> last;
  for (const AliasChange& change : snapshot.alias_history) {
    if (std::ranges::find(policy.keep, change.alias) == policy.keep.end() || !change.from.has_value()) continue;
    last[{change.model, change.alias}] = *change.from;
  }
  std::set<std::string> holders;
  for (const auto& [alias, version] : last) holders.insert(VersionKey(alias.first, version));
  return holders;
}

// The starting nodes and everything that the lineage leads up to from them.
std::set<std::string> WithUpstream(std::set<std::string> nodes, const std::vector<LineageEdge>& lineage) {
  std::multimap<std::string, std::string> upstream;
  for (const LineageEdge& edge : lineage) upstream.emplace(edge.to, edge.from);
  std::vector<std::string> open(nodes.begin(), nodes.end());
  while (!open.empty()) {
    const std::string node = std::move(open.back());
    open.pop_back();
    const auto [begin, end] = upstream.equal_range(node);
    for (auto edge = begin; edge != end; ++edge) {
      if (nodes.insert(edge->second).second) open.push_back(edge->second);
    }
  }
  return nodes;
}

bool IsWithin(const std::string& path, const std::string& folder) {
  return path == folder || (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

}  // namespace

std::vector<RetentionDeletion> PlanRetention(const RetentionSnapshot& snapshot, Instant now,
                                             const RetentionPolicy& policy) {
  std::vector<RetentionDeletion> deletions;
  if (!policy.artifacts.has_value()) return deletions;

  const std::set<std::string> former = FormerHolders(snapshot, policy);
  std::set<std::string> nodes;
  std::vector<std::string> sources;
  for (const ModelVersion& version : snapshot.versions) {
    const std::string key = VersionKey(version.model, version.version);
    if (version.aliases.empty() && !snapshot.served.contains(key) && !former.contains(key)) continue;
    nodes.insert("version:" + key);
    if (!version.run_id.empty()) nodes.insert("run:" + version.run_id);
    sources.push_back(version.source);
  }
  const std::set<std::string> needed = WithUpstream(std::move(nodes), snapshot.lineage);

  for (const auto& run : snapshot.runs) {
    if (!run.ended.has_value() || now - *run.ended < *policy.artifacts) continue;
    if (needed.contains("run:" + run.run_id) || snapshot.needed_runs.contains(run.run_id)) continue;
    if (std::ranges::any_of(sources, [&](const std::string& source) { return IsWithin(source, run.folder); })) continue;
    deletions.push_back({run.run_id, run.folder,
                         fmt::format("ended {} ago, more than the {} that artifacts are kept, and nothing needs it",
                                     FormatDuration(std::chrono::duration_cast<std::chrono::seconds>(now - *run.ended)),
                                     FormatDuration(*policy.artifacts))});
  }
  return deletions;
}

}  // namespace keelson::tracking
