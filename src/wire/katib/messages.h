#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// The messages of api.v1.beta1.Suggestion (protocols/katib/api.proto) that are read and written, as plain structures.
namespace keelson::wire::katib {

std::string_view KatibDescriptors();  // a serialized FileDescriptorSet, for reflection

using Named = std::pair<std::string, std::string>;  // an assignment, a setting, a metric: name and value

enum class ParameterType : std::uint8_t { kUnknown = 0, kDouble = 1, kInt = 2, kDiscrete = 3, kCategorical = 4 };
enum class Distribution : std::uint8_t { kUnspecified = 0, kUniform = 1, kLogUniform = 2, kNormal = 3, kLogNormal = 4 };

struct Parameter {
  std::string name;
  ParameterType type = ParameterType::kUnknown;
  std::string min, max, step;     // of numbers
  std::vector<std::string> list;  // of the other types
  Distribution distribution = Distribution::kUnspecified;
};

struct Algorithm {
  std::string name;
  std::vector<Named> settings;
};

struct Experiment {
  std::string name;
  std::vector<Parameter> parameters;
  bool maximize = false;
  Algorithm algorithm;
};

enum class Condition : std::uint8_t {
  kCreated = 0,
  kRunning = 1,
  kSucceeded = 2,
  kKilled = 3,
  kFailed = 4,
  kMetricsUnavailable = 5,
  kEarlyStopped = 6,
  kUnknown = 7,
};

struct Trial {
  std::string name;
  std::string objective_metric;
  std::vector<Named> assignments;
  Condition condition = Condition::kCreated;
  std::vector<Named> metrics;
};

// Of GetSuggestionsRequest.
struct SuggestionsAsked {
  Experiment experiment;
  std::vector<Trial> trials;
  std::int64_t current = 0;  // how many are asked for now
  std::int64_t total = 0;    // and with those asked for before; 0: not said
};

// kInternal for bytes that are no such message, as gRPC's own servers say. Numbers of enumerations that are not known
// count as unknown ones.
Result<SuggestionsAsked> ReadSuggestionsRequest(std::string_view message);
Result<Experiment> ReadValidationRequest(std::string_view message);  // the experiment of it

// The bytes of a GetSuggestionsReply.
std::string WriteSuggestionsReply(const std::vector<std::vector<Named>>& suggestions);

}  // namespace keelson::wire::katib
