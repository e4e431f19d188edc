#include "serving/input_example.h"

#include <gmock/gmock.h>

#include <cmath>

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<TensorInfo> kMatrix = {{"x", Datatype::kFp32, {-1, 2}}};
const std::vector<TensorInfo> kColumns = {
    {"age", Datatype::kInt64, {-1}}, {"name", Datatype::kBytes, {-1, 1}}, {"rate", Datatype::kFp64, {-1}, true}};

std::string Refusal(std::string_view json, const std::vector<TensorInfo>& inputs) {
  const auto tensors = ExampleTensors(json, inputs);
  if (tensors) return "";
  EXPECT_EQ(tensors.error().code, ErrorCode::kInvalidArgument);
  return tensors.error().message;
}

TEST(InputExample, ReadsAMatrixInEveryForm) {
  for (const char* const json :
       {"[[1, 2], [3, null]]", R"({"inputs": [[1, 2], [3, null]]})", R"({"inputs": {"x": [[1, 2], [3, null]]}})",
        R"({"x": [[1, 2], [3, null]]})", R"({"columns": ["a", "b"], "data": [[1, 2], [3, null]]})"}) {
    const auto tensors = ExampleTensors(json, kMatrix);
    ASSERT_TRUE(tensors.has_value()) << json << ": " << tensors.error().ToString();
    EXPECT_EQ((*tensors)[0].name, "x");
    EXPECT_THAT((*tensors)[0].shape, ElementsAre(2, 2)) << json;
    EXPECT_EQ((*tensors)[0].floats[2], 3);
    EXPECT_TRUE(std::isnan((*tensors)[0].floats[3])) << json;
  }
  EXPECT_THAT((*ExampleTensors("[1, 2]", kMatrix))[0].shape, ElementsAre(1, 2));  // one row
}

TEST(InputExample, ReadsColumnsByName) {
  const auto tensors = ExampleTensors(R"({"columns": ["name", "age"], "data": [["a", 1], ["b", true]]})", kColumns);
  ASSERT_TRUE(tensors.has_value()) << tensors.error().ToString();
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_THAT((*tensors)[0].ints, ElementsAre(1, 1));
  EXPECT_THAT((*tensors)[0].shape, ElementsAre(2));
  EXPECT_THAT((*tensors)[1].texts, ElementsAre("a", "b"));
  EXPECT_THAT((*tensors)[1].shape, ElementsAre(2, 1));
}

TEST(InputExample, RefusesWhatDoesNotFit) {
  EXPECT_THAT(Refusal("{", kMatrix), HasSubstr("neither"));
  EXPECT_THAT(Refusal(std::string(100, '[') + std::string(100, ']'), kMatrix), HasSubstr("deep"));
  EXPECT_THAT(Refusal("[]", kMatrix), HasSubstr("empty"));
  EXPECT_THAT(Refusal("[[1, 2], [3]]", kMatrix), HasSubstr("\"x\""));
  EXPECT_THAT(Refusal("[[1, \"a\"]]", kMatrix), HasSubstr("FP32"));
  EXPECT_THAT(Refusal("[[[[1]]]]", kMatrix), HasSubstr("dimensions"));
  EXPECT_THAT(Refusal(R"({"inputs": {"y": [[1, 2]]}})", kMatrix), HasSubstr("missing"));
  EXPECT_THAT(Refusal("[[1, 2]]", kColumns), HasSubstr("missing"));
  EXPECT_THAT(Refusal(R"({"columns": ["age", "name"], "data": [[1.5, "a"]]})", kColumns), HasSubstr("INT64"));
  EXPECT_THAT(Refusal(R"({"columns": ["age"], "data": [[1]]})", kColumns), HasSubstr("\"name\""));
  EXPECT_THAT(Refusal(R"({"columns": ["age", "name"], "data": [[1]]})", kColumns), HasSubstr("in a row"));
}

}  // namespace
}  // namespace keelson::serving
