#include "tracking/traces.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/assessments.h"
#include "tracking/experiments.h"
#include "tracking/store.h"
#include "tracking/trace_usage.h"

namespace keelson::tracking {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Key;
using testing::Not;
using testing::Pair;

class TracesTest : public testing::Test {
 protected:
  TracesTest()
      : database_(std::move(*io::Database::Open(folder_.File("keelson.db")))),
        store_(std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")))),
        traces_(*database_, clock_),
        assessments_(*database_, clock_) {}

  TraceRecord Given(const std::string& id, std::int64_t started_ms = 1000) {
    TraceRecord trace;
    trace.id = id;
    trace.started_ms = started_ms;
    trace.duration_ms = 250;
    trace.state = "OK";
    return trace;
  }
  void Start(const TraceRecord& trace) {
    const auto started = traces_.Start(trace);
    ASSERT_TRUE(started.has_value()) << started.error().ToString();
  }
  static SpanRecord Span(const std::string& id, const std::string& parent, std::int64_t from_ms, std::int64_t to_ms) {
    SpanRecord span;
    span.id = id;
    span.parent_id = parent;
    span.name = "span " + id;
    span.status = "OK";
    span.started_ns = from_ms * 1'000'000;
    span.ended_ns = to_ms * 1'000'000;
    span.content = "{\"name\": \"" + id + "\"}";
    return span;
  }
  void Log(const std::string& trace, std::vector<SpanRecord> spans) {
    SpanBatch batch;
    batch.trace_id = trace;
    batch.spans = std::move(spans);
    const auto logged = traces_.LogSpans(0, {batch});
    ASSERT_TRUE(logged.has_value()) << logged.error().ToString();
  }
  std::vector<std::string> Find(const std::vector<TraceCondition>& conditions,
                                const std::vector<TraceOrder>& order = {}) {
    TraceSearch search;
    search.conditions = conditions;
    search.order = order;
    const auto page = traces_.Find({0}, search);
    EXPECT_TRUE(page.has_value()) << page.error().ToString();
    std::vector<std::string> ids;
    for (const auto& trace : page->records) ids.push_back(trace.id);
    return ids;
  }
  AssessmentRecord Assess(const std::string& trace, const std::string& name, const std::string& value) {
    AssessmentRecord record;
    record.trace_id = trace;
    record.name = name;
    record.kind = "feedback";
    record.value = value;
    record.source_type = "HUMAN";
    return *assessments_.Create(record);
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
  Traces traces_;
  Assessments assessments_;
};

TEST_F(TracesTest, KeepsWhatAClientSays) {
  TraceRecord trace = Given("tr-1");
  trace.client_request_id = "mine";
  trace.request_preview = "hi";
  trace.tags = {{"mlflow.traceName", "chat"}, {"stage", "dev"}};
  trace.metadata = {{"mlflow.trace.session", "s"},
                    {"mlflow.trace.tokenUsage", R"({"input_tokens": 3, "total_tokens": 7, "odd": 1})"},
                    {"mlflow.trace.cost", R"({"total_cost": 0.5})"},
                    {"free", "text"}};
  for (int repeated = 0; repeated < 2; ++repeated) Start(trace);
  const auto read = *traces_.Get("tr-1");
  EXPECT_EQ(read.started_ms, 1000);
  EXPECT_EQ(read.duration_ms, 250);
  EXPECT_EQ(read.state, "OK");
  EXPECT_EQ(read.client_request_id, "mine");
  EXPECT_EQ(read.request_preview, "hi");
  EXPECT_FALSE(read.response_preview.has_value());
  EXPECT_THAT(read.tags, ElementsAre(Pair("mlflow.artifactLocation", "mlflow-artifacts:/0/traces/tr-1/artifacts"),
                                     Pair("stage", "dev"), Pair("mlflow.traceName", "chat")));
  EXPECT_THAT(read.metadata, ElementsAre(Pair("free", "text"), Pair("mlflow.trace.infoFinalized", "true"),
                                         Pair("mlflow.trace.session", "s"),
                                         Pair("mlflow.trace.tokenUsage", R"({"input_tokens": 3, "total_tokens": 7})"),
                                         Pair("mlflow.trace.cost", R"({"total_cost": 0.5})")));
  EXPECT_EQ(traces_.Get("none").error().message, "Trace with ID 'none' not found.");
}

TEST_F(TracesTest, SpansMakeTheirTraceAndItsExtent) {
  Log("tr-1", {Span("b", "a", 120, 180)});
  auto trace = *traces_.Get("tr-1");
  EXPECT_EQ(trace.state, "IN_PROGRESS");
  EXPECT_EQ(trace.started_ms, 120);
  EXPECT_EQ(trace.duration_ms, 60);
  auto root = Span("a", "", 100, 200);
  root.status = "ERROR";
  Log("tr-1", {root});
  trace = *traces_.Get("tr-1");
  EXPECT_EQ(trace.state, "ERROR");
  EXPECT_EQ(trace.started_ms, 100);
  EXPECT_EQ(trace.duration_ms, 100);
  EXPECT_THAT(trace.tags, Contains(Pair("mlflow.trace.spansLocation", "TRACKING_STORE")));
  const auto whole = *traces_.GetWhole({"tr-1", "none", "tr-1"}, std::nullopt);
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_THAT(whole[0].spans, ElementsAre(R"({"name": "a"})", R"({"name": "b"})"));
  EXPECT_TRUE(traces_.GetWhole({"tr-1"}, std::vector<std::int64_t>{7})->empty());
}

TEST_F(TracesTest, WhatTheClientSaysOfAFinishedTraceStands) {
  Log("tr-1", {Span("a", "", 100, 200)});
  auto given = Given("tr-1");
  given.metadata = {{"mlflow.trace.tokenUsage", R"({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2})"}};
  Start(given);
  auto late = Span("b", "a", 50, 9000);
  late.usage = R"({"input_tokens": 100, "output_tokens": 1, "total_tokens": 101})";
  Log("tr-1", {late});
  const auto trace = *traces_.Get("tr-1");
  EXPECT_EQ(trace.started_ms, 1000);
  EXPECT_EQ(trace.duration_ms, 250);
  EXPECT_EQ(TraceRecord::Find(trace.metadata, kTraceTokenUsage),
            R"({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2})");
}

TEST_F(TracesTest, SumsOverTheTreeCountNothingTwiceWhateverCallBroughtIt) {
  const auto usage = [](int tokens) {
    return fmt::format(R"({{"input_tokens": {0}, "output_tokens": 0, "total_tokens": {0}}})", tokens);
  };
  auto leaf = Span("c", "b", 1, 2);
  leaf.usage = usage(5);
  leaf.cost = R"({"total_cost": 0.25})";
  Log("tr-1", {leaf});
  EXPECT_EQ(TraceRecord::Find(traces_.Get("tr-1")->metadata, kTraceTokenUsage), usage(5));
  auto summed = Span("a", "", 0, 9);
  summed.usage = usage(12);  // of itself and those below
  Log("tr-1", {summed, Span("b", "a", 0, 9)});
  Log("tr-1", {leaf});
  const auto metadata = traces_.Get("tr-1")->metadata;
  EXPECT_EQ(TraceRecord::Find(metadata, kTraceTokenUsage), usage(12));
  EXPECT_EQ(TraceRecord::Find(metadata, kTraceCost), R"({"input_cost": 0.0, "output_cost": 0.0, "total_cost": 0.25})");
}

TEST(TraceUsage, ATreeOfAnyShapeIsSummedInOneWalk) {
  std::vector<SpanRecord> spans;
  const auto add = [&](std::string id, std::string parent, std::optional<std::string> usage) {
    SpanRecord span;
    span.id = std::move(id);
    span.parent_id = std::move(parent);
    span.usage = std::move(usage);
    spans.push_back(std::move(span));
  };
  EXPECT_FALSE(SumTokens(spans).has_value());
  constexpr int kDeep = 50'000;
  for (int i = 0; i < kDeep; ++i) add(std::to_string(i + 1), std::to_string(i), std::nullopt);
  add("leaf", std::to_string(kDeep), R"({"input_tokens": 2})");
  add("other", "nowhere", R"({"input_tokens": 3, "cache_read_input_tokens": "4"})");
  add("x", "y", R"({"input_tokens": 50})");  // a cycle
  add("y", "x", R"({"input_tokens": 50})");
  const auto sums = SumTokens(spans);
  ASSERT_TRUE(sums.has_value());
  EXPECT_THAT(*sums, ElementsAre(5, 0, 0, 4, std::nullopt, std::nullopt));
}

TEST_F(TracesTest, TagsLinksAndDeletion) {
  for (int i = 1; i <= 4; ++i) Start(Given("tr-" + std::to_string(i), 1000 * i));
  ASSERT_TRUE(traces_.SetTag("tr-1", "a", "b").has_value());
  ASSERT_TRUE(traces_.SetTag("tr-1", "mlflow.traceName", "named").has_value());
  EXPECT_EQ(traces_.SetTag("none", "a", "b").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(TraceRecord::Find(traces_.Get("tr-1")->tags, kTraceName), "named");
  ASSERT_TRUE(traces_.DeleteTag("tr-1", "a").has_value());
  EXPECT_EQ(traces_.DeleteTag("tr-1", "a").error().message, "No trace tag with key 'a' for trace with ID 'tr-1'");
  EXPECT_THAT(traces_.Get("tr-1")->tags, Not(Contains(Key("a"))));
  for (int repeated = 0; repeated < 2; ++repeated) {
    ASSERT_TRUE(traces_.LinkRun({"tr-2", "none"}, "r").has_value());
    ASSERT_TRUE(traces_.LinkPrompts("tr-2", {"p/1"}).has_value());
  }
  EXPECT_THAT(Find({{TraceEntity::kMetadata, std::string(kTraceSourceRun), Compare::kEqual, {std::string("r")}}}),
              ElementsAre("tr-2"));
  EXPECT_THAT(Find({{TraceEntity::kPrompt, "", Compare::kEqual, {std::string("p/1")}}}), ElementsAre("tr-2"));
  Log("tr-3", {Span("a", "", 1, 2)});
  EXPECT_EQ(traces_.Delete({.experiment_id = 7, .until_ms = 9999, .at_most = {}, .ids = {}}), 0);
  EXPECT_EQ(traces_.Delete({.experiment_id = 0, .until_ms = 3000, .at_most = 2, .ids = {}}), 2);
  EXPECT_EQ(traces_.Delete({.experiment_id = 0, .until_ms = {}, .at_most = {}, .ids = {"tr-3", "none"}}), 1);
  EXPECT_THAT(Find({}), ElementsAre("tr-4"));
}

TEST_F(TracesTest, AssessmentsOverrideAndComeBack) {
  Start(Given("tr-1"));
  const auto first = Assess("tr-1", "good", "true");
  EXPECT_TRUE(first.id.starts_with("a-"));
  auto second = first;
  second.id.clear();
  second.value = "false";
  second.overrides = first.id;
  second = *assessments_.Create(second);
  EXPECT_FALSE(assessments_.Get("tr-1", first.id)->valid);
  clock_.Advance(std::chrono::seconds(5));
  Assessments::Change change;
  change.feedback = "1.0";
  change.rationale = "because";
  change.metadata = {{"k", "v"}};
  const auto updated = *assessments_.Update("tr-1", second.id, change);
  EXPECT_EQ(updated.updated_ms, ToMicros(clock_.WallNow()) / 1000);
  EXPECT_EQ(assessments_.Get("tr-1", second.id)->rationale, "because");
  EXPECT_THAT(assessments_.Get("tr-1", second.id)->metadata, ElementsAre(Pair("k", "v")));
  change.expectation = "1";
  change.feedback.reset();
  EXPECT_EQ(assessments_.Update("tr-1", second.id, change).error().code, ErrorCode::kInvalidArgument);
  for (int repeated = 0; repeated < 2; ++repeated) {
    ASSERT_TRUE(assessments_.Delete("tr-1", second.id).has_value());
  }
  EXPECT_TRUE(assessments_.Get("tr-1", first.id)->valid);
  EXPECT_EQ(assessments_.Get("none", "x").error().message, "Trace with request_id 'none' not found");
  EXPECT_EQ(assessments_.Get("tr-1", "x").error().message, "Assessment with ID 'x' not found for trace 'tr-1'");
  second.overrides = "none";
  EXPECT_EQ(assessments_.Create(second).error().code, ErrorCode::kNotFound);
}

TEST_F(TracesTest, SearchesByEveryEntity) {
  auto one = Given("tr-1", 1000);
  one.tags = {{"stage", "dev"}, {"mlflow.traceName", "chat"}};
  one.metadata = {{"mlflow.trace.session", "s"}, {"mlflow.trace.tokenUsage", R"({"input_tokens": 3})"}};
  Start(one);
  auto two = Given("tr-2", 2000);
  two.state = "ERROR";
  two.metadata = {{"mlflow.trace.session", "s"}, {"kind", "x"}};
  Start(two);
  Start(Given("tr-3", 3000));
  auto span = Span("a", "", 1, 2);
  span.content = R"({"name": "a", "attributes": {"model": "\"gpt-4\""}})";
  Log("tr-2", {span});
  Log("tr-3", {Span("b", "", 1, 2)});
  Assess("tr-1", "score", "0.5");
  Assess("tr-2", "score", "\"yes\"");
  const auto text = [](const char* value) { return std::vector<io::SqlValue>{std::string(value)}; };
  using E = TraceEntity;
  EXPECT_THAT(Find({}), ElementsAre("tr-3", "tr-2", "tr-1"));
  EXPECT_THAT(Find({{E::kAttribute, "status", Compare::kEqual, text("OK")}}), ElementsAre("tr-3", "tr-1"));
  EXPECT_THAT(Find({{E::kAttribute, "timestamp_ms", Compare::kGreater, {std::int64_t{1000}}}}),
              ElementsAre("tr-3", "tr-2"));
  EXPECT_THAT(Find({{E::kAttribute, "end_time_ms", Compare::kEqual, {std::int64_t{1250}}}}), ElementsAre("tr-1"));
  EXPECT_THAT(Find({{E::kAttribute, std::string(kTraceName), Compare::kRLike, text("^ch.t$")}}), ElementsAre("tr-1"));
  EXPECT_THAT(Find({{E::kTag, "stage", Compare::kIsNull, {}}}), ElementsAre("tr-3", "tr-2"));
  EXPECT_THAT(Find({{E::kMetadata, "kind", Compare::kLike, text("%x%")}}), ElementsAre("tr-2"));
  EXPECT_THAT(Find({{E::kMetadata, std::string(kTraceTokenUsage), Compare::kEqual, text(R"({"input_tokens": 3})")}}),
              ElementsAre("tr-1"));
  EXPECT_THAT(Find({{E::kMetadata, std::string(kTraceTokenUsage), Compare::kIsNull, {}}}), ElementsAre("tr-3", "tr-2"));
  EXPECT_THAT(Find({{E::kSpanAttribute, "model", Compare::kLike, text("%gpt%")}}), ElementsAre("tr-2"));
  EXPECT_THAT(Find({{E::kSpanAttribute, "model", Compare::kRLike, text("^gpt-[0-9]$")}}), ElementsAre("tr-2"));
  EXPECT_THAT(Find({{E::kSpan, "name", Compare::kEqual, text("span a")},
                    {E::kSpan, "content", Compare::kLike, text("%\"b\"%")}}),
              ElementsAre());
  EXPECT_THAT(Find({{E::kFeedback, "score", Compare::kGreater, {0.25}}}), ElementsAre("tr-1"));
  EXPECT_THAT(Find({{E::kFeedback, "score", Compare::kEqual, text("yes")}}), ElementsAre("tr-2"));
  EXPECT_THAT(Find({{E::kFeedback, "score", Compare::kIsNull, {}}}), ElementsAre("tr-3"));
  EXPECT_THAT(Find({{E::kExpectation, "score", Compare::kIsNotNull, {}}}), ElementsAre());
  EXPECT_THAT(Find({}, {{E::kTag, "stage", true}}), ElementsAre("tr-1", "tr-3", "tr-2"));
  EXPECT_THAT(Find({}, {{E::kAttribute, "request_id", true}}), ElementsAre("tr-1", "tr-2", "tr-3"));
  EXPECT_EQ(TraceConditionsSql({{E::kSpan, "name", Compare::kRLike, text("(")}}, {0}).error().code,
            ErrorCode::kInvalidArgument);
  const auto counts = traces_.Count({0}, {}, {{E::kAttribute, "status", Compare::kEqual, text("OK")}},
                                    {{E::kTag, "stage", Compare::kIsNotNull, {}}});
  EXPECT_EQ(counts->all, 3);
  EXPECT_EQ(counts->first, 2);
  EXPECT_EQ(counts->second, 1);
  EXPECT_EQ(counts->both, 1);
}

TEST_F(TracesTest, AnAssessmentOfASessionIsOfEachOfItsTraces) {
  for (const char* id : {"tr-1", "tr-2"}) {
    auto trace = Given(id);
    trace.metadata = {{"mlflow.trace.session", "s"}};
    Start(trace);
  }
  Start(Given("tr-3"));
  AssessmentRecord record;
  record.trace_id = "tr-1";
  record.name = "polite";
  record.kind = "feedback";
  record.value = "true";
  record.source_type = "HUMAN";
  record.metadata = {{std::string(kTraceSession), "s"}};
  ASSERT_TRUE(assessments_.Create(record).has_value());
  EXPECT_THAT(Find({{TraceEntity::kFeedback, "polite", Compare::kEqual, {std::string("true")}}}),
              ElementsAre("tr-1", "tr-2"));
  EXPECT_THAT(Find({{TraceEntity::kFeedback, "polite", Compare::kIsNull, {}}}), ElementsAre("tr-3"));
}

TEST_F(TracesTest, PagesNeitherRepeatNorMissWhileOthersAreLogged) {
  for (int i = 0; i < 7; ++i) Start(Given("tr-" + std::to_string(i), 1000 + i % 3));
  TraceSearch search;
  search.at_most = 2;
  std::vector<std::string> seen;
  for (int page = 0; page < 10; ++page) {
    const auto found = *traces_.Find({0}, search);
    for (const auto& trace : found.records) seen.push_back(trace.id);
    Start(Given("new-" + std::to_string(page), 5000));
    if (found.next.empty()) break;
    search.page = found.next;
  }
  EXPECT_THAT(seen, ElementsAre("tr-2", "tr-5", "tr-1", "tr-4", "tr-0", "tr-3", "tr-6"));
  search.page = "zz";
  EXPECT_EQ(traces_.Find({0}, search).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace keelson::tracking
