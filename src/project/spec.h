#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "features/definition.h"

namespace keelson::project {

// The project file (keelson.yaml) as types, after parsing, checking and defaults. How each is written in the file is
// told by project/description.cc, from which the parser, the JSON Schema and docs/project-file.md come.

// A file of rows. `time` is the instant at which a row exists; a column in `known` gets its value only at the instant
// that another column tells (null until then). Both name columns of the prepared table.
struct Source {
  std::string name;
  std::string path;  // relative to the project file; .csv, .csv.gz or .parquet; a glob may match several
  std::string time;  // "" for a table without time (airports)
  std::map<std::string, std::string> known;  // column -> the column with the instant
  std::string key;  // column that names a row for ever: pushed rows replace by it, labels join by it; may be ""
  std::vector<std::string> null_values = {""};
  std::map<std::string, std::string> types;  // column -> bool | int64 | double | string | timestamp; otherwise detected
};

// SQL over the sources. A table named like a source refines it: `time`, `known` and `key` of the source then speak of
// it.
struct TableSpec {
  std::string name;
  std::string sql_path;  // relative to the project file
};

struct ExpectationsSpec {
  std::string table;
  std::string suite_path;  // a Great Expectations suite, relative to the project file
};

struct FeaturesSpec {
  std::vector<features::Entity> entities;
  std::vector<features::View> views;
};

// A hyperparameter's range for the search.
struct SearchParameter {
  std::string name;
  enum class Kind { kFloat, kInt, kChoice } kind = Kind::kFloat;
  double low = 0;
  double high = 0;
  bool log = false;
  std::vector<std::string> choices;
};

struct SearchSpec {
  std::string algorithm = "tpe";  // tpe | random
  int trials = 20;
  int parallel = 1;
  std::string pruner = "asha";              // asha | median | none
  std::vector<SearchParameter> parameters;  // empty: the trainer's own default space
  std::uint64_t seed = 1;
};

struct XgboostSpec {
  int rounds = 200;
  std::map<std::string, std::string> parameters;  // as XGBoost names them: max_depth, eta, ...
  int checkpoint_every = 25;
};

struct CommandSpec {
  std::vector<std::string> command;               // run in the project's folder
  std::map<std::string, std::string> parameters;  // given as environment KEELSON_PARAM_NAME and in params.json
};

struct ResourcesSpec {
  double cpu = 1;
  std::uint64_t memory_bytes = 1ull << 30;
};

struct TrainSpec {
  std::string table;                // never "" after parsing: see docs/project-file.md for the default
  std::string label;                // expression over the table: "arr_delay > 15"
  std::vector<std::string> inputs;  // columns known when asking; default: all but key, time, known and label columns
  std::vector<std::string> views;   // left out in the file: all of them, filled in by parsing
  std::string split_by = "time";    // time: the only one
  Duration split_train{};           // rows in (t - test - train, t - test] train; zero: everything before
  Duration split_test = std::chrono::hours(24 * 14);  // rows in (t - test, t] measure
  std::variant<XgboostSpec, CommandSpec> trainer;
  std::optional<SearchSpec> search;
  ResourcesSpec resources;
  std::string queue = "default";
  int priority = 0;
  Duration declared_duration = std::chrono::minutes(30);  // of the project's clock, in a replay
};

struct Requirement {
  std::string metric;  // auc, logloss, accuracy, rmse, mae
  std::string op;      // >=, >, <=, <
  double value = 0;
};

struct PromoteSpec {
  std::vector<Requirement> require;
  std::optional<std::string> not_worse_than;  // an alias; compared on the same test rows
  double tolerance = 0;                       // how much worse still passes
};

struct CanarySpec {
  std::vector<int> steps = {5, 25, 100};
  Duration interval = std::chrono::hours(6);  // of the project's clock
  std::optional<double> guard_error_rate;
  std::optional<Duration> guard_p99;  // of the wall's clock
};

struct ServeSpec {
  int min_replicas = 1;
  int max_replicas = 1;
  double target_concurrency = 8;
  Duration idle =
      std::chrono::minutes(5);  // to zero after this long without a request, when min is 0 (monotonic clock)
  CanarySpec canary;
  ResourcesSpec resources;
};

struct DriftSpec {
  std::string measure = "psi";
  double threshold = 0.2;
  Duration window = std::chrono::hours(24 * 7);
  std::vector<std::string> columns;  // default: every model input and the score
};

struct PerformanceSpec {
  std::string metric = "auc";
  double floor = 0;
  std::string labels;  // the source whose pushed rows carry the truth
  std::string
      label_key;  // the column of those rows that equals the request id: the source's key, else "request_id"; derived
  Duration window = std::chrono::hours(24 * 7);
};

struct MonitorSpec {
  std::optional<DriftSpec> drift;
  std::optional<PerformanceSpec> performance;
  Duration interval = std::chrono::hours(24);  // how often it is evaluated
  int consecutive = 1;                         // hysteresis: this many breaches in a row make an alarm
  Duration cool_down = std::chrono::hours(24 * 7);
  std::string on_breach = "alert";  // alert | retrain
};

struct RetentionSpec {
  std::optional<Duration> artifacts;
  std::vector<std::string> keep = {"champion", "challenger"};
};

struct Project {
  std::string name;
  std::string time_zone = "UTC";  // for reports by day and month
  std::vector<Source> sources;
  std::vector<TableSpec> tables;
  std::vector<ExpectationsSpec> expectations;
  FeaturesSpec features;
  std::optional<TrainSpec> train;
  PromoteSpec promote;
  std::optional<ServeSpec> serve;
  MonitorSpec monitor;
  RetentionSpec retention;
};

}  // namespace keelson::project
