#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/records.h"

namespace keelson::wire::mlflow {

// What MLflow accepts as names and values. All are kInvalidArgument in MLflow's words; lengths are in characters, not
// bytes.

std::size_t CharactersIn(std::string_view text);

Status CheckKey(std::string_view path, std::string_view key);  // of metrics, params and tags; `path` for the message
Status CheckLength(std::string_view what, std::size_t at_most, std::string_view text);

Status CheckMetric(const tracking::MetricPoint& metric, std::string_view path);  // "" or "metrics[3]"
Status CheckParam(std::string_view key, std::string_view path);
Status CheckTag(std::string_view key, std::string_view path);
// What is longer than a param or a tag of a run may be is cut, as MLflow cuts it.
void CutParam(std::string& value);
void CutTag(std::string& value);
void CutTo(std::string& text, std::size_t at_most);  // characters
// What a trace says of itself: its name among the tags, its session among the metadata.
Status CheckTraceName(std::string_view name);
Status CheckTrace(const tracking::Pairs& tags, const tracking::Pairs& metadata);
Status CheckExperimentTag(std::string_view key, std::string_view value);
Status CheckModelTag(std::string_view key, std::string_view value);  // of registered models and of versions
Status CheckExperimentName(std::string_view name);
Status CheckModelName(std::string_view name);
Status CheckLoggedModelName(std::string_view name);
Status CheckAlias(std::string_view alias);
Status CheckAliasToSet(std::string_view alias);  // also that it is not reserved
Status CheckRunId(std::string_view id);
Status CheckDataset(const tracking::DatasetRecord& dataset);

// Numbers of things in one batch, then its params' keys.
Status CheckBatch(std::size_t metrics, const tracking::Pairs& params, std::size_t tags);

Result<std::int64_t> ExperimentNumber(std::string_view id);
Result<std::vector<std::int64_t>> ExperimentNumbers(const std::vector<std::string>& ids);
Result<std::int64_t> VersionNumber(std::string_view version);
Result<std::string> CanonicalStage(std::string_view stage);

// A path of artifacts as it may be joined to their folder: kInvalidArgument "Invalid path" for what would leave it.
Result<std::string> SafePath(std::string_view path);

}  // namespace keelson::wire::mlflow
