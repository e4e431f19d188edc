// libFuzzer target: any bytes as LightGBM's text.
#include "serving/lightgbm_model.h"
#include "serving/tree_model_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  keelson::serving::FuzzTreeModel(keelson::serving::ReadLightgbmModel, bytes, size);
  return 0;
}
