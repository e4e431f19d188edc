// Sums over traces, as MLflow's page asks for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/temp_folder.h"
#include "tracking/store.h"
#include "wire/mlflow/edge.h"
#include "wire/mlflow/trace_metrics_filter.h"

namespace keelson::wire::mlflow {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class TraceMetricsCalls : public testing::Test {
 protected:
  TraceMetricsCalls()
      : database_(std::move(*io::Database::Open(folder_.File("keelson.db")))),
        store_(std::move(*tracking::Store::Open(*database_, clock_, folder_.File("artifacts")))),
        edge_(*database_, clock_, folder_.File("artifacts"), 1) {}

  io::HttpResponse Send(const std::string& path, const Json& body, const io::HttpHeaders& more = {}) {
    io::HttpRequest request;
    request.method = "POST";
    request.path = path;
    request.headers = {{"content-type", "application/json"}};
    request.headers.insert(request.headers.end(), more.begin(), more.end());
    request.body = body.dump();
    return edge_.Answer(request);
  }
  // The points; `more` over a count of traces.
  Json Ask(const Json& more = Json::object()) {
    Json body = {{"experiment_ids", {"0"}},
                 {"view_type", "TRACES"},
                 {"metric_name", "trace_count"},
                 {"aggregations", {{{"aggregation_type", "COUNT"}}}}};
    body.update(more);
    const auto response = Send("/ajax-api/3.0/mlflow/traces/metrics", body);
    const Json answer = Json::parse(response.body);
    if (response.status != 200) return answer.at("message");
    return answer.value("data_points", Json::array());
  }
  void Refused(const Json& more, const std::string& message) {
    const Json answer = Ask(more);
    ASSERT_TRUE(answer.is_string()) << answer;
    EXPECT_THAT(answer.get<std::string>(), HasSubstr(message));
  }
  void Start(int number, const std::string& time, const std::string& took, const std::string& state = "OK") {
    const Json info = {
        {"trace_id", "tr-" + std::to_string(number)},
        {"trace_location", {{"type", "MLFLOW_EXPERIMENT"}, {"mlflow_experiment", {{"experiment_id", "0"}}}}},
        {"request_time", time},
        {"execution_duration", took},
        {"state", state},
        {"tags", {{"mlflow.traceName", "chat"}}}};
    ASSERT_EQ(Send("/api/3.0/mlflow/traces", {{"trace", {{"trace_info", info}}}}).status, 200);
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<tracking::Store> store_;
  Edge edge_;
};

TEST_F(TraceMetricsCalls, CountsAndMeasures) {
  EXPECT_EQ(Ask(), Json::parse(R"([{"metric_name": "trace_count", "values": {"COUNT": 0.0}}])"));
  Start(1, "2026-01-01T00:00:59.900Z", "0.100s");
  Start(2, "2026-01-01T00:01:00Z", "0.300s", "ERROR");
  EXPECT_EQ(Ask({{"filters", {"trace.status = 'ERROR'"}}}).at(0).at("values").at("COUNT"), 1.0);
  const Json latency = {
      {"metric_name", "latency"},
      {"aggregations", {{{"aggregation_type", "PERCENTILE"}, {"percentile_value", 99.5}}, {{"aggregation_type", 3}}}},
      {"dimensions", {"trace_name"}}};
  EXPECT_EQ(Ask(latency), Json::parse(R"([{"metric_name": "latency", "dimensions": {"trace_name": "chat"},
      "values": {"P99.5": 299.0, "AVG": 200.0}}])"));
  const Json byTime = {{"time_interval_seconds", 60}, {"start_time_ms", 0}, {"end_time_ms", "1800000000000"}};
  EXPECT_EQ(Ask(byTime), Json::parse(R"([
      {"metric_name": "trace_count", "dimensions": {"time_bucket": "2026-01-01T00:00:00+00:00"}, "values": {"COUNT": 1.0}},
      {"metric_name": "trace_count", "dimensions": {"time_bucket": "2026-01-01T00:01:00+00:00"}, "values": {"COUNT": 1.0}}])"));
  EXPECT_EQ(Ask({{"max_results", 0}}), Json::array());
}

TEST_F(TraceMetricsCalls, RefusesInMlflowsWords) {
  Refused({{"metric_name", "span_count"}},
          "metric_name must be one of ['trace_count', 'session_count', 'latency', 'input_tokens', 'output_tokens', "
          "'total_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens'], got 'span_count'");
  Refused({{"aggregations", {{{"aggregation_type", "SUM"}}, {{"aggregation_type", "AVG"}}}}},
          "Found invalid aggregation_type(s): ['AVG', 'SUM']. Supported aggregation types: ['COUNT']");
  Refused({{"dimensions", {"x", "trace_name"}}},
          "Found invalid dimension(s): ['x']. Supported dimensions: ['trace_name', 'trace_status']");
  Refused({{"time_interval_seconds", 60}}, "start_time_ms and end_time_ms are required");
  Refused({{"aggregations", {{{"aggregation_type", "PERCENTILE"}}}}}, "Percentile value is required");
  Refused({{"aggregations", {{{"aggregation_type", "COUNT"}, {"percentile_value", 5}}}}},
          "only allowed for PERCENTILE");
  Refused({{"aggregations", {{{"aggregation_type", "PERCENTILE"}, {"percentile_value", 101}}}}},
          "must be between 0 and 100, got 101.0");
  Refused({{"view_type", nullptr}}, "Missing value for required parameter 'view_type'");
  Refused({{"time_interval_seconds", INT64_MAX}, {"start_time_ms", 0}, {"end_time_ms", 1}}, "too large");
  Refused({{"filters", {"span.name = 'x'"}}}, "Filtering by span is only supported for SPANS view type, got TRACES");
}

TEST(TraceMetricsFilter, ReadsOneComparison) {
  tracking::TraceMetricsQuery query{.view = tracking::TraceView::kSpans};
  for (const auto* filter : {"trace.status = 'OK'", "trace.tag.stage = \"dev\"", "trace.tag.`a.b` = 'x'",
                             "trace.metadata.`mlflow.trace.session` = 's'", "span.type = 'LLM'"}) {
    EXPECT_TRUE(AddMetricsFilter(filter, query).has_value()) << filter;
  }
  ASSERT_EQ(query.of_traces.size(), 4u);
  EXPECT_EQ(query.of_traces[2].key, "a.b");
  EXPECT_EQ(query.of_traces[3].entity, tracking::TraceEntity::kAttribute) << "a session stands in a column";
  EXPECT_EQ(query.of_rows.at(0), std::pair(std::string("type"), std::string("LLM")));
}

TEST(TraceMetricsFilter, RefusesAllElse) {
  const auto refusal = [](std::string_view filter) {
    tracking::TraceMetricsQuery query;
    const Status read = AddMetricsFilter(filter, query);
    EXPECT_FALSE(read.has_value()) << filter;
    return read ? std::string() : read.error().message;
  };
  EXPECT_THAT(refusal(""), HasSubstr("Expected one filter clause"));
  EXPECT_THAT(refusal("status = 'OK'"), HasSubstr("Invalid identifier 'status'"));
  EXPECT_THAT(refusal("run.status = 'OK'"), HasSubstr("Invalid view type 'run'"));
  EXPECT_THAT(refusal("trace.name = 'x'"), HasSubstr("Valid entities are ['status', 'tag', 'metadata']"));
  EXPECT_THAT(refusal("trace.tag = 'x'"),
              HasSubstr("Filtering by tag requires a key, e.g. 'trace.tag.<key> = <value>'"));
  EXPECT_THAT(refusal("trace.status.x = 'x'"), HasSubstr("does not require a key, use 'trace.status' instead"));
  EXPECT_THAT(refusal("trace.status != 'x'"), HasSubstr("only '=' operator is supported"));
  EXPECT_THAT(refusal("trace.status = 5"), HasSubstr("Expected a quoted string value for status value"));
  EXPECT_THAT(refusal("trace.status = OK"), HasSubstr("not quoted"));
  EXPECT_THAT(refusal("trace.status ="), HasSubstr("Expected 3 tokens"));
  EXPECT_THAT(refusal("trace.status = 'a' AND trace.status = 'b'"), HasSubstr("Invalid clause"));
}

}  // namespace
}  // namespace keelson::wire::mlflow
