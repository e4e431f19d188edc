#pragma once

#include <string>
#include <string_view>

#include "tracking/python_json.h"

namespace keelson::wire::mlflow {

// Attributes of spans that mean something to MLflow and its page. Every value is a text of JSON.
inline constexpr std::string_view kSpanType = "mlflow.spanType";
inline constexpr std::string_view kSpanInputs = "mlflow.spanInputs";
inline constexpr std::string_view kSpanOutputs = "mlflow.spanOutputs";
inline constexpr std::string_view kSpanUsage = "mlflow.chat.tokenUsage";
inline constexpr std::string_view kSpanCost = "mlflow.llm.cost";
inline constexpr std::string_view kSpanModel = "mlflow.llm.model";
inline constexpr std::string_view kSpanProvider = "mlflow.llm.provider";
inline constexpr std::string_view kSpanTools = "mlflow.chat.tools";

// Adds to a span's attributes what other conventions say in their own words: OpenTelemetry's for generative AI,
// OpenInference's and Traceloop's. What MLflow's own attributes say stands.
void TranslateDialects(tracking::OrderedJson& attributes);

// An attribute's text; nothing when there is none, or when it is another thing.
const std::string* AttributeText(const tracking::OrderedJson& attributes, std::string_view key);
// The text that an attribute's JSON is, or the attribute itself.
std::string PlainText(const std::string& attribute);

}  // namespace keelson::wire::mlflow
