#include "wire/inference/edge.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "wire/inference/edge_testing.h"

namespace keelson::wire::inference {
namespace {

class Edge : public testing::Test {
 protected:
  io::HttpResponse Send(const std::string& method, const std::string& path, std::string body = "",
                        io::HttpHeaders headers = {}, std::string query = "") {
    io::HttpRequest request;
    request.method = method;
    request.path = path;
    request.query = std::move(query);
    request.body = std::move(body);
    request.headers = std::move(headers);
    request.request_id = "generated";
    std::optional<io::HttpResponse> got;
    edge_.Handle(std::move(request), [&](io::HttpResponse response) { got = std::move(response); });
    EXPECT_TRUE(got.has_value());
    return got.value_or(io::HttpResponse{});
  }

  FakeGateway gateway_;
  FakeDirectory directory_;
  std::vector<data::Value> keys_;
  Instant time_{};
  Result<std::vector<double>> found_ = std::vector<double>{0.1, 3, std::nan(""), 0};
  InferenceEdge edge_{gateway_, directory_,
                      [this](const std::string&, std::span<const data::Value> keys, std::size_t, Instant time) {
                        keys_.assign(keys.begin(), keys.end());
                        time_ = time;
                        return found_;
                      },
                      "1.2"};
};

const char* const kBody =
    R"({ "id": "f-17",  "inputs" : [ {"name":"origin","shape":[2],"datatype":"BYTES","data":["JFK",null]} , {"name":"number","shape":[2],"datatype":"INT32","data":[7,8]}, {"name":"x","shape":[2],"datatype":"FP32","data":[1.50,2]} ] , "outputs":[{"name":"p"}] })";

TEST_F(Edge, SplicesFeaturesAndKeepsTheRestByteForByte) {
  gateway_.answer_->body = "{}";
  gateway_.answer_->headers = {{"X-Keelson-Version", "3"}, {"x-keelson-version", "3"}, {"content-length", "2"}};
  const auto response =
      Send("POST", "/v2/models/flights/infer", kBody, {{"x-keelson-time", "99"}, {"content-type", "application/json"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers, (io::HttpHeaders{{"X-Keelson-Version", "3"}}));
  EXPECT_EQ(gateway_.endpoint_, "flights");
  EXPECT_EQ(gateway_.request_id_, "f-17");
  EXPECT_EQ(gateway_.call_.target, "/v2/models/flights/infer");
  EXPECT_EQ(io::FindHeader(gateway_.call_.headers, "x-request-id"), "f-17");
  EXPECT_EQ(io::FindHeader(gateway_.call_.headers, "x-keelson-time"), "99");
  EXPECT_EQ(ToMicros(time_), 99);
  EXPECT_EQ(keys_, (std::vector<data::Value>{std::string("JFK"), std::int64_t{7}, std::monostate{}, std::int64_t{8}}));
  const std::string body = kBody;
  const auto end = body.rfind("] , \"outputs\"");
  EXPECT_EQ(gateway_.call_.body, body.substr(0, end) +
                                     R"(,{"name":"route__mean","shape":[2],"datatype":"FP32","data":[0.1,null]},)"
                                     R"({"name":"route__count","shape":[2],"datatype":"FP32","data":[3,0]})" +
                                     body.substr(end));
}

TEST_F(Edge, PassesUntouchedWhatHasNoFeatures) {
  const std::string body = R"({"id":"bad id!","inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]})";
  EXPECT_EQ(Send("POST", "/v2/models/plain/infer", body).status, 200);
  EXPECT_EQ(gateway_.call_.body, body);
  EXPECT_EQ(gateway_.request_id_, "generated");  // the body's id is not fit for a header
  EXPECT_EQ(io::FindHeader(gateway_.call_.headers, "x-keelson-time"), "42");
}

TEST_F(Edge, SplicesIntoAnEmptyListAndBeforeBinaryData) {
  EXPECT_EQ(SpliceInputs(R"({"inputs":[]})", *ParseInferRequest(R"({"inputs":[]})", std::nullopt, {}), "T"),
            R"({"inputs":[T]})");
  found_ = std::vector<double>{1, 2};
  const std::string json =
      R"({"inputs":[{"name":"origin","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}},{"name":"number","shape":[1],"datatype":"INT64","data":[4]}]})";
  const std::string binary("\x01\0\0\0Q", 5);
  ASSERT_EQ(Send("POST", "/v2/models/flights/infer", json + binary,
                 {{"Inference-Header-Content-Length", std::to_string(json.size())}})
                .status,
            200);
  EXPECT_EQ(keys_[0], data::Value(std::string("Q")));
  const auto length =
      std::stoul(std::string(io::FindHeader(gateway_.call_.headers, "inference-header-content-length")));
  EXPECT_EQ(gateway_.call_.body.substr(length), binary);
  EXPECT_EQ(nlohmann::json::parse(gateway_.call_.body.substr(0, length))["inputs"].size(), 4u);
}

TEST_F(Edge, RefusesBeforeItForwards) {
  EXPECT_EQ(Send("POST", "/v2/models/none/infer", kBody).status, 404);
  EXPECT_EQ(Send("POST", "/v2/models/flights/infer", "{\"inputs\":[").status, 400);
  EXPECT_EQ(Send("GET", "/v2/models/flights/infer").status, 405);
  const auto missing = Send("POST", "/v2/models/flights/infer",
                            R"({"inputs":[{"name":"origin","shape":[1],"datatype":"BYTES","data":["a"]}]})");
  EXPECT_EQ(missing.status, 400);
  EXPECT_THAT(missing.body, testing::HasSubstr("number"));
  const auto wrong = Send(
      "POST", "/v2/models/flights/infer",
      R"({"inputs":[{"name":"origin","shape":[1],"datatype":"FP32","data":[1]},{"name":"number","shape":[1],"datatype":"INT64","data":[1]}]})");
  EXPECT_THAT(wrong.body, testing::HasSubstr("expected BYTES"));
  found_ = Fail(ErrorCode::kFailedPrecondition, "too long ago");
  EXPECT_EQ(Send("POST", "/v2/models/flights/infer", kBody).status, 409);
  EXPECT_EQ(gateway_.forwarded_, 0);
}

TEST_F(Edge, AddsFeaturesToTheRowsOfV1AndOfMlflow) {
  const char* const rows = R"([{"origin":"JFK","number":7,"x":1.5},{"origin":null,"number":8,"x":2}])";
  EXPECT_EQ(Send("POST", "/v1/models/flights:predict", std::string("{\"instances\":") + rows + "}").status, 200);
  EXPECT_EQ(gateway_.call_.target, "/v1/models/flights:predict");
  EXPECT_EQ(keys_, (std::vector<data::Value>{std::string("JFK"), std::int64_t{7}, std::monostate{}, std::int64_t{8}}));
  EXPECT_EQ(nlohmann::json::parse(gateway_.call_.body)["instances"][0],
            nlohmann::json::parse(
                R"({"origin":"JFK","number":7,"x":1.5,"route__mean":0.10000000149011612,"route__count":3})"));
  EXPECT_TRUE(nlohmann::json::parse(gateway_.call_.body)["instances"][1]["route__mean"].is_null());
  EXPECT_EQ(io::FindHeader(gateway_.call_.headers, "x-keelson-keys"), "origin,number");

  EXPECT_EQ(Send("POST", "/invocations", std::string("{\"dataframe_records\":") + rows + "}",
                 {{"content-type", "application/json"}}, "model=flights")
                .status,
            200);
  EXPECT_EQ(gateway_.call_.target, "/invocations?model=flights");
  const auto split = nlohmann::json::parse(gateway_.call_.body)["dataframe_split"];
  EXPECT_EQ(split["columns"], nlohmann::json({"origin", "number", "x", "route__mean", "route__count"}));
  EXPECT_EQ(split["data"][1], nlohmann::json({nullptr, 8, 2, nullptr, 0}));

  const int forwarded = gateway_.forwarded_;
  EXPECT_EQ(Send("POST", "/v1/models/flights:predict", R"({"instances":[[1,2,3]]})").status, 400);
  EXPECT_EQ(Send("POST", "/v1/models/flights:predict", R"({"instances":[{"origin":"A","number":1.5}]})").status, 400);
  EXPECT_EQ(Send("POST", "/v1/models/none:predict", "{}").status, 404);
  EXPECT_EQ(Send("POST", "/invocations", "{}").status, 404);  // which of the two?
  EXPECT_EQ(gateway_.forwarded_, forwarded);
}

TEST_F(Edge, PassesV1AndMlflowUntouchedWithoutFeatures) {
  EXPECT_EQ(Send("POST", "/v1/models/plain:explain", "any").status, 200);
  EXPECT_EQ(gateway_.call_.body, "any");
  EXPECT_EQ(gateway_.call_.target, "/v1/models/plain:explain");
  EXPECT_EQ(Send("POST", "/invocations", "a\n1\n", {{"content-type", "text/csv"}}, "model=plain").status, 200);
  EXPECT_EQ(gateway_.call_.body, "a\n1\n");
  EXPECT_EQ(io::FindHeader(gateway_.call_.headers, "content-type"), "text/csv");
}

TEST_F(Edge, AnswersForAllEndpoints) {
  EXPECT_EQ(nlohmann::json::parse(Send("GET", "/v1/models").body)["models"], nlohmann::json({"flights", "plain"}));
  EXPECT_EQ(nlohmann::json::parse(Send("GET", "/v2/models").body)["models"].size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(Send("POST", "/v2/repository/index").body)[1],
            nlohmann::json::parse(R"({"name":"flights","version":"4","state":"READY","reason":""})"));
  EXPECT_EQ(Send("GET", "/v2/models/stats").status, 400);
  EXPECT_EQ(Send("GET", "/v2/models/plain/stats").status, 200);
  EXPECT_EQ(Send("POST", "/v2/repository/models/plain/unload").status, 400);
  EXPECT_EQ(Send("GET", "/ping").body, "\n");
  EXPECT_EQ(Send("GET", "/version").body, "3.17.2");
  EXPECT_EQ(Send("GET", "/v1/models/plain").status, 200);
  EXPECT_EQ(Send("GET", "/v1/models/none").status, 404);
}

TEST_F(Edge, APathThatNamesAVersionGoesToThatOne) {
  const std::string body = R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]})";
  EXPECT_EQ(Send("POST", "/v2/models/plain/versions/4/infer", body).status, 200);
  EXPECT_EQ(gateway_.version_, "4");
  EXPECT_EQ(gateway_.call_.target, "/v2/models/plain/versions/4/infer");
  for (const char* path :
       {"/v2/models/plain/versions/3", "/v2/models/plain/versions/3/config", "/v2/models/plain/versions/3/stats"}) {
    Send("GET", path);
    EXPECT_EQ(gateway_.version_, "3") << path;
  }
  Send("POST", "/invocations", "a\n1\n", {{"content-type", "text/csv"}}, "model=plain&version=4");
  EXPECT_EQ(gateway_.version_, "4");
  EXPECT_EQ(Send("POST", "/v2/models/plain/infer", body).status, 200);
  EXPECT_EQ(gateway_.version_, "");
  EXPECT_EQ(Send("GET", "/v2/models/plain/versions/4/ready").status, 200);
  const auto unknown = Send("GET", "/v2/models/plain/versions/5/ready");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, R"({"error":"Model with name plain has no version 5; it has: 3, 4"})");
  gateway_.answer_ = std::unexpected(gateway::NoSuchVersion("plain", "5", {}));
  EXPECT_EQ(Send("POST", "/v2/models/plain/versions/5/infer", body).status, 404);
}

TEST_F(Edge, ATimeoutIsTheGatewaysToKeep) {
  const std::string body = R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","data":[1]}]})";
  const auto before = std::chrono::steady_clock::now();
  Send("POST", "/v2/models/plain/infer", body, {{"x-keelson-timeout", "5000000"}});
  ASSERT_TRUE(gateway_.deadline_.has_value());
  EXPECT_GE(*gateway_.deadline_, before + std::chrono::seconds(5));
  EXPECT_EQ(io::FindHeader(gateway_.call_.headers, "x-keelson-timeout"), "");
  Send("POST", "/v1/models/plain:predict", "any", {{"x-keelson-timeout", "soon"}});  // the replica says what is wrong
  EXPECT_FALSE(gateway_.deadline_.has_value());
  EXPECT_EQ(io::FindHeader(gateway_.call_.headers, "x-keelson-timeout"), "soon");
}

TEST_F(Edge, CompressesWhatIsAskedSo) {
  gateway_.answer_->body = std::string(10'000, 'a');
  const auto answer = Send("POST", "/v1/models/plain:predict", "{}", {{"accept-encoding", "gzip"}});
  EXPECT_EQ(io::FindHeader(answer.headers, "content-encoding"), "gzip");
  EXPECT_LT(answer.body.size(), 1'000u);
}

TEST_F(Edge, AnswersMetadataWithoutWhatItSplices) {
  gateway_.answer_->body =
      R"({"inputs":[{"name":"origin"},{"name":"route__mean"},{"name":"x"},{"name":"route__count"}],"name":"flights"})";
  EXPECT_EQ(
      nlohmann::json::parse(Send("GET", "/v2/models/flights").body)["inputs"],
      nlohmann::json::parse(R"([{"name":"origin"},{"name":"x"},{"name":"number","datatype":"INT64","shape":[-1]}])"));
  EXPECT_EQ(nlohmann::json::parse(Send("GET", "/v2/models/flights").body)["versions"], nlohmann::json({"3", "4"}));
  gateway_.answer_->body = R"({"input":[{"name":"origin"},{"name":"route__mean"},{"name":"x"}],"name":"flights"})";
  const auto config = nlohmann::json::parse(Send("GET", "/v2/models/flights/config").body)["input"];
  ASSERT_EQ(config.size(), 3u);
  EXPECT_EQ(config[2]["name"], "number");
  EXPECT_EQ(config[2]["data_type"], "TYPE_INT64");
  EXPECT_EQ(config[2]["dims"], nlohmann::json({-1}));
  EXPECT_EQ(Send("GET", "/v2/models/flights/ready").status, 200);
  EXPECT_EQ(nlohmann::json::parse(Send("GET", "/v2").body)["version"], "1.2");
  EXPECT_EQ(Send("GET", "/v2/health/ready").status, 200);
  gateway_.answer_ = Fail(ErrorCode::kUnavailable, "no replica");
  EXPECT_EQ(Send("GET", "/v2/models/flights").status, 503);
  EXPECT_EQ(Send("POST", "/v2/models/plain/infer", R"({"inputs":[]})").status, 503);
}

}  // namespace
}  // namespace keelson::wire::inference
