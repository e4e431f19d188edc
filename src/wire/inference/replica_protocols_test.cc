// KServe v1, MLflow scoring, the repository extension and statistics, as the replica answers them.
#include <gmock/gmock.h>

#include <future>
#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/http_inflate.h"
#include "io/temp_folder.h"
#include "wire/inference/named_model_testing.h"
#include "wire/inference/replica_handler.h"

namespace keelson::wire::inference {
namespace {

using testing::HasSubstr;

const std::string kModels = KEELSON_SOURCE_DIR "/src/serving/testdata/";
const char* const kRow = R"({"inputs":[{"name":"x","shape":[1,5],"datatype":"FP32","data":[1,2,3,4,5]}]})";

// Models that a test puts in and takes away.
class Shelf final : public ModelRepository {
 public:
  std::vector<std::string> Names() override {
    std::vector<std::string> names;
    for (const auto& [name, sources] : sources_) names.push_back(name);
    return names;
  }
  Result<std::vector<Served>> Load(const std::string& name) override {
    const auto found = sources_.find(name);
    if (found == sources_.end()) return Fail(ErrorCode::kNotFound, "not on the shelf");
    std::vector<Served> served;
    for (const auto& source : found->second) {
      KEELSON_ASSIGN_OR_RETURN(auto model, serving::LoadedModel::Load(source));
      served.push_back({std::move(model), nullptr, {}});
    }
    return served;
  }
  std::map<std::string, std::vector<serving::ModelSource>> sources_;
};

class Protocols : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = temp_.File("model");
    ASSERT_NO_FATAL_FAILURE(WriteNamedModel(folder));
    shelf_.sources_["named"] = {{.name = "named", .version = "3", .path = folder}};
    shelf_.sources_["bare"] = {{.name = "bare", .path = kModels + "softprob.ubj"}};
    shelf_.sources_["two"] = {{.name = "two", .version = "10", .path = kModels + "logistic.ubj"},
                              {.name = "two", .version = "9", .path = kModels + "squared.ubj"}};
    std::vector<Served> served = *shelf_.Load("named");
    auto bare = *shelf_.Load("bare");
    served.push_back(std::move(bare.front()));
    ReplicaHandler::Options options;
    options.repository = &shelf_;
    handler_ = std::make_unique<ReplicaHandler>(std::move(served), clock_, options);
  }

  io::HttpResponse Send(const std::string& method, const std::string& path, std::string body = "",
                        io::HttpHeaders headers = {}, std::string query = "") {
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = std::move(body);
    request.headers = std::move(headers);
    std::promise<io::HttpResponse> answered;
    handler_->Handle(std::move(request), [&](io::HttpResponse response) { answered.set_value(std::move(response)); });
    return answered.get_future().get();
  }
  io::HttpResponse Score(std::string body, const std::string& type = "application/json",
                         const std::string& model = "named") {
    return Send("POST", "/invocations", std::move(body), {{"content-type", type}}, "model=" + model);
  }
  static nlohmann::json Json(const io::HttpResponse& response) { return nlohmann::json::parse(response.body); }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
  ManualClock clock_{InstantFromMicros(5'000'000)};
  Shelf shelf_;
  std::unique_ptr<ReplicaHandler> handler_;
};

TEST_F(Protocols, V1PredictsWhatV2Predicts) {
  EXPECT_EQ(Json(Send("GET", "/")), nlohmann::json({{"status", "alive"}}));
  EXPECT_EQ(Json(Send("GET", "/v1/models")), nlohmann::json({{"models", {"bare", "named"}}}));
  EXPECT_EQ(Json(Send("GET", "/v1/models/bare")), nlohmann::json({{"name", "bare"}, {"ready", true}}));
  const auto expected = Json(Send("POST", "/v2/models/bare/infer", kRow))["outputs"][0]["data"];
  for (const char* body : {R"({"instances":[[1,2,3,4,5]]})", R"({"inputs":[[1,2,3,4,5]],"instances":[[0]]})"}) {
    const auto answer = Send("POST", "/v1/models/bare:predict", body);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(io::FindHeader(answer.headers, "x-keelson-version"), "1");
    const auto predictions = Json(answer)["predictions"];
    ASSERT_EQ(predictions.size(), 1u);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(predictions[0][i].get<float>(), expected[i].get<float>());
    }
  }
  const auto named =
      Send("POST", "/v1/models/named:predict",
           R"({"instances":[{"e":"y","a":0.5,"b":1,"c":-1,"d":4},{"a":[0.5],"b":[1],"c":[-1],"d":[4],"e":["y"]}]})");
  ASSERT_EQ(named.status, 200) << named.body;
  EXPECT_EQ(Json(named)["predictions"][0], Json(named)["predictions"][1]);
}

TEST_F(Protocols, V1ExplainsByShapValues) {
  const auto answer = Send("POST", "/v1/models/bare:explain", R"({"instances":[[1,2,3,4,5],[0,0,0,0,0]]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto json = Json(answer);
  ASSERT_EQ(json["explanations"].size(), 2u);
  ASSERT_EQ(json["explanations"][0].size(), 3u);
  EXPECT_EQ(json["explanations"][0][0].size(), 6u);
  EXPECT_EQ(json["feature_names"], nlohmann::json({"f0", "f1", "f2", "f3", "f4", "bias"}));
  const auto v2 = Json(Send("POST", "/v2/models/bare/infer",
                            R"({"parameters":{"predict":"contributions"},)" + std::string(kRow).substr(1)));
  EXPECT_EQ(json["explanations"][0][2][4].get<float>(), v2["outputs"][0]["data"][16].get<float>());
}

TEST_F(Protocols, V1RefusesInKServesWords) {
  const auto refusal = [&](const std::string& body) {
    const auto answer = Send("POST", "/v1/models/bare:predict", body);
    EXPECT_EQ(answer.status, 400) << answer.body;
    return Json(answer)["error"].get<std::string>();
  };
  EXPECT_EQ(refusal(R"({"instances":3})"), "Expected \"instances\" to be a list");
  EXPECT_EQ(refusal(R"({"inputs":{"a":1}})"), "Expected \"inputs\" to be a list");
  EXPECT_THAT(refusal("{"), HasSubstr("Unrecognized request format"));
  EXPECT_THAT(refusal("[]"), HasSubstr("Unrecognized request format"));
  EXPECT_THAT(refusal("{}"), HasSubstr("Expected \"instances\" or \"inputs\""));
  EXPECT_THAT(refusal(R"({"instances":[[1,2]]})"), HasSubstr("Feature shape mismatch, expected: 5, got 2"));
  EXPECT_THAT(refusal(R"({"instances":[]})"), HasSubstr("no row"));
  EXPECT_EQ(Send("POST", "/v1/models/none:predict", "{}").status, 404);
  EXPECT_EQ(Send("GET", "/v1/models/bare:predict").status, 405);
}

TEST_F(Protocols, ScoresEveryFormatAlike) {
  const std::string matrix = R"([[0.5,1,-1,4,"y"],[null,2,0,5,"x"]])";
  const auto expected = Score(R"({"dataframe_split":{"columns":["a","b","c","d","e"],"data":)" + matrix + "}}");
  ASSERT_EQ(expected.status, 200) << expected.body;
  EXPECT_EQ(Json(expected)["predictions"].size(), 2u);
  const std::string records = R"([{"a":0.5,"b":1,"c":-1,"d":4,"e":"y"},{"a":null,"b":2,"c":0,"d":5,"e":"x"}])";
  for (
      const auto& body :
      {R"({"dataframe_records":)" + records + "}", R"({"instances":)" + records + "}",
       R"({"instances":)" + matrix + "}", R"({"inputs":)" + matrix + "}",
       std::string(
           R"({"inputs":{"e":["y","x"],"a":[0.5,NaN],"b":[1,2],"c":[-1,0],"d":[4,5],"extra":[1,2]},"params":{"x":1}})"),
       std::string(R"({"inputs":[[0.5,1,-1,4,1],[null,2,0,5,0]]})")}) {
    const auto answer = Score(body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, expected.body) << body;
  }
  EXPECT_EQ(Score("e,a,b,c,d\ny,0.5,1,-1,4\nx,,2,0,5\n", "text/csv").body, expected.body);
  EXPECT_EQ(Json(Score(R"({"inputs":[[1,2,3,4,5]]})", "application/json", "bare"))["predictions"][0].size(), 3u);
}

TEST_F(Protocols, ScoringRefusesAsTheReferenceDoes) {
  const auto missing = Score(R"({"dataframe_records":[{"a":1,"b":2,"c":3}]})");
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(Json(missing)["error_code"], "INVALID_PARAMETER_VALUE");
  EXPECT_THAT(missing.body, HasSubstr("Model is missing inputs ['d', 'e']"));
  const auto malformed = Score("{");
  EXPECT_EQ(malformed.status, 400);
  EXPECT_EQ(Json(malformed)["error_code"], "BAD_REQUEST");
  EXPECT_EQ(Score("x", "text/plain").status, 415);
  EXPECT_EQ(Send("POST", "/invocations", "{}").status, 404);
  EXPECT_THAT(Send("POST", "/invocations", "{}").body, HasSubstr("there are: bare, named"));
  EXPECT_EQ(Score("{}", "application/json", "none").status, 404);
  EXPECT_EQ(Send("GET", "/ping").body, "\n");
  EXPECT_EQ(Send("GET", "/health").status, 200);
  EXPECT_EQ(Send("GET", "/version").body, "3.17.2");
  handler_->SetReady(false);
  EXPECT_EQ(Send("GET", "/ping").status, 503);
  EXPECT_EQ(Send("GET", "/v1/models/bare").status, 503);
}

TEST_F(Protocols, LoadsUnloadsAndLists) {
  const auto index = [&](const std::string& body = "") { return Json(Send("POST", "/v2/repository/index", body)); };
  EXPECT_EQ(index().size(), 3u);
  EXPECT_EQ(index()[2], nlohmann::json({{"name", "two"}, {"version", ""}, {"state", "UNAVAILABLE"}, {"reason", ""}}));
  EXPECT_EQ(index(R"({"ready":true})").size(), 2u);
  EXPECT_EQ(Send("POST", "/v2/models/two/infer", kRow).status, 404);
  const auto loaded = Send("POST", "/v2/repository/models/two/load", "{}");
  ASSERT_EQ(loaded.status, 200) << loaded.body;
  EXPECT_EQ(Json(loaded), nlohmann::json({{"name", "two"}, {"load", true}}));
  // The greatest version by number is the one without a name.
  const auto newest = Json(Send("POST", "/v2/models/two/infer", kRow));
  EXPECT_EQ(newest["model_version"], "10");
  EXPECT_EQ(Json(Send("POST", "/v2/models/two/versions/9/infer", kRow))["model_version"], "9");
  EXPECT_EQ(Json(Send("GET", "/v2/models/two"))["versions"], nlohmann::json({"9", "10"}));
  EXPECT_EQ(Send("POST", "/v2/models/two/versions/8/infer", kRow).status, 404);
  EXPECT_EQ(index(R"({"ready":true})").size(), 4u);

  EXPECT_EQ(Send("POST", "/v2/repository/models/two/unload", R"({"parameters":{"unload_dependents":false}})").status,
            200);
  EXPECT_EQ(Send("POST", "/v2/models/two/infer", kRow).status, 404);
  EXPECT_EQ(index()[2]["reason"], "unloaded");
  EXPECT_EQ(Send("POST", "/v2/repository/models/two/unload").status, 404);
  EXPECT_EQ(Send("POST", "/v2/repository/models/none/load").status, 404);
  EXPECT_EQ(Send("POST", "/v2/repository/models/bare/load", R"({"parameters":{"config":"{}"}})").status, 400);
  EXPECT_EQ(Send("POST", "/v2/repository/models/bare/load", "[").status, 400);
  EXPECT_EQ(Send("POST", "/v2/repository/index", R"({"ready":1})").status, 400);
}

TEST_F(Protocols, AFailedLoadLeavesWhatWasServed) {
  ASSERT_TRUE(io::WriteFileAtomically(temp_.File("broken.json"), "{"));
  shelf_.sources_["bare"][0].path = temp_.File("broken.json");
  const auto failed = Send("POST", "/v2/repository/models/bare/load");
  EXPECT_GE(failed.status, 400);
  EXPECT_THAT(failed.body, HasSubstr("failed to load 'bare'"));
  EXPECT_EQ(Send("POST", "/v2/models/bare/infer", kRow).status, 200);
  shelf_.sources_["two"][0].path = temp_.File("broken.json");
  EXPECT_GE(Send("POST", "/v2/repository/models/two/load").status, 400);
  EXPECT_THAT(Json(Send("POST", "/v2/repository/index"))[2]["reason"].get<std::string>(), HasSubstr("broken.json"));
}

TEST_F(Protocols, CountsWhatTritonCounts) {
  Send("POST", "/v2/models/bare/infer", kRow);
  Send("POST", "/v1/models/bare:predict", R"({"instances":[[1,2,3,4,5],[1,2,3,4,5]]})");
  Send("POST", "/v2/models/bare/infer", "{");
  const auto stats = Json(Send("GET", "/v2/models/bare/stats"))["model_stats"];
  ASSERT_EQ(stats.size(), 1u);
  EXPECT_EQ(stats[0]["inference_count"], 3);
  EXPECT_EQ(stats[0]["execution_count"], 2);
  EXPECT_EQ(stats[0]["last_inference"], 5'000);
  EXPECT_EQ(stats[0]["inference_stats"]["success"]["count"], 2);
  EXPECT_EQ(stats[0]["inference_stats"]["fail"]["count"], 1);
  EXPECT_EQ(stats[0]["batch_stats"].size(), 2u);
  EXPECT_EQ(stats[0]["batch_stats"][1]["batch_size"], 2);
  EXPECT_EQ(Json(Send("GET", "/v2/models/stats"))["model_stats"].size(), 2u);
  EXPECT_EQ(Json(Send("GET", "/v2/models/bare/versions/1/stats"))["model_stats"].size(), 1u);
  EXPECT_EQ(Send("GET", "/v2/models/bare/versions/2/stats").status, 404);
  EXPECT_EQ(Send("GET", "/v2/models/none/stats").status, 404);
  const auto text = Send("GET", "/metrics").body;
  for (const char* line :
       {"nv_inference_request_success{model=\"bare\",version=\"1\"} 2\n",
        "nv_inference_request_failure{model=\"bare\",version=\"1\"} 1\n",
        "nv_inference_count{model=\"bare\",version=\"1\"} 3\n",
        "nv_inference_exec_count{model=\"bare\",version=\"1\"} 2\n",
        "nv_inference_queue_duration_us{model=\"named\",version=\"3\"} 0\n",
        "keelson_inference_stage_duration_seconds_count{model=\"bare\",version=\"1\",stage=\"compute\"} 2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(Protocols, CompressesAnAnswerThatIsAskedSo) {
  std::string body = R"({"inputs":[{"name":"x","shape":[500,5],"datatype":"FP32","data":[0)";
  for (int i = 1; i < 2'500; ++i) body += "," + std::to_string(i % 7);
  body += "]}]}";
  const auto plain = Send("POST", "/v2/models/bare/infer", body);
  const auto packed = Send("POST", "/v2/models/bare/infer", body, {{"accept-encoding", "gzip"}});
  ASSERT_EQ(io::FindHeader(packed.headers, "content-encoding"), "gzip");
  EXPECT_EQ(*io::Inflate("gzip", packed.body, 1 << 20), plain.body);
}

TEST_F(Protocols, RefusesHalvesInJsonInKServesWordsAndTakesWholeNumbers) {
  for (const std::string type : {"FP16", "BF16"}) {
    const auto answer =
        Send("POST", "/v2/models/bare/infer",
             R"({"inputs":[{"name":"x","shape":[1,5],"datatype":")" + type + R"(","data":[1,2,3,4,5]}]})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(Json(answer)["error"],
              "Receiving " + type + " data via JSON is not supported. Please use the binary data format for input x");
  }
  const auto expected = Json(Send("POST", "/v2/models/bare/infer", kRow))["outputs"];
  for (const std::string type : {"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP64"}) {
    const auto answer =
        Send("POST", "/v2/models/bare/infer",
             R"({"inputs":[{"name":"x","shape":[1,5],"datatype":")" + type + R"(","data":[[1,2,3,4,5]]}]})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(Json(answer)["outputs"], expected) << type;
  }
}

}  // namespace
}  // namespace keelson::wire::inference
