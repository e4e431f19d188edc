#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "data/profile.h"
#include "features/encoder.h"

namespace keelson::training {

// What a version of a model is made of.
struct ModelFolder {
  std::string model;  // XGBoost's UBJSON, whose columns are the encoder's inputs
  features::InputEncoder encoder;
  std::string output = "probability";
  data::Profile profile;       // of the training rows and of the score on them ("score")
  std::vector<float> example;  // a few encoded rows, row by row; may be empty
  Instant created;             // written into MLmodel; nothing else in the folder depends on the time
  std::string run_id;          // "" when there is none
};

// Writes an MLflow model directory, which `mlflow.pyfunc.load_model` of the real client opens and predicts the same
// with: MLmodel (flavors python_function and xgboost, signature over the encoded inputs, all "double"), model.ubj,
// input_example.json, requirements.txt, python_env.yaml, conda.yaml; and ours beside: keelson.json (the encoder's
// inputs and the output's name) and profile.json. Equal contents give equal bytes. The folder appears as a whole,
// replacing one of that name, or not at all. kInvalidArgument when model, encoder and example do not fit each other.
Status WriteModelFolder(const std::string& folder, const ModelFolder& contents);

}  // namespace keelson::training
