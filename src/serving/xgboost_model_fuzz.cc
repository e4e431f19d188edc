// libFuzzer target: any bytes as XGBoost's JSON or UBJSON.
// seeds: src/serving/testdata
#include "serving/tree_model_fuzzing.h"
#include "serving/xgboost_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  keelson::serving::FuzzTreeModel(keelson::serving::ReadXgboostModel, bytes, size);
  return 0;
}
