#include "sklearn/input_check.h"

#include <fmt/format.h>

#include <cmath>

namespace keelson::sklearn {
namespace {

constexpr std::string_view kAboutMissing =
    " does not accept missing values encoded as NaN natively. For supervised learning, you might want to consider "
    "sklearn.ensemble.HistGradientBoostingClassifier and Regressor which accept missing values encoded as NaNs "
    "natively. Alternatively, it is possible to preprocess the data, for instance by using an imputer transformer in a "
    "pipeline or drop samples with missing values. See https://scikit-learn.org/stable/modules/impute.html You can "
    "find "
    "a list of all estimators that handle NaN values at the following page: "
    "https://scikit-learn.org/stable/modules/impute.html#estimators-that-handle-nan-values";

std::unexpected<Error> ValueError(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

}  // namespace

Status InputCheck::Check(const Rows& rows) const {
  const bool single = precision == Precision::kFloat32 || (precision == Precision::kAsGiven && rows.single);
  for (const double given : rows.values) {
    const double value = single ? static_cast<double>(static_cast<float>(given)) : given;
    if (std::isfinite(value)) continue;
    if (std::isnan(value) && !missing) {
      return ValueError(fmt::format("Input X contains NaN.\n{}{}", estimator, kAboutMissing));
    }
    if (std::isinf(value) && finite) {
      return ValueError(
          fmt::format("Input X contains infinity or a value too large for dtype('float{}').", single ? 32 : 64));
    }
  }
  if (rows.count == 0) {
    return ValueError(fmt::format(
        "Found array with 0 sample(s) (shape=(0, {})) while a minimum of 1 is required by {}.", rows.width, estimator));
  }
  if (rows.width == 0) {
    return ValueError(
        fmt::format("Found array with 0 feature(s) (shape=({}, 0)) while a minimum of 1 is required by {}.", rows.count,
                    estimator));
  }
  if (rows.width != features) {
    return ValueError(
        fmt::format("X has {} features, but {} is expecting {} features as input.", rows.width, estimator, features));
  }
  return {};
}

}  // namespace keelson::sklearn
