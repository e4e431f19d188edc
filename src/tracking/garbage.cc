#include "tracking/garbage.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace keelson::tracking {
namespace {

using Kind = GarbageItem::Kind;
using Snapshot = GarbageSnapshot;

constexpr Duration kUploadIsOver = std::chrono::hours(1);  // to which nothing was added for so long

std::string Ago(Instant then, Instant now) {
  return FormatDuration(std::chrono::duration_cast<std::chrono::seconds>(now - then));
}

// Folders below the artifacts.
class FolderSet {
 public:
  void Add(const std::string& folder) {
    if (!folder.empty()) folders_.insert(folder);
  }
  // Whether it is one of them or lies in one.
  bool Covers(const std::string& folder) const {
    for (std::size_t end = folder.find('/'); end != std::string::npos; end = folder.find('/', end + 1)) {
      if (folders_.contains(folder.substr(0, end))) return true;
    }
    return folders_.contains(folder);
  }
  // Whether one of them lies in it.
  bool HasBelow(const std::string& folder) const {
    const std::string below = folder + "/";
    const auto first = folders_.lower_bound(below);
    return first != folders_.end() && first->starts_with(below);
  }

 private:
  std::set<std::string> folders_;
};

// What versions that fulfil `is_needed` were made of: nodes of the lineage, and folders.
class Needs {
 public:
  template <typename IsNeeded>
  Needs(const Snapshot& snapshot, const IsNeeded& is_needed) {
    std::multimap<std::string, std::string> upstream;
    std::set<std::string> serving;
    for (const LineageEdge& edge : snapshot.lineage) {
      upstream.emplace(edge.to, edge.from);
      if (edge.to.starts_with("endpoint:")) serving.insert(edge.from);
    }
    std::vector<std::string> open;
    const auto add = [&](std::string node) {
      if (nodes_.insert(node).second) open.push_back(std::move(node));
    };
    for (const auto& version : snapshot.versions) {
      const std::string node = "version:" + version.name;
      if (!is_needed(version) && !serving.contains(node)) continue;
      add(node);
      if (!version.run_id.empty()) add("run:" + version.run_id);
      if (!version.model_id.empty()) add("model:" + version.model_id);
      for (const std::string& folder : version.folders) folders_.Add(folder);
    }
    while (!open.empty()) {
      const std::string node = std::move(open.back());
      open.pop_back();
      const auto [begin, end] = upstream.equal_range(node);
      for (auto edge = begin; edge != end; ++edge) add(edge->second);
    }
  }

  bool Node(const std::string& node) const { return nodes_.contains(node); }
  // Whether a needed file lies in the folder.
  bool Folder(const std::string& folder) const {
    return !folder.empty() && (folders_.Covers(folder) || folders_.HasBelow(folder));
  }

 private:
  std::set<std::string> nodes_;
  FolderSet folders_;
};

// The runs that a rule keeps as the best of their experiments.
std::set<std::string> BestRuns(const Snapshot& snapshot, const ArtifactRule& rule) {
  std::set<std::string> best;
  if (!rule.keep_best) return best;
  std::map<std::int64_t, std::vector<std::pair<double, std::string>>> by_experiment;
  for (const auto& run : snapshot.runs) {
    if (run.deleted) continue;
    for (const auto& [key, value] : run.metrics) {
      if (key == rule.keep_best->metric && value == value) by_experiment[run.experiment].emplace_back(value, run.id);
    }
  }
  for (auto& [experiment, values] : by_experiment) {
    std::ranges::sort(values);
    if (rule.keep_best->largest) std::ranges::reverse(values);
    const auto count =
        std::min(values.size(), static_cast<std::size_t>(std::max<std::int64_t>(rule.keep_best->count, 0)));
    for (std::size_t i = 0; i < count; ++i) best.insert(values[i].second);
  }
  return best;
}

// `folders`: those of which an item is planned already.
void PlanArtifacts(const Snapshot& snapshot, Instant now, const ArtifactRule& rule, FolderSet& folders,
                   std::vector<GarbageItem>& items) {
  const Needs needs(snapshot, [&](const Snapshot::Version& version) {
    return version.has_alias || rule.keep_stages.contains(version.stage);
  });
  const auto best = BestRuns(snapshot, rule);
  std::map<std::int64_t, std::string> names;
  for (const auto& experiment : snapshot.experiments) names[experiment.id] = experiment.name;
  const auto put = [&](const std::string& id, const std::string& folder, Instant ended) {
    if (folders.Covers(folder)) return;
    folders.Add(folder);
    items.push_back({Kind::kArtifacts, id, folder,
                     fmt::format("ended {} ago, more than the {} that artifacts are kept, and nothing needs it",
                                 Ago(ended, now), FormatDuration(rule.age)),
                     0});
  };
  std::map<std::string, Instant> ended;
  for (const auto& run : snapshot.runs) {
    if (run.deleted || !run.ended || now - *run.ended < rule.age) continue;
    if (!rule.experiment.empty() && names[run.experiment] != rule.experiment) continue;
    if (best.contains(run.id) || needs.Node("run:" + run.id) || needs.Folder(run.folder)) continue;
    ended[run.id] = *run.ended;
    if (!run.folder.empty()) put(run.id, run.folder, *run.ended);
  }
  for (const auto& model : snapshot.models) {
    const auto run = ended.find(model.run_id);
    if (model.deleted || model.folder.empty() || run == ended.end()) continue;
    if (needs.Node("model:" + model.id) || needs.Folder(model.folder)) continue;
    put(model.id, model.folder, run->second);
  }
}

}  // namespace

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kRun:
      return "run";
    case Kind::kLoggedModel:
      return "logged model";
    case Kind::kExperiment:
      return "experiment";
    case Kind::kArtifacts:
      return "artifacts";
    case Kind::kOrphan:
      break;
  }
  return "orphan";
}

std::vector<GarbageItem> PlanGarbage(const Snapshot& snapshot, Instant now, const GarbagePolicy& policy) {
  std::vector<GarbageItem> items;
  const Needs needs(snapshot, [](const Snapshot::Version&) { return true; });
  std::set<std::int64_t> lived_in;  // experiments of which something stays
  FolderSet kept;                   // of what stays
  FolderSet planned;                // of what goes
  const auto reason = [&](Instant deleted) { return fmt::format("deleted {} ago", Ago(deleted, now)); };
  const auto is_due = [&](const std::optional<Instant>& deleted) {
    return deleted && now - *deleted >= policy.deleted_for;
  };
  for (const auto& model : snapshot.models) {
    if (is_due(model.deleted) && !needs.Node("model:" + model.id) && !needs.Folder(model.folder)) {
      items.push_back({Kind::kLoggedModel, model.id, model.folder, reason(*model.deleted), 0});
    } else {
      lived_in.insert(model.experiment);
      kept.Add(model.folder);
    }
  }
  for (const auto& run : snapshot.runs) {
    if (is_due(run.deleted) && !needs.Node("run:" + run.id) && !needs.Folder(run.folder)) {
      items.push_back({Kind::kRun, run.id, run.folder, reason(*run.deleted), 0});
    } else {
      lived_in.insert(run.experiment);
      kept.Add(run.folder);
    }
  }
  for (const GarbageItem& item : items) planned.Add(item.folder);
  for (const ArtifactRule& rule : policy.artifacts) PlanArtifacts(snapshot, now, rule, planned, items);
  FolderSet not_yet;  // orphans that stay for a while
  for (const auto& orphan : snapshot.orphans) {
    const Duration untouched = now - orphan.changed;
    if (planned.Covers(orphan.folder)) continue;
    if (orphan.half_written) {
      if (untouched < kUploadIsOver) continue;
      items.push_back({Kind::kOrphan, orphan.folder, orphan.folder,
                       fmt::format("half of a file, left by a kill {} ago", Ago(orphan.changed, now)), 0});
    } else if (untouched < policy.deleted_for || needs.Folder(orphan.folder)) {
      not_yet.Add(orphan.folder);
    } else {
      items.push_back(
          {Kind::kOrphan, orphan.folder, orphan.folder,
           fmt::format("no run or model has it, and nothing was written to it for {}", Ago(orphan.changed, now)), 0});
    }
  }
  // Last, for by an experiment's row what a kill has left below its place is found again.
  for (const auto& experiment : snapshot.experiments) {
    if (experiment.id == 0 || !is_due(experiment.deleted) || lived_in.contains(experiment.id)) continue;
    const std::string folder = std::to_string(experiment.id);
    if (needs.Folder(folder) || kept.Covers(folder) || kept.HasBelow(folder)) continue;  // others may lie there too
    if (not_yet.HasBelow(experiment.folder)) continue;
    items.push_back({Kind::kExperiment, folder, folder, reason(*experiment.deleted), 0});
  }
  return items;
}

}  // namespace keelson::tracking
