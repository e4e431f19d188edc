#include "wire/inference/grpc_edge.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>

#include "wire/inference/edge_testing.h"
#include "wire/inference/grpc_call_testing.h"
#include "wire/inference/grpc_protobuf_testing.h"
#include "wire/inference/grpc_service.h"

namespace keelson::wire::inference {
namespace {

using io::GrpcCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class GrpcEdgeTest : public ::testing::Test {
 protected:
  std::shared_ptr<testing::LocalCall> Call(const std::string& method, const std::string& message) {
    auto call = std::make_shared<testing::LocalCall>(method);
    call->request_.request_id = "generated";
    call->request_.metadata = metadata_;
    call->request_.deadline = deadline_;
    const auto handler = edge_.Accept(call);
    if (handler == nullptr) return nullptr;
    handler->OnMessage(message);
    handler->OnHalfClose();
    return call;
  }
  // The answer as text, or the status.
  std::string Ask(const std::string& method, const std::string& text) {
    const auto call = Call(method, protobuf_.Bytes(method + "Request", text));
    if (call == nullptr) return "no such method";
    if (call->finished->ok()) return protobuf_.Text(method + "Response", call->written.at(0));
    return std::to_string(static_cast<int>(call->finished->code)) + ": " + call->finished->message;
  }
  std::string Forwarded() { return protobuf_.Text("ModelInferRequest", gateway_.call_.body); }
  std::string_view Header(std::string_view name) const { return io::FindHeader(gateway_.call_.headers, name); }

  testing::ProtobufMessages protobuf_;
  FakeGateway gateway_;
  FakeDirectory directory_;
  io::HttpHeaders metadata_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::vector<data::Value> keys_;
  Instant time_{};
  Result<std::vector<double>> found_ = std::vector<double>{0.1, 3, std::nan(""), 0};
  GrpcEdge edge_{gateway_, directory_,
                 [this](const std::string&, std::span<const data::Value> keys, std::size_t, Instant time) {
                   keys_.assign(keys.begin(), keys.end());
                   time_ = time;
                   return found_;
                 },
                 "1.2"};
};

const char* const kPlain =
    "model_name: 'plain' inputs {name: 'x' datatype: 'FP32' shape: [1, 1] contents {fp32_contents: 1}} ";
const char* const kKeyed =
    "model_name: 'flights' id: 'f-17' "
    "inputs {name: 'origin' datatype: 'BYTES' shape: 2 contents {bytes_contents: ['JFK', 'LGA']}} "
    "inputs {name: 'number' datatype: 'INT64' shape: 2 contents {int64_contents: [7, 8]}} ";

TEST_F(GrpcEdgeTest, PassesAMessageOnAsItCame) {
  const std::string message = protobuf_.Bytes("ModelInferRequest", kPlain) + "\x9a\x06\x03new";  // a field of tomorrow
  gateway_.answer_->body = protobuf_.Bytes("ModelInferResponse", "model_name: 'plain' id: 'i'");
  gateway_.answer_->headers = {{"x-keelson-version", "4"}};
  const auto call = Call("ModelInfer", message);
  EXPECT_TRUE(call->finished->ok());
  EXPECT_EQ(call->written.at(0), gateway_.answer_->body);
  EXPECT_EQ(call->metadata.at("x-keelson-version"), "4");
  EXPECT_EQ(gateway_.call_.body, message);
  EXPECT_EQ(gateway_.call_.target, "/inference.GRPCInferenceService/ModelInfer");
  EXPECT_EQ(gateway_.endpoint_, "plain");
  EXPECT_EQ(gateway_.request_id_, "generated");
  EXPECT_EQ(gateway_.version_, "");
  EXPECT_EQ(Header("x-keelson-time"), "42");
}

TEST_F(GrpcEdgeTest, TellsTheGatewayTheIdTheVersionAndTheDeadline) {
  metadata_ = {{"x-keelson-time", "99"}};
  deadline_ = std::chrono::steady_clock::now() + std::chrono::hours(1);
  Ask("ModelInfer", std::string(kPlain) + "id: 'mine' model_version: '4'");
  EXPECT_EQ(gateway_.request_id_, "mine");
  EXPECT_EQ(gateway_.version_, "4");
  EXPECT_EQ(gateway_.deadline_, deadline_);
  EXPECT_EQ(Header("x-keelson-time"), "99");
  Ask("ModelInfer", std::string(kPlain) + "id: 'not sane!'");
  EXPECT_EQ(gateway_.request_id_, "generated");
}

TEST_F(GrpcEdgeTest, WritesFeaturesBehindTheMessage) {
  metadata_ = {{"x-keelson-time", "99"}};
  Ask("ModelInfer", kKeyed);
  EXPECT_EQ(gateway_.request_id_, "f-17");
  EXPECT_EQ(keys_,
            (std::vector<data::Value>{std::string("JFK"), std::int64_t{7}, std::string("LGA"), std::int64_t{8}}));
  EXPECT_EQ(ToMicros(time_), 99);
  EXPECT_EQ(Header("x-keelson-keys"), "origin,number");
  EXPECT_THAT(Forwarded(),
              HasSubstr("inputs { name: \"route__mean\" datatype: \"FP32\" shape: 2 contents { fp32_contents: 0.1 "
                        "fp32_contents: nan } } inputs { name: \"route__count\" datatype: \"FP32\" shape: 2 contents { "
                        "fp32_contents: 3 fp32_contents: 0 } }"));
  found_ = std::vector<double>{1, 2};
  const std::string raw(
      "inputs {name: 'origin' datatype: 'BYTES' shape: 1} inputs {name: 'number' datatype: 'INT64' shape: 1} "
      "raw_input_contents: '\\x01\\x00\\x00\\x00Q' raw_input_contents: '\\x04\\x00\\x00\\x00\\x00\\x00\\x00\\x00'");
  Ask("ModelInfer", "model_name: 'flights' " + raw);
  EXPECT_EQ(keys_, (std::vector<data::Value>{std::string("Q"), std::int64_t{4}}));
  const auto asked = ReadGrpcInferRequest(gateway_.call_.body, {});
  ASSERT_TRUE(asked.has_value()) << asked.error().ToString();
  ASSERT_EQ(asked->request.inputs.size(), 4u);
  EXPECT_EQ(asked->request.inputs[3].name, "route__count");
  EXPECT_EQ(asked->request.inputs[3].floats, std::vector<float>{2});
}

TEST_F(GrpcEdgeTest, RefusesBeforeItForwards) {
  EXPECT_EQ(Ask("ModelInfer", "model_name: 'none'"), "5: Model with name none does not exist.");
  EXPECT_EQ(Ask("ModelMetadata", "name: 'none'"), "5: Model with name none does not exist.");
  EXPECT_THAT(Ask("ModelInfer", "model_name: 'flights'"), HasSubstr("3: input \"origin\" is missing"));
  found_ = Fail(ErrorCode::kFailedPrecondition, "too long ago");
  EXPECT_EQ(Ask("ModelInfer", kKeyed), "9: too long ago");
  found_ = std::vector<double>{1};
  EXPECT_THAT(Ask("ModelInfer", kKeyed), HasSubstr("13: "));
  for (const char* method : {"ModelInfer", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics",
                             "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"}) {
    EXPECT_EQ(Call(method, "\x0a\xff")->finished->code, GrpcCode::kInternal) << method;
  }
  EXPECT_EQ(Call("SystemSharedMemoryStatus", ""), nullptr);
  EXPECT_EQ(gateway_.forwarded_, 0);
}

TEST_F(GrpcEdgeTest, AnswersForTheServer) {
  EXPECT_EQ(Ask("ServerLive", ""), "live: true");
  EXPECT_EQ(Ask("ServerReady", ""), "ready: true");
  EXPECT_THAT(Ask("ServerMetadata", ""), HasSubstr("name: \"keelson\" version: \"1.2\" extensions: \"binary_tensor"));
  EXPECT_EQ(Ask("ModelReady", "name: 'plain'"), "ready: true");
  EXPECT_EQ(Ask("ModelReady", "name: 'plain' version: '4'"), "ready: true");
  EXPECT_EQ(Ask("ModelReady", "name: 'plain' version: '5'"), "");
  EXPECT_EQ(Ask("ModelReady", "name: 'none'"), "");
  EXPECT_EQ(
      Ask("RepositoryIndex", ""),
      "models { name: \"flights\" version: \"3\" state: \"READY\" } models { name: \"flights\" version: \"4\" state: "
      "\"READY\" } models { name: \"plain\" version: \"3\" state: \"READY\" } models { name: \"plain\" version: "
      "\"4\" state: \"READY\" }");
  EXPECT_THAT(Ask("RepositoryIndex", "repository_name: 'r'"), HasSubstr("12: "));
  EXPECT_THAT(Ask("RepositoryModelLoad", "model_name: 'plain'"), HasSubstr("3: the versions behind an endpoint"));
  EXPECT_THAT(Ask("RepositoryModelUnload", "model_name: 'plain'"), HasSubstr("3: the versions behind an endpoint"));
  EXPECT_THAT(Ask("ModelStatistics", ""), HasSubstr("3: "));
  EXPECT_EQ(gateway_.forwarded_, 0);
}

TEST_F(GrpcEdgeTest, DescribesTheEndpointAndNotTheReplica) {
  gateway_.answer_->body = protobuf_.Bytes(
      "ModelMetadataResponse",
      "name: 'flights' versions: '3' platform: 'p' inputs {name: 'origin' datatype: 'BYTES' shape: -1} "
      "inputs {name: 'route__mean' datatype: 'FP64' shape: -1} outputs {name: 'y' datatype: 'FP32' shape: -1}");
  EXPECT_EQ(Ask("ModelMetadata", "name: 'flights' version: '3'"),
            "name: \"flights\" versions: \"3\" versions: \"4\" platform: \"p\" "
            "inputs { name: \"origin\" datatype: \"BYTES\" shape: -1 } "
            "inputs { name: \"number\" datatype: \"INT64\" shape: -1 } "
            "outputs { name: \"y\" datatype: \"FP32\" shape: -1 }");
  EXPECT_EQ(gateway_.version_, "3");
  gateway_.answer_->body = protobuf_.Bytes(
      "ModelConfigResponse",
      "config {name: 'flights' max_batch_size: 4 input {name: 'route__count' data_type: TYPE_FP64 dims: -1} "
      "input {name: 'x' data_type: TYPE_FP64 dims: -1 optional: true} backend: 'keelson'}");
  EXPECT_EQ(Ask("ModelConfig", "name: 'flights'"),
            "config { name: \"flights\" max_batch_size: 4 input { name: \"x\" data_type: TYPE_FP64 dims: -1 optional: "
            "true } input { name: \"origin\" data_type: TYPE_STRING dims: -1 } "
            "input { name: \"number\" data_type: TYPE_INT64 dims: -1 } backend: \"keelson\" }");
  EXPECT_THAT(Ask("ModelConfig", "name: 'plain'"), AllOf(HasSubstr("route__count"), Not(HasSubstr("origin"))));
  gateway_.answer_->body = protobuf_.Bytes("ModelStatisticsResponse", "model_stats {name: 'plain'}");
  EXPECT_EQ(Ask("ModelStatistics", "name: 'plain'"), "model_stats { name: \"plain\" }");
}

TEST_F(GrpcEdgeTest, AStreamGoesOnAfterWhatIsRefused) {
  gateway_.answer_->body = protobuf_.Bytes("ModelInferResponse", "model_name: 'plain'");
  const auto call = std::make_shared<testing::LocalCall>("ModelStreamInfer");
  const auto handler = edge_.Accept(call);
  handler->OnMessage(protobuf_.Bytes("ModelInferRequest", kPlain));
  handler->OnMessage(protobuf_.Bytes("ModelInferRequest", "model_name: 'none'"));
  gateway_.answer_ = Fail(ErrorCode::kDeadlineExceeded, "no replica became ready in time");
  handler->OnMessage(protobuf_.Bytes("ModelInferRequest", kPlain));
  handler->OnHalfClose();
  EXPECT_TRUE(call->finished->ok());
  ASSERT_EQ(call->written.size(), 3u);
  const auto said = [&](std::size_t i) { return protobuf_.Text("ModelStreamInferResponse", call->written[i]); };
  EXPECT_THAT(said(0), HasSubstr("model_name: \"plain\" parameters { key: \"triton_final_response\""));
  EXPECT_EQ(said(1), "error_message: \"Model with name none does not exist.\"");
  EXPECT_EQ(said(2), "error_message: \"no replica became ready in time\"");
}

// Hands what is forwarded to a replica's service, as the replica's HTTP server does.
class ReplicaGateway final : public FakeGateway {
 public:
  explicit ReplicaGateway(GrpcService& service) : service_(service) {}
  void Forward(gateway::GatewayRequest request, std::function<void(Result<io::HttpResponse>)> done) override {
    io::HttpRequest carried;
    carried.method = request.call.method;
    carried.path = request.call.target;
    carried.headers = request.call.headers;
    carried.body = request.call.body;
    carried.request_id = request.request_id;
    AnswerCarried(
        std::move(carried), [done](io::HttpResponse response) { done(std::move(response)); },
        [this](const auto& call) { return service_.Accept(call); });
  }

 private:
  GrpcService& service_;
};

TEST_F(GrpcEdgeTest, AReplicaAnswersThroughItAsDirectly) {
  SystemClock clock;
  std::vector<Served> served(1);
  served[0].model =
      serving::LoadedModel::Load(
          {.name = "plain", .version = "3", .path = KEELSON_SOURCE_DIR "/src/serving/testdata/softprob.ubj"})
          .value();
  ReplicaHandler replica(std::move(served), clock, {});
  GrpcService service(replica);
  ReplicaGateway gateway(service);
  GrpcEdge edge(gateway, directory_, nullptr, "1");
  const auto ask = [&](auto& who, const std::string& method, const std::string& text) {
    const auto call = std::make_shared<testing::LocalCall>(method);
    const auto handler = who.Accept(call);
    handler->OnMessage(protobuf_.Bytes(method + "Request", text));
    handler->OnHalfClose();
    call->end.get_future().wait();
    return call->finished->ok() ? call->written.at(0)
                                : std::to_string(static_cast<int>(call->finished->code)) + call->finished->message;
  };
  const std::string row =
      "model_name: 'plain' inputs {name: 'x' datatype: 'FP32' shape: [1, 5] contents {fp32_contents: "
      "[1, 2, 3, 4, 5]}} ";
  for (const auto& [method, text] : std::multimap<std::string, std::string>{
           {"ModelInfer", row + "id: 'a'"},
           {"ModelInfer", row + "parameters {key: 'predict' value {string_param: 'contributions'}}"},
           {"ModelInfer", row + "parameters {key: 'predict' value {string_param: 'margin'}}"},
           {"ModelInfer", row + "parameters {key: 'predict' value {string_param: 'leaves'}}"},
           {"ModelInfer", row + "parameters {key: 'predict' value {string_param: 'other'}}"},
           {"ModelInfer", row + "outputs {name: 'none'}"},
           {"ModelInfer", row + "model_version: '9'"},
           {"ModelInfer", "model_name: 'plain'"},
           {"ModelConfig", "name: 'plain'"}}) {
    EXPECT_EQ(ask(edge, method, text), ask(service, method, text)) << method << " " << text;
  }
}

}  // namespace
}  // namespace keelson::wire::inference
