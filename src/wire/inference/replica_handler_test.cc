#include "wire/inference/replica_handler.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/temp_folder.h"
#include "wire/inference/answer.h"
#include "wire/inference/named_model_testing.h"

namespace keelson::wire::inference {
namespace {

const std::string kModels = KEELSON_SOURCE_DIR "/src/serving/testdata/";

class Replica : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = temp_.File("model");
    ASSERT_NO_FATAL_FAILURE(WriteNamedModel(folder));
    std::vector<ReplicaHandler::Served> served(2);
    served[0].model = *serving::LoadedModel::Load({.name = "flights", .version = "3", .path = folder});
    served[0].payload = *serving::PayloadWriter::Open(temp_.File("payload"), served[0].model->payload_schema());
    served[1].model = *serving::LoadedModel::Load({.name = "bare", .path = kModels + "softprob.ubj"});
    handler_ = std::make_unique<ReplicaHandler>(std::move(served), clock_, ReplicaHandler::Options{});
  }

  io::HttpResponse Send(const std::string& method, const std::string& path, std::string body = "",
                        io::HttpHeaders headers = {}) {
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = std::move(body);
    request.headers = std::move(headers);
    request.request_id = "from-header";
    return handler_->Answer(request);
  }
  nlohmann::json Json(const io::HttpResponse& response) { return nlohmann::json::parse(response.body); }

  static std::string Columns(const std::string& id = "r1") {
    return R"({"id":")" + id + R"(","inputs":[{"name":"a","shape":[2],"datatype":"FP64","data":[0.5,null]},
      {"name":"b","shape":[2],"datatype":"FP32","data":[1,2]},{"name":"c","shape":[2,1],"datatype":"FP32","data":[[-1],[0]]},
      {"name":"d","shape":[2],"datatype":"INT64","data":[4,5]},{"name":"e","shape":[2],"datatype":"BYTES","data":["y","new"]}]})";
  }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
  ManualClock clock_{InstantFromMicros(1'000)};
  std::unique_ptr<ReplicaHandler> handler_;
};

TEST_F(Replica, AnswersHealthAndMetadata) {
  EXPECT_EQ(Json(Send("GET", "/v2"))["name"], "keelson");
  EXPECT_EQ(Send("GET", "/v2/health/live").status, 200);
  EXPECT_EQ(Send("GET", "/v2/health/ready").status, 200);
  EXPECT_EQ(Send("GET", "/v2/models/flights/ready").status, 200);
  EXPECT_EQ(Send("GET", "/v2/models/flights/versions/3/ready").status, 200);
  const auto metadata = Json(Send("GET", "/v2/models/flights/versions/3"));
  EXPECT_EQ(metadata["versions"], nlohmann::json({"3"}));
  EXPECT_EQ(metadata["inputs"][3], nlohmann::json({{"name", "d"}, {"datatype", "INT64"}, {"shape", {-1}}}));
  EXPECT_EQ(metadata["inputs"][4]["datatype"], "BYTES");
  EXPECT_EQ(metadata["outputs"][0], nlohmann::json({{"name", "probability"}, {"datatype", "FP32"}, {"shape", {-1}}}));
  const auto bare = Json(Send("GET", "/v2/models/bare"));
  EXPECT_EQ(bare["inputs"][0]["shape"], nlohmann::json({-1, 5}));
  EXPECT_EQ(bare["outputs"][0]["shape"], nlohmann::json({-1, 3}));
  handler_->SetReady(false);
  EXPECT_EQ(Send("GET", "/v2/health/ready").status, 503);
  EXPECT_EQ(Send("GET", "/v2/health/live").status, 200);
}

TEST_F(Replica, PredictsFromNamedColumnsAsFromTheMatrix) {
  const auto columns = Send("POST", "/v2/models/flights/infer", Columns());
  ASSERT_EQ(columns.status, 200) << columns.body;
  const auto json = Json(columns);
  EXPECT_EQ(json["id"], "r1");
  EXPECT_EQ(json["model_name"], "flights");
  EXPECT_EQ(json["model_version"], "3");
  EXPECT_EQ(json["outputs"][0]["shape"], nlohmann::json({2}));
  EXPECT_EQ(io::FindHeader(columns.headers, "x-keelson-version"), "3");
  const auto matrix =
      Send("POST", "/v2/models/flights/versions/3/infer",
           R"({"inputs":[{"name":"x","shape":[2,5],"datatype":"FP32","data":[0.5,1,-1,4,1,NaN,2,0,5,null]}]})");
  ASSERT_EQ(matrix.status, 200) << matrix.body;
  EXPECT_EQ(Json(matrix)["outputs"], json["outputs"]);
  EXPECT_FALSE(Json(matrix).contains("id"));
}

// Every value that a fixture expects of the library, through the text of JSON and back, by bits.
TEST_F(Replica, AnswersTheLibrarysBitsThroughJsonAndBinary) {
  std::ifstream in(kModels + "softprob.expected");
  const auto expected = nlohmann::json::parse(in);
  const auto count = expected["count"].get<std::size_t>();
  nlohmann::json data = nlohmann::json::array();
  for (const auto& bits : expected["rows"]) {
    const auto value = std::bit_cast<float>(bits.get<std::uint32_t>());
    data.push_back(std::isnan(value)   ? nlohmann::json()
                   : std::isinf(value) ? nlohmann::json(value > 0 ? 1e300 : -1e300)
                                       : nlohmann::json(static_cast<double>(value)));
  }
  const nlohmann::json body = {
      {"inputs", {{{"name", "x"}, {"shape", {count, 5}}, {"datatype", "FP32"}, {"data", data}}}}};
  const auto answer = Send("POST", "/v2/models/bare/infer", body.dump());
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto output = Json(answer)["outputs"][0];
  ASSERT_EQ(output["data"].size(), expected["value"].size());
  for (std::size_t i = 0; i < output["data"].size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(output["data"][i].get<double>())),
              expected["value"][i].get<std::uint32_t>());
  }
  nlohmann::json binary = body;
  binary["parameters"] = {{"binary_data_output", true}};
  const auto raw = Send("POST", "/v2/models/bare/infer", binary.dump());
  const auto length = std::stoul(std::string(io::FindHeader(raw.headers, "inference-header-content-length")));
  EXPECT_EQ(raw.content_type, "application/octet-stream");
  EXPECT_EQ(nlohmann::json::parse(raw.body.substr(0, length))["outputs"][0]["parameters"]["binary_data_size"],
            count * 12);
  ASSERT_EQ(raw.body.size(), length + count * 12);
  for (std::size_t i = 0; i < count * 3; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, raw.body.data() + length + i * 4, 4);
    EXPECT_EQ(bits, expected["value"][i].get<std::uint32_t>());
  }
}

TEST_F(Replica, WritesTheRecordBeforeItAnswers) {
  ASSERT_EQ(Send("POST", "/v2/models/flights/infer", Columns("r9"), {{"x-keelson-time", "1364788800000000"}}).status,
            200);
  ASSERT_EQ(Send("POST", "/v2/models/flights/infer",
                 R"({"inputs":[{"name":"x","shape":[1,5],"datatype":"FP32","data":[0.5,null,-1,4,1]}]})")
                .status,
            200);
  ASSERT_EQ(Send("POST", "/v2/models/flights/infer", "{").status, 400);
  serving::PayloadReader reader(temp_.File("payload"));
  const auto records = reader.Next();
  ASSERT_TRUE(records.has_value());
  ASSERT_EQ(records->size(), 2u);
  const auto& first = (*records)[0];
  EXPECT_EQ(first.request_id, "r9");
  EXPECT_EQ(first.version, "3");
  EXPECT_EQ(ToMicros(first.time), 1'364'788'800'000'000);
  EXPECT_EQ(first.rows, 2u);
  EXPECT_TRUE(first.inputs[0].is_null(1));
  EXPECT_THAT(first.inputs[4].strings, testing::ElementsAre("y", "new"));
  EXPECT_EQ(first.outputs.size(), 2u);
  const auto& second = (*records)[1];
  EXPECT_EQ(second.request_id, "from-header");
  EXPECT_EQ(ToMicros(second.time), 1'000);
  EXPECT_TRUE(second.inputs[1].is_null(0));
  EXPECT_THAT(second.inputs[4].strings, testing::ElementsAre("y"));
}

TEST_F(Replica, SelectsOutputs) {
  const std::string head = R"({"inputs":[{"name":"x","shape":[1,5],"datatype":"FP32","data":[1,2,3,4,5]}],"outputs":)";
  EXPECT_EQ(Json(Send("POST", "/v2/models/bare/infer", head + R"([{"name":"predict"}]})"))["outputs"].size(), 1u);
  const auto wrong = Send("POST", "/v2/models/bare/infer", head + R"([{"name":"labels"}]})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, testing::HasSubstr("labels"));
  const auto binary =
      Send("POST", "/v2/models/bare/infer", head + R"([{"name":"predict","parameters":{"binary_data":true}}]})");
  EXPECT_FALSE(io::FindHeader(binary.headers, "inference-header-content-length").empty());
}

TEST_F(Replica, AnswersTheKindThatAParameterAsksFor) {
  auto ask = [&](const std::string& model, const std::string& kind) {
    return Send(
        "POST", "/v2/models/" + model + "/infer",
        R"({"parameters":{"predict":")" + kind +
            R"("},"inputs":[{"name":"x","shape":[2,5],"datatype":"FP32","data":[0.5,1,-1,4,1,null,2,0,5,1]}]})");
  };
  const auto margin = Json(ask("flights", "margin"))["outputs"][0];
  const auto value = Json(ask("flights", "value"))["outputs"][0];
  EXPECT_EQ(margin["shape"], nlohmann::json({2}));
  EXPECT_NEAR(1 / (1 + std::exp(-margin["data"][0].get<double>())), value["data"][0].get<double>(), 1e-6);
  const auto leaves = Json(ask("flights", "leaves"))["outputs"][0];
  EXPECT_EQ(leaves["shape"], nlohmann::json({2, 6}));
  const auto contributions = Json(ask("flights", "contributions"))["outputs"][0];
  EXPECT_EQ(contributions["shape"], nlohmann::json({2, 6}));
  double sum = 0;
  for (std::size_t i = 0; i < 6; ++i) sum += contributions["data"][i].get<double>();
  EXPECT_NEAR(sum, margin["data"][0].get<double>(), 1e-5);
  EXPECT_EQ(Json(ask("bare", "margin"))["outputs"][0]["shape"], nlohmann::json({2, 3}));
  EXPECT_EQ(Json(ask("bare", "contributions"))["outputs"][0]["shape"], nlohmann::json({2, 3, 6}));
  const auto unknown = ask("bare", "odds");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, testing::HasSubstr("expected value, margin, leaves or contributions"));
  EXPECT_EQ(Send("POST", "/v2/models/bare/infer", R"({"parameters":{"predict":7},"inputs":[]})").status, 400);
}

TEST_F(Replica, NamesTheInputThatIsWrong) {
  const auto refusal = [&](const std::string& model, const std::string& inputs) {
    const auto response = Send("POST", "/v2/models/" + model + "/infer", R"({"inputs":[)" + inputs + "]}");
    EXPECT_EQ(response.status, 400) << response.body;
    return Json(response)["error"].get<std::string>();
  };
  const std::string a = R"({"name":"a","shape":[1],"datatype":"FP32","data":[1]})";
  EXPECT_THAT(refusal("flights", a), testing::HasSubstr("input \"b\" is missing"));
  EXPECT_THAT(refusal("flights", ""), testing::HasSubstr("input \"a\" is missing"));
  EXPECT_THAT(refusal("flights", a + "," + a), testing::HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(refusal("flights", R"({"name":"q","shape":[1],"datatype":"FP32","data":[1]})"),
              testing::HasSubstr("unknown input \"q\""));
  EXPECT_THAT(refusal("flights", a + R"(,{"name":"b","shape":[2],"datatype":"FP32","data":[1,2]})"),
              testing::HasSubstr("\"b\" has 2 rows, expected 1"));
  EXPECT_THAT(refusal("flights", R"({"name":"a","shape":[1,2,1],"datatype":"FP32","data":[1,2]})"),
              testing::HasSubstr("[1,2,1], expected [-1]"));
  EXPECT_THAT(
      refusal(
          "flights",
          R"({"name":"a","shape":[1],"datatype":"BYTES","data":["1"]},{"name":"b","shape":[1],"datatype":"FP32","data":[1]},
      {"name":"c","shape":[1],"datatype":"FP32","data":[1]},{"name":"d","shape":[1],"datatype":"FP32","data":[1]},
      {"name":"e","shape":[1],"datatype":"BYTES","data":["x"]})"),
      testing::HasSubstr("\"a\" is BYTES, expected a number"));
  EXPECT_THAT(refusal("bare", R"({"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]})"),
              testing::HasSubstr("[1,4], expected [-1,5]"));
  EXPECT_THAT(refusal("bare", R"({"name":"x","shape":[5],"datatype":"INT32","data":[1,2,3,4,5]})"),
              testing::HasSubstr("INT32 [5], expected FP32 [-1,5]"));
  EXPECT_THAT(refusal("bare", a + "," + a), testing::HasSubstr("2 inputs, expected one"));
}

TEST_F(Replica, AnswersUnknownThingsWithTheProtocolsErrors) {
  EXPECT_EQ(Send("GET", "/v2/models/none").status, 404);
  EXPECT_EQ(Send("POST", "/v2/models/none/infer").status, 404);
  EXPECT_EQ(Send("GET", "/v2/models/flights/versions/4/ready").status, 404);
  EXPECT_EQ(Json(Send("GET", "/v2/models/none"))["error"], "Model with name none does not exist.");
  EXPECT_EQ(Send("GET", "/v2/models/flights/infer").status, 405);
  EXPECT_EQ(Send("POST", "/v2/health/live").status, 405);
  EXPECT_EQ(Send("GET", "/v3").status, 404);
  EXPECT_TRUE(Json(Send("GET", "/v2/models/a%22b"))["error"].is_string());
}

TEST_F(Replica, CountsWhatItAnswers) {
  Send("POST", "/v2/models/flights/infer", Columns());
  Send("POST", "/v2/models/flights/infer", "{");
  const auto text = Send("GET", "/metrics").body;
  EXPECT_THAT(text, testing::HasSubstr(
                        "keelson_inference_requests_total{model=\"flights\",version=\"3\",outcome=\"success\"} 1"));
  EXPECT_THAT(text, testing::HasSubstr(
                        "keelson_inference_requests_total{model=\"flights\",version=\"3\",outcome=\"failure\"} 1"));
  EXPECT_THAT(text, testing::HasSubstr("keelson_inference_duration_seconds_count{model=\"flights\",version=\"3\"} 1"));
}

TEST(Answer, WritesFloatsThatReadBack) {
  for (const float value : {0.1f, 1.0f, -0.0f, 1e-45f, 3.4028235e38f, 16777217.0f, 0.33333334f}) {
    std::string written;
    AppendFloat(value, &written);
    const float back = std::strtof(written.c_str(), nullptr);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(back), std::bit_cast<std::uint32_t>(value)) << written;
  }
  std::string text;
  AppendFloat(std::nanf(""), &text);
  AppendFloat(-std::numeric_limits<float>::infinity(), &text);
  EXPECT_EQ(text, "null-1e999");
}

}  // namespace
}  // namespace keelson::wire::inference
