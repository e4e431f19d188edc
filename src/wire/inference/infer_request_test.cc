#include "wire/inference/infer_request.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace keelson::wire::inference {
namespace {

std::string Body(const std::string& input) {
  return R"({"id":"7","inputs":[)" + input + "]}";
}

Result<InferRequest> Parse(std::string_view body) {
  return ParseInferRequest(body, std::nullopt, {});
}

Tensor One(const std::string& input) {
  auto request = Parse(Body(input));
  EXPECT_TRUE(request.has_value()) << input << ": " << request.error().ToString();
  return request && !request->inputs.empty() ? request->inputs[0] : Tensor{};
}

std::string Refusal(std::string_view body) {
  const auto request = Parse(body);
  EXPECT_FALSE(request.has_value()) << body;
  if (request) return "";
  EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument);
  return request.error().message;
}

TEST(InferRequest, ReadsEveryNumericDatatype) {
  EXPECT_THAT(One(R"({"name":"x","shape":[2],"datatype":"FP32","data":[0.1,-3e38]})").floats,
              testing::ElementsAre(0.1f, -3e38f));
  EXPECT_THAT(One(R"({"name":"x","shape":[2],"datatype":"FP64","data":[0.1,5e-324]})").doubles,
              testing::ElementsAre(0.1, 5e-324));
  EXPECT_THAT(One(R"({"name":"x","shape":[2],"datatype":"BOOL","data":[true,0]})").ints, testing::ElementsAre(1, 0));
  EXPECT_THAT(One(R"({"name":"x","shape":[1],"datatype":"UINT64","data":[18446744073709551615]})").Number(0),
              18446744073709551615.0);
  struct Range {
    std::string datatype, low, high, below, above;
  };
  for (const auto& range : std::vector<Range>{
           {"INT8", "-128", "127", "-129", "128"},
           {"UINT8", "0", "255", "-1", "256"},
           {"INT16", "-32768", "32767", "-32769", "32768"},
           {"UINT16", "0", "65535", "-1", "65536"},
           {"INT32", "-2147483648", "2147483647", "-2147483649", "2147483648"},
           {"UINT32", "0", "4294967295", "-1", "4294967296"},
           {"INT64", "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"},
           {"UINT64", "0", "18446744073709551615", "-1", "18446744073709551616"}}) {
    const std::string head = R"({"name":"x","shape":[1],"datatype":")" + range.datatype + R"(","data":[)";
    EXPECT_EQ(One(head + range.low + "]}").ints.size(), 1u);
    EXPECT_EQ(One(head + range.high + "]}").ints.size(), 1u);
    for (const auto& bad : {range.below, range.above, std::string("1.5"), std::string("null"), std::string("\"1\"")}) {
      EXPECT_THAT(Refusal(Body(head + bad + "]}")), testing::HasSubstr("input \"x\"")) << range.datatype << " " << bad;
    }
  }
}

TEST(InferRequest, ReadsTextsAndMissingValues) {
  const Tensor text = One(R"({"name":"t","shape":[3],"datatype":"BYTES","data":["a\u00e9\n",null,""]})");
  EXPECT_THAT(text.texts, testing::ElementsAre("a\xc3\xa9\n", "", ""));
  EXPECT_THAT(text.missing, testing::ElementsAre(0, 1, 0));
  const Tensor floats = One(R"({"name":"x","shape":[4],"datatype":"FP32","data":[null,NaN,Infinity,-Infinity]})");
  EXPECT_TRUE(std::isnan(floats.floats[0]) && std::isnan(floats.floats[1]));
  EXPECT_EQ(floats.floats[2], std::numeric_limits<float>::infinity());
  EXPECT_EQ(floats.floats[3], -std::numeric_limits<float>::infinity());
}

TEST(InferRequest, ReadsNestedAndFlatDataInAnyOrderOfKeys) {
  for (const std::string data : {"[1,2,3,4,5,6]", "[[1,2,3],[4,5,6]]"}) {
    EXPECT_THAT(One(R"({"name":"x","shape":[2,3],"datatype":"FP32","data":)" + data + "}").floats,
                testing::ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(One(R"({"data":)" + data + R"(,"shape":[2,3],"datatype":"FP32","name":"x"})").floats,
                testing::ElementsAre(1, 2, 3, 4, 5, 6));
  }
  EXPECT_TRUE(One(R"({"name":"x","shape":[0,3],"datatype":"FP32","data":[]})").floats.empty());
}

TEST(InferRequest, SaysWhatCameAndWhatWasExpected) {
  const auto refusal = [](const std::string& shape, const std::string& data, const std::string& datatype = "FP32") {
    return Refusal(
        Body(R"({"name":"x","shape":)" + shape + R"(,"datatype":")" + datatype + R"(","data":)" + data + "}"));
  };
  EXPECT_THAT(refusal("[2,3]", "[1,2]"), testing::HasSubstr("input \"x\": 2 values, expected 6 for shape [2,3]"));
  EXPECT_THAT(refusal("[2]", "[1,2,3]"), testing::HasSubstr("more than the 2 values"));
  EXPECT_THAT(refusal("[2,2]", "[[1,2,3],[4]]"), testing::HasSubstr("an array of 3 at depth 1"));
  EXPECT_THAT(refusal("[2]", "[[1,2]]"), testing::HasSubstr("nested deeper"));
  EXPECT_THAT(refusal("[2]", "[1,[2]]"), testing::HasSubstr("side by side"));
  EXPECT_THAT(refusal("[1]", "[\"a\"]"), testing::HasSubstr("value 0 of \"data\" is a string, expected a number"));
  EXPECT_THAT(refusal("[1]", "{}"), testing::HasSubstr("\"data\" is an object"));
  EXPECT_THAT(refusal("[1]", "[1]", "FP16"), testing::HasSubstr("Receiving FP16 data via JSON is not supported"));
  EXPECT_THAT(refusal("[1]", "[1]", "BF16"), testing::HasSubstr("Receiving BF16 data via JSON is not supported"));
  EXPECT_THAT(refusal("[1]", "[1]", "FP31"), testing::HasSubstr("unknown datatype \"FP31\""));
  EXPECT_THAT(refusal("[-1]", "[1]"), testing::HasSubstr("negative dimension"));
  EXPECT_THAT(refusal("[1,1,1,1,1,1,1,1,1]", "[1]"), testing::HasSubstr("more than 8 dimensions"));
  EXPECT_THAT(refusal("[4294967296,4294967296]", "[1]"), testing::HasSubstr("elements"));
  EXPECT_THAT(Refusal(Body(R"({"shape":[1],"datatype":"FP32","data":[1]})")), testing::HasSubstr("without a \"name\""));
  EXPECT_THAT(Refusal(Body(R"({"name":"x","shape":[1],"datatype":"FP32"})")), testing::HasSubstr("neither"));
  EXPECT_THAT(Refusal("{}"), testing::HasSubstr("no \"inputs\""));
  EXPECT_THAT(Refusal("[]"), testing::HasSubstr("not a JSON object"));
  EXPECT_THAT(Refusal("{\"inputs\":[],\"id\":\"\xff\"}"), testing::HasSubstr("UTF-8"));
}

// A shape after the contents that it does not fit would have them read beyond their end.
TEST(InferRequest, RefusesWhatStandsTwice) {
  const std::string input = R"({"name":"x","shape":[1],"datatype":"FP32","data":[1])";
  EXPECT_THAT(Refusal(Body(input + R"(,"shape":[1000]})")), testing::HasSubstr("input \"x\": \"shape\" stands twice"));
  EXPECT_THAT(Refusal(Body(input + R"(,"datatype":"INT64"})")), testing::HasSubstr("\"datatype\" stands twice"));
  EXPECT_THAT(Refusal(Body(input + R"(,"name":"y"})")), testing::HasSubstr("\"name\" stands twice"));
  EXPECT_THAT(Refusal(Body(input + R"(,"data":[1]})")), testing::HasSubstr("\"data\" stands twice"));
}

TEST(InferRequest, RefusesEveryTruncationAndSurvivesEveryChange) {
  const std::string body =
      R"({"id":"a\u0041","parameters":{"x":1.5e3,"y":[true,null]},"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":)"
      R"([[1.25,-2e-3],[null,4]]},{"name":"t","datatype":"BYTES","shape":[1],"data":["q\"r"]}],"outputs":[{"name":"p"}]})";
  ASSERT_TRUE(Parse(body).has_value());
  for (std::size_t length = 0; length < body.size(); ++length) {
    EXPECT_FALSE(Parse(std::string_view(body).substr(0, length)).has_value()) << length;
  }
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (const char wrong : {'\0', '{', '}', '[', ']', ',', ':', '"', '\\', 'x', '9', '-', '\xff'}) {
      std::string changed = body;
      changed[at] = wrong;
      const auto request = Parse(changed);  // sound or refused, never worse
      EXPECT_TRUE(request.has_value() || !request.error().message.empty());
    }
  }
  EXPECT_FALSE(Parse(body + "x").has_value());
  EXPECT_FALSE(Parse(std::string(1'000'000, '[')).has_value());
}

TEST(InferRequest, ReadsBinaryTensors) {
  const std::string json =
      R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},)"
      R"({"name":"h","shape":[2],"datatype":"FP16","parameters":{"binary_data_size":4}},)"
      R"({"name":"t","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":10}}],)"
      R"("parameters":{"binary_data_output":true}})";
  const std::string binary("\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x3c\x00\x7e\x02\0\0\0ab\0\0\0\0", 22);
  const auto request = ParseInferRequest(json + binary, json.size(), {});
  ASSERT_TRUE(request.has_value()) << request.error().ToString();
  EXPECT_THAT(request->inputs[0].floats, testing::ElementsAre(1.0f, -2.0f));
  EXPECT_EQ(request->inputs[1].floats[0], 1.0f);
  EXPECT_TRUE(std::isnan(request->inputs[1].floats[1]));
  EXPECT_THAT(request->inputs[2].texts, testing::ElementsAre("ab", ""));
  EXPECT_TRUE(request->binary_output);
  for (std::size_t length = json.size(); length < json.size() + binary.size(); ++length) {
    EXPECT_FALSE(ParseInferRequest((json + binary).substr(0, length), json.size(), {}).has_value()) << length;
  }
  EXPECT_FALSE(ParseInferRequest(json + binary + "x", json.size(), {}).has_value());
  EXPECT_FALSE(ParseJsonLength("99", 98).has_value());
  EXPECT_FALSE(ParseJsonLength("-1", 98).has_value());
  EXPECT_FALSE(ParseJsonLength("1x", 98).has_value());
  EXPECT_EQ(*ParseJsonLength("", 98), std::nullopt);
}

TEST(InferRequest, PassesOverWhatIsNotWanted) {
  InferRequestOptions options;
  options.wanted = [](std::string_view name) { return name == "k"; };
  const std::string body = Body(
      R"({"name":"x","shape":[9],"datatype":"FP16","data":[1]},{"name":"k","shape":[1],"datatype":"INT64","data":[5]})");
  const auto request = ParseInferRequest(body, std::nullopt, options);
  ASSERT_TRUE(request.has_value()) << request.error().ToString();
  ASSERT_EQ(request->inputs.size(), 1u);
  EXPECT_EQ(request->inputs[0].ints[0], 5);
  EXPECT_EQ(body[request->inputs_end], ']');
  EXPECT_FALSE(request->inputs_empty);
}

}  // namespace
}  // namespace keelson::wire::inference
