#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "io/files.h"

namespace keelson::wire::inference {

// Puts a model of five named inputs, the last of them a category, into `folder`, as a pipeline's training leaves one.
inline void WriteNamedModel(const std::string& folder) {
  ASSERT_TRUE(io::MakeFolders(folder));
  std::filesystem::copy(KEELSON_SOURCE_DIR "/src/serving/testdata/logistic.ubj", folder + "/model.ubj");
  ASSERT_TRUE(io::WriteFileAtomically(folder + "/MLmodel", "flavors: {xgboost: {data: model.ubj}}\n"));
  ASSERT_TRUE(io::WriteFileAtomically(
      folder + "/keelson.json",
      R"({"inputs":[{"name":"a","type":"double"},{"name":"b","type":"double"},{"name":"c","type":"double"},
          {"name":"d","type":"int64"},{"name":"e","type":"string","categories":["x","y"]}],"output":"probability"})"));
}

}  // namespace keelson::wire::inference
