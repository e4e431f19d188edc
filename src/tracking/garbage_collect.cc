// What the plan of the garbage looks at, and its removal.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "base/strings.h"
#include "tracking/artifact_store.h"
#include "tracking/garbage.h"
#include "tracking/pairs.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

using Snapshot = GarbageSnapshot;

constexpr std::string_view kProxied = "mlflow-artifacts:/";

// Below the artifacts; "" for what lies elsewhere.
std::string FolderOf(const std::string& uri) {
  std::string_view path = uri;
  if (path.starts_with(kProxied)) path.remove_prefix(kProxied.size());
  while (path.starts_with('/') && uri.starts_with(kProxied)) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.starts_with('/') || path.contains(':')) return "";
  return std::string(path);
}

// Of the artifacts of a run or model the folder that is its own: "0/ID" of "0/ID/artifacts".
std::string OwnFolderOf(const std::string& uri, const std::string& id) {
  std::string folder = FolderOf(uri);
  const std::string end = "/" + id + "/artifacts";
  if (folder.ends_with(end)) folder.resize(folder.size() - std::string_view("/artifacts").size());
  return folder;
}

std::optional<Instant> At(const io::SqlValue& value, std::int64_t micros) {
  if (io::IsNull(value)) return std::nullopt;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 4000;  // so that no difference overflows
  return InstantFromMicros(std::clamp(io::AsInt(value), -kMost, kMost) * micros);
}

Status ReadRows(io::SqlSession& session, const GarbagePolicy& policy, Snapshot& snapshot) {
  std::map<std::int64_t, std::optional<Instant>> deleted_experiments;
  KEELSON_RETURN_IF_ERROR(session.ForEach("SELECT id, name, lifecycle, updated_us, artifact_location FROM experiment",
                                          {}, [&](const io::SqlRow& row) -> Status {
                                            Snapshot::Experiment experiment{io::AsInt(row[0]), io::AsText(row[1]),
                                                                            FolderOf(io::AsText(row[4])), std::nullopt};
                                            if (LifecycleNamed(io::AsText(row[2])) == Lifecycle::kDeleted)
                                              experiment.deleted = At(row[3], 1);
                                            deleted_experiments[experiment.id] = experiment.deleted;
                                            snapshot.experiments.push_back(std::move(experiment));
                                            return {};
                                          }));
  std::map<std::int64_t, std::size_t> places;
  KEELSON_RETURN_IF_ERROR(session.ForEach(
      "SELECT sequence, id, experiment_id, artifact_uri, status, ended_ms, lifecycle, deleted_ms FROM run", {},
      [&](const io::SqlRow& row) -> Status {
        places[io::AsInt(row[0])] = snapshot.runs.size();
        Snapshot::Run run{io::AsText(row[1]), io::AsInt(row[2]), OwnFolderOf(io::AsText(row[3]), io::AsText(row[1])),
                          std::nullopt,       std::nullopt,      {}};
        const RunStatus status = RunStatusNamed(io::AsText(row[4]));
        if (status != RunStatus::kRunning && status != RunStatus::kScheduled) run.ended = At(row[5], 1000);
        if (LifecycleNamed(io::AsText(row[6])) == Lifecycle::kDeleted) {
          run.deleted = At(row[7], 1000);
          if (!run.deleted) run.deleted = deleted_experiments[run.experiment];
        }
        snapshot.runs.push_back(std::move(run));
        return {};
      }));
  KEELSON_RETURN_IF_ERROR(
      session.ForEach("SELECT id, experiment_id, artifact_uri, source_run_id, lifecycle, updated_ms FROM logged_model",
                      {}, [&](const io::SqlRow& row) -> Status {
                        Snapshot::LoggedModel model{io::AsText(row[0]), io::AsInt(row[1]),
                                                    OwnFolderOf(io::AsText(row[2]), io::AsText(row[0])),
                                                    io::AsText(row[3]), deleted_experiments[io::AsInt(row[1])]};
                        if (LifecycleNamed(io::AsText(row[4])) == Lifecycle::kDeleted) model.deleted = At(row[5], 1000);
                        snapshot.models.push_back(std::move(model));
                        return {};
                      }));
  KEELSON_RETURN_IF_ERROR(session.ForEach(
      "SELECT model, version, run_id, model_id, source, location, stage, (SELECT count(*) FROM alias a WHERE a.model = "
      "v.model AND a.version = v.version) FROM version v WHERE lifecycle = 'active'",
      {}, [&](const io::SqlRow& row) -> Status {
        Snapshot::Version version{fmt::format("{}/{}", io::AsText(row[0]), io::AsInt(row[1])),
                                  io::AsText(row[2]),
                                  io::AsText(row[3]),
                                  {},
                                  io::AsText(row[6]),
                                  io::AsInt(row[7]) > 0};
        for (const std::size_t i : {4U, 5U}) {
          if (std::string folder = FolderOf(io::AsText(row[i])); !folder.empty()) version.folders.push_back(folder);
        }
        snapshot.versions.push_back(std::move(version));
        return {};
      }));
  KEELSON_RETURN_IF_ERROR(
      session.ForEach("SELECT upstream, downstream, label FROM lineage", {}, [&](const io::SqlRow& row) -> Status {
        snapshot.lineage.push_back({io::AsText(row[0]), io::AsText(row[1]), io::AsText(row[2])});
        return {};
      }));
  std::set<std::string> metrics;
  for (const auto& rule : policy.artifacts) {
    if (rule.keep_best) metrics.insert(rule.keep_best->metric);
  }
  for (const std::string& metric : metrics) {
    KEELSON_RETURN_IF_ERROR(session.ForEach(
        "SELECT run, value FROM latest_metric JOIN metric_key ON metric_key.id = key WHERE is_nan = 0 AND "
        "metric_key.name = ?",
        {metric}, [&](const io::SqlRow& row) -> Status {
          snapshot.runs[places.at(io::AsInt(row[0]))].metrics.emplace_back(metric, io::AsDouble(row[1]));
          return {};
        }));
  }
  return {};
}

bool IsHex(std::string_view text, std::size_t size) {
  return text.size() == size &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Whether a name of the path is one of those.
bool PassesThrough(const std::string& path, const std::set<std::string>& names) {
  return std::ranges::any_of(Split(path, '/'), [&](const auto& name) { return names.contains(std::string(name)); });
}

// Folders PLACE/RUN, PLACE/models/MODEL and RUN of which there is no run or model, where PLACE is an experiment's or
// once was (its number); and half-written files.
Status FindOrphans(ArtifactStore& artifacts, Snapshot& snapshot) {
  std::set<std::string> known;
  for (const auto& run : snapshot.runs) known.insert(run.id);
  for (const auto& model : snapshot.models) known.insert(model.id);
  std::set<std::string> places;
  for (const auto& experiment : snapshot.experiments) {
    if (!experiment.folder.empty() && !PassesThrough(experiment.folder, known)) places.insert(experiment.folder);
  }
  const auto folders = [&](const std::string& folder) -> Result<std::vector<std::string>> {
    std::vector<std::string> names;
    const auto entries = artifacts.List(folder);
    if (!entries && entries.error().code == ErrorCode::kInvalidArgument) return names;  // behind a link
    if (!entries) return std::unexpected(entries.error());
    for (const ArtifactEntry& entry : *entries) {
      if (entry.is_folder) names.push_back(entry.path.substr(entry.path.rfind('/') + 1));
    }
    return names;
  };
  const auto add = [&](const std::string& id, const std::string& folder) -> Status {
    if (known.contains(id)) return {};
    KEELSON_ASSIGN_OR_RETURN(const auto extent, artifacts.Measure(folder));
    if (extent) snapshot.orphans.push_back({folder, extent->changed});
    return {};
  };
  KEELSON_ASSIGN_OR_RETURN(const auto top, folders(""));
  for (const std::string& name : top) {
    if (IsHex(name, 32)) KEELSON_RETURN_IF_ERROR(add(name, name));
    if (std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) places.insert(name);
  }
  for (const std::string& place : places) {
    KEELSON_ASSIGN_OR_RETURN(const auto inside, folders(place));
    for (const std::string& run : inside) {
      if (IsHex(run, 32)) KEELSON_RETURN_IF_ERROR(add(run, place + "/" + run));
    }
    KEELSON_ASSIGN_OR_RETURN(const auto models, folders(place + "/models"));
    for (const std::string& model : models) {
      if (!model.starts_with("m-") || !IsHex(std::string_view(model).substr(2), 32)) continue;
      KEELSON_RETURN_IF_ERROR(add(model, place + "/models/" + model));
    }
  }
  KEELSON_ASSIGN_OR_RETURN(const auto half_written, artifacts.HalfWritten());
  for (const std::string& path : half_written) {
    KEELSON_ASSIGN_OR_RETURN(const auto extent, artifacts.Measure(path));
    if (extent) snapshot.orphans.push_back({path, extent->changed, true});
  }
  return {};
}

// What says that somebody may need more, or other, files than before: an alias moved, a version was made or changed, an
// edge of lineage came.
struct NeedsStamp {
  std::int64_t alias_changes = 0;
  std::int64_t versions = 0;
  std::int64_t versions_updated_us = 0;
  std::int64_t edges = 0;
  bool operator==(const NeedsStamp&) const = default;
};

Result<NeedsStamp> ReadNeedsStamp(io::SqlSession& session) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT (SELECT coalesce(max(sequence), 0) FROM alias_change), (SELECT count(*) FROM version), "
                    "(SELECT coalesce(max(updated_us), 0) FROM version), (SELECT count(*) FROM lineage)"));
  const auto& row = rows.at(0);
  return NeedsStamp{io::AsInt(row[0]), io::AsInt(row[1]), io::AsInt(row[2]), io::AsInt(row[3])};
}

// Whether a run goes on whose artifacts were to go, or has come to what was of nobody.
Result<bool> HasComeToLife(io::SqlSession& session, const GarbageItem& item) {
  std::string_view sql;
  std::string id = item.id;
  if (item.kind == GarbageItem::Kind::kArtifacts) {
    sql =
        "SELECT 1 FROM run WHERE status IN ('running', 'scheduled') AND (id = ? OR id = (SELECT source_run_id FROM "
        "logged_model WHERE logged_model.id = ?))";
  } else if (item.kind == GarbageItem::Kind::kOrphan) {
    sql = "SELECT 1 FROM run WHERE id = ? UNION ALL SELECT 1 FROM logged_model WHERE id = ?";
    id = item.folder.substr(item.folder.rfind('/') + 1);
  } else {
    return false;  // RemoveRow looks
  }
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(sql, {id, id}));
  return !rows.empty();
}

// The plan as it still is at the moment of a removal: to measure and to remove what comes before takes minutes, in
// which somebody registers a version, moves an alias or goes on with a run.
class StandingPlan {
 public:
  StandingPlan(io::Database& database, Instant now, const GarbagePolicy& policy, Snapshot snapshot, NeedsStamp stamp)
      : database_(database), now_(now), policy_(policy), snapshot_(std::move(snapshot)), stamp_(stamp) {}

  std::vector<GarbageItem> Items() const { return PlanGarbage(snapshot_, now_, policy_); }

  Result<bool> StillHas(const GarbageItem& item) {
    return Reading(database_, [&](io::SqlSession& session) -> Result<bool> {
      KEELSON_ASSIGN_OR_RETURN(const NeedsStamp stamp, ReadNeedsStamp(session));
      if (stamp != stamp_) {
        Snapshot fresh;
        KEELSON_RETURN_IF_ERROR(ReadRows(session, policy_, fresh));
        fresh.orphans = std::move(snapshot_.orphans);
        snapshot_ = std::move(fresh);
        stamp_ = stamp;
        left_.emplace();
        for (const GarbageItem& each : Items()) left_->emplace(each.kind, each.id);
      }
      if (left_ && !left_->contains({item.kind, item.id})) return false;
      KEELSON_ASSIGN_OR_RETURN(const bool lives, HasComeToLife(session, item));
      return !lives;
    });
  }

 private:
  io::Database& database_;
  const Instant now_;
  const GarbagePolicy& policy_;
  Snapshot snapshot_;
  NeedsStamp stamp_;
  std::optional<std::set<std::pair<GarbageItem::Kind, std::string>>> left_;  // nothing: all that was planned
};

// Whether the row went; one that was restored meanwhile stays.
Result<bool> RemoveRow(io::Database& database, const GarbageItem& item) {
  std::string_view sql;
  switch (item.kind) {
    case GarbageItem::Kind::kRun:
      sql =
          "DELETE FROM run WHERE id = ? AND lifecycle = 'deleted' AND NOT EXISTS (SELECT 1 FROM version WHERE "
          "version.run_id = run.id AND version.lifecycle = 'active')";
      break;
    case GarbageItem::Kind::kLoggedModel:
      sql =
          "DELETE FROM logged_model WHERE id = ? AND (lifecycle = 'deleted' OR experiment_id IN (SELECT id FROM "
          "experiment WHERE lifecycle = 'deleted')) AND NOT EXISTS (SELECT 1 FROM version WHERE version.model_id = "
          "logged_model.id AND version.lifecycle = 'active')";
      break;
    case GarbageItem::Kind::kExperiment:
      sql =
          "DELETE FROM experiment WHERE id = ? AND lifecycle = 'deleted' AND NOT EXISTS (SELECT 1 FROM run WHERE "
          "run.experiment_id = experiment.id) AND NOT EXISTS (SELECT 1 FROM logged_model WHERE "
          "logged_model.experiment_id = experiment.id)";
      break;
    default:
      return true;
  }
  io::SqlValue id = item.id;
  if (item.kind == GarbageItem::Kind::kExperiment) id = std::int64_t{std::stoll(item.id)};
  return Writing(database, [&](io::SqlSession& session) -> Result<bool> {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t gone, session.Execute(sql, {id}));
    return gone > 0;
  });
}

}  // namespace

Result<std::vector<GarbageItem>> CollectGarbage(io::Database& database, const Clock& clock, ArtifactStore& artifacts,
                                                const GarbagePolicy& policy, bool dry_run) {
  Snapshot snapshot;
  NeedsStamp stamp;
  KEELSON_RETURN_IF_ERROR(database.Read([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(stamp, ReadNeedsStamp(session));
    return ReadRows(session, policy, snapshot);
  }));
  KEELSON_RETURN_IF_ERROR(FindOrphans(artifacts, snapshot));
  StandingPlan plan(database, clock.WallNow(), policy, std::move(snapshot), stamp);
  std::vector<GarbageItem> gone;
  for (GarbageItem& item : plan.Items()) {
    std::optional<ArtifactExtent> extent;
    if (!item.folder.empty()) {
      auto measured = artifacts.Measure(item.folder);
      // Behind a link it is not ours to remove.
      if (!measured && measured.error().code != ErrorCode::kInvalidArgument) return std::unexpected(measured.error());
      if (measured) extent = *measured;
    }
    if (extent) item.bytes = extent->bytes;
    const bool files_only = item.kind == GarbageItem::Kind::kArtifacts || item.kind == GarbageItem::Kind::kOrphan;
    if (files_only && !extent) continue;
    if (!dry_run) {
      KEELSON_ASSIGN_OR_RETURN(const bool due, plan.StillHas(item));
      if (!due) continue;
      KEELSON_ASSIGN_OR_RETURN(const bool removed, RemoveRow(database, item));
      if (!removed) continue;
      if (extent) KEELSON_RETURN_IF_ERROR(artifacts.Delete(item.folder));
    }
    gone.push_back(std::move(item));
  }
  return gone;
}

}  // namespace keelson::tracking
