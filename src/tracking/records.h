#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tracking/store.h"

namespace keelson::tracking {

// What MLflow's clients see of experiments, runs and models. Times are milliseconds since 1970, as their API has them:
// a client may say any 64-bit number. The texts of errors about these are MLflow's own, for its clients match them.

using Pairs = std::vector<std::pair<std::string, std::string>>;  // tags or params, sorted by key when read

enum class Lifecycle { kActive, kDeleted };

// Which lifecycles a search looks at.
enum class View { kActiveOnly, kDeletedOnly, kAll };

struct ExperimentRecord {
  std::int64_t id = 0;
  std::string name;
  std::string artifact_location;
  Lifecycle lifecycle = Lifecycle::kActive;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  Pairs tags;
};

struct MetricPoint {
  std::string key;
  double value = 0;
  std::int64_t time_ms = 0;
  std::int64_t step = 0;
  std::string model_id = {};  // the logged model that it was measured of; "" for the run alone
  std::string dataset_name = {};
  std::string dataset_digest = {};
  std::string run_id = {};  // of a logged model's metric
};

struct DatasetRecord {
  std::string name;
  std::string digest;
  std::string source_type;
  std::string source;
  std::optional<std::string> schema;
  std::optional<std::string> profile;
  Pairs tags;  // of its use as an input
};

struct ModelUse {
  std::string model_id;
  std::int64_t step = 0;
};

struct RunRecord {
  std::int64_t sequence = 0;  // grows with every run
  std::string id;
  std::int64_t experiment_id = 0;
  std::string name;
  RunStatus status = RunStatus::kRunning;
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> ended_ms;
  Lifecycle lifecycle = Lifecycle::kActive;
  std::string user_id;
  std::string artifact_uri;
  std::vector<MetricPoint> metrics;  // the latest of each key
  Pairs params;
  Pairs tags;
  std::vector<DatasetRecord> datasets;
  std::vector<ModelUse> model_inputs;
  std::vector<ModelUse> model_outputs;
};

// As MLflow numbers them.
enum class LoggedModelStatus { kUnspecified = 0, kPending = 1, kReady = 2, kUploadFailed = 3 };

struct LoggedModelRecord {
  std::string id;  // "m-" and 32 hex digits
  std::int64_t experiment_id = 0;
  std::string name;
  std::string artifact_uri;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  LoggedModelStatus status = LoggedModelStatus::kPending;
  std::optional<std::string> status_message;
  std::string type;
  std::string source_run_id;
  Lifecycle lifecycle = Lifecycle::kActive;
  Pairs tags;
  Pairs params;
  std::vector<MetricPoint> metrics;
};

struct VersionRecord {
  std::string model;
  std::int64_t version = 0;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::optional<std::string> description;
  std::optional<std::string> user_id;
  std::string stage;
  std::string source;    // a URI
  std::string location;  // of the files: the source, or what it led to
  std::string run_id;
  std::optional<std::string> run_link;
  Pairs tags;
  std::vector<std::string> aliases;
};

struct ModelRecord {
  std::string name;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string description;
  std::vector<VersionRecord> latest;  // of each stage
  Pairs tags;
  std::vector<std::pair<std::string, std::int64_t>> aliases;
};

// One page of a search, and the token of the next: "" when this was the last. A token says behind which row to go on,
// so that what is written meanwhile neither repeats nor hides a row.
template <typename Record>
struct Page {
  std::vector<Record> records;
  std::string next;
};

}  // namespace keelson::tracking
