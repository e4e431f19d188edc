#pragma once

#include <string>

#include "app/client/client.h"

namespace keelson::app {

// Copies a model into the new folder `into` as an MLflow model directory, which is what replicas load: a directory that
// is one already as it stands; a file, or a folder with one model file, of the format xgboost, lightgbm or onnx with an
// MLmodel beside it. kInvalidArgument for other formats, several files, or one that cannot be loaded.
Status PrepareModel(const std::string& from, const std::string& format, const std::string& into);

struct RegisteredModel {
  int version = 0;
  bool fresh = false;  // false: a version with the very same files was there
};

// Which version of a project's model has the files of this folder, by their hash; 0: none, also when there is no such
// project.
Result<int> FindModelVersion(Client& client, const std::string& project, const std::string& folder);

// Uploads the folder as the artifact of a run of the project's experiment and registers it, unless it is there. Files
// of up to 1 GiB each. What is interrupted has left a run without a version, and can be done again.
Result<RegisteredModel> RegisterModel(Client& client, const std::string& project, const std::string& folder);

}  // namespace keelson::app
