#include "wire/katib/messages.h"

#include <fmt/format.h>

#include "base/protobuf.h"

namespace keelson::wire::katib {
namespace {

// Each reads one message into what it is of; false when it is malformed.

bool Read(std::string_view message, Named& named) {
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1)) reader.Text(&named.first);
    if (reader.key() == ProtoBytes(2)) reader.Text(&named.second);
  }
  return reader.ok();
}

bool Read(std::string_view message, Parameter& parameter);

// The repeated `field` of a message that has nothing else.
template <typename Element>
bool ReadList(std::string_view message, std::uint32_t field, std::vector<Element>& list) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(field)) good = Read(reader.bytes(), list.emplace_back());
  }
  return good && reader.ok();
}

template <typename Enumeration>
Enumeration Known(std::uint64_t number, Enumeration last, Enumeration unknown) {
  return number <= static_cast<std::uint64_t>(last) ? static_cast<Enumeration>(number) : unknown;
}

bool ReadSpace(std::string_view message, Parameter& parameter) {
  ProtoReader reader(message);
  while (reader.Next()) {
    switch (reader.key()) {
      case ProtoBytes(1):
        reader.Text(&parameter.max);
        break;
      case ProtoBytes(2):
        reader.Text(&parameter.min);
        break;
      case ProtoBytes(3):
        reader.Text(&parameter.list.emplace_back());
        break;
      case ProtoBytes(4):
        reader.Text(&parameter.step);
        break;
      case ProtoVarint(5):
        parameter.distribution = Known(reader.number(), Distribution::kLogNormal, Distribution::kUnspecified);
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool Read(std::string_view message, Parameter& parameter) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(1)) reader.Text(&parameter.name);
    if (reader.key() == ProtoVarint(2)) {
      parameter.type = Known(reader.number(), ParameterType::kCategorical, ParameterType::kUnknown);
    }
    if (reader.key() == ProtoBytes(3)) good = ReadSpace(reader.bytes(), parameter);
  }
  return good && reader.ok();
}

bool Read(std::string_view message, Algorithm& algorithm) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(1)) reader.Text(&algorithm.name);
    if (reader.key() == ProtoBytes(2)) good = Read(reader.bytes(), algorithm.settings.emplace_back());
  }
  return good && reader.ok();
}

// Of an ObjectiveSpec what somebody wants to know: its type, its metric's name.
bool ReadObjective(std::string_view message, bool* maximize, std::string* metric) {
  constexpr std::uint64_t kMaximize = 2;
  ProtoReader reader(message);
  std::string name;
  while (reader.Next()) {
    if (reader.key() == ProtoVarint(1) && maximize != nullptr) *maximize = reader.number() == kMaximize;
    if (reader.key() == ProtoBytes(3)) reader.Text(metric != nullptr ? metric : &name);
  }
  return reader.ok();
}

bool ReadExperimentSpec(std::string_view message, Experiment& experiment) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(1)) good = ReadList(reader.bytes(), 1, experiment.parameters);
    if (reader.key() == ProtoBytes(2)) good = ReadObjective(reader.bytes(), &experiment.maximize, nullptr);
    if (reader.key() == ProtoBytes(3)) good = Read(reader.bytes(), experiment.algorithm);
  }
  return good && reader.ok();
}

bool Read(std::string_view message, Experiment& experiment) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(1)) reader.Text(&experiment.name);
    if (reader.key() == ProtoBytes(2)) good = ReadExperimentSpec(reader.bytes(), experiment);
  }
  return good && reader.ok();
}

bool ReadTrialSpec(std::string_view message, Trial& trial) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(2)) good = ReadObjective(reader.bytes(), nullptr, &trial.objective_metric);
    if (reader.key() == ProtoBytes(3)) good = ReadList(reader.bytes(), 1, trial.assignments);
  }
  return good && reader.ok();
}

bool ReadTrialStatus(std::string_view message, Trial& trial) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoVarint(3)) {
      trial.condition = Known(reader.number(), Condition::kUnknown, Condition::kUnknown);
    }
    if (reader.key() == ProtoBytes(4)) good = ReadList(reader.bytes(), 1, trial.metrics);
  }
  return good && reader.ok();
}

bool Read(std::string_view message, Trial& trial) {
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(1)) reader.Text(&trial.name);
    if (reader.key() == ProtoBytes(2)) good = ReadTrialSpec(reader.bytes(), trial);
    if (reader.key() == ProtoBytes(3)) good = ReadTrialStatus(reader.bytes(), trial);
  }
  return good && reader.ok();
}

std::int64_t Int32Of(std::uint64_t varint) {
  return static_cast<std::int32_t>(varint);
}

std::unexpected<Error> Malformed(std::string_view name) {
  return Fail(ErrorCode::kInternal, fmt::format("the message is no api.v1.beta1.{}", name));
}

}  // namespace

Result<SuggestionsAsked> ReadSuggestionsRequest(std::string_view message) {
  SuggestionsAsked asked;
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(1)) good = Read(reader.bytes(), asked.experiment);
    if (reader.key() == ProtoBytes(2)) good = Read(reader.bytes(), asked.trials.emplace_back());
    if (reader.key() == ProtoVarint(4)) asked.current = Int32Of(reader.number());
    if (reader.key() == ProtoVarint(5)) asked.total = Int32Of(reader.number());
  }
  if (!good || !reader.ok()) return Malformed("GetSuggestionsRequest");
  return asked;
}

Result<Experiment> ReadValidationRequest(std::string_view message) {
  Experiment experiment;
  ProtoReader reader(message);
  bool good = true;
  while (good && reader.Next()) {
    if (reader.key() == ProtoBytes(1)) good = Read(reader.bytes(), experiment);
  }
  if (!good || !reader.ok()) return Malformed("ValidateAlgorithmSettingsRequest");
  return experiment;
}

std::string WriteSuggestionsReply(const std::vector<std::vector<Named>>& suggestions) {
  std::string reply;
  ProtoWriter writer(&reply);
  for (const auto& suggestion : suggestions) {
    writer.Nested(1, [&] {
      for (const auto& [name, value] : suggestion) {
        writer.Nested(1, [&] {
          writer.Text(1, name);
          writer.Text(2, value);
        });
      }
    });
  }
  return reply;
}

}  // namespace keelson::wire::katib
