#include "wire/inference/tensor_scoring.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/temp_folder.h"
#include "wire/inference/replica_handler.h"

// Side by side with MLflow's own scoring server: tests/serving/mlflow_test.py.
namespace keelson::wire::inference {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kModels = KEELSON_SOURCE_DIR "/src/serving/testdata/onnx/";

class TensorScoringTest : public testing::Test {
 protected:
  TensorScoringTest() {
    std::vector<ReplicaHandler::Served> served(3);
    const char* const names[] = {"classifier", "network", "types"};
    for (std::size_t i = 0; i < 3; ++i) {
      serving::ModelSource source;
      source.name = names[i];
      source.path = kModels + names[i] + ".onnx";
      source.tensors = true;
      served[i].model = *serving::LoadedModel::Load(source);
    }
    served.emplace_back().model = NativePyfunc();
    served[0].payload = *serving::PayloadWriter::Open(log_, served[0].model->payload_schema());
    model_ = served[1].model;
    handler_ = std::make_unique<ReplicaHandler>(std::move(served), clock_, ReplicaHandler::Options{});
  }

  // A regressor that scikit-learn saved, as mlflow.sklearn does without a signature.
  std::shared_ptr<const serving::LoadedModel> NativePyfunc() {
    const auto pickle = io::ReadFile(KEELSON_SOURCE_DIR "/src/sklearn/testdata/1.9.1/extra_trees.pkl", 1u << 20);
    const std::string folder = temp_.File("trees");
    EXPECT_TRUE(io::MakeFolders(folder).has_value());
    EXPECT_TRUE(io::WriteFileAtomically(folder + "/model.pkl", *pickle).has_value());
    EXPECT_TRUE(io::WriteFileAtomically(folder + "/MLmodel",
                                        "flavors: {python_function: {loader_module: mlflow.sklearn}, "
                                        "sklearn: {pickled_model: model.pkl}}\n")
                    .has_value());
    serving::ModelSource source;
    source.name = "trees";
    source.path = folder;
    source.tensors = true;
    source.python = "/bin/false";
    return *serving::LoadedModel::Load(source);
  }

  io::HttpResponse Send(const std::string& path, const std::string& query, const std::string& body,
                        const std::string& type = "application/json") {
    io::HttpRequest request;
    request.method = "POST";
    request.path = path;
    request.query = query;
    request.body = body;
    request.request_id = "r" + std::to_string(++requests_);
    request.headers = {{"content-type", type}};
    return handler_->Answer(request);
  }
  io::HttpResponse Score(const std::string& model, const std::string& body,
                         const std::string& type = "application/json") {
    return Send("/invocations", "model=" + model, body, type);
  }
  json Predictions(const io::HttpResponse& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return response.status == 200 ? json::parse(response.body).at("predictions") : json();
  }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
  const std::string log_ = temp_.File("payload");
  SystemClock clock_;
  int requests_ = 0;
  std::shared_ptr<const serving::LoadedModel> model_;
  std::unique_ptr<ReplicaHandler> handler_;
};

TEST_F(TensorScoringTest, ArraysAreAnsweredByNameAndFramesByRecord) {
  const json whole = Predictions(Score("network", R"({"inputs": [[1.5, 0, -2], [1, 2, 3]]})"));
  ASSERT_TRUE(whole.contains("y")) << whole;
  ASSERT_EQ(whole["y"].size(), 2u);
  ASSERT_EQ(whole["y"][0].size(), 2u);
  for (const char* body :
       {R"({"instances": [[1.5, 0, -2], [1, 2, 3]]})", R"({"inputs": {"x": [[1.5, 0, -2], [1, 2, 3]]}})",
        R"({"instances": [{"x": [1.5, 0, -2]}, {"x": [1, 2, 3]}]})"}) {
    EXPECT_EQ(Predictions(Score("network", body)), whole) << body;
  }
  const json flat = {
      {{"y", whole["y"][0][0]}}, {{"y", whole["y"][0][1]}}, {{"y", whole["y"][1][0]}}, {{"y", whole["y"][1][1]}}};
  EXPECT_EQ(Predictions(Score("network", R"({"dataframe_split": {"data": [[1.5, 0, -2], [1, 2, 3]]}})")), flat);
  EXPECT_EQ(Predictions(Score("network", "a,b,c\n1.5,0,-2\n1,2,3\n", "text/csv")), flat);
  EXPECT_EQ(Predictions(
                Score("network", R"({"dataframe_records": [{"a": 1.5, "b": 0, "c": -2}, {"a": 1, "b": 2, "c": 3}]})")),
            flat);
}

TEST_F(TensorScoringTest, MapsAreAnsweredWithTheirKeys) {
  const json frame = Predictions(Score("classifier", R"({"dataframe_split": {"data": [[1.5, 0, -2], [-1.5, 0, 0]]}})"));
  ASSERT_EQ(frame.size(), 2u);
  EXPECT_TRUE(frame[0].at("output_label").is_string());
  const auto keys = frame[0].at("output_probability");
  EXPECT_TRUE(keys.contains("a") && keys.contains("b") && keys.contains("c")) << keys;
  const json whole = Predictions(Score("classifier", R"({"inputs": [[1.5, 0, -2], [-1.5, 0, 0]]})"));
  EXPECT_EQ(whole.at("output_probability")[1], frame[1].at("output_probability"));
  const json rows =
      Predictions(Send("/v1/models/classifier:predict", "", R"({"instances": [[1.5, 0, -2], [-1.5, 0, 0]]})"));
  EXPECT_EQ(rows, frame);
}

TEST_F(TensorScoringTest, EveryKindOfElementGoesInAndOut) {
  json inputs;
  json wanted;
  for (const char* type : {"UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"}) {
    inputs[std::string("in_") + type] = {0, 7};
    wanted[std::string("out_") + type] = {0, 7};
  }
  for (const char* type : {"FLOAT", "DOUBLE"}) {
    inputs[std::string("in_") + type] = {0.5, -1e30};
    wanted[std::string("out_") + type] = {0.5, type[0] == 'F' ? static_cast<double>(-1e30f) : -1e30};
  }
  inputs["in_BOOL"] = {true, false};
  wanted["out_BOOL"] = {true, false};
  inputs["in_STRING"] = {"a\"b", "\u00e9"};
  wanted["out_STRING"] = {"a\"b", "\u00e9"};
  // The halves cannot come by JSON, so the model has to say that they lack.
  const auto refused = Score("types", json{{"inputs", inputs}}.dump());
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("in_FLOAT16"));
  const auto read = ReadTensorScoring("application/json", R"({"inputs": {"x": [[NaN, null, 1]]}})", *model_, {}, {});
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_TRUE(std::isnan(read->inputs[0].floats[0]) && std::isnan(read->inputs[0].floats[1]));
}

TEST_F(TensorScoringTest, RefusesInMlflowsShape) {
  const auto refused = [&](const std::string& body, const std::string& part, const std::string& model = "network") {
    const auto answer = Score(model, body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr("\"error_code\": \"")) << body;
    EXPECT_THAT(answer.body, HasSubstr(part)) << body;
  };
  refused("{", "valid JSON");
  refused(R"({"nothing": 1})", "exactly one of the input fields");
  refused(R"({"inputs": [[1, 2, 3], [1, 2]]})", "not equally long");
  refused(R"({"inputs": [[1, 2, 3], 4]})", "not equally long");
  refused(R"({"inputs": [[[[[[[[[1]]]]]]]]]})", "dimensions");
  refused(R"({"inputs": [[1, 2]]})", "expected FP32");
  refused(R"({"inputs": [["a", "b", "c"]]})", "a string");
  refused(R"({"inputs": {"z": [[1, 2, 3]]}})", "Invalid input name: z");
  refused(R"({"instances": [{"x": [1, 2, 3]}, {}]})", "not the same");
  refused(R"({"instances": [{"x": [1, 2, 3]}, 4]})", "side by side");
  refused(R"({"inputs": [[1, 2, 3]]})", "This model requires 14 inputs", "types");
  refused(R"({"dataframe_split": {"data": []}})", "no row");
  refused(R"({"dataframe_split": {"data": [["a", "b", "c"]]}})", "expected FP32");
  refused(R"({"dataframe_split": {"columns": ["a"], "data": [[1]]}})", "there is no column 'in_BOOL'", "types");
  EXPECT_EQ(Score("network", "{}", "text/plain").status, 415);
  EXPECT_EQ(Send("/v1/models/network:explain", "", R"({"instances": [[1, 2, 3]]})").status, 400);
  EXPECT_EQ(Send("/v1/models/network:predict", "", R"({"rows": [[1, 2, 3]]})").status, 400);
}

TEST_F(TensorScoringTest, ASignatureOfColumnsMakesEveryFormatAFrame) {
  serving::MlflowSignature signature;
  signature.columns = {{"a", "double"}, {"b", "double"}, {"c", "double"}};
  const auto read = [&](const std::string& body) {
    return ReadTensorScoring("application/json", body, *model_, signature, {});
  };
  for (const char* body :
       {R"({"inputs": {"c": [3], "a": [1], "b": [2], "more": [0]}})", R"({"instances": [{"c": 3, "a": 1, "b": 2}]})",
        R"({"dataframe_split": {"columns": ["c", "b", "a"], "data": [[3, 2, 1]]}})"}) {
    const auto scoring = read(body);
    ASSERT_TRUE(scoring.has_value()) << scoring.error().ToString();
    EXPECT_TRUE(scoring->frame);
    EXPECT_EQ(scoring->inputs[0].floats, (std::vector<float>{1, 2, 3})) << body;
  }
  const auto missing = read(R"({"instances": [{"c": 3, "a": 1}]})");
  EXPECT_EQ(missing.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(missing.error().message, "Model is missing inputs ['b'].");
  signature.tensors = true;
  signature.columns = {{"x", "float32"}};
  const auto tensors = read(R"({"inputs": {"x": [[1, 2, 3]], "more": 1}})");
  ASSERT_TRUE(tensors.has_value()) << tensors.error().ToString();
  EXPECT_FALSE(tensors->frame);
  EXPECT_EQ(read(R"({"inputs": {"z": [[1, 2, 3]]}})").error().message, "Model is missing inputs ['x'].");
}

TEST_F(TensorScoringTest, WhatIsAskedAndAnsweredIsInThePayloadLog) {
  Predictions(Score("classifier", R"({"inputs": [[1.5, 0, -2], [-1.5, 0, 0]]})"));
  Predictions(Send("/v1/models/classifier:predict", "", R"({"instances": [[1, 2, 3]]})"));
  const auto infer =
      Send("/v2/models/classifier/infer", "",
           R"({"id": "own", "inputs": [{"name": "X", "shape": [1, 3], "datatype": "FP32", "data": [4, 5, 6]}],
                              "outputs": [{"name": "output_label"}]})");
  ASSERT_EQ(infer.status, 200) << infer.body;
  handler_.reset();
  serving::PayloadReader reader(log_);
  const auto records = reader.Next();
  ASSERT_TRUE(records.has_value()) << records.error().ToString();
  ASSERT_EQ(records->size(), 3u);
  EXPECT_TRUE(reader.schema().tensors);
  EXPECT_EQ((*records)[0].rows, 2u);
  EXPECT_EQ((*records)[0].asked[0].floats, (std::vector<float>{1.5, 0, -2, -1.5, 0, 0}));
  EXPECT_EQ((*records)[0].answered.size(), 2u);
  EXPECT_EQ((*records)[1].request_id, "r2");
  EXPECT_EQ((*records)[2].request_id, "own");
  ASSERT_EQ((*records)[2].answered.size(), 1u);
  EXPECT_EQ((*records)[2].answered[0].texts.size(), 1u);
}

TEST_F(TensorScoringTest, APyfuncOfOursAnswersWithAnArrayAndV1ByTheSameRules) {
  const auto good = Score("trees", R"({"inputs": [[0.5, 1, -1], [0, 1e5, 2]]})");
  ASSERT_EQ(good.status, 200) << good.body;
  EXPECT_TRUE(good.body.starts_with("{\"predictions\": [")) << good.body;
  const auto by_v1 = Send("/v1/models/trees:predict", "", R"({"instances": [[0.5, 1, -1], [0, 1e5, 2]]})");
  EXPECT_EQ(by_v1.body, good.body);
  EXPECT_EQ(Send("/v1/models/trees:predict", "", R"({"instances": [[0.5, 1], [0, 1]]})").status, 400);
  const auto by_frame = Score("trees", "a,b,c\n0.5,1,-1\n0,1e5,2\n", "text/csv");
  EXPECT_EQ(by_frame.body, good.body);
  const auto refused = Score("trees", R"({"inputs": [[0.5, Infinity, -1]]})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("Encountered an unexpected error while evaluating the model."));
  EXPECT_THAT(refused.body,
              HasSubstr("ValueError: Input X contains infinity or a value too large for dtype('float32')"));
}

}  // namespace
}  // namespace keelson::wire::inference
