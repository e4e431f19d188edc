#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/http.h"

namespace keelson::wire::mlflow {

// How a field of a request is read: as protobuf's JSON mapping does, for the reference parses bodies into protobuf
// messages. Numbers may come as texts; null is as if it were not there; fields that are not known are passed over.
// kMap: a map of texts. kJson: any value (protobuf's Struct). kTime and kSpanOfTime read as milliseconds; kMask: the
// names of fields, with '_'.
enum class Type { kText, kInt64, kInt32, kDouble, kBool, kEnum, kMessage, kMap, kJson, kTime, kSpanOfTime, kMask };

// What is asked of a field beside its type, in the order in which the reference looks.
enum class Rule { kNone, kRequired, kText, kInt, kFloat, kBool, kArray, kTexts };

struct Field {
  std::string_view name;
  Type type = Type::kText;
  bool repeated = false;
  std::array<Rule, 3> rules = {};
  std::int64_t at_most = 0;                           // 0: no limit
  std::span<const Field> fields = {};                 // of a message
  std::span<const std::string_view> enum_names = {};  // of an enum; the first is number `enum_first`
  std::int64_t enum_first = 1;
};

// The fields of one request, read and checked. Absent fields read as protobuf's defaults.
class Message {
 public:
  Message() = default;
  explicit Message(nlohmann::json fields) : fields_(std::move(fields)) {}

  bool Has(std::string_view name) const { return fields_.contains(name); }
  std::string Text(std::string_view name) const;
  std::int64_t Int(std::string_view name, std::int64_t otherwise = 0) const;
  double Double(std::string_view name) const;
  bool Bool(std::string_view name, bool otherwise = false) const;
  std::vector<std::string> Texts(std::string_view name) const;
  std::vector<Message> Messages(std::string_view name) const;
  Message Inner(std::string_view name) const;  // an empty one when there is none
  std::optional<std::string> OptionalText(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> Pairs(std::string_view name) const;  // of messages key, value
  std::vector<std::pair<std::string, std::string>> Map(std::string_view name) const;
  const nlohmann::json& Value(std::string_view name) const;  // null when there is none

  // "run_id", or its old name "run_uuid".
  std::string RunId() const;

 private:
  nlohmann::json fields_ = nlohmann::json::object();
};

// Reads a request's query (GET) or body. kInvalidArgument in MLflow's words; a body that is no JSON counts as an empty
// one, as with the reference. A field deep in a body that is not of its type is refused, where the reference would go
// on with what it had read up to there.
Result<Message> ReadRequest(const io::HttpRequest& request, std::span<const Field> fields);

// The pairs of a query, decoded, in their order.
std::vector<std::pair<std::string, std::string>> QueryPairs(std::string_view query);

}  // namespace keelson::wire::mlflow
