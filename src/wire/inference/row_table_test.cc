#include "wire/inference/row_table.h"

#include <gmock/gmock.h>

#include <cmath>

#include "wire/inference/kserve_v1.h"
#include "wire/inference/mlflow_scoring.h"

namespace keelson::wire::inference {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RowTable Empty() {
  return RowTable(TensorLimits{});
}

using Reader = Status (*)(serving::JsonCursor&, RowTable*);

std::string Problem(Reader reader, std::string_view text) {
  RowTable table = Empty();
  serving::JsonCursor cursor(text);
  const Status read = reader(cursor, &table);
  return read ? "" : read.error().message;
}

TEST(RowTable, ReadsRowsOfArrays) {
  RowTable table = Empty();
  serving::JsonCursor cursor("[[1, null, true], [2.5, NaN, false]]");
  ASSERT_TRUE(ReadRows(cursor, &table));
  EXPECT_FALSE(table.named());
  EXPECT_EQ(table.rows(), 2u);
  ASSERT_EQ(table.columns().size(), 3u);
  EXPECT_THAT(table.columns()[0].numbers, ElementsAre(1, 2.5));
  EXPECT_TRUE(std::isnan(table.columns()[1].numbers[0]) && std::isnan(table.columns()[1].numbers[1]));
  EXPECT_THAT(table.columns()[2].numbers, ElementsAre(1, 0));
}

TEST(RowTable, ReadsRowsOfObjectsAndFillsWhatLacks) {
  RowTable table = Empty();
  serving::JsonCursor cursor(R"([{"a": 1, "b": "x"}, {"b": null, "a": 2}, {"c": 3, "a": 4}])");
  ASSERT_TRUE(ReadRows(cursor, &table));
  EXPECT_TRUE(table.named());
  EXPECT_TRUE(table.ragged());
  ASSERT_EQ(table.columns().size(), 3u);
  EXPECT_THAT(table.columns()[0].numbers, ElementsAre(1, 2, 4));
  EXPECT_THAT(table.columns()[1].texts, ElementsAre("x", "", ""));
  EXPECT_THAT(table.columns()[1].missing, ElementsAre(0, 1, 1));
  EXPECT_TRUE(std::isnan(table.columns()[2].numbers[1]));
  EXPECT_EQ(table.columns()[2].numbers[2], 3);
}

TEST(RowTable, ReadsSeveralRowsOfOneObjectAndScalars) {
  RowTable several = Empty();
  serving::JsonCursor cursor(R"([{"a": [1, 2], "b": [3, 4]}, {"a": 5, "b": 6}])");
  ASSERT_TRUE(ReadRows(cursor, &several));
  EXPECT_EQ(several.rows(), 3u);
  EXPECT_THAT(several.columns()[1].numbers, ElementsAre(3, 4, 6));
  RowTable scalars = Empty();
  serving::JsonCursor numbers("[1, 2, null]");
  ASSERT_TRUE(ReadRows(numbers, &scalars));
  EXPECT_EQ(scalars.rows(), 3u);
  EXPECT_EQ(scalars.columns().size(), 1u);
}

TEST(RowTable, ReadsSplitInAnyOrder) {
  RowTable table = Empty();
  serving::JsonCursor cursor(R"({"index": [7, 8], "data": [[1, 2], [3, 4]], "columns": ["a", 0]})");
  ASSERT_TRUE(ReadSplit(cursor, &table));
  EXPECT_TRUE(table.named());
  EXPECT_EQ(table.columns()[0].name, "a");
  EXPECT_EQ(table.columns()[1].name, "0");
  EXPECT_THAT(table.columns()[1].numbers, ElementsAre(2, 4));
}

TEST(RowTable, SaysWhatIsWrongInRows) {
  EXPECT_THAT(Problem(ReadRows, "[[1, 2], [3]]"), HasSubstr("row 1 has 1 values, expected 2"));
  EXPECT_THAT(Problem(ReadRows, "[[1], [3, 4]]"), HasSubstr("more than 1 values"));
  EXPECT_THAT(Problem(ReadRows, R"([[1], {"a": 2}])"), HasSubstr("different kinds"));
  EXPECT_THAT(Problem(ReadRows, R"([[1], ["x"]])"), HasSubstr("text among numbers"));
  EXPECT_THAT(Problem(ReadRows, R"([["x"], [1]])"), HasSubstr("number among texts"));
  EXPECT_THAT(Problem(ReadRows, "[[[1]]]"), HasSubstr("an array where a number or a text"));
  EXPECT_THAT(Problem(ReadRows, R"([{"a": 1, "a": 2}])"), HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(Problem(ReadRows, R"({"a": 1})"), HasSubstr("a list of rows"));
  EXPECT_THAT(Problem(ReadColumns, "[1]"), HasSubstr("an object of columns"));
  EXPECT_THAT(Problem(ReadSplit, R"({"columns": ["a"]})"), HasSubstr("must have 'data'"));
  EXPECT_THAT(Problem(ReadSplit, R"({"data": [[1]], "columns": ["a", "b"]})"), HasSubstr("2 columns passed"));
  EXPECT_THAT(Problem(ReadSplit, R"({"data": [[1, 2]], "columns": ["a", "a"]})"), HasSubstr("stands twice"));
  EXPECT_THAT(Problem(ReadSplit, R"({"data": [[1]], "extra": 1})"), HasSubstr("Got 'extra'"));
  std::string wide = "[[0";
  for (int i = 0; i < 70'000; ++i) wide += ",0";
  EXPECT_THAT(Problem(ReadRows, wide + "]]"), HasSubstr("more than 65536 columns"));
}

TEST(RowTable, EndsAtTheLimitOfValues) {
  TensorLimits limits;
  limits.elements = 5;
  RowTable table(limits);
  serving::JsonCursor cursor("[[1, 2], [3, 4], [5, 6]]");
  const Status read = ReadRows(cursor, &table);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("more than 5 values"));
}

TEST(RowTable, ReadsCsvAsPandasDoes) {
  RowTable table = Empty();
  ASSERT_TRUE(ReadCsv("a,\"b \"\"c\"\"\",d\r\n1,x,NA\n,\"y\nz\",2.5\n\n3e2,,True\n", &table));
  ASSERT_EQ(table.columns().size(), 3u);
  EXPECT_EQ(table.rows(), 3u);
  EXPECT_EQ(table.columns()[1].name, "b \"c\"");
  EXPECT_EQ(table.columns()[0].numbers[0], 1);
  EXPECT_TRUE(std::isnan(table.columns()[0].numbers[1]));
  EXPECT_EQ(table.columns()[0].numbers[2], 300);
  EXPECT_THAT(table.columns()[1].texts, ElementsAre("x", "y\nz", ""));
  EXPECT_THAT(table.columns()[1].missing, ElementsAre(0, 0, 1));
  EXPECT_EQ(table.columns()[2].numbers[2], 1);
}

TEST(RowTable, RefusesCsvThatIsNone) {
  for (const auto& [text, problem] :
       {std::pair("", "No columns"), std::pair("\n\n", "No columns"),
        std::pair("a,b\n1,2,3\n", "Expected 2 fields in line 2, saw 3"), std::pair("a,a\n1,2\n", "stands twice"),
        std::pair("a\n\"1\n", "does not end"), std::pair("a\n\"1\"2\n", "behind a closing quote")}) {
    RowTable table = Empty();
    const Status read = ReadCsv(text, &table);
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().message, HasSubstr(problem)) << text;
  }
}

// What is cut or changed anywhere is refused or read, and never more.
TEST(RowTable, SurvivesBodiesCutAtEveryByte) {
  const std::string v1 = R"({"signature_name":"x","instances":[[1,2.5,null],[NaN,-1e9,true]]})";
  for (std::size_t i = 0; i < v1.size(); ++i) {
    RowTable table = Empty();
    const Status read = ReadV1Request(v1.substr(0, i), &table);
    ASSERT_FALSE(read) << i;
    EXPECT_THAT(read.error().message, HasSubstr("Unrecognized request format")) << i;
  }
  const std::string scoring =
      R"({"dataframe_split":{"columns":["a","b"],"data":[[1,"x"],[2,null]]},"params":{"a":[1]}})";
  for (std::size_t i = 0; i < scoring.size(); ++i) {
    const auto read = ReadScoringRequest("application/json", scoring.substr(0, i), {}, {});
    ASSERT_FALSE(read) << i;
    EXPECT_THAT(read.error().message, HasSubstr("Invalid input. Ensure that input is a valid JSON")) << i;
  }
  for (std::size_t i = 0; i < scoring.size(); ++i) {
    std::string changed = scoring;
    changed[i] = '\x01';
    EXPECT_FALSE(ReadScoringRequest("application/json", changed, {}, {}).has_value()) << i;
  }
}

TEST(MlflowScoring, TellsFormatsAndContentTypes) {
  const auto problem = [](std::string_view type, std::string_view body) {
    const auto read = ReadScoringRequest(type, body, {}, {});
    return read ? "" : read.error().message;
  };
  const std::string good = R"({"inputs": [[1, 2]], "params": {"unknown": 1}})";
  EXPECT_EQ(problem("application/json", good), "");
  EXPECT_EQ(problem("application/json; charset=UTF-8", good), "");
  EXPECT_EQ(problem("text/csv; charset=utf-8", "a\n1\n"), "");
  EXPECT_THAT(problem("application/json; charset=latin-1", good), HasSubstr("only supports UTF-8"));
  EXPECT_THAT(problem("application/json; format=x", good), HasSubstr("Unrecognized content type parameters: format"));
  EXPECT_THAT(problem("image/png", good), HasSubstr("Got 'image/png'"));
  EXPECT_THAT(problem("application/json", "[1]"), HasSubstr("Received a list"));
  EXPECT_THAT(problem("application/json", "1"), HasSubstr("unexpected input type"));
  EXPECT_THAT(problem("application/json", "{}"), HasSubstr("exactly one of the input fields"));
  EXPECT_THAT(problem("application/json", R"({"inputs": [], "instances": []})"), HasSubstr("[inputs, instances]"));
  EXPECT_THAT(problem("application/json", R"({"dataframe_records": {}})"), HasSubstr("must be a list of records"));
  EXPECT_THAT(problem("application/json", R"({"instances": [{"a": 1}, {"b": 1}]})"),
              HasSubstr("The length of values for each input/column name are not the same"));
  EXPECT_EQ(problem("application/json", R"({"dataframe_records": [{"a": 1}, {"b": 1}]})"), "");
}

TEST(MlflowScoring, TakesTheParamsThatTheSignatureNames) {
  serving::MlflowSignature signature;
  signature.params = {"output_margin"};
  const auto predict = [&](std::string_view params) {
    const auto read = ReadScoringRequest("application/json",
                                         R"({"inputs": [[1]], "params": )" + std::string(params) + "}", signature, {});
    return read ? read->predict : read.error().message;
  };
  EXPECT_EQ(predict(R"({"output_margin": true})"), "margin");
  EXPECT_EQ(predict(R"({"output_margin": false})"), "value");
  EXPECT_EQ(predict(R"({"pred_leaf": true, "other": {"a": 1}})"), "value");
  EXPECT_EQ(predict(R"({"predict": "leaves"})"), "leaves");
  EXPECT_EQ(predict("null"), "value");
  EXPECT_THAT(predict("[1]"), HasSubstr("must be a dictionary"));
  EXPECT_THAT(predict(R"({"output_margin": 3})"), HasSubstr("output_margin must be true or false"));
}

TEST(MlflowScoring, MapsErrors) {
  const auto answer = ScoringError({ErrorCode::kFailedPrecondition, "Model is missing inputs ['a'].", ""});
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr(R"("error_code": "INVALID_PARAMETER_VALUE")"));
  EXPECT_EQ(ScoringError({ErrorCode::kUnsupported, "no", ""}).status, 415);
  EXPECT_EQ(ScoringError({ErrorCode::kUnsupported, "no", ""}).body, "no");
  EXPECT_EQ(ScoringError({ErrorCode::kNotFound, "no", ""}).status, 404);
  EXPECT_EQ(ScoringError({ErrorCode::kResourceExhausted, "no", ""}).status, 429);
  EXPECT_EQ(ScoringError({ErrorCode::kUnavailable, "no", ""}).status, 503);
  EXPECT_EQ(ScoringError({ErrorCode::kDeadlineExceeded, "no", ""}).status, 504);
  EXPECT_EQ(ScoringError({ErrorCode::kInternal, "no", ""}).status, 500);
}

}  // namespace
}  // namespace keelson::wire::inference
