#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::training {

// Measures of scores against the truth. All are exact over the given rows. kInvalidArgument for no rows, unequal
// lengths, or a value that is NaN or infinite; nothing is ever skipped in silence.

// Area under the ROC curve: the chance that a random positive row (label > 0) has a higher score than a random negative
// one, ties counting half. kFailedPrecondition when one of the classes is missing.
Result<double> Auc(std::span<const float> labels, std::span<const float> scores);
// Mean of -log p(label), natural logarithm; labels 0 or 1, scores in [0, 1], clipped to [1e-15, 1 - 1e-15].
Result<double> LogLoss(std::span<const float> labels, std::span<const float> scores);
Result<double> Accuracy(std::span<const float> labels, std::span<const float> scores);  // at the threshold 0.5
Result<double> Rmse(std::span<const float> labels, std::span<const float> scores);
Result<double> Mae(std::span<const float> labels, std::span<const float> scores);

// Rows whose scores fall into one of `bins` equal parts of [0, 1]; empty bins are left out.
struct CalibrationBin {
  std::uint64_t rows = 0;
  double mean_score = 0;
  double mean_label = 0;  // share of positives
};
Result<std::vector<CalibrationBin>> Calibration(std::span<const float> labels, std::span<const float> scores,
                                                int bins = 10);

// By the names that a project file's requirements use. Labels that are all 0 or 1 with scores in [0, 1]: "auc" (left
// out when a class is missing), "logloss", "accuracy", and "rmse" and "mae" of the probability; else "rmse" and "mae".
Result<std::map<std::string, double>> Evaluate(std::span<const float> labels, std::span<const float> scores);

// True for "auc" and "accuracy": more is better; false for the losses.
bool HigherIsBetter(std::string_view metric);

}  // namespace keelson::training
