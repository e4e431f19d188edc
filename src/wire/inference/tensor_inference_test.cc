#include "wire/inference/tensor_inference.h"

#include <gmock/gmock.h>

#include <limits>

#include "io/files.h"
#include "wire/inference/replica_handler.h"

namespace keelson::wire::inference {
namespace {

using testing::HasSubstr;

const std::string kModels = KEELSON_SOURCE_DIR "/src/serving/testdata/onnx/";

Tensor Make(const std::string& name, Datatype datatype, std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.name = name;
  tensor.datatype = datatype;
  tensor.shape = std::move(shape);
  return tensor;
}

TEST(TensorAnswer, WritesEveryKindOfElement) {
  std::vector<Tensor> tensors = {Make("b", Datatype::kBool, {2}), Make("u", Datatype::kUint64, {1}),
                                 Make("i", Datatype::kInt8, {2}), Make("f", Datatype::kFp32, {2, 1}),
                                 Make("d", Datatype::kFp64, {3}), Make("t", Datatype::kBytes, {2}),
                                 Make("h", Datatype::kFp16, {1}), Make("e", Datatype::kInt32, {0, 3})};
  tensors[0].ints = {1, 0};
  tensors[1].ints = {-1};
  tensors[2].ints = {-1, 7};
  tensors[3].floats = {0.1F, std::numeric_limits<float>::quiet_NaN()};
  tensors[4].doubles = {0.1, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  tensors[5].texts = {"a\"b", ""};
  tensors[6].floats = {1.0F};
  InferRequest asked;
  EXPECT_EQ(WriteTensorAnswer("m", "1", asked, tensors).error().code, ErrorCode::kUnsupported);
  asked.id = "id";
  asked.outputs = {{"h", true}, {"b", {}}};
  const auto answer = WriteTensorAnswer("m", "1", asked, tensors);
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  const std::string json = R"({"model_name":"m","model_version":"1","id":"id","outputs":[)"
                           R"({"name":"b","shape":[2],"datatype":"BOOL","data":[true,false]},)"
                           R"({"name":"u","shape":[1],"datatype":"UINT64","data":[18446744073709551615]},)"
                           R"({"name":"i","shape":[2],"datatype":"INT8","data":[-1,7]},)"
                           R"({"name":"f","shape":[2,1],"datatype":"FP32","data":[0.1,null]},)"
                           R"({"name":"d","shape":[3],"datatype":"FP64","data":[0.1,1e999,-1e999]},)"
                           R"({"name":"t","shape":[2],"datatype":"BYTES","data":["a\"b",""]},)"
                           R"({"name":"h","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}},)"
                           R"({"name":"e","shape":[0,3],"datatype":"INT32","data":[]}]})";
  EXPECT_EQ(answer->body, json + std::string("\x00\x3c", 2));
  EXPECT_EQ(io::FindHeader(answer->headers, "inference-header-content-length"), std::to_string(json.size()));
}

class TensorReplica : public testing::Test {
 protected:
  TensorReplica() {
    serving::ModelSource source;
    source.name = "net";
    source.path = kModels + "network.onnx";
    source.tensors = true;
    std::vector<ReplicaHandler::Served> served(1);
    served[0].model = *serving::LoadedModel::Load(source);
    handler_ = std::make_unique<ReplicaHandler>(std::move(served), clock_, ReplicaHandler::Options{});
  }
  io::HttpResponse Ask(const std::string& method, const std::string& path, const std::string& body = "") {
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    return handler_->Answer(request);
  }

  SystemClock clock_;
  std::unique_ptr<ReplicaHandler> handler_;
};

TEST_F(TensorReplica, DescribesItsTensors) {
  const auto answer = Ask("GET", "/v2/models/net");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("inputs":[{"datatype":"FP32","name":"x","shape":[-1,3]}])"));
  EXPECT_THAT(answer.body, HasSubstr(R"("outputs":[{"datatype":"FP32","name":"y","shape":[-1,2]}])"));
  EXPECT_THAT(answer.body, HasSubstr("onnxruntime_onnx"));
}

TEST_F(TensorReplica, InfersAndRefusesInTheProtocolsShape) {
  const auto input = [](const std::string& name, const std::string& shape) {
    return R"({"id":"7","inputs":[{"name":")" + name + R"(","shape":)" + shape +
           R"(,"datatype":"FP32","data":[1.5,0,-2]}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]})";
  };
  const auto answer = Ask("POST", "/v2/models/net/infer", input("x", "[1,3]"));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr(R"("outputs":[{"name":"y","shape":[1,2],"datatype":"FP32","parameters")"));
  EXPECT_EQ(Ask("POST", "/v2/models/net/infer", input("z", "[1,3]")).status, 400);
  EXPECT_EQ(Ask("POST", "/v2/models/net/infer", input("x", "[3,1]")).status, 400);
  const auto other = Ask("POST", "/v2/models/net/infer", R"({"inputs":[],"parameters":{"predict":"margin"}})");
  EXPECT_EQ(other.status, 400);
  EXPECT_THAT(other.body, HasSubstr("values only"));
}

}  // namespace
}  // namespace keelson::wire::inference
