#pragma once

#include <optional>
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

// What a JSON body brings: in one of the four formats a value that begins at `data`, and perhaps parameters.
struct ScoringBody {
  std::string format;
  std::size_t data = 0;
  std::optional<std::size_t> params;
};
// kInvalidArgument in the words of `mlflow models serve`.
Result<ScoringBody> OpenScoringBody(std::string_view body);
// "application/json" or "text/csv"; kUnsupported for another type or charset.
Result<std::string> ScoringType(std::string_view content_type);
// The frame of a dataframe format, or the rows of instances and inputs.
Status ReadScoringRows(std::string_view body, const ScoringBody& opened, RowTable* table);
Status ReadScoringCsv(std::string_view body, RowTable* table);

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
