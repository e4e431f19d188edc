#include "tracking/trace_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/database_testing.h"
#include "io/temp_folder.h"
#include "tracking/assessments.h"
#include "tracking/store.h"

namespace keelson::tracking {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using Kind = TraceAggregation::Kind;

class TraceMetricsTest : public testing::Test {
 protected:
  TraceMetricsTest()
      : database_(std::move(*io::OpenTestDatabase(folder_.File("keelson.db")))),
        store_(std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")))),
        traces_(*database_, clock_),
        assessments_(*database_, clock_) {}

  void Start(const std::string& id, std::int64_t started_ms, std::int64_t duration_ms, Pairs tags = {},
             Pairs metadata = {}) {
    TraceRecord trace;
    trace.id = id;
    trace.started_ms = started_ms;
    trace.duration_ms = duration_ms;
    trace.state = "OK";
    trace.tags = std::move(tags);
    trace.metadata = std::move(metadata);
    const auto started = traces_.Start(trace);
    ASSERT_TRUE(started.has_value()) << started.error().ToString();
  }
  void LogSpan(const std::string& trace, const std::string& id, const std::string& name, std::int64_t from_ms,
               std::int64_t to_ms, const ModelUsage& model = {}) {
    SpanRecord span;
    span.id = id;
    span.name = name;
    span.status = "OK";
    span.started_ns = from_ms * 1'000'000;
    span.ended_ns = to_ms * 1'000'000;
    span.model = model;
    span.content = "{}";
    SpanBatch batch;
    batch.trace_id = trace;
    batch.spans = {span};
    const Status logged = traces_.LogSpans(0, {batch});
    ASSERT_TRUE(logged.has_value()) << logged.error().ToString();
  }
  AssessmentRecord Assess(const std::string& trace, const std::string& value, const std::string& overrides = "") {
    AssessmentRecord record;
    record.trace_id = trace;
    record.name = "good";
    record.kind = "feedback";
    record.value = value;
    record.source_type = "HUMAN";
    record.overrides = overrides;
    return *assessments_.Create(record);
  }
  std::vector<TraceMetricsPoint> Ask(TraceMetricsQuery query) {
    query.experiments = {0};
    auto points = traces_.Metrics(query);
    EXPECT_TRUE(points.has_value()) << points.error().ToString();
    return points.value_or(std::vector<TraceMetricsPoint>());
  }
  // The one point's values.
  std::vector<std::optional<double>> One(const TraceMetricsQuery& query) {
    const auto points = Ask(query);
    EXPECT_EQ(points.size(), 1u);
    return points.empty() ? std::vector<std::optional<double>>() : points[0].values;
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
  Traces traces_;
  Assessments assessments_;
};

TEST_F(TraceMetricsTest, MeasuresTraces) {
  for (int i = 0; i < 4; ++i) Start("tr-" + std::to_string(i), 1000 * i, 100 * (i + 1));
  const TraceMetricsQuery latency = {.measure = TraceMeasure::kLatency,
                                     .aggregations = {{Kind::kAverage},
                                                      {Kind::kMinimum},
                                                      {Kind::kMaximum},
                                                      {Kind::kPercentile, 50},
                                                      {Kind::kPercentile, 100},
                                                      {Kind::kSum}}};
  EXPECT_THAT(One(latency), ElementsAre(Optional(250.0), Optional(100.0), Optional(400.0), Optional(250.0),
                                        Optional(400.0), Optional(1000.0)));
  EXPECT_THAT(One({.aggregations = {{Kind::kCount}}}), ElementsAre(Optional(4.0)));
  EXPECT_THAT(One({.aggregations = {{Kind::kCount}}, .from_ms = 1000, .until_ms = 2000}), ElementsAre(Optional(2.0)));
}

TEST_F(TraceMetricsTest, OfNothingThereIsACountAndNoMore) {
  EXPECT_THAT(One({.aggregations = {{Kind::kCount}, {Kind::kSum}, {Kind::kPercentile, 9}}}),
              ElementsAre(Optional(0.0), std::nullopt, std::nullopt));
  EXPECT_THAT(Ask({.aggregations = {{Kind::kCount}}, .dimensions = {TraceDimension::kTraceName}}), IsEmpty());
}

TEST_F(TraceMetricsTest, TellsApartByTimeAndNameInTheirOrder) {
  Start("tr-1", -1, 10, {{"mlflow.traceName", "b"}});
  Start("tr-2", 5000, 30, {{"mlflow.traceName", "b"}});
  Start("tr-3", 9999, 10, {{"mlflow.traceName", "a"}});
  Start("tr-4", 10'000, 10, {{"mlflow.traceName", "a"}});
  Start("tr-5", 10'000, 10);  // without a name it is told under none
  TraceMetricsQuery query = {.measure = TraceMeasure::kLatency,
                             .aggregations = {{Kind::kSum}},
                             .dimensions = {TraceDimension::kTraceName},
                             .interval_ms = 10'000};
  std::vector<std::string> told;
  for (const auto& point : Ask(query)) {
    told.push_back(std::to_string(*point.bucket_ms) + point.dimensions.at(0) + std::to_string(int(*point.values[0])));
  }
  EXPECT_THAT(told, ElementsAre("-10000b10", "0a10", "0b30", "10000a10"));
  query.at_most = 2;
  EXPECT_EQ(Ask(query).size(), 2u);
  query.at_most = 0;
  EXPECT_THAT(Ask(query), IsEmpty());
}

TEST_F(TraceMetricsTest, CountsSessionsOnceAndTokensWhereTheyAreSaid) {
  const std::string session = "mlflow.trace.session";
  const std::string usage = "mlflow.trace.tokenUsage";
  Start("tr-1", 0, 1, {}, {{session, "s"}, {usage, R"({"input_tokens": 3, "total_tokens": 7})"}});
  Start("tr-2", 0, 1, {}, {{session, "s"}, {usage, R"({"total_tokens": 5})"}});
  Start("tr-3", 0, 1, {}, {{session, "t"}});
  EXPECT_THAT(One({.measure = TraceMeasure::kSessions, .aggregations = {{Kind::kCount}}}), ElementsAre(Optional(2.0)));
  EXPECT_THAT(One({.measure = TraceMeasure::kTokens, .part = 0, .aggregations = {{Kind::kAverage}}}),
              ElementsAre(Optional(3.0)));
  EXPECT_THAT(One({.measure = TraceMeasure::kTokens, .part = 2, .aggregations = {{Kind::kAverage}, {Kind::kSum}}}),
              ElementsAre(Optional(6.0), Optional(12.0)));
}

TEST_F(TraceMetricsTest, MeasuresSpansByTheirModel) {
  Start("tr-1", 1000, 1);
  LogSpan("tr-1", "a", "ask", 1500, 1700, {.costs = {0.5, std::nullopt, 0.5}, .model = "m", .provider = "us"});
  LogSpan("tr-1", "b", "ask", 2500, 2600, {.costs = {0.25, 0.25, 0.5}, .model = "n", .provider = {}});
  LogSpan("tr-1", "c", "tool", 2500, 2550);
  TraceMetricsQuery cost = {.view = TraceView::kSpans,
                            .measure = TraceMeasure::kCost,
                            .part = 2,
                            .aggregations = {{Kind::kSum}},
                            .dimensions = {TraceDimension::kModelName}};
  EXPECT_EQ(Ask(cost).size(), 2u);
  cost.dimensions = {};
  cost.from_ms = 2000;  // by the span's own time
  EXPECT_THAT(One(cost), ElementsAre(Optional(0.5)));
  cost.from_ms = std::numeric_limits<std::int64_t>::max();  // beyond all nanoseconds
  EXPECT_THAT(One(cost), ElementsAre(std::nullopt));
  TraceMetricsQuery latency = {.view = TraceView::kSpans,
                               .measure = TraceMeasure::kLatency,
                               .aggregations = {{Kind::kMaximum}},
                               .of_rows = {{"name", "ask"}},
                               .from_ms = 2000};  // by the trace's
  EXPECT_THAT(One(latency), ElementsAre(std::nullopt));
  latency.from_ms = 1000;
  EXPECT_THAT(One(latency), ElementsAre(Optional(200.0)));
}

TEST_F(TraceMetricsTest, AnAssessmentIsANumberWhereItMeansOne) {
  Start("tr-1", 0, 1);
  const auto first = Assess("tr-1", "false");
  Assess("tr-1", "true", first.id);  // takes its place
  for (const auto* value : {"0.5", "\" Yes \"", "\"no\"", "\"often\"", "[1]"}) Assess("tr-1", value);
  TraceMetricsQuery query = {.view = TraceView::kAssessments, .aggregations = {{Kind::kCount}}};
  EXPECT_THAT(One(query), ElementsAre(Optional(6.0)));
  query.measure = TraceMeasure::kValue;
  query.aggregations = {{Kind::kAverage}, {Kind::kPercentile, 25}};
  EXPECT_THAT(One(query), ElementsAre(Optional(0.625), Optional(0.375)));  // of 1, 0.5, 1 and 0
  query.of_rows = {{"kind", "expectation"}};
  EXPECT_THAT(One(query), ElementsAre(std::nullopt, std::nullopt));
}

TEST_F(TraceMetricsTest, AsksOfTheTraceWhatAFilterAsks) {
  Start("tr-1", 0, 1, {{"stage", "dev"}});
  Start("tr-2", 0, 1, {{"stage", "prod"}});
  LogSpan("tr-1", "a", "x", 0, 1);
  const std::vector<TraceCondition> dev = {{TraceEntity::kTag, "stage", Compare::kEqual, {"dev"}}};
  EXPECT_THAT(One({.aggregations = {{Kind::kCount}}, .of_traces = dev}), ElementsAre(Optional(1.0)));
  EXPECT_THAT(One({.view = TraceView::kSpans, .aggregations = {{Kind::kCount}}, .of_traces = dev}),
              ElementsAre(Optional(1.0)));
  auto query = TraceMetricsQuery{.aggregations = {{Kind::kCount}}};
  EXPECT_EQ(traces_.Metrics(query)->at(0).values.at(0), 0.0) << "of no experiment";
}

TEST(BucketOf, GoesTowardsThePast) {
  EXPECT_EQ(BucketOf(0, 10), 0);
  EXPECT_EQ(BucketOf(9, 10), 0);
  EXPECT_EQ(BucketOf(-1, 10), -10);
  EXPECT_EQ(BucketOf(-10, 10), -10);
  EXPECT_EQ(BucketOf(1, -10), 10);
}

}  // namespace
}  // namespace keelson::tracking
