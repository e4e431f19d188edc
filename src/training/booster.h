#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "training/matrix.h"
#include "training/xgboost_library.h"

namespace keelson::training {

// One XGBoost model in the making or made. Owns the library's handle; use from one thread at a time. The matrices given
// to Make must outlive it.
class Booster {
 public:
  static Result<Booster> Make(const XgboostApi& api, const std::vector<const DMatrix*>& cached = {});
  Booster(Booster&& other) noexcept;
  Booster& operator=(Booster&& other) noexcept;
  ~Booster();

  Status Set(const std::string& name, const std::string& value);
  // Drops what the tree builder remembers of earlier rounds: the state of its column sampler, which no saved model has
  // and which also takes a draw from the row sampler when it is made. Done before each round, it makes a round depend
  // on the model alone, so that a resumed training equals an unbroken one. `tree_method`: "hist", "approx" or "exact",
  // as set.
  Status ForgetSampling(const std::string& tree_method);
  Status Update(int round, const DMatrix& train);
  // Metrics by "NAME-METRIC", such as "eval-logloss".
  Result<std::map<std::string, double>> Evaluate(int round,
                                                 const std::vector<std::pair<const DMatrix*, const char*>>& on);
  // One score a row: the probability of binary:logistic, the value of a regression. kUnsupported for more outputs a
  // row.
  Result<std::vector<float>> Predict(const DMatrix& matrix);
  Result<std::string> Save();           // UBJSON
  Status Load(std::string_view bytes);  // UBJSON or JSON; kDataLoss when it is neither
  Result<int> Rounds();
  Result<std::size_t> Features();
  // Names and types of the columns, which the saved model then carries.
  Status SetFeatures(const Matrix& matrix);
  Result<std::vector<std::string>> FeatureNames();
  Result<std::map<std::string, double>> Gain();  // total gain by feature; features never used are left out

 private:
  Booster(const XgboostApi& api, XgboostApi::Handle handle) : api_(&api), handle_(handle) {}
  const XgboostApi* api_;
  XgboostApi::Handle handle_;
};

// Loads `model` (UBJSON) and scores `matrix`, whose columns must be the model's, by name and order.
Result<std::vector<float>> PredictWith(std::string_view model, const Matrix& matrix, int threads);

}  // namespace keelson::training
