// Traces over the API, as clients call it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/artifacts.h"
#include "tracking/store.h"
#include "wire/mlflow/edge.h"
#include "wire/mlflow/otlp_testing.h"

namespace keelson::wire::mlflow {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class TraceCalls : public testing::Test {
 protected:
  TraceCalls()
      : database_(std::move(*io::Database::Open(folder_.File("keelson.db")))),
        store_(std::move(*tracking::Store::Open(*database_, clock_, folder_.File("artifacts")))),
        edge_(*database_, clock_, folder_.File("artifacts"), 2) {}

  io::HttpResponse Send(std::string method, const std::string& target, std::string body, io::HttpHeaders headers) {
    io::HttpRequest request;
    request.method = std::move(method);
    const std::size_t question = std::min(target.find('?'), target.size());
    request.path = target.substr(0, question);
    if (question < target.size()) request.query = target.substr(question + 1);
    request.headers = std::move(headers);
    request.body = std::move(body);
    EXPECT_TRUE(Edge::Takes(request.path)) << request.path;
    return edge_.Answer(request);
  }
  // The answer's JSON; `status` is asked for.
  Json Call(const std::string& method, const std::string& path, const Json& body = nullptr, int status = 200) {
    const auto response =
        Send(method, "/api/" + path, body.is_null() ? "" : body.dump(), {{"content-type", "application/json"}});
    EXPECT_EQ(response.status, status) << path << response.body;
    return Json::parse(response.body, nullptr, false);
  }
  io::HttpResponse Export(std::string body, const std::string& type = "application/x-protobuf",
                          io::HttpHeaders more = {{"x-mlflow-experiment-id", "0"}}) {
    more.emplace_back("content-type", type);
    return Send("POST", "/v1/traces", std::move(body), std::move(more));
  }
  static OtlpResource Resource(int spans = 1) {
    OtlpResource resource;
    for (int i = 0; i < spans; ++i) {
      OtlpSpan& span = resource.spans.emplace_back();
      span.trace_id = std::string(15, '\0') + '\x01';
      span.span_id = std::string(7, '\0') + static_cast<char>(i + 1);
      if (i > 0) span.parent_id = resource.spans[0].span_id;
      span.name = "s" + std::to_string(i);
      span.started_ns = 1'000'000'000;
      span.ended_ns = 1'500'000'000;
      span.attributes = {{"mlflow.spanInputs", "{\"q\": 1}"}};
    }
    return resource;
  }
  static Json Info(const Json& more = Json::object()) {
    Json info = {{"trace_id", kId},
                 {"trace_location", {{"type", "MLFLOW_EXPERIMENT"}, {"mlflow_experiment", {{"experiment_id", "0"}}}}},
                 {"request_time", "1970-01-01T00:00:01Z"},
                 {"execution_duration", "0.500s"},
                 {"state", "OK"}};
    info.update(more);
    return {{"trace", {{"trace_info", info}}}};
  }

  static constexpr const char* kId = "tr-00000000000000000000000000000001";
  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<tracking::Store> store_;
  Edge edge_;
};

TEST_F(TraceCalls, SpansThenTheTraceThenBothAreRead) {
  const auto exported = Export(OtlpBytes({Resource(2)}));
  EXPECT_EQ(exported.status, 200);
  EXPECT_EQ(exported.content_type, "application/x-protobuf");
  EXPECT_EQ(exported.body, "");
  Call("POST", "3.0/mlflow/traces", Info({{"tags", {{"mlflow.traceName", "chat"}}}}));
  const std::string path = std::string("3.0/mlflow/traces/get?trace_id=") + kId;
  const Json trace = Call("GET", path)["trace"];
  EXPECT_EQ(trace["trace_info"]["request_time"], "1970-01-01T00:00:01Z");
  EXPECT_EQ(trace["trace_info"]["execution_duration"], "0.500s");
  EXPECT_EQ(trace["trace_info"]["request_preview"], "{\"q\": 1}");
  EXPECT_EQ(trace["trace_info"]["tags"]["mlflow.traceName"], "chat");
  ASSERT_EQ(trace["spans"].size(), 2u);
  EXPECT_EQ(trace["spans"][0]["name"], "s0");
  EXPECT_EQ(trace["spans"][0]["start_time_unix_nano"], 1'000'000'000);
  EXPECT_EQ(trace["spans"][1]["parent_span_id"], "AAAAAAAAAAE=");
  EXPECT_EQ(trace["spans"][0]["attributes"][0]["value"],
            Json::parse(R"({"kvlist_value": {"values": [{"key": "q", "value": {"int_value": 1}}]}})"));
  EXPECT_EQ(Call("GET", std::string("2.0/mlflow/traces/") + kId + "/info")["trace_info"]["execution_time_ms"], 500);
  const auto file = Send("GET", std::string("/ajax-api/2.0/mlflow/get-trace-artifact?request_id=") + kId, "", {});
  EXPECT_EQ(Json::parse(file.body)["spans"].size(), 2u);
  EXPECT_EQ(Call("POST", "3.0/mlflow/traces/batchGetInfos", {{"trace_ids", {kId, "none"}}})["trace_infos"].size(), 1u);
}

TEST_F(TraceCalls, ATraceThatIsNotWholeYetSaysSo) {
  Export(OtlpBytes({Resource(1)}));
  Call("POST", "3.0/mlflow/traces", Info({{"trace_metadata", {{"mlflow.trace.sizeStats", "{\"num_spans\": 2}"}}}}));
  const std::string path = std::string("3.0/mlflow/traces/get?trace_id=") + kId;
  EXPECT_THAT(Call("GET", path, nullptr, 404)["message"].get<std::string>(), HasSubstr("is not fully exported yet"));
  EXPECT_EQ(Call("GET", path + "&allow_partial=true")["trace"]["spans"].size(), 1u);
  EXPECT_EQ(Call("GET", std::string("3.0/mlflow/traces/batchGet?trace_ids=") + kId), Json::object());
  Export(OtlpBytes({Resource(2)}));
  EXPECT_EQ(Call("GET", path)["trace"]["spans"].size(), 2u);
}

TEST_F(TraceCalls, SpansThatTheClientKeepsAsAFileAreSentFromThere) {
  Call("POST", "3.0/mlflow/traces", Info());
  Call("GET", std::string("3.0/mlflow/traces/get?trace_id=") + kId, nullptr, 500);
  const std::string path = std::string("0/traces/") + kId + "/artifacts/traces.json";
  ASSERT_TRUE(tracking::PutArtifact(folder_.File("artifacts"), path, R"({"spans": []})").has_value());
  const std::string target = std::string("/ajax-api/3.0/mlflow/get-trace-artifact?request_id=") + kId;
  EXPECT_EQ(Send("GET", target, "", {}).body, R"({"spans": []})");
  EXPECT_EQ(Send("GET", target + "&path=../traces.json", "", {}).status, 400);
  EXPECT_EQ(Send("GET", target + "&path=none", "", {}).status, 404);
}

TEST_F(TraceCalls, ExportsAreRefusedAsTheReferenceDoes) {
  const std::string body = OtlpBytes({Resource()});
  EXPECT_EQ(Export(body, "application/x-protobuf", {}).status, 422);
  EXPECT_EQ(Export(body, "text/plain").status, 400);
  EXPECT_EQ(Export("junk\xff").status, 400);
  EXPECT_THAT(Export("").body, HasSubstr("no spans found"));
  EXPECT_EQ(Export("{}", "application/json; charset=utf-8").status, 400);
  EXPECT_EQ(Export(body, "application/x-protobuf", {{"x-mlflow-experiment-id", "99"}}).status, 404);
  OtlpResource resource = Resource();
  resource.spans[0].span_id = "";
  EXPECT_EQ(Export(OtlpBytes({resource})).status, 422);
  EXPECT_EQ(Send("GET", "/v1/traces", "", {}).status, 405);
  EXPECT_EQ(
      Call("POST", "3.0/mlflow/traces/search", {{"locations", {{{"mlflow_experiment", {{"experiment_id", "0"}}}}}}}),
      Json::object());
}

TEST_F(TraceCalls, AnExportWithARunIsLinkedToIt) {
  Export(OtlpBytes({Resource()}), "application/x-protobuf",
         {{"x-mlflow-experiment-id", "0"}, {"x-mlflow-run-id", "r"}});
  const Json search = {{"locations", {{{"mlflow_experiment", {{"experiment_id", "0"}}}}}}, {"filter", "run_id = 'r'"}};
  EXPECT_EQ(Call("POST", "3.0/mlflow/traces/search", search)["traces"].size(), 1u);
}

TEST_F(TraceCalls, AssessmentsReadBackAsTheyWereGiven) {
  Call("POST", "3.0/mlflow/traces", Info());
  const std::string path = std::string("3.0/mlflow/traces/") + kId + "/assessments";
  const auto create = [&](Json value) {
    value.update({{"assessment_name", "n"}, {"source", {{"source_type", "HUMAN"}}}});
    return Call("POST", path, {{"assessment", value}})["assessment"];
  };
  EXPECT_EQ(create({{"feedback", {{"value", 5}}}})["feedback"]["value"], 5.0);
  EXPECT_EQ(create({{"feedback", {{"error", {{"error_code", "E"}}}}}})["feedback"],
            Json::parse(R"({"value": null, "error": {"error_code": "E"}})"));
  const Json serialized = {{"serialization_format", "JSON_FORMAT"}, {"value", "[1, \"a\"]"}};
  EXPECT_EQ(create({{"expectation", {{"serialized_value", serialized}}}})["expectation"]["serialized_value"],
            serialized);
  const Json made = create({{"expectation", {{"value", "x"}}}, {"create_time", "2026-01-01T00:00:00.5Z"}});
  EXPECT_EQ(made["create_time"], "2026-01-01T00:00:00.500Z");
  EXPECT_EQ(made["valid"], true);
  const std::string one = path + "/" + made["assessment_id"].get<std::string>();
  const Json change = {{"assessment", {{"assessment_name", "m"}, {"expectation", {{"value", true}}}}},
                       {"update_mask", "assessmentName,expectation"}};
  EXPECT_EQ(Call("PATCH", one, change)["assessment"]["expectation"]["value"], true);
  EXPECT_EQ(Call("GET", one)["assessment"]["assessment_name"], "m");
  EXPECT_EQ(Call("GET", std::string("3.0/mlflow/traces/") + kId)["trace"]["trace_info"]["assessments"].size(), 4u);
  Call("DELETE", one);
  Call("GET", one, nullptr, 404);
  Call("POST", path, {{"assessment", {{"assessment_name", "n"}}}}, 400);
  Call("POST", path, {{"assessment", {{"assessment_name", "n"}, {"expectation", {{"value", nullptr}}}}}}, 400);
}

TEST_F(TraceCalls, OldClientsTakeTwoSteps) {
  const Json started = Call("POST", "2.0/mlflow/traces", {{"experiment_id", "0"}, {"timestamp_ms", 100}});
  const std::string id = started["trace_info"]["request_id"];
  EXPECT_EQ(started["trace_info"]["status"], "IN_PROGRESS");
  const Json ended =
      Call("PATCH", "2.0/mlflow/traces/" + id,
           {{"timestamp_ms", 350}, {"status", "ERROR"}, {"tags", {{{"key", "a"}, {"value", "b"}}}}})["trace_info"];
  EXPECT_EQ(ended["execution_time_ms"], 250);
  EXPECT_EQ(ended["status"], "ERROR");
  EXPECT_EQ(Call("GET", "2.0/mlflow/traces?experiment_ids=0&filter=tags.a%20%3D%20'b'")["traces"].size(), 1u);
  Call("PATCH", "2.0/mlflow/traces/" + id + "/tags", {{"key", "mlflow.trace.spansLocation"}, {"value", "x"}}, 400);
  Call("DELETE", "2.0/mlflow/traces/" + id + "/tags", {{"key", "a"}});
  const Json deletion = {{"experiment_id", "0"}, {"request_ids", {id}}};
  EXPECT_EQ(Call("POST", "3.0/mlflow/traces/delete-traces", deletion)["traces_deleted"], 1);
  Call("POST", "3.0/mlflow/traces/delete-traces", {{"experiment_id", "0"}}, 400);
}

TEST_F(TraceCalls, FiltersCorrelate) {
  for (int i = 0; i < 4; ++i) {
    Call("POST", "3.0/mlflow/traces",
         Info({{"trace_id", "tr-" + std::to_string(i)},
               {"state", i < 2 ? "OK" : "ERROR"},
               {"tags", {{"t", i < 2 ? "x" : "y"}}}}));
  }
  const auto correlate = [&](const std::string& first, const std::string& second) {
    return Call("POST", "3.0/mlflow/traces/calculate-filter-correlation",
                {{"experiment_ids", {"0"}}, {"filter_string1", first}, {"filter_string2", second}});
  };
  EXPECT_NEAR(correlate("status = 'OK'", "tags.t = 'x'")["npmi"].get<double>(), 1.0, 1e-12);
  EXPECT_EQ(correlate("status = 'OK'", "tags.t = 'y'")["npmi"], -1.0);
  EXPECT_FALSE(correlate("status = 'OK'", "tags.t = 'z'").contains("npmi"));
  EXPECT_EQ(correlate("status = 'OK'", "tags.t LIKE '%'")["joint_count"], 2);
}

}  // namespace
}  // namespace keelson::wire::mlflow
