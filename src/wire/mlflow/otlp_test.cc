#include "wire/mlflow/otlp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/protobuf.h"
#include "base/strings.h"
#include "wire/mlflow/otlp_testing.h"
#include "wire/mlflow/span_batches.h"

namespace keelson::wire::mlflow {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using tracking::OrderedJson;

constexpr std::string_view kJson = R"({"resourceSpans": [{
  "resource": {"attributes": [{"key": "host", "value": {"stringValue": "h"}}, {"key": "mlflow.x", "value": {"stringValue": "no"}}]},
  "scopeSpans": [{"spans": [{
    "traceId": "000102030405060708090a0b0c0d0e0f", "spanId": "0001020304050607", "name": "root", "unknown": 1,
    "startTimeUnixNano": "1000000000", "endTimeUnixNano": 2500000000,
    "attributes": [{"key": "text", "value": {"stringValue": "plain"}},
      {"key": "json", "value": {"stringValue": "{\"a\": 1}"}}, {"key": "n", "value": {"intValue": "5"}},
      {"key": "d", "value": {"doubleValue": 1}}, {"key": "b", "value": {"boolValue": true}}, {"key": "none"},
      {"key": "by", "value": {"bytesValue": "/wA="}},
      {"key": "l", "value": {"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "a"}]}}},
      {"key": "m", "value": {"kvlistValue": {"values": [{"key": "x", "value": {"intValue": 2}}]}}}],
    "events": [{"name": "e", "timeUnixNano": "7", "attributes": [{"key": "k", "value": {"intValue": 3}}]}],
    "links": [{"traceId": "01", "spanId": "02"}],
    "status": {"code": "STATUS_CODE_ERROR", "message": "bad"}}]}]}]})";

std::vector<tracking::SpanBatch> Batches(std::string_view json) {
  auto resources = ParseOtlpJson(json);
  EXPECT_TRUE(resources.has_value());
  auto batches = ToBatches(*std::move(resources));
  EXPECT_TRUE(batches.has_value()) << batches.error().message;
  return batches.value_or(std::vector<tracking::SpanBatch>());
}

OrderedJson AttributesOf(const tracking::SpanBatch& batch) {
  return OrderedJson::parse(batch.spans.at(0).content)["attributes"];
}

// One span with these attributes.
std::string WithAttributes(const std::string& pairs) {
  return R"({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "01", "spanId": "02", "attributes": [)" + pairs +
         "]}]}]}]}";
}

TEST(Otlp, JsonAndProtobufSayTheSame) {
  const auto from_json = *ParseOtlpJson(kJson);
  const auto from_protobuf = *ParseOtlp(OtlpBytes(from_json));
  EXPECT_EQ(OtlpBytes(from_protobuf), OtlpBytes(from_json));
  ASSERT_EQ(from_protobuf.size(), 1u);
  const OtlpSpan& span = from_protobuf[0].spans.at(0);
  EXPECT_EQ(HexEncode(span.trace_id), "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(span.started_ns, 1'000'000'000u);
  EXPECT_EQ(span.status, 2);
  EXPECT_EQ(span.attributes.size(), 9u);
  EXPECT_EQ(span.events.at(0).time_ns, 7u);
}

TEST(Otlp, SpansAreKeptAsMlflowWritesThem) {
  const auto batches = Batches(kJson);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].trace_id, "tr-000102030405060708090a0b0c0d0e0f");
  EXPECT_THAT(batches[0].tags, ElementsAre(Pair("host", "h")));
  const auto& span = batches[0].spans.at(0);
  EXPECT_EQ(span.status, "ERROR");
  EXPECT_EQ(span.ended_ns, 2'500'000'000);
  EXPECT_EQ(
      span.content,
      R"({"trace_id": "AAECAwQFBgcICQoLDA0ODw==", "span_id": "AAECAwQFBgc=", "parent_span_id": null, )"
      R"("name": "root", "start_time_unix_nano": 1000000000, "end_time_unix_nano": 2500000000, )"
      R"("events": [{"name": "e", "time_unix_nano": 7, "attributes": {"k": 3}}], )"
      R"("status": {"code": "STATUS_CODE_ERROR", "message": "bad"}, "attributes": {"text": "\"plain\"", )"
      R"("json": "{\"a\": 1}", "n": "5", "d": "1.0", "b": "true", "none": "null", "by": "\"b'\\\\xff\\\\x00'\"", )"
      R"("l": "[1, \"a\"]", "m": "{\"x\": 2}", )"
      R"("mlflow.traceRequestId": "\"tr-000102030405060708090a0b0c0d0e0f\""}, )"
      R"("links": [{"trace_id": "tr-00000000000000000000000000000001", "span_id": "0000000000000002", )"
      R"("attributes": null}]})");
}

TEST(Otlp, WhatOtherConventionsSayIsTranslated) {
  const auto batch = Batches(WithAttributes(
      R"({"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
         {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 3}},
         {"key": "gen_ai.usage.output_tokens", "value": {"stringValue": "4"}},
         {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
         {"key": "gen_ai.completion.0.content", "value": {"stringValue": "out"}},
         {"key": "input.value", "value": {"stringValue": "asked"}},
         {"key": "gen_ai.conversation.id", "value": {"stringValue": "s"}},
         {"key": "user.id", "value": {"stringValue": "ann"}},
         {"key": "mlflow.traceTag.stage", "value": {"stringValue": "prod"}})"))[0];
  const auto attributes = AttributesOf(batch);
  EXPECT_EQ(attributes["mlflow.spanType"], "\"CHAT_MODEL\"");
  EXPECT_EQ(attributes["mlflow.chat.tokenUsage"], R"({"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})");
  EXPECT_EQ(attributes["mlflow.llm.model"], "\"m\"");
  EXPECT_EQ(attributes["mlflow.spanInputs"], "\"asked\"");
  EXPECT_EQ(attributes["mlflow.spanOutputs"], "\"out\"");
  EXPECT_EQ(batch.spans[0].usage, attributes["mlflow.chat.tokenUsage"].get<std::string>());
  EXPECT_FALSE(batch.spans[0].type.has_value());
  EXPECT_EQ(batch.session_id, "s");
  EXPECT_EQ(batch.user_id, "ann");
  EXPECT_EQ(batch.request_preview, "\"asked\"");
  EXPECT_THAT(batch.tags, Contains(Pair("stage", "prod")));
}

TEST(Otlp, OwnAttributesStand) {
  const std::string messages = R"([{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"hi\"}]}, )"
                               R"({\"role\": \"assistant\", \"content\": \"no\"}])";
  const auto batch = Batches(
      WithAttributes(R"({"key": "mlflow.spanInputs", "value": {"stringValue": "{\"messages\": )" + messages + R"(}"}},
         {"key": "mlflow.spanType", "value": {"stringValue": "\"AGENT\""}},
         {"key": "openinference.span.kind", "value": {"stringValue": "LLM"}},
         {"key": "mlflow.chat.tokenUsage", "value": {"stringValue": "{\"total_tokens\": 1}"}},
         {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 3}})"))[0];
  EXPECT_EQ(batch.spans[0].type, "AGENT");
  EXPECT_EQ(batch.request_preview, "hi");
  EXPECT_EQ(batch.spans[0].usage, R"({"total_tokens": 1})");
}

TEST(Otlp, RefusesWhatIsNoSpan) {
  for (const std::string bad : {"", "[]", "{", "5", R"({"resourceSpans": 5})", R"({"resourceSpans": [5]})"}) {
    EXPECT_FALSE(ParseOtlpJson(bad).has_value()) << bad;
  }
  EXPECT_THAT(*ParseOtlpJson("{}"), IsEmpty());
  for (const std::string id : {"\"zz\"", "5", "\"123\""}) {
    EXPECT_FALSE(ParseOtlpJson(R"({"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": )" + id + "}]}]}]}")) << id;
  }
  for (const std::string ids :
       {R"("spanId": "02")", R"("traceId": "01")", R"("traceId": "1111111111111111111111111111111111", "spanId": "02")",
        R"("traceId": "01", "spanId": "111111111111111111")",
        R"("traceId": "01", "spanId": "02", "startTimeUnixNano": 18446744073709551615)"}) {
    auto resources = ParseOtlpJson(R"({"resourceSpans": [{"scopeSpans": [{"spans": [{)" + ids + "}]}]}]}");
    ASSERT_TRUE(resources.has_value()) << ids;
    EXPECT_EQ(ToBatches(*std::move(resources)).error().code, ErrorCode::kFailedPrecondition) << ids;
  }
  auto long_session = ParseOtlpJson(
      WithAttributes(R"({"key": "session.id", "value": {"stringValue": ")" + std::string(251, 's') + "\"}}"));
  EXPECT_EQ(ToBatches(*std::move(long_session)).error().code, ErrorCode::kInvalidArgument);
}

TEST(Otlp, RefusesWhatIsTooDeepOrTooWide) {
  std::string deep = R"({"stringValue": "x"})";
  for (int i = 0; i < 40; ++i) deep = R"({"arrayValue": {"values": [)" + deep + "]}}";
  EXPECT_FALSE(ParseOtlpJson(WithAttributes(R"({"key": "a", "value": )" + deep + "}")).has_value());
  OtlpResource resource;
  for (int i = 0; i < 5000; ++i) resource.attributes.emplace_back(std::to_string(i), i);
  EXPECT_FALSE(ParseOtlp(OtlpBytes({resource})).has_value());
  resource.attributes.resize(4000);
  EXPECT_TRUE(ParseOtlp(OtlpBytes({resource})).has_value());
  std::string bytes;
  for (int i = 0; i < 100; ++i) {  // arrays within arrays
    std::string outer;
    ProtoWriter writer(&outer);
    writer.Nested(5, [&] { writer.Bytes(1, bytes); });
    bytes = outer;
  }
  std::string request;
  ProtoWriter writer(&request);
  writer.Nested(1, [&] { writer.Nested(1, [&] { writer.Nested(1, [&] { writer.Bytes(2, bytes); }); }); });
  EXPECT_FALSE(ParseOtlp(request).has_value());
}

TEST(Otlp, TheLastOfAKeyCountsInTheFirstsPlace) {
  OtlpAttributeList list;
  EXPECT_TRUE(list.Add("a", 1));
  EXPECT_TRUE(list.Add("b", 2));
  EXPECT_TRUE(list.Add("a", 3));
  EXPECT_EQ(ToObject(list.Take()).dump(), R"({"a":3,"b":2})");
}

}  // namespace
}  // namespace keelson::wire::mlflow
