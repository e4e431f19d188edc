#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "tracking/store.h"

namespace keelson::tracking {

// What retention looks at: one moment of a project, gathered by the caller.
struct RetentionSnapshot {
  struct RunFolder {
    std::string run_id;
    std::string folder;
    std::optional<Instant> ended;  // nothing while it runs
  };
  std::vector<RunFolder> runs;
  std::vector<ModelVersion> versions;      // of every model, with their aliases
  std::vector<AliasChange> alias_history;  // oldest first
  std::vector<LineageEdge> lineage;        // nodes "run:ID" and "version:MODEL/N" are understood
  std::set<std::string> served;       // "MODEL/N" of every version that an endpoint has in its split or as its target
  std::set<std::string> needed_runs;  // runs that a job under way reads or resumes
};

struct RetentionPolicy {
  std::optional<Duration> artifacts;  // nothing: keep for ever
  std::vector<std::string> keep;      // aliases whose last former holder stays too, so that one can roll back
};

struct RetentionDeletion {
  std::string run_id;
  std::string folder;
  std::string reason;  // for people
  bool operator==(const RetentionDeletion&) const = default;
};

// Pure. The folders of runs that ended at least `artifacts` ago and that nothing needs. Needed is a run that made a
// version which any alias names, which is served, or which held an alias of `keep` just before its present holder; a
// run that the lineage of such a version leads up to; one whose folder holds such a version's source. In the order of
// the snapshot's runs.
std::vector<RetentionDeletion> PlanRetention(const RetentionSnapshot& snapshot, Instant now,
                                             const RetentionPolicy& policy);

}  // namespace keelson::tracking
