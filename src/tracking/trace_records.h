#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/records.h"

namespace keelson::tracking {

// What MLflow's clients see of traces: what a program did for one request, as a tree of spans.

// Keys of tags and metadata that mean something to the server.
inline constexpr std::string_view kTraceName = "mlflow.traceName";
inline constexpr std::string_view kTraceSpansLocation = "mlflow.trace.spansLocation";
inline constexpr std::string_view kTraceArtifactLocation = "mlflow.artifactLocation";
inline constexpr std::string_view kTraceSourceRun = "mlflow.sourceRun";
inline constexpr std::string_view kTraceSession = "mlflow.trace.session";
inline constexpr std::string_view kTraceTokenUsage = "mlflow.trace.tokenUsage";
inline constexpr std::string_view kTraceCost = "mlflow.trace.cost";
inline constexpr std::string_view kTraceUser = "mlflow.trace.user";
inline constexpr std::string_view kTraceSizeStats = "mlflow.trace.sizeStats";
inline constexpr std::string_view kTraceFinal = "mlflow.trace.infoFinalized";  // the client has said all that it knows

struct AssessmentRecord {
  std::string id;  // "a-" and 32 hex digits where the server made it
  std::string trace_id;
  std::string name;
  std::string kind;                  // "feedback", "expectation" or "issue"
  std::string value;                 // JSON
  std::optional<std::string> error;  // of feedback: a JSON object
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
  std::string source_type;
  std::string source_id;
  std::string run_id;
  std::string span_id;
  std::optional<std::string> rationale;
  std::string overrides;  // the assessment that this one takes the place of
  bool valid = true;      // false once another overrides it
  Pairs metadata;
};

struct TraceRecord {
  std::int64_t number = 0;
  std::string id;  // the client's: "tr-" and 32 hex digits
  std::int64_t experiment_id = 0;
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> duration_ms;
  std::string state = "STATE_UNSPECIFIED";  // OK, ERROR, IN_PROGRESS
  std::optional<std::string> client_request_id;
  std::optional<std::string> request_preview;
  std::optional<std::string> response_preview;
  Pairs metadata;
  Pairs tags;
  std::vector<AssessmentRecord> assessments;

  // The tag or metadata of that key; nothing when there is none.
  static std::optional<std::string> Find(const Pairs& pairs, std::string_view key);
};

inline constexpr std::array<std::string_view, 6> kTokenKeys = {"input_tokens",
                                                               "output_tokens",
                                                               "total_tokens",
                                                               "cache_read_input_tokens",
                                                               "cache_creation_input_tokens",
                                                               "cache_creation_input_tokens_above_1hr"};
inline constexpr std::array<std::string_view, 3> kCostKeys = {"input_cost", "output_cost", "total_cost"};

using TokenCounts = std::array<std::optional<std::int64_t>, kTokenKeys.size()>;
using Costs = std::array<std::optional<double>, kCostKeys.size()>;

// What a span says of the model that it asked.
struct ModelUsage {
  Costs costs;
  std::optional<std::string> model;  // at most 500 characters, as of the provider
  std::optional<std::string> provider;
};

struct SpanRecord {
  std::string id;         // 16 hex digits
  std::string parent_id;  // "" of a root
  std::string name;
  std::optional<std::string> type;
  std::string status;  // OK, ERROR, UNSET
  std::int64_t started_ns = 0;
  std::optional<std::int64_t> ended_ns;
  std::optional<std::string> usage;  // a JSON object: tokens by kTokenKeys
  std::optional<std::string> cost;   // a JSON object: money by kCostKeys
  ModelUsage model = {};
  std::string content;  // the whole span as JSON
};

// What one call brings of one trace, and what its spans say of the trace itself.
struct SpanBatch {
  std::string trace_id;
  std::vector<SpanRecord> spans;
  std::optional<std::string> session_id;
  std::optional<std::string> user_id;
  std::optional<std::string> request_preview;  // of the root
  std::optional<std::string> response_preview;
  Pairs tags;  // a later one of a key wins; kTraceName names the trace
};

struct WholeTrace {
  TraceRecord trace;
  std::vector<std::string> spans;  // as JSON; roots first, then by their start
};

}  // namespace keelson::tracking
