#include "tracking/evaluation_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::tracking {
namespace {

using testing::HasSubstr;

EvaluationInput Read(std::string_view record) {
  auto read = ReadEvaluationInputs(OrderedJson::array({ParseOrdered(record)}));
  EXPECT_TRUE(read.has_value()) << (read ? "" : read.error().message);
  return read ? read->at(0) : EvaluationInput();
}

TEST(EvaluationRecords, AnInputIsTheSameInWhateverOrderOfItsKeys) {
  const auto hash = [](std::string_view inputs) { return InputHash(ParseOrdered(inputs)); };
  // What MLflow 3.17.2 computes: sha256(json.dumps({"q": "größe", "n": {"a": 1.0, "b": [2, None]}}, sort_keys=True)).
  EXPECT_EQ(hash(R"({"q": "größe", "n": {"b": [2, null], "a": 1.0}})"),
            "a8b247143755b3648ac4ac83eaa2d7cc06271e5d4c696d968b3667992db104cf");
  EXPECT_NE(hash(R"({"a": [1, 2]})"), hash(R"({"a": [2, 1]})"));
}

TEST(EvaluationRecords, KeepsWhatIsSaidAndWhatIsNot) {
  const auto bare = NewRecord(Read(R"({"inputs": {"q": 1}})"), 7);
  EXPECT_EQ(bare.inputs, R"({"q": 1})");
  EXPECT_EQ(bare.outputs, "{}") << "as MLflow has it where none were sent";
  EXPECT_FALSE(bare.expectations.has_value());
  EXPECT_EQ(bare.tags, "{}");
  EXPECT_FALSE(bare.source.has_value());
  EXPECT_EQ(bare.created_ms, 7);
  const auto full = NewRecord(Read(R"({"outputs": null, "tags": {"mlflow.user": "ann"}, "source":
      {"source_type": "trace", "source_data": {"trace_id": "tr-1"}}})"),
                              7);
  EXPECT_EQ(full.inputs, "{}");
  EXPECT_FALSE(full.outputs.has_value());
  EXPECT_EQ(full.source, R"({"source_type": "TRACE", "source_data": {"trace_id": "tr-1"}})");
  EXPECT_EQ(full.source_id, "tr-1");
  EXPECT_EQ(full.source_type, "TRACE");
  EXPECT_EQ(full.created_by, "ann");
  const auto code = NewRecord(Read(R"({"source": {"source_type": "CODE", "source_data": {"source_id": 5}}})"), 7);
  EXPECT_EQ(code.source_id, "5");
}

TEST(EvaluationRecords, MergesIntoWhatIsThere) {
  auto record =
      NewRecord(Read(R"({"expectations": {"a": 1, "b": 2}, "outputs": "x", "tags": {"mlflow.user": "ann"}})"), 7);
  Merge(Read(R"({"expectations": {"c": 3, "a": 4}})"), 8, record);
  EXPECT_EQ(record.expectations, R"({"a": 4, "b": 2, "c": 3})");
  EXPECT_EQ(record.outputs, "\"x\"") << "what was not sent stays";
  EXPECT_EQ(record.updated_ms, 8);
  EXPECT_EQ(record.created_ms, 7);
  EXPECT_EQ(record.updated_by, "ann");
  Merge(Read(R"({"outputs": null, "expectations": {}, "tags": {"mlflow.user": "bob", "k": "v"}})"), 9, record);
  EXPECT_FALSE(record.outputs.has_value());
  EXPECT_EQ(record.expectations, R"({"a": 4, "b": 2, "c": 3})");
  EXPECT_EQ(record.tags, R"({"mlflow.user": "bob", "k": "v"})");
  EXPECT_EQ(record.updated_by, "bob");
  EXPECT_EQ(record.created_by, "ann");
}

TEST(EvaluationRecords, TheSchemaGrowsAndKeepsItsTypes) {
  const std::string first = MergeSchema(
      std::nullopt, {Read(R"({"inputs": {"q": "x", "n": 1, "f": 0.5, "t": true, "l": [], "o": {}, "z": null}})")});
  EXPECT_EQ(first,
            R"({"inputs": {"q": "string", "n": "integer", "f": "float", "t": "boolean", "l": "array", "o": "object", )"
            R"("z": "null"}, "outputs": {}, "expectations": {}, "version": "1.0"})");
  const std::string second =
      MergeSchema(first, {Read(R"({"inputs": {"q": 1}, "outputs": "text", "expectations": {"a": 1}})")});
  EXPECT_THAT(second, HasSubstr(R"("q": "string")"));
  EXPECT_THAT(second, HasSubstr(R"("outputs": "string", "expectations": {"a": "integer"})"));
  EXPECT_EQ(MergeSchema(second, {Read(R"({"outputs": {"a": 1}})")}), second) << "one type stays one";
}

TEST(EvaluationRecords, RefusesWhatIsNoRecord) {
  const auto refusal = [](std::string_view records) {
    const auto read = ReadEvaluationInputs(ParseOrdered(records));
    EXPECT_FALSE(read.has_value()) << records;
    return read ? std::string() : read.error().message;
  };
  EXPECT_THAT(refusal("{}"), HasSubstr("must be a list"));
  EXPECT_THAT(refusal("[1]"), HasSubstr("must be a dictionary"));
  EXPECT_THAT(refusal(R"([{"inputs": null}])"), HasSubstr("'inputs'"));
  EXPECT_THAT(refusal(R"([{"tags": []}])"), HasSubstr("'tags'"));
  EXPECT_THAT(refusal(R"([{"source": {"source_type": "rumour"}}])"),
              HasSubstr("Invalid dataset record source type: RUMOUR. Valid source types: ['UNSPECIFIED', 'TRACE'"));
  EXPECT_THAT(refusal(R"([{"source": {"source_type": "CODE", "odd": 1}}])"), HasSubstr("got 'odd'"));
  EXPECT_THAT(refusal(R"([{"source": "CODE"}])"), HasSubstr("'source'"));
}

TEST(PythonStr, SaysWhatPythonWould) {
  const auto str = [](std::string_view json) { return PythonStr(ParseOrdered(json)); };
  EXPECT_EQ(str("true"), "True");
  EXPECT_EQ(str("null"), "None");
  EXPECT_EQ(str("1.0"), "1.0");
  EXPECT_EQ(str("\"it's\""), "it's");
  EXPECT_EQ(str(R"({"a": [1, "b", null], "c": {}})"), "{'a': [1, 'b', None], 'c': {}}");
}

}  // namespace
}  // namespace keelson::tracking
