// libFuzzer target: any bytes are refused with a place, or become a model (XGBoost's JSON or UBJSON) whose engine
// answers a row of missing values and a row of zeros. Corpus: the .json and .ubj files of src/serving/testdata.
// seeds: src/serving/testdata
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "serving/tree_engine.h"
#include "serving/xgboost_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace keelson::serving;
  const auto model = ReadXgboostModel({reinterpret_cast<const char*>(bytes), size});
  if (!model.has_value()) {
    if (model.error().where.empty()) std::abort();
    return 0;
  }
  if (model->features > 4096 || model->outputs > 256) return 0;  // rows that a fuzzer has no time for
  const auto engine = TreeEngine::Build(*model);
  if (!engine.has_value()) return 0;
  std::vector<float> rows(std::size_t{2} * model->features, 0.0f);
  for (std::size_t i = 0; i < model->features; ++i) rows[i] = std::numeric_limits<float>::quiet_NaN();
  for (const auto kind : {PredictKind::kValue, PredictKind::kLeaves, PredictKind::kContributions}) {
    if (!(*engine)->Supports(kind)) continue;
    std::vector<float> out(std::size_t{2} * (*engine)->width(kind));
    (*engine)->Predict(rows, 2, kind, out);
  }
  return 0;
}
