#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "serving/xgboost_model.h"

namespace keelson::bench {

// Trees of scalar leaves and numeric splits, trained by XGBoost, as LightGBM's text: the same leaves for the same rows,
// without the base margin, and with its logistic objective.
std::string AsLightgbmText(const serving::XgboostModel& model);

// LightGBM's own library on one thread. Every failure ends the program with its text.
class LightgbmPeer {
 public:
  LightgbmPeer(const std::string& library, const std::string& text, std::size_t features);
  ~LightgbmPeer();
  LightgbmPeer(const LightgbmPeer&) = delete;
  LightgbmPeer& operator=(const LightgbmPeer&) = delete;

  // LGBM_BoosterPredictForMat, and of a single row LGBM_BoosterPredictForMatSingleRowFast. The span lives until the
  // next call.
  std::span<const double> Predict(std::span<const float> rows, std::size_t count);

 private:
  struct Api;
  const Api* api_;
  std::size_t features_;
  void* booster_ = nullptr;
  void* single_ = nullptr;
  std::vector<double> values_;
};

}  // namespace keelson::bench
