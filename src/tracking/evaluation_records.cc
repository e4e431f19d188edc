#include "tracking/evaluation_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "tracking/python_text.h"

namespace keelson::tracking {
namespace {

OrderedJson Absent() {
  return OrderedJson(OrderedJson::value_t::discarded);
}

bool HasMembers(const OrderedJson& value) {
  return value.is_object() && !value.empty();
}

std::optional<std::string> TextOf(const OrderedJson& value) {
  if (value.is_null() || value.is_discarded()) return std::nullopt;
  return PythonJson(value);
}

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

Result<OrderedJson> ReadObject(const OrderedJson& record, std::string_view name) {
  const auto found = record.find(name);
  if (found == record.end()) return Absent();
  if (found->is_object() || (found->is_null() && name != "inputs")) return *found;
  return Invalid(fmt::format("'{}' of a record must be a dictionary, got {}", name, PythonJson(*found)));
}

Result<OrderedJson> ReadSource(const OrderedJson& record) {
  constexpr std::array<std::string_view, 5> kTypes = {"UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE"};
  const auto found = record.find("source");
  if (found == record.end() || found->is_null() || (found->is_object() && found->empty())) return OrderedJson();
  const auto type = found->is_object() ? found->find("source_type") : found->end();
  if (!found->is_object() || type == found->end() || !type->is_string()) {
    return Invalid("'source' of a record must be a dictionary with a 'source_type'");
  }
  for (const auto& [key, value] : found->items()) {
    if (key == "source_type" || (key == "source_data" && (value.is_object() || value.is_null()))) continue;
    return Invalid(
        fmt::format("'source' of a record has only 'source_type' and a dictionary 'source_data', got '{}'", key));
  }
  std::string name = type->get<std::string>();
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  if (std::ranges::find(kTypes, name) == kTypes.end()) {
    return Invalid(
        fmt::format("Invalid dataset record source type: {}. Valid source types: ['UNSPECIFIED', 'TRACE', "
                    "'HUMAN', 'DOCUMENT', 'CODE']",
                    name));
  }
  OrderedJson source = OrderedJson::object();
  source["source_type"] = name;
  const auto data = found->find("source_data");
  source["source_data"] = data == found->end() || data->is_null() ? OrderedJson::object() : *data;
  return source;
}

Result<EvaluationInput> ReadInput(const OrderedJson& record) {
  if (!record.is_object()) return Invalid("Each record must be a dictionary");
  EvaluationInput read;
  KEELSON_ASSIGN_OR_RETURN(read.inputs, ReadObject(record, "inputs"));
  if (read.inputs.is_discarded()) read.inputs = OrderedJson::object();
  const auto outputs = record.find("outputs");
  read.outputs = outputs == record.end() ? Absent() : *outputs;
  KEELSON_ASSIGN_OR_RETURN(read.expectations, ReadObject(record, "expectations"));
  KEELSON_ASSIGN_OR_RETURN(read.tags, ReadObject(record, "tags"));
  KEELSON_ASSIGN_OR_RETURN(read.source, ReadSource(record));
  if (read.tags.is_object()) {
    const auto user = read.tags.find(kUserTag);
    if (user != read.tags.end() && !user->is_null()) read.user = PythonStr(*user);
  }
  return read;
}

OrderedJson Sorted(const OrderedJson& value) {
  if (value.is_array()) {
    OrderedJson sorted = OrderedJson::array();
    for (const auto& each : value) sorted.push_back(Sorted(each));
    return sorted;
  }
  if (!value.is_object()) return value;
  std::vector<std::string> keys;
  for (const auto& [key, each] : value.items()) keys.push_back(key);
  std::ranges::sort(keys);
  OrderedJson sorted = OrderedJson::object();
  for (const auto& key : keys) sorted[key] = Sorted(value.at(key));
  return sorted;
}

std::string_view TypeOf(const OrderedJson& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "boolean";
  if (value.is_number_integer()) return "integer";
  if (value.is_number_float()) return "float";
  if (value.is_string()) return "string";
  return value.is_array() ? "array" : "object";
}

void AddFields(const OrderedJson& part, OrderedJson& types) {
  if (!part.is_object() || !types.is_object()) return;
  for (const auto& [key, value] : part.items()) {
    if (!types.contains(key)) types[key] = TypeOf(value);
  }
}

// `more` into a stored object: the keys that are there keep their places.
void Update(const OrderedJson& more, std::optional<std::string>& stored) {
  OrderedJson object = stored ? ParseOrdered(*stored) : OrderedJson::object();
  if (!object.is_object()) object = OrderedJson::object();
  for (const auto& [key, value] : more.items()) object[key] = value;
  stored = PythonJson(object);
}

}  // namespace

std::string PythonStr(const OrderedJson& value) {
  if (value.is_string()) return value.get<std::string>();
  const auto inner = [](const OrderedJson& each) {
    return each.is_string() ? PythonText(each.get_ref<const std::string&>()) : PythonStr(each);
  };
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (!value.is_structured()) return PythonJson(value);
  std::string text;
  for (const auto& [key, each] : value.items()) {
    if (!text.empty()) text += ", ";
    if (value.is_object()) text += PythonText(key) + ": ";
    text += inner(each);
  }
  return value.is_object() ? "{" + text + "}" : "[" + text + "]";
}

Result<std::vector<EvaluationInput>> ReadEvaluationInputs(const OrderedJson& records) {
  if (!records.is_array()) return Invalid("records must be a list of dictionaries");
  std::vector<EvaluationInput> inputs;
  for (const OrderedJson& record : records) {
    KEELSON_ASSIGN_OR_RETURN(EvaluationInput input, ReadInput(record));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

std::string InputHash(const OrderedJson& inputs) {
  return Sha256::Hex(PythonJson(Sorted(inputs), true));
}

EvaluationRecord NewRecord(const EvaluationInput& given, std::int64_t now_ms) {
  EvaluationRecord record;
  record.inputs = PythonJson(given.inputs);
  record.outputs = given.outputs.is_discarded() ? std::optional<std::string>("{}") : TextOf(given.outputs);
  record.expectations = TextOf(given.expectations);
  record.tags = TextOf(given.tags).value_or("{}");
  record.source = TextOf(given.source);
  if (given.source.is_object()) {
    record.source_type = given.source.at("source_type").get<std::string>();
    const OrderedJson& data = given.source.at("source_data");
    const auto id = data.find(*record.source_type == "TRACE" ? "trace_id" : "source_id");
    if (id != data.end() && !id->is_null()) record.source_id = PythonStr(*id);
  }
  record.created_ms = record.updated_ms = now_ms;
  record.created_by = record.updated_by = given.user;
  return record;
}

void Merge(const EvaluationInput& given, std::int64_t now_ms, EvaluationRecord& record) {
  if (!given.outputs.is_discarded()) record.outputs = TextOf(given.outputs);
  if (HasMembers(given.expectations)) Update(given.expectations, record.expectations);
  if (HasMembers(given.tags)) Update(given.tags, record.tags);
  record.updated_ms = now_ms;
  if (given.user) record.updated_by = given.user;
}

std::string MergeSchema(const std::optional<std::string>& known, const std::vector<EvaluationInput>& records) {
  OrderedJson schema = known ? ParseOrdered(*known) : OrderedJson();
  if (!schema.is_object()) schema = OrderedJson::object();
  for (const std::string_view part : {"inputs", "outputs", "expectations"}) {
    if (!schema.contains(part)) schema[std::string(part)] = OrderedJson::object();
  }
  if (!schema.contains("version")) schema["version"] = "1.0";
  for (const EvaluationInput& record : records) {
    AddFields(record.inputs, schema["inputs"]);
    OrderedJson& outputs = schema["outputs"];
    // Outputs that are no object have one type, unless there are fields already.
    const bool plain = !record.outputs.is_discarded() && !record.outputs.is_null() && !record.outputs.is_object();
    if (plain && outputs.is_object() && outputs.empty()) outputs = TypeOf(record.outputs);
    AddFields(record.outputs, outputs);
    AddFields(record.expectations, schema["expectations"]);
  }
  return PythonJson(schema, true);
}

}  // namespace keelson::tracking
