#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/tree_engine.h"

namespace keelson::serving {

// What serving needs of a model file of any format that we read ourselves.
struct TreeModelFile {
  std::unique_ptr<const TreeEngine> engine;
  std::vector<std::string> feature_names;  // empty when the file has none
  std::string platform;                    // "keelson_xgboost", "keelson_lightgbm"
};

// The format is told from the content: LightGBM's text begins with the line "tree", everything else is XGBoost's JSON
// or UBJSON. Errors are those of the format's reader and of TreeEngine::Build.
Result<TreeModelFile> ReadTreeModel(std::string_view content, RoundRange rounds);

}  // namespace keelson::serving
