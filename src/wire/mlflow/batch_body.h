#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/records.h"

namespace keelson::wire::mlflow {

struct Batch {
  std::string run_id;
  std::vector<tracking::MetricPoint> metrics;
  tracking::Pairs params;
  tracking::Pairs tags;
};

// The body of a log-batch call, read in one pass, when it is of the plain kind that clients send by the million: fields
// of their types, plain names, nothing too long or too many, nothing unknown. Nothing for any other body, be it good or
// bad: the general reader says what it means.
std::optional<Batch> ReadPlainBatch(std::string_view body);

}  // namespace keelson::wire::mlflow
