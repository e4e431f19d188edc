#include "wire/inference/grpc_service.h"

#include <gmock/gmock.h>

#include <future>

#include "io/grpc_reflection.h"
#include "wire/inference/grpc_call_testing.h"
#include "wire/inference/grpc_protobuf_testing.h"

namespace keelson::wire::inference {
namespace {

using io::GrpcCode;
using ::testing::HasSubstr;

const std::string kModels = KEELSON_SOURCE_DIR "/src/serving/testdata/";

class Shelf final : public ModelRepository {
 public:
  std::vector<std::string> Names() override { return {"soft"}; }
  Result<std::vector<Served>> Load(const std::string& name) override {
    if (name != "soft") return Fail(ErrorCode::kNotFound, "not on the shelf");
    std::vector<Served> served(1);
    KEELSON_ASSIGN_OR_RETURN(served[0].model,
                             serving::LoadedModel::Load({.name = "soft", .path = kModels + "softprob.ubj"}));
    return served;
  }
};

class GrpcServiceTest : public ::testing::Test {
 protected:
  GrpcServiceTest() {
    ReplicaHandler::Options options;
    options.repository = &shelf_;
    options.server_version = "9";
    replica_ = std::make_unique<ReplicaHandler>(*shelf_.Load("soft"), clock_, options);
    service_ = std::make_unique<GrpcService>(*replica_);
  }

  // The answer of that type as text, or the status.
  std::string Ask(const std::string& method, const std::string& asked, const std::string& answered,
                  const std::string& text) {
    const auto call = std::make_shared<testing::LocalCall>(method);
    const auto handler = service_->Accept(call);
    if (handler == nullptr) return "no such method";
    handler->OnMessage(protobuf_.Bytes(asked, text));
    handler->OnHalfClose();
    last_ = call;
    // What is not quick is answered by a thread of the model's.
    if (call->end.get_future().wait_for(std::chrono::seconds(60)) != std::future_status::ready) return "not finished";
    if (call->finished->ok()) return protobuf_.Text(answered, call->written.at(0));
    return std::to_string(static_cast<int>(call->finished->code)) + ": " + call->finished->message;
  }
  std::string Infer(const std::string& text) {
    return Ask("ModelInfer", "ModelInferRequest", "ModelInferResponse", text);
  }

  SystemClock clock_;
  Shelf shelf_;
  testing::ProtobufMessages protobuf_;
  std::unique_ptr<ReplicaHandler> replica_;
  std::unique_ptr<GrpcService> service_;
  std::shared_ptr<testing::LocalCall> last_;
};

const char* const kRow =
    "model_name: 'soft' inputs {name: 'x' datatype: 'FP32' shape: [1, 5] contents {fp32_contents: [1, 2, 3, 4, 5]}}";

TEST_F(GrpcServiceTest, TellsOfServerAndModels) {
  EXPECT_EQ(Ask("ServerLive", "ServerLiveRequest", "ServerLiveResponse", ""), "live: true");
  EXPECT_EQ(Ask("ServerReady", "ServerReadyRequest", "ServerReadyResponse", ""), "ready: true");
  EXPECT_EQ(Ask("ModelReady", "ModelReadyRequest", "ModelReadyResponse", "name: 'soft' version: '1'"), "ready: true");
  EXPECT_EQ(Ask("ModelReady", "ModelReadyRequest", "ModelReadyResponse", "name: 'none'"), "");
  EXPECT_EQ(Ask("ServerMetadata", "ServerMetadataRequest", "ServerMetadataResponse", ""),
            "name: \"keelson\" version: \"9\" extensions: \"binary_tensor_data\" extensions: \"schedule_policy\" "
            "extensions: \"statistics\" extensions: \"model_repository\" extensions: \"model_configuration\"");
  EXPECT_EQ(Ask("ModelMetadata", "ModelMetadataRequest", "ModelMetadataResponse", "name: 'soft'"),
            "name: \"soft\" versions: \"1\" platform: \"keelson_xgboost\" "
            "inputs { name: \"input-0\" datatype: \"FP32\" shape: -1 shape: 5 } "
            "outputs { name: \"predict\" datatype: \"FP32\" shape: -1 shape: 3 }");
  EXPECT_EQ(Ask("ModelConfig", "ModelConfigRequest", "ModelConfigResponse", "name: 'soft'"),
            "config { name: \"soft\" platform: \"keelson_xgboost\" "
            "input { name: \"input-0\" data_type: TYPE_FP32 dims: -1 dims: 5 } "
            "output { name: \"predict\" data_type: TYPE_FP32 dims: -1 dims: 3 } backend: \"keelson\" }");
  EXPECT_EQ(Ask("ModelMetadata", "ModelMetadataRequest", "ModelMetadataResponse", "name: 'none'"),
            "5: Model with name none does not exist.");
  EXPECT_EQ(Ask("SystemSharedMemoryStatus", "ServerLiveRequest", "ServerLiveResponse", ""), "no such method");
  replica_->SetReady(false);
  EXPECT_EQ(Ask("ServerReady", "ServerReadyRequest", "ServerReadyResponse", ""), "");
}

TEST_F(GrpcServiceTest, InfersCountsAndRefuses) {
  const std::string answer = Infer(std::string(kRow) + " id: 'mine'");
  EXPECT_THAT(answer, HasSubstr("model_name: \"soft\" model_version: \"1\" id: \"mine\" outputs { name: \"predict\""));
  EXPECT_THAT(answer, HasSubstr("shape: 1 shape: 3 contents { fp32_contents:"));
  EXPECT_EQ(last_->metadata.at("x-keelson-version"), "1");
  EXPECT_THAT(Infer(std::string(kRow) + " parameters {key: 'predict' value {string_param: 'contributions'}}"),
              HasSubstr("shape: 1 shape: 3 shape: 6"));
  EXPECT_EQ(Infer(std::string(kRow) + " outputs {name: 'other'}"), "3: unknown output \"other\"; expected: predict");
  EXPECT_EQ(Infer("model_name: 'none'"), "5: Model with name none does not exist.");
  EXPECT_EQ(Infer(std::string(kRow) + " model_version: '4'"), "5: Model with name soft has no version 4; it has: 1");
  EXPECT_THAT(Infer("model_name: 'soft' inputs {name: 'x' datatype: 'FP32' shape: [1, 4] contents {fp32_contents: 1}}"),
              HasSubstr("3: input \"x\" has 1 elements"));
  const std::string stats = Ask("ModelStatistics", "ModelStatisticsRequest", "ModelStatisticsResponse", "name: 'soft'");
  EXPECT_THAT(stats, HasSubstr("inference_count: 2 execution_count: 2"));
  EXPECT_THAT(stats, HasSubstr("success { count: 2 ns:"));
  EXPECT_THAT(stats, HasSubstr("fail { count: 2"));
  EXPECT_THAT(stats, HasSubstr("batch_stats { batch_size: 1"));
}

TEST_F(GrpcServiceTest, AnswersWhatIsNoMessageAsGrpcDoes) {
  for (const char* method : {"ModelInfer", "ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics",
                             "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"}) {
    const auto call = std::make_shared<testing::LocalCall>(method);
    service_->Accept(call)->OnMessage("\x0a\xff");
    ASSERT_TRUE(call->finished.has_value()) << method;
    EXPECT_EQ(call->finished->code, GrpcCode::kInternal) << method;
  }
}

TEST_F(GrpcServiceTest, StreamsOneAnswerForEachRequest) {
  const auto call = std::make_shared<testing::LocalCall>("ModelStreamInfer");
  const auto handler = service_->Accept(call);
  handler->OnMessage(protobuf_.Bytes("ModelInferRequest", std::string(kRow) + " id: 'a'"));
  handler->OnMessage(protobuf_.Bytes("ModelInferRequest", "model_name: 'none'"));
  handler->OnMessage(protobuf_.Bytes("ModelInferRequest", std::string(kRow) + " id: 'b'"));
  EXPECT_FALSE(call->ended());
  handler->OnHalfClose();
  ASSERT_TRUE(call->ended());
  EXPECT_TRUE(call->finished->ok());
  ASSERT_EQ(call->written.size(), 3U);
  EXPECT_THAT(protobuf_.Text("ModelStreamInferResponse", call->written[0]),
              HasSubstr("infer_response { model_name: \"soft\""));
  EXPECT_THAT(protobuf_.Text("ModelStreamInferResponse", call->written[0]), HasSubstr("id: \"a\""));
  EXPECT_THAT(protobuf_.Text("ModelStreamInferResponse", call->written[0]),
              HasSubstr("parameters { key: \"triton_final_response\" value { bool_param: true } }"));
  EXPECT_EQ(protobuf_.Text("ModelStreamInferResponse", call->written[1]),
            "error_message: \"Model with name none does not exist.\"");
  EXPECT_THAT(protobuf_.Text("ModelStreamInferResponse", call->written[2]), HasSubstr("id: \"b\""));
}

TEST_F(GrpcServiceTest, LoadsUnloadsAndLists) {
  const auto change = [&](const std::string& method, const std::string& text) {
    const auto call = std::make_shared<testing::LocalCall>(method);
    const auto handler = service_->Accept(call);
    handler->OnMessage(protobuf_.Bytes(method + "Request", text));
    std::promise<void> done;  // after it, for there is one thread
    replica_->Change(false, "nothing", [&](const Status&) { done.set_value(); });
    done.get_future().wait();
    if (!call->finished->ok())
      return std::to_string(static_cast<int>(call->finished->code)) + ": " + call->finished->message;
    return protobuf_.Text(method + "Response", call->written.at(0));
  };
  const auto index = [&](const std::string& text) {
    return Ask("RepositoryIndex", "RepositoryIndexRequest", "RepositoryIndexResponse", text);
  };
  EXPECT_EQ(index(""), "models { name: \"soft\" version: \"1\" state: \"READY\" }");
  EXPECT_EQ(change("RepositoryModelUnload",
                   "model_name: 'soft' parameters {key: 'unload_dependents' value {bool_param: false}}"),
            "model_name: \"soft\" isUnloaded: true");
  EXPECT_EQ(index(""), "models { name: \"soft\" state: \"UNAVAILABLE\" reason: \"unloaded\" }");
  EXPECT_EQ(index("ready: true"), "");
  EXPECT_THAT(Infer(kRow), HasSubstr("5: Model with name soft does not exist."));
  EXPECT_EQ(change("RepositoryModelLoad", "model_name: 'soft'"), "model_name: \"soft\" isLoaded: true");
  EXPECT_THAT(change("RepositoryModelLoad", "model_name: 'none'"),
              HasSubstr("5: Model with name none does not exist."));
  EXPECT_THAT(change("RepositoryModelLoad", "model_name: 'soft' parameters {key: 'config' value {string_param: '{}'}}"),
              HasSubstr("3: unrecognized parameter 'config'"));
  EXPECT_THAT(index("repository_name: 'r'"), HasSubstr("12: 'repository_name' specification is not supported"));
  EXPECT_THAT(change("RepositoryModelLoad", "repository_name: 'r' model_name: 'soft'"), HasSubstr("12: "));
}

TEST(Reflection, KnowsTheServicesAndTheirFiles) {
  const auto reflection = io::GrpcReflection::Open(GrpcDescriptors());
  ASSERT_TRUE(reflection.has_value()) << reflection.error().ToString();
  testing::ProtobufMessages protobuf;
  const auto list = (*reflection)->Answer(std::string_view("\x3a\x00", 2));
  for (const char* service : {"inference.GRPCInferenceService", "grpc.health.v1.Health",
                              "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
    EXPECT_THAT(*list, HasSubstr(service));
  }
  const auto ask = [&](char field, const std::string& text) {
    std::string request(1, field);
    request.push_back(static_cast<char>(text.size()));
    return *(*reflection)->Answer(request + text);
  };
  constexpr char kFile = 0x1a, kSymbol = 0x22, kNumbers = 0x32;
  for (const char* symbol : {"inference.GRPCInferenceService", "inference.GRPCInferenceService.ModelInfer",
                             "inference.ModelInferRequest", "inference.ModelInferRequest.InferInputTensor"}) {
    const auto answer = ask(kSymbol, symbol);
    EXPECT_THAT(answer, HasSubstr("inference/grpc_service.proto")) << symbol;
    EXPECT_THAT(answer, HasSubstr("TYPE_BF16")) << symbol;  // of the file that it imports
  }
  EXPECT_THAT(ask(kSymbol, "grpc.health.v1.HealthCheckResponse.ServingStatus"), HasSubstr("SERVICE_UNKNOWN"));
  EXPECT_THAT(ask(kSymbol, "inference.Nothing"), HasSubstr("Symbol not found: inference.Nothing"));
  EXPECT_THAT(ask(kFile, "inference/model_config.proto"), HasSubstr("TYPE_BF16"));
  EXPECT_THAT(ask(kFile, "none.proto"), HasSubstr("File not found: none.proto"));
  EXPECT_THAT(ask(kNumbers, "inference.ModelInferRequest"), HasSubstr("inference.ModelInferRequest"));
  EXPECT_FALSE((*reflection)->Answer("\x0a").has_value());
}

}  // namespace
}  // namespace keelson::wire::inference
