#include "wire/inference/grpc_messages.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "wire/inference/grpc_protobuf_testing.h"

namespace keelson::wire::inference {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GrpcMessages : public ::testing::Test {
 protected:
  Result<GrpcInferRequest> Read(const std::string& text, const TensorLimits& limits = {}) {
    return ReadGrpcInferRequest(protobuf_.Bytes("ModelInferRequest", text), limits);
  }
  std::string ErrorOf(const std::string& text, const TensorLimits& limits = {}) {
    const auto read = Read(text, limits);
    return read ? "" : std::string(ErrorCodeName(read.error().code)) + ": " + read.error().message;
  }
  testing::ProtobufMessages protobuf_;
};

TEST_F(GrpcMessages, ReadsARequestWithAllThatItHas) {
  const auto read = Read(R"(model_name: "m" model_version: "3" id: "a" parameters {key: "other" value {int64_param: 1}}
      parameters {key: "predict" value {string_param: "margin"}}
      inputs {name: "x" datatype: "FP32" shape: [2, 1] contents {fp32_contents: [0.5, nan]}
              parameters {key: "k" value {bool_param: true}}}
      inputs {name: "t" datatype: "BYTES" shape: 2 contents {bytes_contents: ["\377a", ""]}}
      outputs {name: "p"} outputs {name: "q"})");
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(read->model, "m");
  EXPECT_EQ(read->version, "3");
  EXPECT_FALSE(read->raw);
  const InferRequest& request = read->request;
  EXPECT_EQ(request.id, "a");
  EXPECT_EQ(request.predict, "margin");
  ASSERT_EQ(request.inputs.size(), 2U);
  EXPECT_EQ(request.inputs[0].name, "x");
  EXPECT_THAT(request.inputs[0].shape, ElementsAre(2, 1));
  EXPECT_EQ(request.inputs[0].floats[0], 0.5F);
  EXPECT_TRUE(std::isnan(request.inputs[0].floats[1]));
  EXPECT_THAT(request.inputs[1].texts, ElementsAre("\xff"
                                                   "a",
                                                   ""));
  ASSERT_TRUE(request.outputs.has_value());
  EXPECT_EQ(request.outputs->at(1).name, "q");
  EXPECT_FALSE(Read(R"(model_name: "m")")->request.outputs.has_value());
}

TEST_F(GrpcMessages, ReadsTypedContentsOfEveryDatatype) {
  const auto ints = [&](const std::string& datatype, const std::string& contents) {
    const auto read = Read("inputs {name: 'x' datatype: '" + datatype + "' shape: 2 contents {" + contents + "}}");
    EXPECT_TRUE(read.has_value()) << datatype << read.error().ToString();
    return read ? read->request.inputs[0].ints : std::vector<std::int64_t>{};
  };
  EXPECT_THAT(ints("BOOL", "bool_contents: [true, false]"), ElementsAre(1, 0));
  EXPECT_THAT(ints("INT8", "int_contents: [-128, 127]"), ElementsAre(-128, 127));
  EXPECT_THAT(ints("INT16", "int_contents: [-32768, 5]"), ElementsAre(-32768, 5));
  EXPECT_THAT(ints("INT32", "int_contents: [-2147483648, 5]"),
              ElementsAre(std::numeric_limits<std::int32_t>::min(), 5));
  EXPECT_THAT(ints("INT64", "int64_contents: [-9223372036854775808, 5]"),
              ElementsAre(std::numeric_limits<std::int64_t>::min(), 5));
  EXPECT_THAT(ints("UINT8", "uint_contents: [255, 0]"), ElementsAre(255, 0));
  EXPECT_THAT(ints("UINT16", "uint_contents: [65535, 0]"), ElementsAre(65535, 0));
  EXPECT_THAT(ints("UINT32", "uint_contents: [4294967295, 0]"), ElementsAre(4'294'967'295, 0));
  EXPECT_THAT(ints("UINT64", "uint64_contents: [18446744073709551615, 0]"), ElementsAre(-1, 0));
  EXPECT_THAT(Read("inputs {name: 'x' datatype: 'FP64' shape: 2 contents {fp64_contents: [0.1, inf]}}")
                  ->request.inputs[0]
                  .doubles,
              ElementsAre(0.1, std::numeric_limits<double>::infinity()));
}

TEST_F(GrpcMessages, TakesNumbersThatAreNotPackedAndContentsInParts) {
  // Two fields 5 of one input, and in the first one a float that stands alone: protobuf takes them together.
  const std::string one(
      "\x0a\x01x\x12\x04"
      "FP32\x18\x02\x2a\x05\x35\x00\x00\x80\x3f\x2a\x06\x32\x04\x00\x00\x00\x40",
      26);
  std::string message = "\x2a";
  message.push_back(static_cast<char>(one.size()));
  message += one;
  const auto read = ReadGrpcInferRequest(message, {});
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_THAT(read->request.inputs[0].floats, ElementsAre(1.0F, 2.0F));
  EXPECT_EQ(protobuf_.Text("ModelInferRequest", message),
            R"(inputs { name: "x" datatype: "FP32" shape: 2 contents { fp32_contents: 1 fp32_contents: 2 } })");
}

TEST_F(GrpcMessages, ReadsRawContentsInTheOrderOfTheInputs) {
  const auto read = Read(R"(inputs {name: "h" datatype: "FP16" shape: 1} inputs {name: "b" datatype: "BF16" shape: 1}
      inputs {name: "t" datatype: "BYTES" shape: 1}
      raw_input_contents: "\000\074" raw_input_contents: "\200\077" raw_input_contents: "\001\000\000\000z")");
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_TRUE(read->raw);
  EXPECT_THAT(read->request.inputs[0].floats, ElementsAre(1.0F));
  EXPECT_THAT(read->request.inputs[1].floats, ElementsAre(1.0F));
  EXPECT_THAT(read->request.inputs[2].texts, ElementsAre("z"));
}

TEST_F(GrpcMessages, SaysWhatCameAndWhatWasExpected) {
  const std::string x = "model_name: 'm' inputs {name: 'x' datatype: 'FP32' shape: [1, 2] ";
  EXPECT_THAT(ErrorOf(x + "contents {fp32_contents: [1, 2, 3]}}"),
              HasSubstr("invalid_argument: input \"x\" has 3 elements in fp32_contents, expected 2 for shape [1,2]"));
  EXPECT_THAT(ErrorOf(x + "}"), HasSubstr("has 0 elements in fp32_contents"));
  EXPECT_THAT(ErrorOf(x + "contents {int_contents: 1}}"),
              HasSubstr("has int_contents, expected fp32_contents for FP32"));
  EXPECT_THAT(ErrorOf(x + "} raw_input_contents: 'abc'"), HasSubstr("3 bytes of binary data, expected 8"));
  EXPECT_EQ(
      ErrorOf(x + "} raw_input_contents: 'abc' raw_input_contents: ''"),
      "invalid_argument: the number of inputs (1) does not match the expected number of raw input contents (2) for "
      "model 'm'.");
  EXPECT_EQ(
      ErrorOf(x + "contents {fp32_contents: 1}} raw_input_contents: 'abcdefgh'"),
      "invalid_argument: contents field must not be specified when using raw_input_contents for input 'x' for model "
      "'m'");
  EXPECT_THAT(ErrorOf("inputs {name: 'x' datatype: 'FP16' shape: 1 contents {fp32_contents: 1}}"),
              HasSubstr("FP16 has no typed contents; send it in raw_input_contents"));
  EXPECT_THAT(ErrorOf("inputs {name: 'x' datatype: 'FP31'}"), HasSubstr("unknown datatype \"FP31\""));
  EXPECT_THAT(ErrorOf("inputs {datatype: 'FP32'}"), HasSubstr("an input without a \"name\""));
  EXPECT_THAT(ErrorOf("inputs {name: 'x' datatype: 'FP32' shape: -1}"), HasSubstr("a negative dimension -1"));
  EXPECT_THAT(ErrorOf("inputs {name: 'x' datatype: 'INT8' shape: 1 contents {int_contents: 128}}"),
              HasSubstr("value 0 of int_contents is 128, which INT8 does not hold"));
  EXPECT_THAT(ErrorOf("parameters {key: 'predict' value {bool_param: true}}"), HasSubstr("predict is no text"));
  TensorLimits limits;
  limits.rank = 2;
  limits.elements = 10;
  limits.inputs = 1;
  EXPECT_THAT(ErrorOf("inputs {name: 'x' datatype: 'FP32' shape: [1, 1, 1]}", limits),
              HasSubstr("more than 2 dimensions"));
  EXPECT_THAT(ErrorOf("inputs {name: 'x' datatype: 'FP32' shape: [4, 4]}", limits), HasSubstr("more than 10 elements"));
  EXPECT_THAT(ErrorOf("inputs {name: 'x' datatype: 'FP32' shape: 0} inputs {}", limits),
              HasSubstr("more than 1 inputs"));
}

TEST_F(GrpcMessages, AgreesWithProtobufOnWhatIsAMessage) {
  const std::string whole =
      protobuf_.Bytes("ModelInferRequest",
                      R"(model_name: "m\303\251" id: "a" parameters {key: "predict" value {string_param: "value"}}
         inputs {name: "x" datatype: "INT32" shape: [2, 2] contents {int_contents: [1, -2, 300, 4]}}
         inputs {name: "y" datatype: "FP64" shape: 1 contents {fp64_contents: 0.25}} outputs {name: "p"})");
  Random random(11);
  int refused = 0;
  const auto check = [&](const std::string& bytes) {
    const auto ours = ReadGrpcInferRequest(bytes, {});
    const auto theirs = protobuf_.New("ModelInferRequest");
    const bool readable = theirs->ParseFromString(bytes);
    const bool malformed = !ours && ours.error().code == ErrorCode::kInternal;
    EXPECT_FALSE(malformed && readable) << ::testing::PrintToString(bytes);
    refused += malformed ? 1 : 0;
    if (!ours || !readable) return;
    const auto* name = theirs->GetDescriptor()->FindFieldByName("model_name");
    EXPECT_EQ(ours->model, theirs->GetReflection()->GetString(*theirs, name));
    const auto* inputs = theirs->GetDescriptor()->FindFieldByName("inputs");
    EXPECT_EQ(ours->request.inputs.size(),
              static_cast<std::size_t>(theirs->GetReflection()->FieldSize(*theirs, inputs)));
  };
  for (std::size_t length = 0; length <= whole.size(); ++length) check(whole.substr(0, length));
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (std::uint64_t i = 1 + random.Below(3); i > 0; --i) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    check(bytes);
  }
  EXPECT_GT(refused, 1'000);
}

Tensor Make(const std::string& name, Datatype datatype, std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.name = name;
  tensor.datatype = datatype;
  tensor.shape = std::move(shape);
  return tensor;
}

TEST_F(GrpcMessages, WritesTypedAndRawAnswersThatProtobufReads) {
  std::vector<Tensor> tensors = {Make("f", Datatype::kFp32, {2, 1}), Make("i", Datatype::kInt8, {2}),
                                 Make("b", Datatype::kBool, {1}),    Make("u", Datatype::kUint64, {1}),
                                 Make("d", Datatype::kFp64, {1}),    Make("t", Datatype::kBytes, {2}),
                                 Make("e", Datatype::kFp32, {0})};
  tensors[0].floats = {0.5F, 2.0F};
  tensors[1].ints = {-1, 7};
  tensors[2].ints = {1};
  tensors[3].ints = {-1};
  tensors[4].doubles = {0.25};
  tensors[5].texts = {"a\xff", ""};
  EXPECT_EQ(
      protobuf_.Text("ModelInferResponse", WriteGrpcInferAnswer({"m", "2", "id", false}, tensors)),
      "model_name: \"m\" model_version: \"2\" id: \"id\" "
      "outputs { name: \"f\" datatype: \"FP32\" shape: 2 shape: 1 contents { fp32_contents: 0.5 fp32_contents: 2 } } "
      "outputs { name: \"i\" datatype: \"INT8\" shape: 2 contents { int_contents: -1 int_contents: 7 } } "
      "outputs { name: \"b\" datatype: \"BOOL\" shape: 1 contents { bool_contents: true } } "
      "outputs { name: \"u\" datatype: \"UINT64\" shape: 1 contents { uint64_contents: 18446744073709551615 } } "
      "outputs { name: \"d\" datatype: \"FP64\" shape: 1 contents { fp64_contents: 0.25 } } "
      "outputs { name: \"t\" datatype: \"BYTES\" shape: 2 contents { bytes_contents: \"a\\377\" bytes_contents: \"\" } "
      "} "
      "outputs { name: \"e\" datatype: \"FP32\" shape: 0 contents { } }");
  EXPECT_EQ(protobuf_.Text("ModelInferResponse",
                           WriteGrpcInferAnswer({"m", "2", "", true}, std::span(tensors).subspan(0, 2))),
            "model_name: \"m\" model_version: \"2\" "
            "outputs { name: \"f\" datatype: \"FP32\" shape: 2 shape: 1 } outputs { name: \"i\" datatype: \"INT8\" "
            "shape: 2 } "
            "raw_output_contents: \"\\000\\000\\000?\\000\\000\\000@\" raw_output_contents: \"\\377\\007\"");
  std::vector<Tensor> half = {Make("h", Datatype::kFp16, {1})};
  half[0].floats = {1.0F};
  EXPECT_THAT(protobuf_.Text("ModelInferResponse", WriteGrpcInferAnswer({"m", "2", "", false}, half)),
              HasSubstr("raw_output_contents: \"\\000<\""));
}

}  // namespace
}  // namespace keelson::wire::inference
