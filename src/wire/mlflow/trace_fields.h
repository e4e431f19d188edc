#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tracking/traces.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/message.h"

namespace keelson::wire::mlflow {

// Fields that several calls of traces have, and how they are read.

inline constexpr std::array kErrorFields = {Field{.name = "error_code"}, Field{.name = "error_message"},
                                            Field{.name = "stack_trace"}};
inline constexpr std::array<std::string_view, 4> kSourceTypes = {"SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE",
                                                                 "CODE"};
inline constexpr std::array kSourceFields = {
    Field{.name = "source_type", .type = Type::kEnum, .enum_names = kSourceTypes, .enum_first = 0},
    Field{.name = "source_id"}};
inline constexpr std::array kSerializedFields = {Field{.name = "serialization_format"}, Field{.name = "value"}};
inline constexpr std::array kExpectationFields = {
    Field{.name = "value", .type = Type::kJson},
    Field{.name = "serialized_value", .type = Type::kMessage, .fields = kSerializedFields}};
inline constexpr std::array kFeedbackFields = {Field{.name = "value", .type = Type::kJson},
                                               Field{.name = "error", .type = Type::kMessage, .fields = kErrorFields}};
inline constexpr std::array kIssueFields = {Field{.name = "issue_name"}};
inline constexpr std::array kAssessmentFields = {
    Field{.name = "assessment_id"},
    Field{.name = "assessment_name"},
    Field{.name = "trace_id"},
    Field{.name = "span_id"},
    Field{.name = "source", .type = Type::kMessage, .fields = kSourceFields},
    Field{.name = "create_time", .type = Type::kTime},
    Field{.name = "last_update_time", .type = Type::kTime},
    Field{.name = "feedback", .type = Type::kMessage, .fields = kFeedbackFields},
    Field{.name = "expectation", .type = Type::kMessage, .fields = kExpectationFields},
    Field{.name = "issue", .type = Type::kMessage, .fields = kIssueFields},
    Field{.name = "rationale"},
    Field{.name = "metadata", .type = Type::kMap},
    Field{.name = "overrides"},
    Field{.name = "valid", .type = Type::kBool}};

// kInvalidArgument in MLflow's words unless it has one value of a kind.
Result<tracking::AssessmentRecord> ReadAssessment(const Message& message, std::int64_t now_ms);
// What a change of an assessment may bring of its value, as it is stored. kInvalidArgument as above.
Result<std::string> ReadExpectation(const Message& message);
std::string ReadFeedback(const Message& message);
std::optional<std::string> ReadFeedbackError(const Message& message);

// Keys as long as answers show them; none is longer in the tables.
tracking::Pairs WithShortKeys(tracking::Pairs pairs);

// filter, order_by, max_results and page_token of a search of traces.
Result<tracking::TraceSearch> ReadTraceSearch(const Message& message);

}  // namespace keelson::wire::mlflow
