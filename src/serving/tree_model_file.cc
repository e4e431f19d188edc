#include "serving/tree_model_file.h"

#include "serving/lightgbm_model.h"
#include "serving/xgboost_model.h"

namespace keelson::serving {

Result<TreeModelFile> ReadTreeModel(std::string_view content, RoundRange rounds) {
  TreeModelFile file;
  if (IsLightgbmText(content)) {
    KEELSON_ASSIGN_OR_RETURN(auto model, ReadLightgbmModel(content));
    KEELSON_ASSIGN_OR_RETURN(file.engine, TreeEngine::Build(model, rounds));
    file.feature_names = std::move(model.feature_names);
    file.platform = "keelson_lightgbm";
    return file;
  }
  KEELSON_ASSIGN_OR_RETURN(auto model, ReadXgboostModel(content));
  KEELSON_ASSIGN_OR_RETURN(file.engine, TreeEngine::Build(model, rounds));
  if (model.feature_names.size() == model.features) file.feature_names = std::move(model.feature_names);
  file.platform = "keelson_xgboost";
  return file;
}

}  // namespace keelson::serving
