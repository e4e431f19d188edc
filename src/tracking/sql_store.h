#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tracking/metric_keys.h"
#include "tracking/store.h"
#include "tracking/transaction.h"

namespace keelson::tracking {

// The Store over io::Database. Its methods are in sql_store_runs.cc (experiments, runs), sql_store_models.cc (models,
// versions, aliases) and sql_store.cc (the rest).
class SqlStore final : public Store {
 public:
  SqlStore(io::Database& database, const Clock& clock, std::string artifact_root)
      : database_(database), clock_(clock), artifact_root_(std::move(artifact_root)) {}

  Result<Experiment> EnsureExperiment(const std::string& name) override;
  Result<std::vector<Experiment>> ListExperiments() override;
  Result<Run> CreateRun(const std::string& experiment_id, const std::string& run_id, const std::string& name,
                        const std::map<std::string, std::string>& tags) override;
  Status LogBatch(const std::string& run_id, const std::map<std::string, std::string>& params,
                  const std::vector<Metric>& metrics, const std::map<std::string, std::string>& tags) override;
  Status EndRun(const std::string& run_id, RunStatus status) override;
  Result<Run> GetRun(const std::string& run_id) override;
  Result<std::vector<Run>> ListRuns(const std::string& experiment_id, int at_most) override;
  Result<std::vector<Metric>> MetricHistory(const std::string& run_id, const std::string& key) override;

  Result<ModelVersion> RegisterVersion(const std::string& model, const std::string& run_id, const std::string& source,
                                       const std::map<std::string, std::string>& tags) override;
  Result<ModelVersion> GetVersion(const std::string& model, int version) override;
  Result<std::optional<ModelVersion>> GetByAlias(const std::string& model, const std::string& alias) override;
  Result<std::vector<ModelVersion>> ListVersions(const std::string& model) override;
  Result<std::vector<std::string>> ListModels() override;
  Status SetVersionTag(const std::string& model, int version, const std::string& key,
                       const std::string& value) override;
  Status SetAlias(const std::string& model, const std::string& alias, std::optional<int> version,
                  const std::string& who, const std::string& reason) override;
  Result<std::vector<AliasChange>> AliasHistory(const std::string& model) override;

  Status AddLineage(const std::vector<LineageEdge>& edges) override;
  Result<std::vector<LineageEdge>> Lineage(const std::string& node) override;
  Status DeleteModel(const std::string& model) override;
  Status DeleteExperiment(const std::string& experiment_id) override;
  std::string ArtifactFolder(const std::string& run_id) const override;

 private:
  template <typename Work>
  auto Writing(const Work& work) {
    return tracking::Writing(database_, work);
  }
  template <typename Work>
  auto Reading(const Work& work) {
    return tracking::Reading(database_, work);
  }

  std::int64_t NowMicros() const { return ToMicros(clock_.WallNow()); }
  Result<Run> ReadRun(io::SqlSession& session, const std::string& run_id) const;

  io::Database& database_;
  const Clock& clock_;
  const std::string artifact_root_;
  MetricKeys keys_;
};

// kInvalidArgument unless `name` may name such a thing; `what` is for the message ("param key").
Status CheckId(std::string_view what, std::string_view id);        // 1 to 64 of [A-Za-z0-9_-]: also a safe file name
Status CheckName(std::string_view what, std::string_view name);    // 1 to 250 bytes of UTF-8 without control characters
Status CheckValue(std::string_view what, std::string_view value);  // UTF-8, at most 64 KiB

}  // namespace keelson::tracking
