#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/time.h"
#include "io/database.h"
#include "tracking/artifact_store.h"
#include "tracking/store.h"

namespace keelson::tracking {

// What nobody needs any more: what was deleted softly and not restored in time, artifacts past their time to live, and
// files that no run, model or experiment has.

// Artifacts of runs to which all that is said applies go when they have ended `age` ago.
struct ArtifactRule {
  Duration age{};
  std::string experiment;             // its name; "": any
  std::set<std::string> keep_stages;  // of versions, "Production" say: what they were made of stays
  struct Best {
    std::string metric;
    std::int64_t count = 0;
    bool largest = true;
  };
  std::optional<Best> keep_best;  // within each experiment
};

struct GarbagePolicy {
  Duration deleted_for{};  // softly deleted at least so long
  std::vector<ArtifactRule> artifacts;
};

// One moment of the store.
struct GarbageSnapshot {
  struct Experiment {
    std::int64_t id = 0;
    std::string name;
    std::string folder;  // where its runs and models have theirs, below the artifacts; "" when that is elsewhere
    std::optional<Instant> deleted;
  };
  struct Run {
    std::string id;
    std::int64_t experiment = 0;
    std::string folder;  // below the artifacts; "" when its artifacts are elsewhere
    std::optional<Instant> ended;
    std::optional<Instant> deleted;
    std::vector<std::pair<std::string, double>> metrics;  // of those that a rule names
  };
  struct LoggedModel {
    std::string id;
    std::int64_t experiment = 0;
    std::string folder;
    std::string run_id;
    std::optional<Instant> deleted;
  };
  struct Version {     // that is not deleted
    std::string name;  // "MODEL/N"
    std::string run_id;
    std::string model_id;
    std::vector<std::string> folders;  // its source and location, below the artifacts
    std::string stage;
    bool has_alias = false;
  };
  struct Orphan {  // a folder of a run or model that is not there
    std::string folder;
    Instant changed;
    bool half_written = false;  // a file instead, that nobody will finish
  };
  std::vector<Experiment> experiments;
  std::vector<Run> runs;
  std::vector<LoggedModel> models;
  std::vector<Version> versions;
  std::vector<LineageEdge> lineage;  // "run:ID", "version:MODEL/N", "endpoint:NAME"
  std::vector<Orphan> orphans;
};

struct GarbageItem {
  enum class Kind { kRun, kLoggedModel, kExperiment, kArtifacts, kOrphan };
  Kind kind = Kind::kRun;
  std::string id;      // of the run, model or experiment; of an orphan its folder
  std::string folder;  // "" for none
  std::string reason;  // for people
  std::uint64_t bytes = 0;
  bool operator==(const GarbageItem&) const = default;
};

// Pure: what goes, in an order in which it can. Needed, and so never among it, is a run or logged model of which a
// version was made that has an alias or serves an endpoint, and what the lineage of such a version leads up to; a
// softly deleted run or model goes only when no version at all was made of it. Of a time to live a version's stage may
// be the reason to stay too.
std::vector<GarbageItem> PlanGarbage(const GarbageSnapshot& snapshot, Instant now, const GarbagePolicy& policy);

// Plans with what the store holds, and unless `dry_run` removes it: each row only if it is still deleted, before its
// files, so that a kill leaves nothing but orphans for the next time. Gives what went, or would go, with its bytes.
Result<std::vector<GarbageItem>> CollectGarbage(io::Database& database, const Clock& clock, ArtifactStore& artifacts,
                                                const GarbagePolicy& policy, bool dry_run);

std::string_view NameOf(GarbageItem::Kind kind);  // "run", "logged model", ...

}  // namespace keelson::tracking
