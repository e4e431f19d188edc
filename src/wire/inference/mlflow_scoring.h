#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http.h"
#include "wire/inference/row_table.h"

namespace keelson::wire::inference {

// The MLflow whose scoring protocol this is; what /version answers, as the reference does.
inline constexpr std::string_view kMlflowVersion = "3.17.2";

// A request to /invocations.
struct ScoringRequest {
  RowTable table;
  std::string predict = "value";  // see PredictKindOf
};

// By its content type: application/json with exactly one of dataframe_split, dataframe_records, instances and inputs
// (and params), or text/csv. kUnsupported for another content type or charset, else kInvalidArgument, in the words of
// `mlflow models serve`. Of params those are taken that the signature names (output_margin, pred_leaf, pred_contribs,
// as XGBoost's predict) and our own "predict"; others are ignored, as in the reference.
Result<ScoringRequest> ReadScoringRequest(std::string_view content_type, std::string_view body,
                                          const std::optional<serving::MlflowSignature>& signature,
                                          const TensorLimits& limits);

// {"predictions": [...]}
std::string WriteScoringAnswer(std::span<const float> values, std::span<const std::int64_t> shape);
// {"error_code": "BAD_REQUEST", "message": "..."}, and 415 as plain text.
io::HttpResponse ScoringError(const Error& error);

}  // namespace keelson::wire::inference
