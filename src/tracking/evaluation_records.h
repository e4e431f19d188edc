#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tracking/python_json.h"

namespace keelson::tracking {

inline constexpr std::string_view kUserTag = "mlflow.user";

// One case of an evaluation data set: what is asked, what came and what should have come. The parts are JSON texts.
struct EvaluationRecord {
  std::string id = {};  // "dr-" and 32 hex digits
  std::string dataset_id = {};
  std::string inputs = {};  // an object
  std::optional<std::string> outputs = {};
  std::optional<std::string> expectations = {};  // an object, as `tags`
  std::optional<std::string> tags = {};
  std::optional<std::string> source = {};  // {"source_type": ..., "source_data": {...}}
  std::optional<std::string> source_id = {};
  std::optional<std::string> source_type = {};  // UNSPECIFIED, TRACE, HUMAN, DOCUMENT, CODE
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::optional<std::string> created_by = {};
  std::optional<std::string> updated_by = {};
};

// A record as a client sends it. A part that was not sent is discarded (is_discarded()), one that is null null.
struct EvaluationInput {
  OrderedJson inputs;
  OrderedJson outputs;
  OrderedJson expectations;
  OrderedJson tags;
  OrderedJson source;               // as stored, or null
  std::optional<std::string> user;  // whom the tags name
};

// kInvalidArgument for what is no list of such objects.
Result<std::vector<EvaluationInput>> ReadEvaluationInputs(const OrderedJson& records);

// The hash by which records with the same inputs are one: whatever the order of their keys.
std::string InputHash(const OrderedJson& inputs);

EvaluationRecord NewRecord(const EvaluationInput& given, std::int64_t now_ms);
// Outputs take the place of those that were; expectations and tags are added.
void Merge(const EvaluationInput& given, std::int64_t now_ms, EvaluationRecord& record);

// Which fields the records of a data set have, and of what type: those that are new are added to what is known
// (nothing: of no record yet).
std::string MergeSchema(const std::optional<std::string>& known, const std::vector<EvaluationInput>& records);

// As Python's str() of what JSON says: True, None, {'a': 1}.
std::string PythonStr(const OrderedJson& value);

}  // namespace keelson::tracking
